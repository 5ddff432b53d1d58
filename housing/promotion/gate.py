"""The promotion gate: may a candidate take the champion's place? Only decides; moves no alias."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from housing.errors import DataError
from housing.promotion.spec import Gate
from housing.tasks import classes, resampling
from housing.tasks.base import metrics, score
from housing.tasks.predictions import Predictions, reordered, same

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from housing.data.intervals import Intervals


@dataclass(frozen=True)
class Scored:
    """A model's predictions for the test rows, and the raw columns that it requires.

    `levels` are those of its label, in the order of their codes; empty where it is a number. `intervals` are
    not judged.
    """

    name: str
    predictions: Predictions
    required: frozenset[str]
    label: str
    levels: tuple[str, ...] = ()
    intervals: Intervals | None = None

    @property
    def quantiles(self) -> tuple[float, ...]:
        """The quantiles that the model predicts; empty for none."""
        return tuple(self.predictions.quantiles or ())


@dataclass(frozen=True)
class Verdict:
    """The result of one rule, with its numbers in words."""

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
    gate: Gate,
    task: str,
    label: NDArray[np.float64],
    candidate: Scored,
    champion: Scored | None,
    *,
    naive: Predictions | None = None,
    unit: str = "",
    seed: int = 0,
) -> Decision:
    """Judge on the test rows, which both models answer in the same order. `label` is (rows,), levels as their codes.

    `naive` holds the predictions of the naive predictor, which ignores every column; where its metric is not defined,
    that rule is skipped. An improvement equal to the limit passes, except that without a margin `better` and
    `clearly_better` require more than 0. Without a champion, only the absolute limits and the naive predictor count.
    Raises DataError when a prediction is not a finite number, or when these rows do not define the gate's metric.
    """
    found = score(task, label, candidate.predictions)
    assert gate.metric is not None  # the configuration names it, or the task does
    if gate.metric not in found:
        raise DataError(f"gate.metric: {gate.metric} is not defined for these labels; these are: {', '.join(found)}")
    # Only metrics in the label's unit are shown with it.
    unit = unit if metrics(task)[gate.metric].has_unit else ""
    verdicts = list(_absolute(gate, found[gate.metric], unit))
    verdicts += _worst_levels(gate, label, candidate)
    if gate.beats == "naive" and naive is not None:
        verdicts += _naive(gate, task, found[gate.metric], score(task, label, naive), unit)
    if champion is not None and gate.against_champion != "nothing":
        verdicts.append(_schema(candidate, champion))
        if _are_comparable(candidate, champion):
            verdicts.append(_margin(gate, task, label, candidate, champion, unit=unit, seed=seed))
    return Decision(verdicts, found)


def improvement(
    task: str,
    metric: str,
    label: NDArray[np.float64],
    candidate: Predictions,
    champion: Predictions,
    *,
    confidence: float,
    resamples: int,
    seed: int,
) -> tuple[float, float, float]:
    """How much better the candidate is, in the metric's unit, and its interval: (difference, low, high).

    A paired percentile bootstrap: both models are scored on the same draw, so that hard rows do not widen the interval.
    Draws for which the metric is not defined, because they lack a level, are left out.
    """
    import numpy as np

    rules = metrics(task)[metric]
    compute, sign = rules.compute, 1.0 if rules.direction == "minimize" else -1.0

    def difference(labels: NDArray[np.float64], rows: NDArray[np.int64]) -> float:
        return sign * (compute(labels, champion.take(rows)) - compute(labels, candidate.take(rows)))

    differences = [difference(labels, rows) for labels, rows in resampling.draws(label, resamples, seed=seed)]
    whole = difference(label, np.arange(len(label)))
    scaled = resampling.scaled(differences, whole, resampling.units(label))
    return whole, *resampling.percentile_interval(scaled, confidence)


def _absolute(gate: Gate, value: float, unit: str) -> Iterator[Verdict]:
    for limit, words, sign, missed in (
        (gate.at_most, "at most", 1, "too much"),
        (gate.at_least, "at least", -1, "too little"),
    ):
        if limit is not None:
            beyond = sign * (value - limit)
            told = f", {_amount(beyond, unit)} {missed}" if beyond > 0 else ""
            rule = f"test {gate.metric} {words} {_amount(limit, unit)}"
            yield Verdict(rule, beyond <= 0, f"it is {_amount(value, unit)}{told}")


def _worst_levels(gate: Gate, label: NDArray[np.float64], candidate: Scored) -> Iterator[Verdict]:
    for metric, limit in gate.worst_class.items():
        by_level = classes.by_level(metric, label, candidate.predictions, levels=candidate.levels)
        worst = min(by_level, key=by_level.__getitem__)
        why = f"{worst!r} has {by_level[worst]:.4g}"
        yield Verdict(f"test {metric} of the worst level at least {limit:g}", by_level[worst] >= limit, why)


def _are_comparable(candidate: Scored, champion: Scored) -> bool:
    return set(candidate.levels) == set(champion.levels) and candidate.quantiles == champion.quantiles


def _naive(gate: Gate, task: str, value: float, naive: dict[str, float], unit: str) -> Iterator[Verdict]:
    metric = gate.metric
    if metric not in naive:
        return
    lower_is_better = metrics(task)[metric].direction == "minimize"
    passed = value < naive[metric] if lower_is_better else value > naive[metric]
    why = f"it is {_amount(value, unit)}, the naive predictor has {_amount(naive[metric], unit)}"
    yield Verdict(f"test {metric} better than that of the naive predictor", passed, why)


def _schema(candidate: Scored, champion: Scored) -> Verdict:
    rule = f"needs no column that {champion.name} did not need"
    faults = []
    if candidate.label != champion.label:
        faults.append(f"it predicts {candidate.label}, the champion {champion.label}")
    if set(candidate.levels) != set(champion.levels):
        own, theirs = (", ".join(one.levels) or "a number" for one in (candidate, champion))
        faults.append(f"it predicts {own}, the champion {theirs}")
    if candidate.quantiles != champion.quantiles:
        own, theirs = (", ".join(map(str, one.quantiles)) or "none" for one in (candidate, champion))
        faults.append(f"it gives the quantiles {own}, the champion {theirs}")
    if new := sorted(candidate.required - champion.required):
        shown = ", ".join(new[:5]) + (f" and {len(new) - 5} more" if len(new) > 5 else "")
        faults.append(f"callers would have to send {shown} as well")
    return Verdict(rule, not faults, "; ".join(faults) or "same label, no new column")


def _margin(
    gate: Gate, task: str, label: NDArray[np.float64], candidate: Scored, champion: Scored, *, unit: str, seed: int
) -> Verdict:
    assert gate.metric is not None
    against = reordered(champion.predictions, champion.levels, candidate.levels)
    difference, low, high = improvement(
        task,
        gate.metric,
        label,
        candidate.predictions,
        against,
        confidence=gate.confidence,
        resamples=gate.resamples,
        seed=seed,
    )
    wanted, reached = {
        "clearly_better": ("clearly better than", low),
        "better": ("better than", difference),
        "not_clearly_worse": ("not clearly worse than", high),
    }[gate.against_champion]
    # Without a margin, an improvement must be above 0: the same model again is not better.
    strictly = gate.margin == 0 and gate.against_champion != "not_clearly_worse"
    passed = reached > 0 if strictly else reached >= gate.margin
    by = f" by {_amount(gate.margin, unit)}" if gate.margin else ""
    side = "better" if difference >= 0 else "worse"
    why = (
        f"it is {_amount(abs(difference), unit)} {side}; "
        f"{gate.confidence:.0%} interval of the improvement {_amount(low, unit)} to {_amount(high, unit)}"
    )
    if same(candidate.predictions, against):
        why = "it answers every test row as that one does"
    elif not passed and strictly:
        why += ", which must lie above 0" if gate.against_champion == "clearly_better" else ""
    elif not passed:
        why += f": {_amount(gate.margin - reached, unit)} short"
    return Verdict(f"test {gate.metric} {wanted} {champion.name}'s{by}", passed, why)


def _amount(value: float, unit: str) -> str:
    text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.4g}"
    return f"{text} {unit}".strip()
