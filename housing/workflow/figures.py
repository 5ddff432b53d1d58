"""What a finished job or study looks like: the files of its report, made from what has been measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from housing.algorithms.base import find
from housing.errors import HousingError, TrackingError
from housing.reporting.charts import Series
from housing.tasks import base as tasks
from housing.training.job import TrainingResult
from housing.training.metrics import direction, metric_of
from housing.workflow.headline import JudgedPart, headline, judged_by, label_of
from housing.workflow.session import Session
from housing.workflow.summary import Summary

if TYPE_CHECKING:
    from housing.data.encoder import Encoder
    from housing.tasks.base import Predictions
    from housing.tracking.queries import Run
    from housing.tuning.study import StudyResult
    from housing.workflow.judging import Judgement

_CURVES = 5


def job_figures(session: Session, name: str, result: TrainingResult) -> dict[str, bytes]:
    """Learning curves, importances, and what the model says of the validation part; by path."""
    validation, encoder = session.prepared.channels["validation"], session.prepared.encoder
    algorithm = find(session.experiment.algorithm.kind)
    predictions = None
    try:
        if len(validation.label):
            predictions = encoder.decode(algorithm.load(result.model).predict(validation.features))
    except (ValueError, HousingError) as error:
        # A script's model may answer in its own container only, and a stopped job may have none.
        session.reporter.step("model", f"cannot answer here: {error}")
    return _report(session, name, result, encoder, predictions, part="validation")


def trial_figures(session: Session, trial: Run) -> dict[str, bytes]:
    """The same of a recorded trial, in the session of its choices; none where it kept no model, as over folds."""
    objective = session.experiment.study.objectives[0]
    suffix = find(session.experiment.algorithm.kind).model_format
    try:
        model = session.runs.read_file(trial.id, f"model.{suffix}")
    except TrackingError:
        return {}
    rounds = {
        f"{part}_{metric_of(objective)}": session.runs.history(trial.id, f"{part}_{metric_of(objective)}")
        for part in ("train", "validation")
    }
    result = TrainingResult(
        history={name: values for name, values in rounds.items() if len(values) > 1},
        metrics=trial.metrics,
        best_round=int(trial.metrics.get("best_round", 0)),
        model=model,
        model_format=suffix,
        seconds=0.0,
        started_at_ms=0,
    )
    return job_figures(session, trial.name, result)


def final_figures(
    session: Session, name: str, result: TrainingResult, encoder: Encoder, judgement: Judgement
) -> dict[str, bytes]:
    """The same of a final fit, and what it says of the test part."""
    before = judgement.uncalibrated
    return _report(session, name, result, encoder, judgement.predictions, part="test", uncalibrated=before)


def _report(
    session: Session,
    name: str,
    result: TrainingResult,
    encoder: Encoder,
    predictions: Predictions | None,
    *,
    part: JudgedPart,
    uncalibrated: Predictions | None = None,
) -> dict[str, bytes]:
    from housing.reporting.judged import Judged
    from housing.reporting.report import job_report

    experiment, unit = session.experiment, session.experiment.dataset.label_unit
    objective = experiment.study.objectives[0]
    kept, judged = rounds_kept(session, result), None
    value = result.metrics.get(objective)
    lead = [f"{objective} {session.amount(value, objective)}{kept}"] if value is not None else []
    if predictions is not None:
        label = label_of(session, part)
        shown = Judged(
            part,
            about=f"{encoder.label}, {unit}" if unit else encoder.label,
            label=label,
            predictions=predictions,
            levels=encoder.label_levels,
            threshold=encoder.threshold,
            calibration=encoder.calibration.method if encoder.calibration is not None else "",
            uncalibrated=uncalibrated,
        )
        # A ranking's scores, or risks, stand on no scale of the label's.
        judged = shown if tasks.find(encoder.task).has_label_s_scale else None
        told = headline(session, label, predictions, part=part)
        same = told and objective == f"{part}_{judged_by(session)}"
        lead = [f"{told[0]}{kept}", *told[1:]] if same else [*lead, *told]
    return job_report(
        name,
        objective=objective,
        lower_is_better=direction(objective, experiment.algorithm.directions) == "minimize",
        history=result.history,
        kept=result.best_round,
        importances=find(experiment.algorithm.kind).importance(result.model, encoder.columns),
        judged=judged,
        lead=lead,
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
