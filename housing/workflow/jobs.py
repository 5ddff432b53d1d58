"""One training job, recorded as one run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from housing.config.schema import Experiment
from housing.errors import CloudError, ConfigError, TrainingError
from housing.shell import setting
from housing.tracking import schema
from housing.training.job import TrainingJob, TrainingResult
from housing.tuning.space import Float, SearchSpace
from housing.workflow.bags import fit_bag
from housing.workflow.expected_costs import report_costs
from housing.workflow.figures import job_figures, rounds_kept, with_unit
from housing.workflow.job_run import JobRun
from housing.workflow.outcome import Invocation, Outcome, OutputTable, Reporter
from housing.workflow.session import Session
from housing.workflow.spending import Bill

if TYPE_CHECKING:
    from housing.tracking.reader import Run


def train(experiment: Experiment, invocation: Invocation, reporter: Reporter) -> Outcome:
    """Train with the hyperparameters of the configuration."""
    with Session(experiment, invocation, reporter) as session:
        return trained(session)


def trained(session: Session, *, stopping: Callable[[], bool] | None = None, again: Run | None = None) -> Outcome:
    """Train in an open session; when `stopping` becomes true, the job ends after its round and is recorded as stopped.

    `again` is the run of an earlier command whose job is resumed.
    """
    invocation = session.invocation
    result, run_id, name = fit(session, parent=invocation.parent_run_id, stopping=stopping, again=again, bagged=True)
    return Outcome(
        headline=f"{name}: {_summary(session, result)}",
        data={"run_id": run_id, "name": name, "metrics": dict(result.metrics), "rounds_kept": result.best_round + 1}
        | {"config_hash": invocation.config_hash, "seconds": result.seconds, **session.recording.costs(result)},
        lines=_bill(session, result),
        tables=(_metrics_table(session, result),),
        recorded=session.records_at,
        next_commands=(
            *_some_values(session.experiment.search_space, invocation),
            *(((invocation.next("tune"), "search its space"),) if session.experiment.search_space else ()),
            (
                invocation.next("promote", setting("candidate", run_id[:8])),
                "final fit with these hyperparameters, gate, registry",
            ),
        ),
    )


def trained_before(session: Session, run: Run) -> Outcome:
    """The same outcome for a job that an earlier command has done and recorded."""
    metrics = {name: value for name, value in run.metrics.items() if name.startswith(("train_", "validation_"))}
    objective = session.experiment.study.objectives[0]
    shown = f"{objective} {session.amount(metrics[objective], objective)}, " if objective in metrics else ""
    return Outcome(
        headline=f"{run.name}: {shown}done before",
        data={"run_id": run.id, "name": run.name, "metrics": metrics}
        | {"rounds_kept": int(run.metrics.get("best_round", 0)) + 1, "config_hash": session.invocation.config_hash}
        | {"seconds": run.metrics.get("training_seconds"), "done_before": True},
    )


def _told(name: str, summary: str) -> str:
    """A job and its result, behind the word `train`, which its name need not repeat."""
    bare = name.removeprefix("train").strip()
    return f"{bare}: {summary}" if bare else summary


def _some_values(space: SearchSpace, invocation: Invocation) -> tuple[tuple[str, str], ...]:
    """A next command: a multirun over the first range of the search space, with its ends and the middle."""
    for name, distribution in space.items():
        if isinstance(distribution, Float):
            low, high = distribution.low, distribution.high
            middle = (low * high) ** 0.5 if distribution.log else (low + high) / 2
            values = ",".join(dict.fromkeys(f"{value:.2g}" for value in (low, middle, high)))
            command = invocation.next("train", "-m", f"algorithm.{name}={values}")
            return ((command, "compare a few values under one parent run"),)
    return ()


def fit(
    session: Session,
    *,
    parent: str | None,
    prefix: str = "train",
    stopping: Callable[[], bool] | None = None,
    again: Run | None = None,
    bagged: bool = False,
) -> tuple[TrainingResult, str, str]:
    """Train and record the configured job; returns the result, the run's id and its name.

    `again` is the run of an earlier command whose job is resumed. `bagged`: fit a bag if one is configured; not for a
    job that is compared with a study's trials, each of which is a single fit.
    """
    from housing.tracking.names import job_name

    hyperparameters: Mapping[str, Any] = session.experiment.algorithm.hyperparameters
    varied = {key: hyperparameters[key] for key in session.experiment.search_space if key in hyperparameters}
    name = again.name if again is not None else job_name(prefix, varied)
    with session.reporter.working(f"training {name}"):
        if bagged and session.experiment.algorithm.bag > 1:
            run, result = fit_bag(
                session,
                name,
                hyperparameters,
                session.prepared.channels,
                session.prepared.encoder,
                kind="job",
                parent=parent,
                again=again,
                stopping=stopping,
            )
        else:
            job = session.job(name, hyperparameters)
            run = session.recording.job_run(
                name, kind="job", hyperparameters=hyperparameters, parent=parent, again=again
            )
            result = result_of(session, job, run, stopping=stopping)
    session.reporter.step("train", _told(name, _summary(session, result)))
    run_id = session.recording.end(
        run,
        result,
        encoder=session.prepared.encoder,
        files=job_figures(session, name, result),
        tags={schema.NOTE: f"{_summary(session, result)}. Its `report.html` has the details."},
    )
    if session.running_jobs.stopping and stopping is None:
        raise KeyboardInterrupt
    return result, run_id, name


def result_of(
    session: Session, job: TrainingJob, run: JobRun, *, stopping: Callable[[], bool] | None = None, live: bool = True
) -> TrainingResult:
    """Run one job and wait for it; its error is recorded in its run, if that is already open.

    `live` as in `RunningJobs.submit`.

    If the target cannot be reached (CloudError), the run stays open: its job may still succeed.
    """
    running = session.running_jobs
    report_costs(session, jobs=0 if run.earlier else 1)
    try:
        watch = (lambda _number, _metrics: stopping()) if stopping is not None else None
        return running.result(running.submit(job, run, session.recording, watch, live=live), stopping=stopping)
    except TrainingError as error:
        if run.run_id is not None:
            session.recording.fail(run, "interrupted" if running.stopping else str(error))
        if running.stopping and stopping is None:
            raise KeyboardInterrupt from error
        raise
    except (CloudError, ConfigError) as error:
        if running.is_over(run):
            session.recording.fail(run, str(error))
        raise


def _summary(session: Session, result: TrainingResult) -> str:
    objective = session.experiment.study.objectives[0]
    value = result.metrics.get(objective)
    shown = f"{objective} {session.amount(value, objective)}, " if value is not None else ""
    return f"{shown}{result.seconds:.2f} s{rounds_kept(session, result)}"


def _bill(session: Session, result: TrainingResult) -> list[str]:
    if session.running_jobs.runner.rental is None or result.billed_seconds is None:
        return []
    usd = session.recording.costs(result).get("cost_usd")
    return [Bill(1, result.seconds, result.billed_seconds, usd).sentence]


def _metrics_table(session: Session, result: TrainingResult) -> OutputTable:
    channels = dict.fromkeys(name.split("_", 1)[0] for name in result.metrics)
    metrics = dict.fromkeys(name.split("_", 1)[1] for name in result.metrics)
    experiment = session.experiment
    rows = [
        [with_unit(experiment, metric), *(result.metrics.get(f"{channel}_{metric}") for channel in channels)]
        for metric in metrics
    ]
    algorithm = experiment.algorithm
    by_round = algorithm.rounds and algorithm.code is None and result.read_by is None
    return OutputTable(f"round {result.best_round + 1}" if by_round else "metrics", ("metric", *channels), rows)
