"""`--dry-run`: the jobs that a command would train, which of them are already done, and how long they may take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

from housing.config.schema import CHOOSABLE, Experiment
from housing.errors import ConfigError, TrackingError
from housing.tracking import schema
from housing.training.metrics import direction
from housing.tuning.space import bare
from housing.workflow.configured import configured_point, configured_points_of_others
from housing.workflow.outcome import Invocation, Outcome, OutputTable, Reporter
from housing.workflow.reuse import job_tags
from housing.workflow.session import Session
from housing.workflow.spending import earlier_billed_seconds, estimate
from housing.workflow.trial_runs import chosen_options
from housing.workflow.trials import most_rounds

if TYPE_CHECKING:
    from housing.data.preparation import Prepared
    from housing.tracking.queries import RunQueries
    from housing.tracking.reader import Run
    from housing.tuning.trial import Trial

_MOST_ROWS = 30
_EARLIER_JOBS = 200
_LEARNING = ("tpe", "cmaes")
"""Samplers whose later proposals depend on earlier results."""


@dataclass(frozen=True)
class PlannedJob:
    """`known` is a finished run of the same job; `seconds` is the duration of similar jobs, None if there are none."""

    name: str
    algorithm: str
    known: str | None = None
    seconds: float | None = None


def planned_study(experiment: Experiment, invocation: Invocation, reporter: Reporter) -> Outcome:
    """What `housing tune` would train; reads the data and the record, and writes nothing. Raises ConfigError."""
    from housing.tracking.names import trial_name

    spec = experiment.study
    if not experiment.search_space:
        raise ConfigError(
            "search_space: nothing to search; name a range: 'algorithm.<hyperparameter>=interval(0.01,0.3)'"
        )
    if spec.resume is not None:
        raise ConfigError("study.resume: a dry run lists the jobs of a new study; leave out --dry-run to continue one")
    session = Session(experiment, invocation, reporter)
    record = _record(experiment)
    finished = (
        {run.tags[schema.JOB_DIGEST]: run for run in record.finished_jobs_with(schema.JOB_DIGEST)} if record else {}
    )
    like = _seconds_by_algorithm(record, experiment)
    prepared: dict[str, Prepared] = {}
    jobs, count = [], _count(session)
    for trial in _proposed(session, count):
        chosen = session.choosing(chosen_options(trial.parameters))
        known = finished.get(_digest(chosen, trial, prepared))
        name = trial_name(trial.number, trial.parameters, trials=spec.trials)
        algorithm = chosen.experiment.algorithm.name
        seconds = like.get(algorithm)
        jobs.append(PlannedJob(name, algorithm, known.name if known else None, seconds and seconds * spec.fits))
    # The space may have fewer points than the study has trials.
    total = spec.trials if len(jobs) == count else len(jobs)
    return _outcome(session, jobs, total=total, reuses=spec.reuse, parallel=spec.parallel, record=record)


def planned_jobs(jobs: Sequence[tuple[str, Experiment, Invocation]], reporter: Reporter) -> Outcome:
    """What `housing train -m` would train: each job's overrides, experiment and invocation."""
    _, experiment, invocation = jobs[0]
    record = _record(experiment)
    planned = []
    for name, each, of_it in jobs:
        same = record.finished_with({schema.KIND: "job", schema.CONFIG_HASH: of_it.config_hash}) if record else iter(())
        known = next((run for run in same if schema.TRIAL not in run.tags), None)
        seconds = _seconds_by_algorithm(record, each).get(each.algorithm.name)
        planned.append(PlannedJob(name, each.algorithm.name, known.name if known else None, seconds))
    session = Session(experiment, invocation, reporter)
    return _outcome(session, planned, total=len(planned), reuses=False, parallel=experiment.parallel, record=record)


def _count(session: Session) -> int:
    """The maximum number of trials whose points do not depend on other trials' results."""
    spec = session.experiment.study
    if spec.engine != "optuna":
        return 0
    known = spec.start_from if not isinstance(spec.start_from, str) else ()
    first = (configured_point(session) is not None) + len(configured_points_of_others(session)) + len(known)
    return min(spec.trials, max(first, spec.startup_trials) if spec.sampler in _LEARNING else spec.trials)


def _proposed(session: Session, count: int) -> Iterator[Trial]:
    """`count` of these trials, or as many as the space has points."""
    from housing.tuning.sampler import Sampler

    experiment = session.experiment
    spec = experiment.study
    sampler = Sampler(
        experiment.search_space,
        spec,
        seed=experiment.seed,
        directions=tuple(direction(each, experiment.algorithm.directions) for each in spec.objectives),
        known=spec.start_from if not isinstance(spec.start_from, str) else (),
        configured=configured_point(session),
        of_others=configured_points_of_others(session),
        rounds=most_rounds(experiment),
    )
    for _ in range(count):
        if (trial := sampler.ask()) is None:
            return
        yield trial


def _digest(session: Session, trial: Trial, prepared: dict[str, Prepared]) -> str:
    """The digest of the trial's job; `prepared` caches what was read, by dataset and features."""
    from housing.data.preparation import prepare

    experiment = session.experiment
    key = f"{experiment.dataset!r} {experiment.features!r}"
    if key not in prepared:
        with session.reporter.working("reading the data"):
            prepared[key] = prepare(experiment.dataset, experiment.features, experiment.weights)
    proposed = {bare(name): value for name, value in trial.parameters.items() if name not in CHOOSABLE}
    hyperparameters = dict(experiment.algorithm.hyperparameters) | proposed
    return job_tags(session, hyperparameters, prepared[key].channels.values()).get(schema.JOB_DIGEST, "")


def _record(experiment: Experiment) -> RunQueries | None:
    """The existing record; None if there is none yet, or it lacks this experiment."""
    from housing.tracking.places import check_creatable
    from housing.tracking.reading import Record

    if check_creatable(experiment.tracking.uri):
        return None
    try:
        return Record.open(experiment.tracking.uri, experiment.name).own
    except TrackingError:
        return None


def _seconds_by_algorithm(record: RunQueries | None, experiment: Experiment) -> Mapping[str, float]:
    """The median duration of earlier jobs on the same dataset, by algorithm."""
    from itertools import islice

    found: dict[str, list[float]] = {}
    runs: Iterator[Run] = record.finished_with({schema.KIND: "job"}) if record else iter(())
    for run in islice(runs, _EARLIER_JOBS):
        if run.params.get("dataset") == experiment.dataset.name and "training_seconds" in run.metrics:
            found.setdefault(run.params.get("algorithm", ""), []).append(run.metrics["training_seconds"])
    return {algorithm: median(seconds) for algorithm, seconds in found.items()}


def _outcome(
    session: Session, jobs: Sequence[PlannedJob], *, total: int, reuses: bool, parallel: int, record: RunQueries | None
) -> Outcome:
    experiment, invocation = session.experiment, session.invocation
    known = [job for job in jobs if job.known]
    to_train = total - (len(known) if reuses else 0)
    lines = []
    if total > len(jobs):
        lines.append(f"{total - len(jobs):,} more are proposed when these have ended, by what they find")
    if known and not reuses and invocation.command == "tune":
        lines.append(f"{len(known):,} of them are known: study.reuse=true takes their results over")
    expected = _expected_seconds([job for job in jobs if not (reuses and job.known)], to_train)
    if expected is None:
        lines.append("seconds: unknown, because no job like these has been recorded")
    else:
        lines.append(
            f"about {expected / parallel:,.0f} s, {parallel} at once, by earlier jobs of {experiment.dataset.name}"
        )
    rental = session.runner.rental
    if rental is not None:
        earlier = earlier_billed_seconds(record, rental) if record else []
        text = estimate(rental, experiment.prices, jobs=to_train * experiment.study.fits, earlier=earlier)
        lines.append(f"cost: {text}")
    session.resources.close()
    rows = [(job.name, job.algorithm, job.known, job.seconds) for job in jobs[:_MOST_ROWS]]
    title = "" if len(jobs) <= _MOST_ROWS else f"the first {_MOST_ROWS} of {len(jobs)}"
    data: dict[str, Any] = {
        "jobs": [{"name": j.name, "algorithm": j.algorithm, "known": j.known, "seconds": j.seconds} for j in jobs],
        "total": total,
        "to_train": to_train,
        "expected_seconds": expected,
    }
    return Outcome(
        headline=f"{invocation.command}: {total} {'job' if total == 1 else 'jobs'}; nothing is trained or recorded",
        data=data,
        lines=lines,
        tables=(OutputTable(title, ("job", "algorithm", "known", "seconds"), rows),),
    )


def _expected_seconds(jobs: Sequence[PlannedJob], total: int) -> float | None:
    """The total for all jobs, one after another; jobs that are not listed count as the mean of the others."""
    seconds = [job.seconds for job in jobs if job.seconds is not None]
    return sum(seconds) / len(seconds) * total if seconds else (0.0 if total == 0 else None)
