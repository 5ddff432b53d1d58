"""The outcome of a job: its model, its history and SageMaker's details; or why there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from housing.algorithms.base import StagedModel
from housing.algorithms.registry import find
from housing.errors import CloudError, TrainingError
from housing.targets.sagemaker.containers import Trained
from housing.targets.sagemaker.training.container import container_of
from housing.training.job import TrainingJob, TrainingResult
from housing.training.scoring import kept_metrics, scored

if TYPE_CHECKING:
    from housing.data.channel import Channel
    from housing.targets.sagemaker.containers import LogReader
    from housing.targets.sagemaker.staging import Stage
    from housing.targets.sagemaker.training.descriptions import Description

_LEAST_TOLD = 5.0
_OUT_OF_TIME = {
    "MaxRuntimeExceeded": "it ran for as long as runner.max_run_s allows; allow more, or train less",
    "MaxWaitTimeExceeded": "spot capacity did not come, or went too often, within runner.spot.max_wait_s",
}


def check(job: TrainingJob, description: Description) -> None:
    """Raises TrainingError for a job that failed or ran out of time, CloudError for one that got no machine."""
    told = f"{job.name}: SageMaker's job {description.handle}"
    if description.status == "Failed":
        reason = _plain(description.reason or "no reason given")
        if reason.startswith("CapacityError"):
            raise CloudError(f"{told} found no machine: {reason}; another instance_type, or on demand, may have room")
        raise TrainingError(f"{told} failed: {reason}")
    if description.secondary in _OUT_OF_TIME:
        raise TrainingError(f"{told} was ended by SageMaker: {_OUT_OF_TIME[description.secondary]}")


def stopped_too_early(job: TrainingJob, description: Description) -> TrainingError:
    """The error for a job that was stopped before it had a model."""
    return TrainingError(f"{job.name}: SageMaker's job {description.handle} was stopped before there was a model")


def trained_of(job: TrainingJob, description: Description, stage: Stage) -> Trained:
    """The model as its algorithm reads it, from the container's archive."""
    stopped = description.status == "Stopped"
    if description.model is None or (stopped and not stage.has(description.model)):
        return Trained()
    try:
        trained = container_of(job.algorithm, job.code).trained(job, stage.read(description.model))
    except ValueError as error:
        raise TrainingError(f"{job.name}: {description.model} is not a model archive: {error}") from error
    if trained is None and not stopped:
        raise TrainingError(f"{job.name}: {description.model} has no model in it")
    return trained or Trained()


def rounds_of(job: TrainingJob, model: bytes) -> int | None:
    """How many rounds are in the model; None where it does not say."""
    if not model or job.code is not None:
        return None
    loaded = find(job.algorithm).load(model)
    return loaded.rounds if isinstance(loaded, StagedModel) else None


def complete(job: TrainingJob, model: bytes, log_reader: LogReader, stage: Stage) -> None:
    """Compute rounds that the log lacks from the model: a spot job's first round is trained beforehand."""
    rounds = rounds_of(job, model)
    if rounds is None or all(number in log_reader.known for number in range(log_reader.newest + 1)):
        return
    history = scored(job, _measurable(job, stage), model)
    if all(len(values) == rounds for values in history.values()):
        log_reader.fill(history)


def result(
    job: TrainingJob,
    description: Description,
    *,
    trained: Trained,
    history: Mapping[str, Sequence[float]],
    stage: Stage,
    stopped: bool,
    streams: Sequence[str],
    region: str,
) -> TrainingResult:
    """The result of a job that has ended, in the label's unit, as `training.fit` would return it.

    `history` is read from the log. Rounds that early stopping has cut off have values in the label's unit only if the
    label is not transformed.
    """
    model, rounds = trained.model, rounds_of(job, trained.model)
    history = {name: list(values) for name, values in (trained.history or history).items()}
    last: Mapping[str, Sequence[float]] = {}
    if rounds is not None and not trained.history and (job.label_transform != "none" or not _suffices(history, rounds)):
        last = scored(job, _measurable(job, stage), model)
        # Rounds that early stopping has cut off are only in the log.
        history |= {
            name: [*values, *history.get(name, [])[rounds:]] for name, values in last.items() if len(values) == rounds
        }
    length = max((len(values) for values in history.values()), default=0)
    best_round = rounds - 1 if rounds is not None else max(length - 1, 0)
    best_round = best_round if trained.best_round is None else trained.best_round
    metrics = _kept(job, model, stage) if job.code is None else {}
    metrics |= {name: values[-1] for name, values in last.items()}
    metrics |= {name: values[min(best_round, len(values) - 1)] for name, values in history.items()}
    started = description.started or description.created
    return TrainingResult(
        history=history,
        metrics=metrics,
        best_round=best_round,
        model=model,
        model_format=find(job.algorithm).model_format,
        seconds=float(description.seconds or 0),
        started_at_ms=int(started.timestamp() * 1000),
        stopped=stopped,
        billed_seconds=None if description.billed_seconds is None else float(description.billed_seconds),
        details=details(description, streams=streams, region=region),
    )


def _kept(job: TrainingJob, model: bytes, stage: Stage) -> dict[str, float]:
    return kept_metrics(job, _channels(job, stage, ("validation",)), model)


def _measurable(job: TrainingJob, stage: Stage) -> Mapping[str, Channel]:
    """The channels whose metrics can be computed here as by the library, which in training alone weights rows."""
    return _channels(job, stage, ("validation",) if job.weighed else ("train", "validation"))


def _channels(job: TrainingJob, stage: Stage, names: Sequence[str]) -> Mapping[str, Channel]:
    return {name: stage.get(job.channels[name], weighed=job.weighed) for name in names if name in job.channels}


def details(description: Description, *, streams: Sequence[str], region: str) -> dict[str, str]:
    """SageMaker's details of a job, by MLflow tag."""
    told = {
        "job_arn": description.arn,
        "job_name": description.handle,
        "region": region,
        "image": description.image,
        "instance_type": description.instance_type,
        "instance_count": str(description.instance_count),
        "spot": str(description.spot).lower(),
        "interruptions": str(description.interruptions),
        "secondary_statuses": " > ".join(status for status, _ in description.transitions),
        "log_streams": ", ".join(streams),
        "model": description.model or "",
    }
    return {f"sagemaker.{key}": value for key, value in told.items() if value}


def _suffices(history: Mapping[str, Sequence[float]], rounds: int) -> bool:
    """Whether the log has every round, and its five decimals give at least six significant digits."""
    return bool(history) and all(len(values) >= rounds and min(values) >= _LEAST_TOLD for values in history.values())


def _plain(reason: str) -> str:
    """The reason on one line, without the traceback that a container may add."""
    lines = [line.strip() for line in reason.splitlines() if line.strip()]
    if "Traceback (most recent call last):" in reason:
        kept = [line for line in lines if not line.startswith(("File ", "Traceback", "^"))]
        lines = [lines[0], *kept[-2:]] if lines[0] not in kept[-2:] else kept[-2:]
    return " ".join(dict.fromkeys(lines))
