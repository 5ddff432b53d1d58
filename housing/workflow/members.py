"""Fits ensembles: members are fitted in parallel, each with a run below that of the whole."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from housing.algorithms.ensemble import Member, pack
from housing.algorithms.registry import ENSEMBLE, find
from housing.errors import HousingError, TrackingError, TrainingError
from housing.tracking import schema
from housing.training.folds import mean_history
from housing.training.job import TrainingResult
from housing.training.scoring import outputs_of
from housing.workflow.expected_costs import report_costs
from housing.workflow.job_run import JobRun, JobsLeftRunning
from housing.workflow.session import Session

if TYPE_CHECKING:
    from housing.data.channel import Channel
    from housing.data.encoder import Encoder
    from housing.tracking.reader import Run


@dataclass(frozen=True, eq=False)
class Planned:
    """A member to be fitted, in the session of its own choices, to `channels`; `seed` is its own seed, if any.

    `columns` are the indices of its columns among those of the whole; None: all of them.
    """

    session: Session
    name: str
    hyperparameters: Mapping[str, Any]
    channels: Mapping[str, Channel]
    encoder: Encoder
    seed: int
    weight: float = 1.0
    columns: tuple[int, ...] | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def whole_run(session: Session, run: JobRun, again: Run | None) -> Iterator[JobRun]:
    """The run of the whole, opened before its members', and failed with the reason if one of these fails."""
    if again is None:
        session.recording.open(run)
    else:
        session.runs.reopen(again.id)
    try:
        yield run
    except JobsLeftRunning:
        raise
    except KeyboardInterrupt:
        session.recording.fail(run, "interrupted")
        raise
    except HousingError as error:
        if not any(session.running_jobs.is_at_work(handle) for handle in run.handles):
            session.recording.fail(run, str(error))
        raise


def fit_members(
    whole: JobRun,
    planned: Sequence[Planned],
    *,
    again: Run | None = None,
    stopping: Callable[[], bool] | None = None,
) -> list[TrainingResult]:
    """Fit all, as many at once as the study's trials, and record each; the first error is raised when all have ended.

    `again` is the run of an earlier command, whose members are resumed: those that have ended are not fitted again.
    When `stopping` becomes true, members end after their round.
    """
    session = planned[0].session
    known = {} if again is None else _known(session, again)
    report_costs(session, jobs=len(planned) - len(known))
    results: list[TrainingResult | None] = [None] * len(planned)
    at_work: deque[tuple[int, JobRun, Future[TrainingResult]]] = deque()
    errors: list[HousingError] = []
    for number, each in enumerate(planned):
        left = known.get(number)
        if left is not None and left.status == "FINISHED":
            results[number] = _recalled(each, left)
            continue
        if len(at_work) >= session.experiment.study.parallel:
            _end(planned, at_work.popleft(), results, errors)
        if errors or session.running_jobs.stopping:
            break
        run = _run_of(whole, each, number, left)
        at_work.append((number, run, _submitted(whole, each, run, stopping)))
    while at_work:
        _end(planned, at_work.popleft(), results, errors)
    if session.running_jobs.stopping and stopping is None:
        raise KeyboardInterrupt
    if errors:
        raise errors[0]
    return [result for result in results if result is not None]


def combined(planned: Sequence[Planned], results: Sequence[TrainingResult]) -> TrainingResult:
    """The ensemble. It has no metrics yet: the caller knows on which rows to compute them."""
    members = [
        Member(each.session.experiment.algorithm.kind, result.model, result.model_format, each.weight, each.columns)
        for each, result in zip(planned, results, strict=True)
    ]
    first, history = results[0], mean_history(results)
    best_round = round(sum(result.best_round for result in results) / len(results))
    return TrainingResult(
        history=history,
        metrics={},
        # The mean ends with the shortest fit.
        best_round=min(best_round, *(len(values) - 1 for values in history.values())) if history else best_round,
        model=pack(members),
        model_format=find(ENSEMBLE).model_format,
        seconds=sum(result.seconds for result in results),
        started_at_ms=min(result.started_at_ms for result in results),
        stopped=any(result.stopped for result in results),
        billed_seconds=None if first.billed_seconds is None else sum(one.billed_seconds or 0 for one in results),
        read_by=ENSEMBLE,
    )


def with_metrics(result: TrainingResult, encoder: Encoder, channels: Mapping[str, Channel]) -> TrainingResult:
    """The metrics of the task, of the whole model on each channel."""
    from housing.tasks.base import score

    model = find(result.read_by or ENSEMBLE).load(result.model)
    metrics: dict[str, float] = {}
    for name, channel in channels.items():
        if not len(channel.label):
            continue
        # Weights of levels apply only to fits; weights of rows also to metrics.
        of_rows = name == "validation" or not encoder.label_levels
        predictions = encoder.decode(outputs_of(model, channel)).weighed(channel.weights if of_rows else None)
        found = score(encoder.task, encoder.decode_label(channel.label), predictions)
        metrics |= {f"{name}_{metric}": value for metric, value in found.items()}
    return replace(result, metrics=metrics)


def members_tag(planned: Sequence[Planned]) -> dict[str, str]:
    """The ensemble's members as a tag."""
    total = sum(each.weight for each in planned)
    return {schema.MEMBERS: json.dumps([{"name": each.name, "weight": each.weight / total} for each in planned])}


def _run_of(whole: JobRun, each: Planned, number: int, left: Run | None) -> JobRun:
    return each.session.recording.job_run(
        each.name,
        kind="member",
        hyperparameters=each.hyperparameters,
        parent=whole.run_id,
        tags={schema.MEMBER: f"{number:03d}", **each.tags},
        channels=each.channels.values(),
        whole=False,
        again=left,
    )


def _submitted(
    whole: JobRun, each: Planned, run: JobRun, stopping: Callable[[], bool] | None
) -> Future[TrainingResult]:
    session = each.session
    staged = {name: session.runner.stage(channel) for name, channel in each.channels.items()}
    job = replace(session.job(each.name, each.hyperparameters, staged), seed=each.seed)
    watch = (lambda _number, _metrics: stopping()) if stopping is not None else None
    future = session.running_jobs.submit(job, run, session.recording, watch)
    if new := [handle for handle in run.handles if handle not in whole.handles]:
        # These mark the whole as a run whose jobs may outlive this command.
        whole.handles += new
        session.recording.open(whole)
    return future


def _end(
    planned: Sequence[Planned],
    member: tuple[int, JobRun, Future[TrainingResult]],
    results: list[TrainingResult | None],
    errors: list[HousingError],
) -> None:
    number, run, future = member
    session, running = planned[number].session, planned[number].session.running_jobs
    try:
        result = running.result(future)
    except TrainingError as error:
        session.recording.fail(run, "interrupted" if running.stopping else str(error))
        errors.append(error)
    except HousingError as error:
        if running.is_over(run):
            session.recording.fail(run, str(error))
        errors.append(error)
    else:
        session.recording.end(run, result, encoder=planned[number].encoder)
        results[number] = result


def _known(session: Session, again: Run) -> dict[int, Run]:
    """The members that an earlier command has fitted, or begun, by number."""
    children = session.runs.children(again.id)
    usable = [child for child in children if child.status in ("FINISHED", "RUNNING") and schema.MEMBER in child.tags]
    return {int(child.tags[schema.MEMBER]): child for child in usable}


def _recalled(each: Planned, run: Run) -> TrainingResult:
    suffix = find(each.session.experiment.algorithm.kind).model_format
    try:
        model = each.session.runs.read_file(run.id, f"model.{suffix}")
    except TrackingError as error:
        raise TrackingError(f"{run.name} ({run.id[:8]}) has been fitted, and its model is gone: {error}") from error
    return TrainingResult(
        history={},
        metrics={name: run.metrics[name] for name in run.metrics if name.startswith(("train_", "validation_"))},
        best_round=int(run.metrics.get("best_round", 0)),
        model=model,
        model_format=suffix,
        seconds=run.metrics.get("training_seconds", 0.0),
        started_at_ms=run.started_at_ms,
        billed_seconds=run.metrics.get("billed_seconds"),
    )
