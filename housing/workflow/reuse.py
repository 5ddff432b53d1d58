"""Finds trials that a finished run has already done, by everything that determines a result."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from housing.algorithms.own_code import Image, Program
from housing.algorithms.registry import find
from housing.errors import TrackingError
from housing.tracking import schema
from housing.tracking.provenance import code_version
from housing.training.job import TrainingResult
from housing.training.metrics import COSTS

if TYPE_CHECKING:
    from housing.data.channel import Channel
    from housing.tracking.reader import Run
    from housing.workflow.session import Session


def job_tags(session: Session, hyperparameters: Mapping[str, Any], channels: Iterable[Channel]) -> dict[str, str]:
    """The digest by which a later study may find the job; empty while the code has uncommitted changes."""
    code = code_version()
    if code is None:
        return {}
    experiment = session.experiment
    identity: dict[str, Any] = {
        "algorithm": experiment.algorithm.name,
        **_own_code(experiment.algorithm.code),
        "hyperparameters": dict(hyperparameters),
        "seed": experiment.seed,
        "label_transform": experiment.features.label_transform,
        "folds": experiment.study.folds,
        **({"repeats": experiment.study.repeats} if experiment.study.repeats > 1 else {}),
        # Channels follow from data, split and encoder, of which nothing else reaches the job.
        "channels": {channel.name: channel.digest for channel in channels},
        "code": code,
    }
    if any(objective in COSTS for objective in experiment.study.objectives):
        # Every target trains the same model in the same rounds; only the time differs between targets.
        identity["place"] = experiment.runner.name
    return {schema.JOB_DIGEST: hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()}


def _own_code(code: Program | Image | None) -> dict[str, object]:
    match code:
        case Program():
            return {"script": code.digest, "metrics": dict(code.metrics)}
        case Image():
            return {"container": code.image, "metrics": dict(code.metrics)}
        case None:
            return {}


class Reusable:
    """The finished jobs of the record, looked up once; `find` may be called from the study's thread only."""

    def __init__(self, session: Session) -> None:
        """Finds nothing if `study.reuse` is off, or the code has uncommitted changes."""
        self._session = session
        self._jobs: dict[str, Run] = {}
        if not session.experiment.study.reuse:
            return
        if code_version() is None:
            session.reporter.step("reuse", "none: there are changes that no git commit names, so results may differ")
            return
        self._jobs = {run.tags[schema.JOB_DIGEST]: run for run in session.runs.finished_jobs_with(schema.JOB_DIGEST)}

    def find(
        self, tags: Mapping[str, str], objectives: Sequence[str], *, algorithm: str
    ) -> tuple[str, TrainingResult] | None:
        """The run of the same job and its result, with its original times; None if it must be trained.

        `algorithm` is the name of the algorithm that trains it.
        """
        run = self._jobs.get(tags.get(schema.JOB_DIGEST, ""))
        if run is None:
            return None
        try:
            result = self._recalled(run, find(algorithm).model_format)
        except TrackingError:
            return None  # for example because its files were deleted
        return (run.id, result) if all(name in result.measured for name in objectives) else None

    def _recalled(self, run: Run, model_format: str) -> TrainingResult:
        runs = self._session.runs
        metrics = {name: value for name, value in run.metrics.items() if name.startswith(("train_", "validation_"))}
        histories = {name: runs.history(run.id, name) for name in metrics}
        rounds = max(map(len, histories.values()), default=0)
        has_model = self._session.experiment.study.fits == 1
        return TrainingResult(
            history={name: values for name, values in histories.items() if len(values) == rounds},
            metrics=metrics,
            best_round=int(run.metrics["best_round"]),
            model=runs.read_file(run.id, f"model.{model_format}") if has_model else b"",
            model_format=model_format,
            seconds=run.metrics["training_seconds"],
            started_at_ms=run.started_at_ms,
        )
