"""The files of a finished job's or study's report, made from what was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from housing.algorithms.ensemble import unpack
from housing.algorithms.registry import find
from housing.errors import HousingError, TrackingError
from housing.tasks import base as tasks
from housing.tracking import schema
from housing.training.job import TrainingResult
from housing.training.metrics import direction, has_unit, metric_of
from housing.training.predictor import Predictor
from housing.training.scoring import outputs_of
from housing.workflow.headline import JudgedPart, headline, judged_by, label_of
from housing.workflow.session import Session
from housing.workflow.summary import Summary

if TYPE_CHECKING:
    from housing.config.schema import Experiment
    from housing.data.encoder import Encoder
    from housing.reporting.job_plots import Series
    from housing.reporting.page import Part
    from housing.reporting.study_plots import Objective
    from housing.tasks.predictions import Predictions
    from housing.tracking.reader import Run
    from housing.tuning.study import StudyResult
    from housing.workflow.judging import Judgement

_CURVES = 5
_SHOWN_COLUMNS = 4
_ERROR_CHARTS = 6


def job_figures(session: Session, name: str, result: TrainingResult) -> dict[str, bytes]:
    """Learning curves, importances, and the predictions for the validation part; files by path."""
    validation, encoder = session.prepared.channels["validation"], session.prepared.encoder
    algorithm = find(session.reader(result))
    predictions = None
    try:
        if len(validation.label):
            predictions = encoder.decode(outputs_of(algorithm.load(result.model), validation))
    except (ValueError, HousingError) as error:
        # A script's model may run only in its own container, and a stopped job may have no model.
        session.reporter.step("model", f"cannot answer here: {error}")
    return _report(session, name, result, encoder, predictions, part="validation")


def trial_figures(session: Session, trial: Run) -> dict[str, bytes]:
    """The same for a recorded trial, in the session of its choices; empty if it has no model, as with folds."""
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


def blend_figures(
    session: Session, name: str, result: TrainingResult, encoder: Encoder, about: str
) -> dict[str, bytes]:
    """The same for a blend; `about` describes its members."""
    if not result.model:
        return {}
    validation = session.prepared.table.take(session.prepared.parts.validation)
    predictions = Predictor(find(session.reader(result)).load(result.model), encoder).predict_columns(validation)
    return _report(session, name, result, encoder, predictions, part="validation", lead=[f"It consists of {about}."])


def final_figures(
    session: Session,
    name: str,
    result: TrainingResult,
    encoder: Encoder,
    judgement: Judgement,
    *,
    source: Run,
    hyperparameters: Mapping[str, Any],
) -> dict[str, bytes]:
    """The same for a final fit, with its predictions for the test part and the gate's reasons."""
    from housing.workflow.how_sure import coverage_grids, importance_grids
    from housing.workflow.report_parts import beside_others, others_in_words, verdicts, what_was_fitted

    return _report(
        session,
        name,
        result,
        encoder,
        judgement.predictions,
        part="test",
        uncalibrated=judgement.uncalibrated,
        lead=others_in_words(session, judgement),
        before=[
            beside_others(session, judgement),
            verdicts(judgement.decision),
            what_was_fitted(session, hyperparameters, source),
        ],
        beside=[*coverage_grids(session, judgement.intervals), *importance_grids(session, encoder, result.model)],
    )


def _report(
    session: Session,
    name: str,
    result: TrainingResult,
    encoder: Encoder,
    predictions: Predictions | None,
    *,
    part: JudgedPart,
    uncalibrated: Predictions | None = None,
    lead: Sequence[str] = (),
    before: Sequence[Part] = (),
    beside: Sequence[Part] = (),
) -> dict[str, bytes]:
    from housing.reporting.judged import Judged
    from housing.reporting.report import job_report
    from housing.workflow.error_parts import RawRows, error_charts, slice_parts, why_of
    from housing.workflow.report_parts import asked_for, data_parts, link_to, origin, row_names, shown_columns

    experiment = session.experiment
    objective = objective_of(experiment)
    importances = find(session.reader(result)).importance(result.model, encoder.columns)
    kept, judged = rounds_kept(session, result), None
    errors: list[Part] = []
    value = result.metrics.get(objective.name)
    told = [f"{objective.name} {session.amount(value, objective.name)}{kept}"] if value is not None else []
    if predictions is not None:
        label, raw = label_of(session, part), RawRows(session, part=part)
        columns = shown_columns(session, importances, most=_ERROR_CHARTS)
        shown = Judged(
            part,
            about=with_unit(experiment, encoder.label, always=True),
            label=label,
            predictions=predictions,
            levels=encoder.label_levels,
            threshold=encoder.threshold,
            calibration=encoder.calibration.method if encoder.calibration is not None else "",
            uncalibrated=uncalibrated,
            name=row_names(session, part),
            columns=columns[:_SHOWN_COLUMNS],
            cells=raw.of,
            why=why_of(session, result, encoder, predictions, raw),
        )
        # Scores of a ranking, and risks, are not on the label's scale.
        judged = shown if tasks.find(encoder.task).has_label_s_scale else None
        if judged is not None and not encoder.label_levels and len(label):
            errors += error_charts(session, judged.answered, columns, part=part)
        # Other metrics need a bootstrap of a second, which is acceptable only after a final fit.
        by_rows = part == "validation"
        title = with_unit(experiment, judged_by(session))
        errors += slice_parts(session, predictions, part=part, title=title, by_rows=by_rows)
        measured = headline(session, label, predictions, part=part)
        same = measured and objective.name == f"{part}_{judged_by(session)}"
        told = [f"{measured[0]}{kept}", *measured[1:]] if same else [*told, *measured]
    return job_report(
        name,
        objective=objective,
        history=result.history,
        kept=result.best_round,
        importances=importances,
        judged=judged,
        lead=[*told, *lead, asked_for(session)],
        before=before,
        errors=errors,
        further=[*beside, *data_parts(session), origin(session)],
        link=link_to(session, None),
    )


def rounds_kept(session: Session, result: TrainingResult) -> str:
    """The number of the model's rounds, as the end of a sentence; empty if the algorithm has no rounds.

    For an ensemble, the number of its members; for a script, which may print every tenth round only, that of its lines.
    """
    if result.read_by is not None:
        return f", {len(unpack(result.model)):,} models" if result.model else ""
    algorithm, count = session.experiment.algorithm, result.best_round + 1
    if not algorithm.rounds:
        return ""
    times = "once" if count == 1 else f"{count:,} times"
    return f", metrics printed {times}" if algorithm.code is not None else f", {count:,} rounds kept"


def study_figures(
    session: Session, run_id: str, name: str, result: StudyResult, *, summary: Summary, ranked: Sequence[Run]
) -> dict[str, bytes]:
    """The course of the search, what mattered, and the learning curves of the best five; files by path."""
    from housing.reporting.report import study_report
    from housing.workflow.report_parts import asked_for, link_to, origin

    objectives = session.experiment.study.objectives
    best = [(run, session.runs.history(run.id, objectives[0])) for run in ranked[:_CURVES]]
    return study_report(
        name,
        result,
        [objective_of(session.experiment, name) for name in objectives],
        importances=summary.importances,
        lead=[*summary.sentences, asked_for(session)],
        curves=[learning_curve(run, values) for run, values in best if len(values) > 1],
        spans=_spans(session.runs.children(run_id)),
        further=[origin(session)],
        link=link_to(session, run_id),
    )


def _spans(trials: Sequence[Run]) -> dict[int, tuple[float, float]]:
    """Start and end of each ended trial, in seconds since the first began."""
    ended = [run for run in trials if run.ended_at_ms is not None and run.tags.get(schema.TRIAL, "").isdecimal()]
    began = min((run.started_at_ms for run in ended), default=0)
    return {
        int(run.tags[schema.TRIAL]): ((run.started_at_ms - began) / 1000, ((run.ended_at_ms or 0) - began) / 1000)
        for run in ended
    }


def learning_curve(run: Run, values: Sequence[float]) -> Series:
    """The rounds of a recorded job; the one that was kept is marked if it is recorded."""
    from housing.reporting.job_plots import Series

    kept = run.metrics.get("best_round")
    return Series(run.name, values, int(kept) if kept is not None and kept < len(values) else None)


def objective_of(experiment: Experiment, name: str | None = None) -> Objective:
    """An objective of the study for charts, the first unless another is named."""
    from housing.reporting.study_plots import Objective

    name = name or experiment.study.objectives[0]
    return Objective(name, with_unit(experiment, name), direction(name, experiment.algorithm.directions))


def with_unit(experiment: Experiment, name: str, *, always: bool = False) -> str:
    """A metric's name for an axis, with its unit; `always`: it is in the label's unit, whatever its name."""
    unit = experiment.dataset.label_unit if always or has_unit(name) else ""
    return f"{name}, {unit}" if unit else name
