"""What a finished job or study looks like: the files of its report, made from what has been measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from housing.algorithms.base import find
from housing.errors import HousingError
from housing.reporting.charts import Series
from housing.training.job import TrainingResult
from housing.training.metrics import direction
from housing.workflow.session import Session
from housing.workflow.summary import Summary

if TYPE_CHECKING:
    from housing.tracking.queries import Run
    from housing.tuning.study import StudyResult

_CURVES = 5
_MOST_ROWS = 1000


def job_figures(session: Session, name: str, result: TrainingResult) -> dict[str, bytes]:
    """Learning curves, importances, and predictions against truth over at most 1,000 validation rows; by path."""
    from housing.reporting.report import job_report

    validation, encoder = session.prepared.channels["validation"], session.prepared.encoder
    algorithm = find(session.experiment.algorithm.kind)
    every = max(1, -(-len(validation.label) // _MOST_ROWS))
    true = validation.label[::every]
    try:
        predicted = algorithm.load(result.model).predict(validation.features[::every])
    except (ValueError, HousingError) as error:
        # A script's model may answer in its own container only, and a stopped job may have none.
        session.reporter.step("model", f"cannot answer here: {error}")
        true = predicted = true[:0]
    dataset = session.experiment.dataset
    objective = session.experiment.study.objectives[0]
    value = result.metrics.get(objective)
    return job_report(
        name,
        objective=objective,
        lower_is_better=direction(objective, session.experiment.algorithm.directions) == "minimize",
        history=result.history,
        kept=result.best_round,
        importances=algorithm.importance(result.model, validation.columns),
        true=encoder.decode_label(true).tolist() if not encoder.label_levels else [],
        predicted=encoder.decode_label(predicted).tolist() if not encoder.label_levels else [],
        label=f"{dataset.label}, {dataset.label_unit}" if dataset.label_unit else dataset.label,
        lead=[f"{objective} {session.amount(value, objective)}{rounds_kept(session, result)}"]
        if value is not None
        else [],
    )


def rounds_kept(session: Session, result: TrainingResult) -> str:
    """How many rounds the model has, to end a sentence; nothing where the algorithm counts none."""
    return f", {result.best_round + 1} rounds kept" if session.experiment.algorithm.rounds else ""


def study_figures(
    session: Session, name: str, result: StudyResult, summary: Summary, ranked: Sequence[Run]
) -> dict[str, bytes]:
    """Optimisation history, parallel coordinates, importances and the learning curves of the best five; by path."""
    from housing.reporting.report import study_report

    objectives = session.experiment.study.objectives
    best = [(run, session.runs.history(run.id, objectives[0])) for run in ranked[:_CURVES]]
    return study_report(
        name,
        result,
        objectives,
        importances=summary.importances,
        lead=summary.sentences,
        curves=[learning_curve(run, values) for run, values in best if len(values) > 1],
    )


def learning_curve(run: Run, values: Sequence[float]) -> Series:
    """The rounds of a recorded job, the one that was kept marked where the record says which."""
    kept = run.metrics.get("best_round")
    return Series(run.name, values, int(kept) if kept is not None and kept < len(values) else None)
