"""The calibration, the threshold and the prediction intervals of a promoted model, learnt from held-out answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from housing.data.weights import column_weights
from housing.promotion.threshold import ChosenThreshold
from housing.workflow.session import Session

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from housing.data.encoder import Encoder
    from housing.workflow.held_out import HeldOut


def final_encoder(session: Session, encoder: Encoder, held_out: Callable[[str], HeldOut]) -> Encoder:
    """The encoder with the configured calibration, threshold and intervals, in this order.

    If one of them must be learnt, `held_out` is called for answers to rows that the model was not fitted to, with the
    beginning of a sentence that says what for.
    """
    experiment = session.experiment
    calibration, threshold = experiment.calibration, experiment.threshold
    if isinstance(threshold, float):
        encoder = replace(encoder, threshold=threshold)
    rule = threshold if isinstance(threshold, ChosenThreshold) else None
    wanted = {"calibration": calibration != "none", "threshold": rule is not None}
    wanted["intervals"] = experiment.intervals.coverage is not None
    if not any(wanted.values()):
        return encoder
    to = next(name for name, is_wanted in wanted.items() if is_wanted) + " for"
    with session.reporter.working("fitting to fewer rows, to learn the " + to.partition(" ")[0]):
        found = held_out(to)
    if calibration != "none":
        encoder = _calibrated(session, encoder, found)
    if rule is not None:
        encoder = _with_threshold(session, encoder, rule, found)
    return _with_intervals(session, encoder, found) if wanted["intervals"] else encoder


def _calibrated(session: Session, encoder: Encoder, found: HeldOut) -> Encoder:
    from housing.promotion.calibration import ENOUGH_FOR_ISOTONIC, fit

    method, rows = session.experiment.calibration, len(found.label)
    assert method != "none"
    calibration = fit(
        method,
        found.label,
        found.outputs,
        levels=encoder.label_levels,
        rows=found.rows,
        weights=_weights(session, found),
    )
    few = (
        f"; isotonic follows chance below {ENOUGH_FOR_ISOTONIC:,} rows, sigmoid needs fewer"
        if method == "isotonic" and rows < ENOUGH_FOR_ISOTONIC
        else ""
    )
    session.reporter.step("calibration", f"{method}, learnt from {rows:,} {found.rows}{few}")
    return replace(encoder, calibration=calibration)


def _with_threshold(session: Session, encoder: Encoder, rule: ChosenThreshold, found: HeldOut) -> Encoder:
    from housing.promotion.threshold import choose

    chances = encoder.decode(found.outputs).probabilities
    assert chances is not None  # a threshold can be configured only for two levels
    threshold = choose(encoder.task, rule, found.label, chances[:, 1], _weights(session, found))
    session.reporter.step("threshold", f"{threshold:.4g}, chosen on {len(chances):,} {found.rows}")
    return replace(encoder, threshold=threshold)


def _with_intervals(session: Session, encoder: Encoder, found: HeldOut) -> Encoder:
    """The encoder with intervals. Rows are encoded for the final model: a fold's encoder may know other levels."""
    from housing.data.cells import text_of
    from housing.promotion.intervals import fit

    rule, table = session.experiment.intervals, session.prepared.table.take(found.places)
    intervals = fit(
        rule,
        found.label,
        encoder.decode(found.outputs),
        rows=found.rows,
        transform=encoder.label_transform,
        matrix=encoder.transform(table),
        groups=None if rule.by is None else [text_of(cell) for cell in table[rule.by].tolist()],
        seed=session.experiment.seed,
        weights=_weights(session, found),
    )
    own = f", each of {len(intervals.groups):,} levels of {rule.by} by its own" if rule.by else ""
    session.reporter.step("intervals", f"{rule.coverage:g}, learnt from {len(found.label):,} {found.rows}{own}")
    return replace(encoder, intervals=intervals)


def _weights(session: Session, found: HeldOut) -> NDArray[np.float64] | None:
    """The weights of the held-out rows; None: equal."""
    return column_weights(session.prepared.table.take(found.places), session.experiment.dataset)
