"""Charts of one model: its learning curves, which columns matter, and its errors for a numeric label."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from housing.reporting.plot import BLUE, COLOURS, ORANGE, Plot, data, number, told, within
from housing.reporting.scales import readable, without_outliers

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_BAR = 24
_MOST_DOTS = 1000
_MOST_ROUNDS = 500
_LONGEST_NAME = 40
_LETTER = 7


@dataclass(frozen=True)
class Series:
    """One value per round, counted from 0; `kept` is the round of the model that was kept."""

    name: str
    values: Sequence[float]
    kept: int | None = None


def learning_curves(title: str, metric: str, series: Sequence[Series], *, lower_is_better: bool = True) -> Plot:
    """The metric of every round; a dot marks the round that was kept. `metric` is named with its unit."""
    shown = without_outliers([v for each in series for v in each.values], lower_is_better=lower_is_better)
    low, high = within(shown)
    points = []
    names = _short([each.name for each in series])
    for name, each in zip(names, series, strict=True):
        step = max(1, -(-len(each.values) // _MOST_ROUNDS))
        for place, value in enumerate(each.values):
            if place % step == 0 or place in (each.kept, len(each.values) - 1):
                kept = place == each.kept
                at = {"round": place + 1, "value": value, "told": readable(value), "kept": kept}
                points.append({"line": name, "job": each.name, **at})
    colour = {
        "field": "line",
        "type": "nominal",
        "title": None,
        "scale": {"domain": names, "range": [COLOURS[i % len(COLOURS)] for i in range(len(names))]},
        "legend": {"orient": "bottom", "columns": 3, "symbolType": "stroke", "symbolStrokeWidth": 3},
    }
    dashes = {**colour, "scale": {"domain": names, "range": [[1, 0], [6, 3], [2, 2], [8, 3, 2, 3]] * 2}}
    x = number("round", "round", axis={"tickMinStep": 1, "format": ",d"}, scale={"nice": False})
    y = number("value", metric, scale={"domain": [low, high]})
    shared = {"x": x, "y": y, "color": colour}
    return Plot(
        "learning_curves",
        title,
        "One line per job; the dot marks the round that was kept. Click a name in the legend to see it alone.",
        {
            "data": data(points),
            "layer": [
                {
                    "params": [{"name": "alone", "select": {"type": "point", "fields": ["line"]}, "bind": "legend"}],
                    "mark": {"type": "line", "clip": True, "strokeWidth": 2},
                    "encoding": {
                        **shared,
                        "strokeDash": dashes,
                        "opacity": {"condition": {"param": "alone", "value": 1}, "value": 0.08},
                    },
                },
                {
                    "mark": {"type": "point", "filled": True, "clip": True},
                    "encoding": {
                        **shared,
                        "size": {"condition": {"test": "datum.kept", "value": 90}, "value": 30},
                        # The other dots are invisible and only serve as targets for the tooltip.
                        "opacity": {"condition": {"test": "datum.kept", "value": 1}, "value": 0},
                        "tooltip": told(("job", "job"), ("round", "round"), ("told", metric)),
                    },
                },
            ],
        },
    )


def _short(names: Sequence[str]) -> list[str]:
    """The first word of each name (`t03` of `t03 eta=0.10`) where these are unique, else the names."""
    first = [name.split(" ", 1)[0] for name in names]
    return first if len(set(first)) == len(first) else list(names)


def shares(
    name: str,
    title: str,
    about: str,
    values: Mapping[str, float],
    *,
    of: str,
    ranges: Mapping[str, str] | None = None,
) -> Plot:
    """A bar for each share of 1, in the order given; `of` is what they are shares of, `ranges` stand behind them."""
    texts = {key: f"{share:.1%} {ranges[key] if ranges else ''}".strip() for key, share in values.items()}
    bars = [{"name": key, "share": share, "told": texts[key]} for key, share in values.items()]
    letters = max(map(len, texts.values()), default=0)
    y = {"field": "name", "type": "nominal", "sort": None, "title": None, "axis": {"labelLimit": 190, "ticks": False}}
    x: dict[str, Any] = {"field": "share", "type": "quantitative", "title": of, "axis": {"format": "%"}}
    highest = max(values.values(), default=1.0) or 1.0
    scale = {"domain": [0, highest], "nice": False, "rangeMax": {"expr": f"width - {_LETTER * letters + 8}"}}
    return Plot(
        name,
        title,
        about,
        {
            "data": data(bars),
            "encoding": {"x": {**x, "scale": scale}, "y": y},
            "layer": [
                {"mark": {"type": "bar", "color": BLUE, "cornerRadiusEnd": 2, "height": {"band": 0.7}}},
                {
                    "mark": {"type": "text", "align": "left", "dx": 5, "color": "var(--ink)"},
                    "encoding": {"text": {"field": "told"}},
                },
            ],
        },
        height=max(80, _BAR * len(values)),
    )


@dataclass(frozen=True, eq=False)
class Answered:
    """The true and the predicted values of rows, both (rows,) in the label's unit.

    `name` says which row an index stands for; `about` is the label as an axis names it, with its unit.
    """

    about: str
    true: NDArray[np.float64]
    predicted: NDArray[np.float64]
    name: Callable[[int], str]

    def take(self, places: NDArray[np.int64]) -> Answered:
        """The rows at these indices."""
        return Answered(self.about, self.true[places], self.predicted[places], lambda row: self.name(int(places[row])))

    @property
    def about_dots(self) -> str:
        """What a dot is, in words."""
        step = self._step
        return "One dot per row" if step == 1 else f"One dot for every {step:,} of the {len(self.true):,} rows"

    @property
    def dots(self) -> list[dict[str, object]]:
        """Evenly spaced rows; more could not be told apart."""
        step = self._step
        pairs = zip(self.true[::step].tolist(), self.predicted[::step].tolist(), strict=True)
        return [
            {"row": self.name(place * step), "true": true, "predicted": predicted, "error": predicted - true}
            | {"told true": readable(true), "told predicted": readable(predicted)}
            | {"told error": readable(predicted - true)}
            for place, (true, predicted) in enumerate(pairs)
        ]

    @property
    def _step(self) -> int:
        return max(1, -(-len(self.true) // _MOST_DOTS))


_TOLD = told(("row", "row"), ("told true", "true"), ("told predicted", "predicted"), ("told error", "error"))
_DOT = {"type": "point", "filled": True, "size": 28, "opacity": 0.5, "color": BLUE}


_NO_ERROR = {
    "mark": {"type": "rule", "aria": False, "color": ORANGE},
    "encoding": {"y": {"datum": 0}},
    "data": {"values": [{}]},
}


def predicted_against_true(answered: Answered, *, part: str) -> Plot:
    """A dot per row; a perfect model's dots all lie on the line."""
    import numpy as np

    values = np.concatenate([answered.true, answered.predicted])
    finite = values[np.isfinite(values)]
    low, high = within([finite.min(), finite.max()] if len(finite) else [])
    scale = {"domain": [low, high], "nice": False}
    ends = [{"true": low, "predicted": low}, {"true": high, "predicted": high}]
    encoding = {
        "x": number("true", f"true {answered.about}", scale=scale),
        "y": number("predicted", f"predicted {answered.about}", scale=scale),
    }
    return Plot(
        "predicted_against_true",
        "Predicted against true",
        f"{answered.about_dots} of the {part} part; on the line the prediction is exact.",
        {
            "layer": [
                {"data": data(answered.dots), "mark": _DOT, "encoding": {**encoding, "tooltip": _TOLD}},
                {"data": data(ends), "mark": {"type": "line", "color": ORANGE}, "encoding": encoding},
            ]
        },
        height=400,
    )


def residuals(answered: Answered, *, part: str) -> Plot:
    """The error of each row against the prediction."""
    return Plot(
        "residuals",
        "Errors over predictions",
        f"{answered.about_dots} of the {part} part; above the line the model predicts too much, below it too little.",
        {
            "layer": [
                {
                    "data": data(answered.dots),
                    "mark": _DOT,
                    "encoding": {
                        "x": number("predicted", f"predicted {answered.about}"),
                        "y": number("error", f"predicted - true, {answered.about}"),
                        "tooltip": _TOLD,
                    },
                },
                _NO_ERROR,
            ]
        },
    )


def residuals_by_decile(answered: Answered, *, part: str) -> Plot:
    """The errors by decile of the prediction."""
    import numpy as np

    order = np.argsort(answered.predicted, kind="stable")
    groups = []
    for rank, rows in enumerate(np.array_split(order, min(10, len(order))), start=1):
        errors, predicted = answered.predicted[rows] - answered.true[rows], answered.predicted[rows]
        low, quarter, middle, three, high = np.quantile(errors, [0.1, 0.25, 0.5, 0.75, 0.9]).tolist()
        groups.append(
            {"decile": rank, "low": low, "quarter": quarter, "middle": middle, "three": three, "high": high}
            | {"rows": len(rows), "told middle": readable(middle), "told mae": readable(float(np.abs(errors).mean()))}
            | {"range": f"{readable(float(predicted.min()))} to {readable(float(predicted.max()))}"}
        )
    x = {"field": "decile", "type": "ordinal", "title": "tenth of the rows, by prediction", "axis": {"labelAngle": 0}}
    tooltip = told(
        ("decile", "tenth"),
        ("range", "predicted"),
        ("rows", "rows"),
        ("told middle", "median error"),
        ("told mae", "mean absolute error"),
    )
    y = f"predicted - true, {answered.about}"
    return Plot(
        "residuals_by_decile",
        "Errors by tenths of the predictions",
        f"Rows of the {part} part from the lowest predictions to the highest: the line spans eight rows of ten, the "
        "box the middle half, the tick is the median.",
        {
            "data": data(groups),
            "layer": [
                {
                    "mark": {"type": "rule", "aria": False, "color": "var(--quiet)"},
                    "encoding": {"x": x, "y": number("low", y), "y2": {"field": "high"}},
                },
                {
                    "mark": {"type": "bar", "color": BLUE, "width": {"band": 0.55}, "opacity": 0.85},
                    "encoding": {"x": x, "y": number("quarter", y), "y2": {"field": "three"}, "tooltip": tooltip},
                },
                {
                    "mark": {"type": "tick", "color": "var(--paper)", "thickness": 2, "width": {"band": 0.55}},
                    "encoding": {"x": x, "y": number("middle", y)},
                },
                _NO_ERROR,
            ],
        },
    )
