"""Charts of a search: by trial, by parameter, over time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from housing.reporting.plot import BLUE, ORANGE, Plot, data, number, told, within
from housing.reporting.scales import readable, without_outliers
from housing.tuning.leaderboard import Row
from housing.tuning.space import Categorical, Int, SearchSpace

_MOST_TICKS = 5
_MOST_LETTERS = 24
"""So many letters of all choices fit side by side below a small chart."""
_STATES = ("complete", "pruned", "failed", "interrupted")
_STATE_COLOURS = ("#0072b2", "#b07d00", "#d55e00", "#6b7280")
_STATE_SHAPES = ("circle", "triangle-down", "cross", "diamond")


@dataclass(frozen=True)
class Objective:
    """A study's objective; `title` names it with its unit."""

    name: str
    title: str
    direction: Literal["minimize", "maximize"]

    @property
    def lower_is_better(self) -> bool:
        return self.direction == "minimize"


def optimisation_history(rows: Sequence[Row], objective: Objective) -> Plot:
    """The objective of every trial by number, and the best value so far."""
    values = [row.values[0] for row in rows if row.values and row.state == "complete"]
    shown = without_outliers(values, lower_is_better=objective.lower_is_better)
    domain = within(shown)
    edge = domain[1] if objective.lower_is_better else domain[0]
    points, best = [], None
    for row in sorted(rows, key=lambda each: each.number):
        value = row.values[0] if row.values else None
        if value is not None and row.state == "complete" and math.isfinite(value):
            better = best is None or (value < best if objective.lower_is_better else value > best)
            best = value if better else best
        drawn = edge if value is None or not math.isfinite(value) else min(max(value, domain[0]), domain[1])
        points.append({**trial_told(row), "number": row.number, "drawn": drawn, "best": best})
    about = "Each point is a trial, the line is the best so far."
    if len({row.state for row in rows}) > 1:
        about += " Click a state in the legend to see it alone."
    if len(shown) < len(values):
        about += " Values far worse than the rest are drawn at the edge."
    trial = number("number", "trial", scale={"nice": False, "padding": 12}, axis={"tickMinStep": 1, "format": ",d"})
    y = {"type": "quantitative", "title": objective.title, "scale": {"domain": domain, "nice": False}}
    state = _by_state(rows, _STATE_COLOURS)
    shapes = _by_state(rows, _STATE_SHAPES)
    return Plot(
        "optimisation_history",
        "Optimisation history",
        about,
        {
            "data": data(points),
            "layer": [
                {
                    "mark": {"type": "line", "interpolate": "step-after", "color": ORANGE, "strokeWidth": 2},
                    "encoding": {"x": trial, "y": {"field": "best", **y}},
                },
                {
                    "params": [{"name": "chosen", "select": {"type": "point", "fields": ["state"]}, "bind": "legend"}],
                    "mark": {"type": "point", "size": 70, "filled": True},
                    "encoding": {
                        "x": trial,
                        "y": {"field": "drawn", **y},
                        "color": state,
                        "shape": shapes,
                        "opacity": {"condition": {"param": "chosen", "value": 1}, "value": 0.08},
                        "tooltip": trial_tooltip(objective),
                    },
                },
            ],
        },
    )


def slices(rows: Sequence[Row], space: SearchSpace, objective: Objective) -> list[Plot]:
    """For each parameter of which several values were tried, the objective over them."""
    complete = [row for row in rows if row.state == "complete" and row.values]
    shown = without_outliers(
        [row.values[0] for row in complete if row.values], lower_is_better=objective.lower_is_better
    )
    low, high = within(shown)
    found = []
    for name, distribution in space.items():
        points = [
            {**trial_told(row), "value": row.parameters[name], "drawn": min(max(row.values[0], low), high)}
            for row in complete
            if row.values and name in row.parameters
        ]
        x: dict[str, Any] = {"field": "value", "title": name}
        if isinstance(distribution, Categorical):
            slanted = sum(len(str(choice)) for choice in distribution.choices) > _MOST_LETTERS
            x |= {"type": "nominal", "axis": {"labelAngle": -35 if slanted else 0, "labelLimit": 90}}
        else:
            x |= {"type": "quantitative", "scale": {"zero": False, "type": "log" if distribution.log else "linear"}}
            x["axis"] = {"tickCount": 4, "grid": not distribution.log}
            if isinstance(distribution, Int):
                x["axis"] |= {
                    "values": _few(int(row.parameters[name]) for row in complete if name in row.parameters),
                    "format": ",d",
                }
        spec = {
            "data": data(points),
            "mark": {"type": "point", "filled": True, "size": 45, "color": BLUE},
            "encoding": {
                "x": x,
                "y": {"field": "drawn", "type": "quantitative", "title": objective.title}
                | {"scale": {"domain": [low, high], "zero": False}, "axis": {"tickCount": 4}},
                "opacity": {"field": "number", "type": "quantitative", "legend": None, "scale": {"range": [0.4, 1]}},
                "tooltip": trial_tooltip(objective),
            },
        }
        if len({str(point["value"]) for point in points}) > 1:
            found.append(Plot(f"slice_{name}", name, f"{objective.title} over {name}.", spec, height=190))
    return found


def _few(values: Iterable[int]) -> list[int]:
    """At most five of the values, from the lowest to the highest."""
    tried = sorted(set(values))
    step = max(1, -(-(len(tried) - 1) // (_MOST_TICKS - 1)))
    return tried[::step]


def timeline(rows: Sequence[Row], spans: Mapping[int, tuple[float, float]]) -> Plot:
    """A bar per trial from its start to its end, in seconds since the first one started."""
    bars = [
        {**trial_told(row), "number": row.number, "from": spans[row.number][0], "to": spans[row.number][1]}
        for row in sorted(rows, key=lambda each: each.number)
        if row.number in spans
    ]
    return Plot(
        "timeline",
        "Timeline",
        "When each trial ran: bars above each other ran at the same time.",
        {
            "data": data(bars),
            "mark": {"type": "bar", "cornerRadius": 2, "height": {"band": 0.8}},
            "encoding": {
                "x": number("from", "seconds since the first trial began", scale={"nice": False}),
                "x2": {"field": "to"},
                "y": {"field": "number", "type": "ordinal", "title": "trial"}
                | {"axis": {"labelOverlap": True, "ticks": False}},
                "color": _by_state(rows, _STATE_COLOURS),
                "tooltip": told(("trial", "trial"), ("state", "state"), ("seconds", "seconds")),
            },
        },
        height=max(120, min(600, 14 * len(bars))),
    )


def trial_told(row: Row) -> dict[str, object]:
    """The fields of a trial's tooltip."""
    values = ", ".join(map(readable, row.values or ()))
    parameters = ", ".join(f"{name} {readable(value)}" for name, value in row.parameters.items())
    return {
        "trial": f"t{row.number:02d}",
        "rank": readable(row.rank),
        "values": values,
        "parameters": parameters,
        "state": row.state,
        "seconds": readable(row.seconds),
        "number": row.number,
    }


def trial_tooltip(*objectives: Objective) -> list[dict[str, str]]:
    return told(
        ("trial", "trial"),
        ("rank", "rank"),
        ("values", ", ".join(objective.title for objective in objectives)),
        ("parameters", "parameters"),
        ("state", "state"),
        ("seconds", "seconds"),
    )


def _by_state(rows: Sequence[Row], looks: Sequence[str]) -> dict[str, Any]:
    """An encoding channel by state, without a legend where there is only one state."""
    used = [state for state in _STATES if state in {row.state for row in rows}]
    scale = {"domain": used, "range": [looks[_STATES.index(state)] for state in used]}
    channel = {"field": "state", "type": "nominal", "title": None, "scale": scale}
    return channel if len(used) > 1 else {**channel, "legend": None}
