"""The trials of a search as parallel coordinates: in one chart, or in one for each algorithm that is searched."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from housing.reporting.plot import BLUE, HEIGHT, ORANGE, Plot, data
from housing.reporting.scales import readable, without_outliers
from housing.reporting.study_plots import Objective, trial_told, trial_tooltip
from housing.tuning.leaderboard import Row
from housing.tuning.space import ALGORITHM, Categorical, Distribution, SearchSpace, is_nested

_FOOT = -0.12
_AXIS_WIDTH = 104
_LINE = 14
_MOST_LINES = 300


def parallel_coordinates(rows: Sequence[Row], space: SearchSpace, objectives: Sequence[Objective]) -> list[Plot]:
    """A line per trial through its parameters and objectives. A parameter that it does not have is at the foot of its
    axis. Of a search among algorithms a chart for each that was tried at least twice.
    """
    complete = [row for row in rows if row.state == "complete"][:_MOST_LINES]
    ends = list(_objective_axes(complete, objectives))
    if not is_nested(space):
        return [_chart("", complete, [*_axes(space, complete), *ends], objectives)]
    tried = sorted({str(row.parameters.get(ALGORITHM)) for row in complete})
    return [
        _chart(name, own, [*_axes(_own_part(name, space), own), *ends], objectives)
        for name in tried
        if len(own := [row for row in complete if row.parameters.get(ALGORITHM) == name]) > 1
    ]


def _chart(algorithm: str, rows: Sequence[Row], axes: Sequence[_Axis], objectives: Sequence[Objective]) -> Plot:
    """The trials of one algorithm, or all of them where there is no choice of one (empty)."""
    last = max(1, len(rows) - 1)
    points, ticks, has_foot = [], [], False
    for place, row in enumerate(rows):
        values = {**row.parameters, **dict(zip((o.name for o in objectives), row.values or (), strict=False))}
        for axis in axes:
            has_foot = has_foot or axis.name not in values
            at = axis.place(values[axis.name]) if axis.name in values else _FOOT
            points.append({**trial_told(row), "axis": axis.name, "place": at, "merit": 1 - place / last})
    for axis in axes:
        ticks += [{"axis": axis.name, "place": at, "text": text} for text, at in axis.ticks()]
    about = "Each line is a trial, the stronger the better; hovering highlights one, a click keeps it."
    if has_foot:
        about += " A line at the foot of an axis does not have that parameter."
    names = {axis.name: _lines(axis.name.removeprefix(f"{algorithm}.")) for axis in axes}
    x = {
        "field": "axis",
        "type": "nominal",
        "sort": None,
        "title": None,
        "scale": {"padding": 0.35},
        "axis": {
            "orient": "top",
            "labelAngle": 0,
            "labelLimit": _AXIS_WIDTH - 4,
            "labelExpr": f"({json.dumps(names)})[datum.value]",
            "labelPadding": 14 * max(map(len, names.values()), default=1),
            **dict.fromkeys(("grid", "domain", "ticks"), False),
        },
    }
    y = {
        "field": "place",
        "type": "quantitative",
        "axis": None,
        "scale": {"domain": [_FOOT - 0.03 if has_foot else -0.03, 1.03]},
    }
    strong = {"or": [{"param": "over", "empty": False}, {"param": "kept", "empty": False}]}
    return Plot(
        f"parallel_coordinates_{algorithm}" if algorithm else "parallel_coordinates",
        f"Parallel coordinates: {algorithm}" if algorithm else "Parallel coordinates",
        about,
        {
            "layer": [
                {
                    "data": data([{"axis": axis.name, "low": 0.0, "high": 1.0} for axis in axes]),
                    "mark": {"type": "rule", "aria": False, "color": "var(--quiet)"},
                    "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}},
                },
                {
                    "data": data(points),
                    "params": [
                        {"name": "over", "select": {"type": "point", "fields": ["trial"], "on": "pointerover"}},
                        {"name": "kept", "select": {"type": "point", "fields": ["trial"]}},
                    ],
                    "mark": {"type": "line", "strokeJoin": "round"},
                    "encoding": {
                        "x": x,
                        "y": y,
                        "detail": {"field": "trial"},
                        "order": {"field": "axis", "sort": None},
                        "color": {"condition": {"test": strong, "value": ORANGE}, "value": BLUE},
                        "size": {"condition": {"test": strong, "value": 4}, "value": 1.5},
                        "opacity": {
                            "condition": {"test": strong, "value": 1},
                            "field": "merit",
                            "type": "quantitative",
                            "legend": None,
                            "scale": {"type": "pow", "exponent": 2, "domain": [0, 1], "range": [0.3, 1]},
                        },
                        "tooltip": trial_tooltip(*objectives),
                    },
                },
                *(
                    {
                        "data": data(ticks),
                        "mark": {"type": "text", "align": "left", "dx": 5, "fontSize": 11, **style},
                        "encoding": {"x": x, "y": y, "text": {"field": "text"}},
                    }
                    for style in ({"stroke": "var(--paper)", "strokeWidth": 4}, {"color": "var(--ink)"})
                ),
            ],
        },
        height=HEIGHT + 40,
        least_width=_AXIS_WIDTH * len(axes),
    )


def _lines(name: str) -> list[str]:
    """A long name split after underscores or dots into lines that fit above an axis."""
    lines = [""]
    for word in re.findall(r"[^_.]*[_.]?", name):
        if lines[-1] and len(lines[-1]) + len(word) > _LINE:
            lines.append("")
        lines[-1] += word
    return lines


@dataclass(frozen=True)
class _Axis:
    """A range, or choices without an order."""

    name: str
    low: float = 0.0
    high: float = 1.0
    log: bool = False
    choices: Sequence[object] | None = None

    def place(self, value: object) -> float:
        """The position from 0, at the foot of the axis, to 1; values beyond the range are placed at its ends."""
        if self.choices is not None:
            return (self.choices.index(value) + 0.5) / len(self.choices)
        assert isinstance(value, int | float)
        low, high, at = (math.log(v) if self.log else v for v in (self.low, self.high, max(value, self.low)))
        return min(1.0, (at - low) / (high - low)) if high > low else 0.5

    def ticks(self) -> list[tuple[str, float]]:
        if self.choices is not None:
            return [(readable(choice), self.place(choice)) for choice in self.choices]
        middle = (self.low * self.high) ** 0.5 if self.log else (self.low + self.high) / 2
        return [(readable(value), self.place(value)) for value in (self.low, middle, self.high)]


def _own_part(algorithm: str, space: SearchSpace) -> SearchSpace:
    """What is searched where this algorithm is chosen."""
    return {
        name: each
        for name, each in space.items()
        if name != ALGORITHM and ("." not in name or name.startswith(f"{algorithm}."))
    }


def _axes(space: SearchSpace, rows: Sequence[Row]) -> Iterator[_Axis]:
    return (_axis(name, distribution, rows) for name, distribution in space.items())


def _axis(name: str, distribution: Distribution, rows: Sequence[Row]) -> _Axis:
    """A parameter's axis. A configured point outside of the space is placed at the end of a range, or as an extra
    choice.
    """
    if isinstance(distribution, Categorical):
        tried = [row.parameters[name] for row in rows if name in row.parameters]
        return _Axis(name, choices=tuple(dict.fromkeys([*distribution.choices, *tried])))
    return _Axis(name, distribution.low, distribution.high, log=distribution.log)


def _objective_axes(complete: Sequence[Row], objectives: Sequence[Objective]) -> Iterator[_Axis]:
    for i, objective in enumerate(objectives):
        values = [row.values[i] for row in complete if row.values]
        shown = without_outliers(values, lower_is_better=objective.lower_is_better) or [0.0]
        yield _Axis(objective.name, min(shown), max(shown))
