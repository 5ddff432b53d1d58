"""Monitors one variant: compares the rows that it answered with those that its version was trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from housing.errors import DataError, HousingError, ModelError
from housing.tracking import schema
from housing.workflow.monitored_coverage import MonitoredCoverage, monitored_coverage
from housing.workflow.session import Session
from housing.workflow.trial_runs import recorded_options

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from housing.data.table import Table
    from housing.monitoring.ab_test import Answer
    from housing.monitoring.captured import CapturedRows
    from housing.monitoring.drift import DriftReport, Shares
    from housing.monitoring.sample import Sample
    from housing.tasks.predictions import Predictions
    from housing.training.predictor import Predictor

# A relative tolerance for 32-bit numbers, possibly logarithms, that were written as text and read again.
_SAME_ANSWER = 1e-5
_SAME_PROBABILITY = 1e-6


@dataclass(frozen=True)
class MonitoredVariant:
    """The findings about one variant. `drift` is None if nothing could be compared; `why_not` says why.

    `levels` are the shares of predicted levels, if the label has levels, for the training rows and the captured ones.
    `answers` are its predictions by the row's id, if rows have ids: the last one for a repeated row.
    `remarks` are sentences. `coverage` is that of its intervals, if labels are known.
    """

    variant: str
    model: str
    requests: int
    rows: int = 0
    drift: DriftReport | None = None
    levels: Mapping[str, Shares] = field(default_factory=dict)
    why_not: str = ""
    answers: Mapping[str, Answer] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    coverage: MonitoredCoverage | None = None

    @property
    def word(self) -> str:
        """The finding, in a few words."""
        return self.drift.word if self.drift else self.why_not


@dataclass(frozen=True)
class ActualLabels:
    """Rows with known actual labels: `actual` by id, and all `columns` of their file, as text."""

    id_column: str
    actual: Mapping[str, float]
    columns: Mapping[str, Sequence[str]]


def monitor_variant(
    session: Session, variant: str, model: str, requests: Sequence[CapturedRows], *, actual_labels: ActualLabels | None
) -> MonitoredVariant:
    """`requests` are those captured since this variant got its model, as far as the target records that."""
    from housing.training.predictor import Predictor

    told = MonitoredVariant(variant, model, len(requests))
    if not requests:
        return replace(told, why_not="nothing was captured")
    try:
        version = session.versions.resolve(model)
        run = session.runs.get(version.run_id)
        session = session.choosing(recorded_options(run))
        predictor = Predictor.load(session.versions.download(version))
    except HousingError as error:
        return replace(told, why_not=f"nothing is known of its model: {error}")
    reason = _other_quantiles(session, predictor) or _other_data(session, run.tags, predictor.encoder.required)
    if reason:
        return replace(told, why_not=reason)
    trained_on = _trained_on(session, is_final=run.kind == "final")
    with session.reporter.working(f"comparing {variant}"):
        return _compared(session, told, requests, predictor, trained_on=trained_on, actual_labels=actual_labels)


def _compared(
    session: Session,
    told: MonitoredVariant,
    requests: Sequence[CapturedRows],
    predictor: Predictor,
    *,
    trained_on: Table,
    actual_labels: ActualLabels | None,
) -> MonitoredVariant:
    import numpy as np

    from housing.data.moments import Date
    from housing.monitoring.drift import compare
    from housing.monitoring.sample import sample_of, trained
    from housing.tasks.predictions import reordered

    dataset, encoder = session.experiment.dataset, predictor.encoder
    found = sample_of(requests, dataset, encoder, id_column=actual_labels.id_column if actual_labels else None)
    if found is None:
        return replace(told, why_not="no captured request has rows that its model reads")
    if actual_labels and found.encoded and set(encoder.required) <= actual_labels.columns.keys():
        # Encoded rows have no id: they are matched with the file's raw rows, encoded.
        found = found.named_by(encoder.transform(actual_labels.columns), actual_labels.columns[actual_labels.id_column])
    found, remarks = _of_this_model(predictor, found, told.model)
    # Dates never repeat, so they would always look new.
    dates = {name for name, column in dataset.columns.items() if isinstance(column, Date)}
    before, now = (
        {name: cells for name, cells in columns.items() if name not in dates}
        for columns in (trained(trained_on, encoder, encoded=found.encoded), found.columns)
    )
    levels: Mapping[str, Shares] = {}
    if found.answered.any():
        expected = predictor.predict_columns(trained_on)
        before |= _as_columns(dataset.label, expected, encoder.label_levels)
        answered = found.answers.take(np.flatnonzero(found.answered))
        now |= _as_columns(dataset.label, answered, encoder.label_levels)
        levels = _level_shares(expected, answered, encoder.label_levels)
    coverage = monitored_coverage(session.experiment, found, predictor, actual_labels.actual) if actual_labels else None
    # The same order of levels for all variants' answers.
    found = replace(found, answers=reordered(found.answers, encoder.label_levels, dataset.label_levels))
    drift = compare(before, now, session.experiment.monitoring)
    return replace(
        told, rows=found.rows, drift=drift, levels=levels, answers=found.by_id, remarks=remarks, coverage=coverage
    )


def _as_columns(label: str, answers: Predictions, levels: Sequence[str]) -> dict[str, NDArray[Any]]:
    """The answers as columns for drift: the predicted number, or each quantile; or the level and its probability."""
    import numpy as np

    if answers.probabilities is None:
        quantiles = answers.quantiles or {}
        beside = {f"{label} (quantile {share})": found for share, found in quantiles.items()}
        return beside or {f"{label} (predicted)": answers.values}
    chosen = answers.values.astype(np.int64)
    surest = answers.probabilities[np.arange(len(chosen)), chosen]
    named = np.array([levels[code] for code in chosen.tolist()], dtype=object)
    return {f"{label} (predicted)": named, f"{label} (probability of the predicted level)": surest}


def _level_shares(trained: Predictions, seen: Predictions, levels: Sequence[str]) -> dict[str, Shares]:
    """The share of each predicted level for the training rows and for the captured ones; empty for a number."""
    from housing.monitoring.drift import Shares

    return {
        level: Shares(float((trained.values == code).mean()), float((seen.values == code).mean()))
        for code, level in enumerate(levels)
    }


def _other_quantiles(session: Session, predictor: Predictor) -> str:
    """Why the model's answers cannot be compared with those of others; empty if they can."""
    own, wanted = predictor.encoder.quantiles, session.experiment.dataset.quantiles or ()
    if own == wanted:
        return ""
    return f"it gives the quantiles {list(own)}, and dataset.quantiles says {list(wanted)}"


def _other_data(session: Session, tags: Mapping[str, str], required: Sequence[str]) -> str:
    """Why the configured dataset is not what the model was trained on; empty when it is."""
    recorded, prepared = tags.get(schema.DATA_DIGEST), session.prepared
    if recorded is None:
        return "its run does not say what it was trained on"
    if recorded != prepared.data_digest or any(name not in prepared.table for name in required):
        return (
            f"it was trained on other data (digest {recorded[:12]}) than dataset {session.experiment.dataset.name} has "
            f"({prepared.data_digest[:12]}); choose the one it was trained on: dataset=..."
        )
    if tags.get(schema.SPLIT_DIGEST) != prepared.split_digest:
        return "its data were split in another way than dataset.split says; which rows it was trained on is not known"
    return ""


def _trained_on(session: Session, *, is_final: bool) -> Table:
    """The rows that the model was trained on: for a final fit also the validation part."""
    import numpy as np

    parts = session.prepared.parts
    rows = np.sort(np.concatenate([parts.train, parts.validation])) if is_final else parts.train
    return session.prepared.table.take(rows)


def _of_this_model(predictor: Predictor, found: Sample, model: str) -> tuple[Sample, tuple[str, ...]]:
    """The sample without rows that another model answered, as captures are kept when models change; and remarks.

    Rows without an answer are kept.
    """
    import numpy as np

    remarks = []
    if found.unread:
        remarks.append(f"{found.unread:,} requests cannot be read by its model")
    if found.other_form:
        remarks.append(f"{found.other_form:,} requests came {'raw' if found.encoded else 'encoded'} and are left out")
    if not found.answered.any():
        return found, tuple(remarks)
    try:
        own = _predict(predictor, found.take(found.answered))
    except (DataError, ModelError) as error:
        return found, (*remarks, f"its answers cannot be checked: {error}")
    same = ~found.answered
    same[found.answered] = agrees = _agree(own, found.answers.take(np.flatnonzero(found.answered)))
    strange = int((~agrees).sum())
    if strange and agrees.any():
        remarks.append(f"{strange:,} of {len(agrees):,} answers were another model's, and are left out")
        return found.take(same), tuple(remarks)
    if strange:
        remarks.append(f"none of {strange:,} answers is what {model} answers: the served model is another one")
        return found.without_answers(), tuple(remarks)
    return found, tuple(remarks)


def _agree(own: Predictions, found: Predictions) -> NDArray[np.bool_]:
    """(rows,) Whether both are equal, up to the precision of numbers written as text."""
    import numpy as np

    if own.probabilities is None or found.probabilities is None:
        near: NDArray[np.bool_] = np.logical_and.reduce(
            np.isclose(own.matrix(), found.matrix(), rtol=_SAME_ANSWER), axis=1
        )
        return near
    close = np.isclose(own.probabilities, found.probabilities, rtol=_SAME_ANSWER, atol=_SAME_PROBABILITY)
    every: NDArray[np.bool_] = np.logical_and.reduce(close, axis=1)
    return every


def _predict(predictor: Predictor, found: Sample) -> Predictions:
    if not found.encoded:
        return predictor.predict_columns(found.columns)
    return predictor.predict_encoded(found.matrix())
