"""One command of one configuration, from overrides to its outcome: for the command line and for programs alike."""

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
"""Hydra keeps what it composes in variables of its module."""


def composed(command: str, overrides: Sequence[str], config_dir: Path | None) -> tuple[Composed, Experiment]:
    """The configuration as the command reads it, and checked. Raises ConfigError with every fault."""
    for override in overrides:
        remember_override(override)
    with _COMPOSING:
        found = compose(overrides, config_dir, search=command in WITH_A_STUDY)
        return found, check(found)


def execute(command: str, overrides: Sequence[str], config_dir: Path | None, reporter: Reporter, **own: Any) -> Outcome:
    """Run a command; `own` is what it takes besides overrides. Raises HousingError."""
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
    """What says where a study to resume is recorded; all that was typed where none is resumed.

    What is typed of the study itself need not fit to any search space but the recorded one.
    """
    if not any(key_of(override) == "study.resume" for override in overrides):
        return tuple(overrides)
    return tuple(each for each in overrides if key_of(each) == "study.resume" or not key_of(each).startswith("study"))


def _tell_of_secrets(experiment: Experiment, where: str, reporter: Reporter) -> None:
    """How the credentials in `tracking.uri` reach the record unseen, where they stand for all to see."""
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
