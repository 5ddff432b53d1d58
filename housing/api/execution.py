"""Runs one command on one configuration, from overrides to outcome; for the command line and for programs."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from housing.api.invocation import WITH_A_STUDY, invocation_of, with_own_defaults
from housing.config.compose import Composed
from housing.config.load import check, compose
from housing.config.schema import Experiment
from housing.errors import HousingError
from housing.secrets import masked, remember_override
from housing.workflow.outcome import Outcome, Reporter, key_of

_COMPOSING = threading.Lock()
"""Hydra's state is global: one thread may compose at a time."""


def composed(command: str, overrides: Sequence[str], config_dir: Path | None) -> tuple[Composed, Experiment]:
    """The composed configuration for the command, and the checked experiment. Raises ConfigError with every fault."""
    for override in overrides:
        remember_override(override)
    with _COMPOSING:
        found = compose(overrides, config_dir, search=command in WITH_A_STUDY)
        return found, check(found)


def execute(command: str, overrides: Sequence[str], config_dir: Path | None, reporter: Reporter, **own: Any) -> Outcome:
    """Run a command; `own` holds its arguments besides overrides. Raises HousingError."""
    overrides = with_own_defaults(command, overrides, config_dir)
    where = _without_the_study(overrides) if command in WITH_A_STUDY else tuple(overrides)
    found, experiment = composed(command, where, config_dir)
    from housing.workflow.commands import command as step

    if command in WITH_A_STUDY and experiment.study.resume is not None:
        from housing.workflow.resuming import recorded_request

        overrides, config_dir = recorded_request(experiment, overrides, config_dir)
        found, experiment = composed(command, overrides, config_dir)
    elif where != tuple(overrides):
        found, experiment = composed(command, overrides, config_dir)
    _tell_of_secrets(experiment, found.where(("tracking", "uri")), reporter)
    with _COMPOSING:
        invocation = invocation_of(command, overrides, composed=found, experiment=experiment)
    try:
        outcome = step(command)(experiment, invocation, reporter, **own)
    except HousingError as error:
        if error.way_out:
            error.command = invocation.next(*error.way_out)
        raise
    return outcome


def _without_the_study(overrides: Sequence[str]) -> tuple[str, ...]:
    """The overrides that say where a study to resume is recorded; all of them where none is resumed.

    The others are left out because they need only fit the recorded search space, which is not known yet.
    """
    if not any(key_of(override) == "study.resume" for override in overrides):
        return tuple(overrides)
    return tuple(each for each in overrides if key_of(each) == "study.resume" or not key_of(each).startswith("study"))


def _tell_of_secrets(experiment: Experiment, where: str, reporter: Reporter) -> None:
    """Where `tracking.uri` holds credentials in plain text, say how to pass them by environment variables instead."""
    from housing.config.overrides import COMMAND_LINE

    uri = experiment.tracking.uri
    if masked(uri) == uri or uri in os.environ.values():
        return
    seen = "which others see in the list of processes" if where == COMMAND_LINE else f"written down in {where}"
    way_out = "set MLFLOW_TRACKING_URI to the whole address in the environment instead"
    if uri.startswith("http"):
        way_out = (
            "leave user and password out of it, and set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or "
            "MLFLOW_TRACKING_TOKEN, in the environment"
        )
    reporter.step("secret", f"tracking.uri holds credentials, {seen}; {way_out}")
