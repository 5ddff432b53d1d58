"""The promotion gate: may a candidate take the champion's place? Decides; moves nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from housing.errors import DataError
from housing.promotion.spec import Gate
from housing.training.metrics import METRICS, score

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Scored:
    """A model's predictions for the test rows, (rows,) in the label's unit, and the raw columns that it asks for."""

    name: str
    prediction: NDArray[np.float64]
    required: frozenset[str]
    label: str


@dataclass(frozen=True)
class Verdict:
    """One rule's answer, with the numbers behind it in words."""

    rule: str
    passed: bool
    why: str


@dataclass(frozen=True)
class Decision:
    """All verdicts; `metrics` are the candidate's on the test part."""

    verdicts: Sequence[Verdict]
    metrics: dict[str, float]

    @property
    def passed(self) -> bool:
        """True when every rule passed."""
        return all(verdict.passed for verdict in self.verdicts)


def decide(
    gate: Gate, label: NDArray[np.float64], candidate: Scored, champion: Scored | None, *, unit: str = "", seed: int = 0
) -> Decision:
    """Judge on the test rows, which both models answer in the same order. `label` is (rows,).

    A tie passes where a margin is asked for, or nothing but "not clearly worse": `better` means better. Without a
    champion, only the absolute limit counts. Raises DataError when a prediction is not a finite number, or
    when these rows do not define the gate's metric.
    """
    metrics = score(label, candidate.prediction)
    if gate.metric not in metrics:
        raise DataError(f"gate.metric: {gate.metric} is not defined for these labels; these are: {', '.join(metrics)}")
    verdicts = []
    if gate.at_most is not None:
        verdicts.append(_absolute(gate, metrics[gate.metric], unit))
    if champion is not None and gate.against_champion != "nothing":
        verdicts.append(_schema(candidate, champion))
        verdicts.append(_margin(gate, label, candidate, champion, unit=unit, seed=seed))
    return Decision(verdicts, metrics)


def improvement(
    metric: str,
    label: NDArray[np.float64],
    candidate: NDArray[np.float64],
    champion: NDArray[np.float64],
    *,
    confidence: float,
    resamples: int,
    seed: int,
) -> tuple[float, float, float]:
    """How much better the candidate is, in the metric's unit, and its interval: (difference, low, high).

    A paired percentile bootstrap (Efron and Tibshirani 1993, chapter 13): rows are drawn with replacement, both models
    are scored on the same draw, so that hard rows do not widen the interval.
    """
    import numpy as np

    compute = METRICS[metric].compute
    sign = 1.0 if METRICS[metric].direction == "minimize" else -1.0

    def difference(rows: NDArray[np.int64]) -> float:
        return sign * (compute(label[rows], champion[rows]) - compute(label[rows], candidate[rows]))

    count = len(label)
    generator = np.random.RandomState(seed)
    draws = [difference(generator.randint(0, count, count)) for _ in range(resamples)]
    tail = 100 * (1 - confidence) / 2
    low, high = np.percentile(draws, [tail, 100 - tail])
    return difference(np.arange(count)), float(low), float(high)


def _absolute(gate: Gate, value: float, unit: str) -> Verdict:
    limit = gate.at_most
    assert limit is not None
    passed = value <= limit
    excess = "" if passed else f", {_amount(value - limit, unit)} too much"
    return Verdict(
        f"test {gate.metric} at most {_amount(limit, unit)}", passed, f"it is {_amount(value, unit)}{excess}"
    )


def _schema(candidate: Scored, champion: Scored) -> Verdict:
    rule = f"asks for no column that {champion.name} did not"
    faults = []
    if candidate.label != champion.label:
        faults.append(f"it predicts {candidate.label}, the champion {champion.label}")
    if new := sorted(candidate.required - champion.required):
        shown = ", ".join(new[:5]) + (f" and {len(new) - 5} more" if len(new) > 5 else "")
        faults.append(f"callers would have to send {shown} as well")
    return Verdict(rule, not faults, "; ".join(faults) or "same label, no new column")


def _margin(
    gate: Gate, label: NDArray[np.float64], candidate: Scored, champion: Scored, *, unit: str, seed: int
) -> Verdict:
    import numpy as np

    difference, low, high = improvement(
        gate.metric,
        label,
        candidate.prediction,
        champion.prediction,
        confidence=gate.confidence,
        resamples=gate.resamples,
        seed=seed,
    )
    wanted, reached = {
        "clearly_better": ("clearly better than", low),
        "better": ("better than", difference),
        "not_clearly_worse": ("not clearly worse than", high),
    }[gate.against_champion]
    # Where no margin is asked for, better is more than 0: the same model again is no better one.
    strictly = gate.margin == 0 and gate.against_champion != "not_clearly_worse"
    passed = reached > 0 if strictly else reached >= gate.margin
    by = f" by {_amount(gate.margin, unit)}" if gate.margin else ""
    side = "better" if difference >= 0 else "worse"
    why = (
        f"it is {_amount(abs(difference), unit)} {side}; "
        f"{gate.confidence:.0%} interval of the improvement {_amount(low, unit)} to {_amount(high, unit)}"
    )
    if np.array_equal(candidate.prediction, champion.prediction):
        why = "it answers every test row as that one does"
    elif not passed and strictly:
        why += ", which must lie above 0" if gate.against_champion == "clearly_better" else ""
    elif not passed:
        why += f": {_amount(gate.margin - reached, unit)} short"
    return Verdict(f"test {gate.metric} {wanted} {champion.name}'s{by}", passed, why)


def _amount(value: float, unit: str) -> str:
    text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.4g}"
    return f"{text} {unit}".strip()
