"""`--dry-run`: a command's jobs, listed and not trained."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from housing.api.execution import composed
from housing.api.invocation import invocation_of
from housing.config.load import check
from housing.config.sweep import Sweep
from housing.errors import ConfigError
from housing.secrets import masked_override
from housing.workflow.outcome import Outcome, Reporter


def planned(
    command: str, overrides: Sequence[str], config_dir: Path | None, reporter: Reporter, *, multirun: bool
) -> Outcome:
    """The jobs of `train` or `tune`. Raises ConfigError with the faults of any of them."""
    from housing.workflow.dry_run import planned_jobs, planned_study

    if command == "tune":
        if multirun:
            raise ConfigError("--dry-run: lists one study at a time; leave out -m")
        found, experiment = composed(command, overrides, config_dir)
        return planned_study(
            experiment, invocation_of(command, overrides, composed=found, experiment=experiment), reporter
        )
    sweep, jobs = Sweep(overrides, config_dir), []
    sweep.first()
    every = list(sweep.jobs())
    # Overrides that all jobs share do not distinguish them.
    shared = set(every[0][1]).intersection(*(typed for _, typed in every)) if len(every) > 1 else set()
    for each, typed in every:
        experiment = check(each)
        name = " ".join(masked_override(word) for word in typed if word not in shared) or command
        jobs.append((name, experiment, invocation_of(command, typed, composed=each, experiment=experiment)))
    return planned_jobs(jobs, reporter)
