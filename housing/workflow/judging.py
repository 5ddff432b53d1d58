"""Evaluates a candidate for the gate on the test part, beside the champion if that is another model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from housing.algorithms.registry import find
from housing.data.weights import column_weights
from housing.errors import ConfigError, TrainingError
from housing.workflow.headline import label_of, naive_predictions
from housing.workflow.how_sure import MeasuredIntervals, measured_intervals
from housing.workflow.references import References, test_references
from housing.workflow.session import Session

if TYPE_CHECKING:
    from housing.data.description import Dataset
    from housing.data.encoder import Encoder
    from housing.promotion.gate import Decision, Scored
    from housing.tasks.predictions import Predictions
    from housing.tracking.reader import Version
    from housing.training.artifact import Bundle
    from housing.training.job import TrainingResult

_CALIBRATED_BY = ("log_loss", "brier", "ece")


@dataclass(frozen=True)
class Judgement:
    """`is_champion`: the candidate is the champion's model itself, which is not compared with itself.

    Also if only its files differ, as from another machine, and its answers to all test rows are exactly equal.
    `predictions` are the candidate's for those rows, `uncalibrated` those before its calibration, if it has one;
    `intervals` is the coverage of the candidate's. `champion` are the champion's metrics on the same rows, empty if
    there is none to compare with; `references` are those of the references.
    """

    decision: Decision
    is_champion: bool
    predictions: Predictions
    uncalibrated: Predictions | None = None
    champion: Mapping[str, float] = field(default_factory=dict)
    champion_name: str = ""
    intervals: MeasuredIntervals = field(default_factory=MeasuredIntervals)
    references: References = field(default_factory=dict)


def judge(session: Session, result: TrainingResult, encoder: Encoder, champion: Version | None) -> Judgement:
    """Both models answer the raw test rows, each through its own encoder, as they would behind an endpoint."""
    from housing.promotion.gate import decide
    from housing.tasks.base import score
    from housing.tracking.registry import bundle_digest
    from housing.training.predictor import Predictor

    experiment, test = session.experiment, session.prepared.test
    try:
        candidate = Predictor(find(session.reader(result)).load(result.model), encoder)
    except ValueError as e:
        raise TrainingError(f"the final fit's model cannot answer: {e}") from e
    same_files = champion is not None and champion.digest == bundle_digest(bundle_of(session, result, encoder))
    with session.reporter.working("scoring the test part"):
        scored = _scored("the candidate", candidate, test, experiment.dataset)
        against = None if same_files else _champion(session, champion)
        is_champion = same_files or (against is not None and _answers_alike(scored, against))
        decision = decide(
            experiment.gate,
            experiment.dataset.task_name,
            label_of(session, "test"),
            scored,
            None if is_champion else against,
            naive=naive_predictions(session, experiment.gate.metric, part="test"),
            unit=experiment.dataset.label_unit,
            seed=experiment.seed,
        )
        uncalibrated = None
        if encoder.calibration is not None:
            plain = Predictor(candidate.model, replace(encoder, calibration=None))
            uncalibrated = plain.predict_columns(test).weighed(scored.predictions.weights)
    other = None if is_champion or against is None or against.levels != scored.levels else against
    return Judgement(
        decision,
        is_champion,
        scored.predictions,
        uncalibrated,
        score(experiment.dataset.task_name, label_of(session, "test"), other.predictions) if other else {},
        other.name if other else "",
        measured_intervals(session, encoder, scored.predictions),
        test_references(session, decision.metrics),
    )


def uncalibrated_metrics(session: Session, judgement: Judgement) -> dict[str, float]:
    """The test metrics that a calibration improves, before it; empty without a calibration."""
    from housing.tasks.base import score

    if judgement.uncalibrated is None:
        return {}
    found = score(session.experiment.dataset.task_name, label_of(session, "test"), judgement.uncalibrated)
    return {name: found[name] for name in _CALIBRATED_BY if name in found}


def bundle_of(session: Session, result: TrainingResult, encoder: Encoder) -> Bundle:
    """A job's model with its encoder, in the form that is registered."""
    from housing.training.artifact import Bundle

    return Bundle(
        algorithm=session.reader(result),
        model=result.model,
        model_format=result.model_format,
        encoder=encoder.to_json(),
    )


def _answers_alike(one: Scored, other: Scored) -> bool:
    from housing.tasks.predictions import same

    same_form = (one.required, one.label, one.levels) == (other.required, other.label, other.levels)
    # Intervals are part of the model: newly learnt ones must be served.
    return same_form and one.intervals == other.intervals and same(one.predictions, other.predictions)


def _champion(session: Session, version: Version | None) -> Scored | None:
    from housing.training.predictor import Predictor

    gate, name = session.experiment.gate, session.experiment.tracking.model
    if gate.against_champion == "nothing" or version is None:
        return None
    predictor = Predictor.load(session.versions.download(version))
    test = session.prepared.test
    if missing := [column for column in predictor.encoder.required if column not in test]:
        shown = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
        raise ConfigError(
            f"models:/{name}@champion cannot answer the rows of dataset {session.experiment.dataset.name}, which have "
            f"no {shown}: it is a model of other data. Give this experiment a name of its own (name=...), or compare "
            "with nothing (gate.against_champion=nothing)"
        )
    return _scored(f"version {version.number}", predictor, test, session.experiment.dataset)


def refusal(session: Session, decision: Decision, run_id: str) -> str:
    """The message for a candidate that did not pass."""
    rules = "\n".join(f"  {v.rule}: {v.why}" for v in decision.verdicts if not v.passed)
    alias = session.experiment.gate.alias
    return (
        f"the gate refused the candidate; @{alias} stays where it is\n{rules}\n"
        f"  the candidate is kept as run {run_id[:8]}; change the rules with gate=..., or look for a better one"
    )


def _scored(name: str, predictor: Any, test: Any, dataset: Dataset) -> Scored:
    from housing.promotion.gate import Scored

    encoder = predictor.encoder
    predictions = predictor.predict_columns(test).weighed(column_weights(test, dataset))
    return Scored(
        name, predictions, frozenset(encoder.required), encoder.label, encoder.label_levels, encoder.intervals
    )
