"""One training job, recorded as one run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from housing.config.schema import Experiment
from housing.training.job import TrainingResult
from housing.workflow.figures import job_figures
from housing.workflow.outcome import Invocation, Outcome, Reporter, Table
from housing.workflow.session import Session


def train(experiment: Experiment, invocation: Invocation, reporter: Reporter) -> Outcome:
    """Train with the hyperparameters of the configuration."""
    with Session(experiment, invocation, reporter) as session:
        return trained(session)


def trained(session: Session, *, stopping: Callable[[], bool] | None = None) -> Outcome:
    """Train in an open session; where `stopping` becomes true, the job ends after its round and is recorded so."""
    result, run_id, name = fit(session, parent=session.invocation.parent_run_id, stopping=stopping)
    return Outcome(
        headline=f"{name}: {_summary(session, result)}",
        data={"run_id": run_id, "name": name, "metrics": dict(result.metrics), "best_round": result.best_round}
        | {"config_hash": session.invocation.config_hash, "seconds": result.seconds},
        tables=(_metrics_table(session, result),),
        recorded=session.records_at,
        next_commands=(
            ("housing train -m algorithm.eta=0.1,0.3,0.5", "compare a few values under one parent run"),
            ("housing tune", "search the space of the configuration"),
            (f"housing promote candidate={run_id[:8]}", "final fit with these hyperparameters, gate, registry"),
        ),
    )


def fit(
    session: Session, *, parent: str | None, prefix: str = "train", stopping: Callable[[], bool] | None = None
) -> tuple[TrainingResult, str, str]:
    """Train and record the configured job; returns the result, the run's id and its name."""
    from housing.tracking.names import job_name

    hyperparameters: Mapping[str, Any] = session.experiment.algorithm.hyperparameters
    varied = {key: hyperparameters[key] for key in session.experiment.search_space if key in hyperparameters}
    name = job_name(prefix, varied)
    job = session.job(name, hyperparameters)
    with session.reporter.working(f"training {name}"):
        result = session.runner.submit(job, stopping and (lambda _number, _metrics: stopping())).result()
    session.reporter.step("train", f"{name}: {_summary(session, result)}")
    run_id = session.record(
        result,
        name,
        kind="job",
        hyperparameters=hyperparameters,
        parent=parent,
        encoder=session.prepared.encoder,
        files=job_figures(session, name, result),
    )
    return result, run_id, name


def _summary(session: Session, result: TrainingResult) -> str:
    objective = session.experiment.study.objectives[0]
    value = result.metrics.get(objective)
    shown = f"{objective} {session.amount(value)}, " if value is not None else ""
    return f"{shown}{result.best_round + 1} rounds kept, {result.seconds:.2f} s"


def _metrics_table(session: Session, result: TrainingResult) -> Table:
    channels = dict.fromkeys(name.split("_", 1)[0] for name in result.metrics)
    metrics = dict.fromkeys(name.split("_", 1)[1] for name in result.metrics)
    unit = session.experiment.dataset.label_unit
    rows = [[metric, *(result.metrics.get(f"{channel}_{metric}") for channel in channels)] for metric in metrics]
    return Table(f"round {result.best_round + 1}" + (f", {unit}" if unit else ""), ("metric", *channels), rows)
