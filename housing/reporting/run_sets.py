"""Sets of runs side by side: best, mean with its interval, and whether one set is better. Pure computation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev, variance

from housing.reporting.comparison import Value
from housing.reporting.page import Cell, Grid, Page, Part
from housing.reporting.plot import COLOURS, Plot, data, number, told
from housing.reporting.scales import readable
from housing.reporting.study_plots import Objective
from housing.tasks.interval import student_t

_LEAST_PAIRS = 3
_MOST_VALUES = 6


@dataclass(frozen=True)
class SetRun:
    """One run. `pair` identifies its counterpart in another set, such as by seed; None where it has none."""

    id: str
    name: str
    value: float
    parameters: Mapping[str, Value]
    pair: str | None = None


@dataclass(frozen=True)
class RunSet:
    """At least one run with a value of the objective, best first. `splits` are digests of how their rows were split."""

    name: str
    runs: tuple[SetRun, ...]
    splits: frozenset[str | None]

    @property
    def mean(self) -> float:
        return fmean(run.value for run in self.runs)

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % confidence interval of the mean, by Student's t; None for a single run."""
        if len(self.runs) < 2:
            return None
        values = [run.value for run in self.runs]
        away = student_t(0.025, len(values) - 1) * stdev(values) / math.sqrt(len(values))
        return self.mean - away, self.mean + away


@dataclass(frozen=True)
class SetDifference:
    """How much better the mean of `name` is than that of `first`, with the 95 % interval from `low` to `high`.

    Both ends are NaN where a set has one run. `paired`: over `pairs` of runs that share a seed.
    """

    name: str
    first: str
    better_by: float
    low: float
    high: float
    pairs: int

    @property
    def verdict(self) -> str:
        """The result in a few words."""
        if math.isnan(self.low):
            return "one run says nothing about chance"
        if self.low <= 0 <= self.high:
            return "tie"
        return "better" if self.low > 0 else "worse"


def difference(one: RunSet, first: RunSet, *, lower_is_better: bool) -> SetDifference:
    """The difference of two means: paired where every run has a counterpart in the other set, else by Welch's t."""
    sign = -1 if lower_is_better else 1
    own, theirs = ({run.pair: sign * run.value for run in each.runs} for each in (one, first))
    by_pair = own.keys() == theirs.keys() and None not in own and len(own) == len(one.runs) == len(first.runs)
    if by_pair and len(own) >= _LEAST_PAIRS:
        gains = [own[pair] - theirs[pair] for pair in own]
        away = student_t(0.025, len(gains) - 1) * stdev(gains) / math.sqrt(len(gains))
        return SetDifference(one.name, first.name, fmean(gains), fmean(gains) - away, fmean(gains) + away, len(gains))
    better_by = sign * (one.mean - first.mean)
    if min(len(one.runs), len(first.runs)) < 2:
        return SetDifference(one.name, first.name, better_by, math.nan, math.nan, 0)
    errors = [variance([run.value for run in each.runs]) / len(each.runs) for each in (one, first)]
    total = sum(errors)
    spread = sum(error**2 / (len(each.runs) - 1) for error, each in zip(errors, (one, first), strict=True))
    away = student_t(0.025, total**2 / spread) * math.sqrt(total) if spread else 0.0
    return SetDifference(one.name, first.name, better_by, better_by - away, better_by + away, 0)


def parameters_apart(sets: Sequence[RunSet]) -> dict[str, list[str]]:
    """For every parameter whose values are not the same in all sets: the values of each set, as text."""
    names = dict.fromkeys(name for each in sets for run in each.runs for name in run.parameters)
    found = {name: [_values([run.parameters.get(name) for run in each.runs]) for each in sets] for name in names}
    return {name: values for name, values in found.items() if len(set(values)) > 1}


def incomparable(sets: Sequence[RunSet]) -> str | None:
    """Why the sets' values cannot be compared; None when they can."""
    if len({split for each in sets for split in each.splits}) < 2:
        return None
    return "not comparable: these runs were judged on different rows, so their values do not say which set is better"


def sets_page(sets: Sequence[RunSet], differences: Sequence[SetDifference], objective: Objective) -> str:
    """Tables of sets, differences and parameters, and every run as a dot."""
    best = min(sets, key=lambda each: each.mean if objective.lower_is_better else -each.mean)
    parts: list[Part] = [
        Grid(
            "Sets",
            f"{objective.title} of every finished run; the interval is that of the mean.",
            ("set", "runs", "best", "mean", "95% interval"),
            [
                [
                    Cell(each.name),
                    Cell(f"{len(each.runs):,}", number=True),
                    Cell(readable(each.runs[0].value), number=True),
                    Cell(readable(each.mean), number=True, best=each is best),
                    Cell(between(each.interval), number=True),
                ]
                for each in sets
            ],
        ),
        Grid(
            "Differences",
            "How much better the mean of a set is than that of the first, and whether chance explains it.",
            ("set", "against", "better by", "95% interval", "how", "verdict"),
            [
                [
                    Cell(each.name),
                    Cell(each.first),
                    Cell(readable(each.better_by), number=True),
                    Cell(between((each.low, each.high)), number=True),
                    Cell(f"{each.pairs} pairs of the same seed" if each.pairs else "Welch's t"),
                    Cell(each.verdict),
                ]
                for each in differences
            ],
        ),
        _dots(sets, objective),
    ]
    if apart := parameters_apart(sets):
        rows = [[Cell(name), *map(Cell, values)] for name, values in apart.items()]
        parts.append(Grid("Parameters that differ", "", ("", *(each.name for each in sets)), rows))
    runs = [
        [Cell(each.name), Cell(run.name), Cell(readable(run.value), number=True, value=run.value), Cell(run.id)]
        for each in sets
        for run in each.runs
    ]
    parts.append(Grid("Runs", "", ("set", "run", objective.title, "run id"), runs, sortable=True, folded=True))
    warning = incomparable(sets)
    lead = [f"{len(sets)} sets, {len(runs):,} runs."]
    return Page("Comparison of sets of runs", lead, parts, [warning] if warning else []).html()


def between(ends: tuple[float, float] | None) -> str:
    """An interval as text; a dash where there is none."""
    return "-" if ends is None or math.isnan(ends[0]) else f"{readable(ends[0])} to {readable(ends[1])}"


def _dots(sets: Sequence[RunSet], objective: Objective) -> Plot:
    names = [each.name for each in sets]
    dots = [
        {"set": each.name, "value": run.value, "run": run.name, "told": readable(run.value)}
        for each in sets
        for run in each.runs
    ]
    means = [{"set": each.name, "value": each.mean} for each in sets]
    y = {"field": "set", "type": "nominal", "title": None, "sort": names, "axis": {"labelLimit": 180, "ticks": False}}
    x = number("value", objective.title)
    colours = {"domain": names, "range": [COLOURS[i % len(COLOURS)] for i in range(len(names))]}
    colour = {"field": "set", "type": "nominal", "legend": None, "scale": colours}
    tooltip = told(("run", "run"), ("told", objective.title))
    return Plot(
        "sets",
        "Every run",
        "A dot is a run, the tick the mean of its set.",
        {
            "layer": [
                {
                    "data": data(dots),
                    "mark": {"type": "point", "filled": True, "size": 50, "opacity": 0.6},
                    "encoding": {"x": x, "y": y, "color": colour, "tooltip": tooltip},
                },
                {
                    "data": data(means),
                    "mark": {"type": "tick", "color": "var(--ink)", "thickness": 2, "height": {"band": 0.6}},
                    "encoding": {"x": x, "y": y},
                },
            ]
        },
        height=max(90, 46 * len(sets)),
    )


def _values(values: Sequence[Value]) -> str:
    different = sorted({value for value in values if value is not None}, key=lambda v: (isinstance(v, str), v))
    absent = ["none"] if any(value is None for value in values) else []
    numbers = [value for value in different if not isinstance(value, str | bool)]
    if len(different) > _MOST_VALUES and len(numbers) == len(different):
        return " or ".join([f"{readable(numbers[0])} to {readable(numbers[-1])}", *absent])
    shown = [readable(value) for value in different[:_MOST_VALUES]]
    more = [f"{len(different) - len(shown):,} more"] if len(different) > len(shown) else []
    return ", ".join([*shown, *more, *absent])
