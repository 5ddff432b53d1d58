"""What a promoted model's probabilities are worth, and from which one on the positive level is chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from housing.promotion.threshold import ChosenThreshold
from housing.workflow.held_out import held_out_answers
from housing.workflow.session import Session

if TYPE_CHECKING:
    from housing.data.encoder import Encoder
    from housing.tracking.queries import Run
    from housing.workflow.held_out import HeldOut


def final_encoder(
    session: Session, encoder: Encoder, source: Run, hyperparameters: Mapping[str, Any], *, parent: str | None
) -> Encoder:
    """The encoder with the calibration and the threshold that are asked for, in this order.

    Where one of them must be learnt, the model is fitted once more to rows that leave some out (`held_out_answers`).
    """
    experiment = session.experiment
    calibration, threshold = experiment.calibration, experiment.threshold
    if isinstance(threshold, float):
        encoder = replace(encoder, threshold=threshold)
    rule = threshold if isinstance(threshold, ChosenThreshold) else None
    if calibration == "none" and rule is None:
        return encoder
    to = "threshold for" if calibration == "none" else "calibration for"
    with session.reporter.working("fitting to fewer rows, to learn the " + to.partition(" ")[0]):
        found = held_out_answers(session, source, hyperparameters, parent=parent, to=to)
    if calibration != "none":
        encoder = _calibrated(session, encoder, found)
    return encoder if rule is None else _with_threshold(session, encoder, rule, found)


def _calibrated(session: Session, encoder: Encoder, found: HeldOut) -> Encoder:
    from housing.promotion.calibration import ENOUGH_FOR_ISOTONIC, fit

    method, rows = session.experiment.calibration, len(found.label)
    assert method != "none"
    calibration = fit(method, found.label, found.outputs, levels=encoder.label_levels, rows=found.rows)
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
    assert chances is not None  # a threshold is asked for where the label has two levels only
    threshold = choose(encoder.task, rule, found.label, chances[:, 1])
    session.reporter.step("threshold", f"{threshold:.4g}, chosen on {len(chances):,} {found.rows}")
    return replace(encoder, threshold=threshold)
