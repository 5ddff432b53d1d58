"""Charts of predicted levels and their probabilities. Blue: correct, or the model's own; orange: wrong, or a limit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from housing.reporting.scales import Scale, readable
from housing.reporting.svg import (
    ACCENT,
    SERIES_COLOURS,
    Chart,
    Position,
    area,
    axes,
    box,
    dot,
    path,
    rule,
    text,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from housing.tasks.curves import Bin, Curve, Thresholds

_SIZE = 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 72, 24, 58, 48
_WIDTH, _NAME_WIDTH, _BAR = 456, 170, 14
_LONGEST_NAME = 20
_LETTER = 7
_MOST_POINTS = 400
_LEAST_SHOWN, _LEAST_WHOLE = 0.0005, 0.005
_FULLEST = 0.6  # opacity of a cell's colour: text on it must stay readable in the light and the dark theme
_LEAST_CELL, _LARGEST_CELL = 44, 96
_BLUE, _ORANGE, _GREEN = SERIES_COLOURS[0], SERIES_COLOURS[1], SERIES_COLOURS[2]


def side_by_side(
    name: str, title: str, about: str, one: tuple[str, Mapping[str, float]], other: tuple[str, Mapping[str, float]]
) -> Chart:
    """Two bars for each level; `one` and `other` are (name, level -> share of 1), with the same levels."""
    longest = max([*one[1].values(), *other[1].values()], default=0.0) or 1.0
    room = _WIDTH - _NAME_WIDTH - 56
    elements = []
    # The first is paler, so that they are told apart without colours, too.
    looks = (_BLUE, 0.55), (_ORANGE, 1.0)
    for place, ((heading, _), (colour, opacity)) in enumerate(zip((one, other), looks, strict=True)):
        at = _NAME_WIDTH + place * 100
        elements.append(box((at, _TOP - 22), width=12, height=12, colour=colour, title=heading, opacity=opacity))
        elements.append(text((at + 18, _TOP - 12), heading))
    group = 2 * _BAR + 12
    for row, level in enumerate(one[1]):
        top = _TOP + row * group
        elements.append(text((_NAME_WIDTH - 8, top + _BAR + 4), cut(level), anchor="end"))
        for place, ((heading, shares), (colour, opacity)) in enumerate(zip((one, other), looks, strict=True)):
            width, y = max(1.0, room * shares[level] / longest), top + place * _BAR
            words = percent(shares[level])
            told = f"{level}, {heading}: {words}"
            bar = box((_NAME_WIDTH, y), width=width, height=_BAR - 2, colour=colour, title=told, opacity=opacity)
            elements += [bar, text((_NAME_WIDTH + width + 8, y + 10), words, style="quiet")]
    return Chart(name, title, about, _WIDTH, _TOP + group * len(one[1]), elements)


def confusion_matrix(counts: NDArray[np.int64], levels: Sequence[str]) -> Chart:
    """A row for each true level, a column for each predicted one: counts, and shares of the row."""
    cell = max(_LEAST_CELL, min(_LARGEST_CELL, 620 // len(levels)))
    height = max(34, min(48, cell))
    slanted = max(len(cut(level)) for level in levels) * _LETTER > cell
    left, top = _NAME_WIDTH, 164 if slanted else 76
    elements = [
        text((left, 48), "predicted", style="quiet"),
        text((left - 8, top - 8), "true", anchor="end", style="quiet"),
    ]
    for place, level in enumerate(levels):
        elements.append(_heading((left + (place + 0.5) * cell, top - 8), level, slanted=slanted))
        elements.append(text((left - 8, top + (place + 0.5) * height + 4), cut(level), anchor="end"))
    for row, level in enumerate(levels):
        total = int(counts[row].sum())
        for column, predicted in enumerate(levels):
            count = int(counts[row, column])
            share = count / total if total else 0.0
            at = (left + column * cell, top + row * height)
            told = f"true {level}, predicted {predicted}: {count:,} of {total:,} rows ({share:.1%})"
            colour = _BLUE if row == column else _ORANGE
            elements.append(
                box(
                    (at[0] + 1, at[1] + 1),
                    width=cell - 2,
                    height=height - 2,
                    colour=colour if count else "var(--line, #d8dee4)",
                    title=told,
                    opacity=_FULLEST * (0.12 + 0.88 * share) if count else 0.35,
                )
            )
            if count:
                middle = (at[0] + cell / 2, at[1] + height / 2)
                elements.append(text((middle[0], middle[1] - 2), f"{count:,}", anchor="middle"))
                elements.append(text((middle[0], middle[1] + 12), _whole_percent(share), anchor="middle"))
    about = "Rows of each true level by the level predicted, and their share of the row; blue is right, orange wrong."
    width = left + cell * len(levels) + (100 if slanted else _RIGHT)
    return Chart(
        "confusion_matrix", "Confusion matrix", about, max(width, 420), top + height * len(levels) + 8, elements
    )


def roc(curve: Curve, chosen: Position, *, level: str, threshold: float) -> Chart:
    """`chosen` is (false positive rate, recall) of the model at its threshold."""
    x, y = _unit()
    elements = axes(x, y, x_name="false positive rate", y_name="recall")
    elements += _band(curve, x, y)
    elements.append(path([(x(0), y(0)), (x(1), y(1))], colour=_ORANGE, title="by chance", dashed=True))
    points = _few(list(zip(curve.x.tolist(), curve.y.tolist(), strict=True)))
    words = f"AUC {readable(curve.area)}"
    elements.append(path([(x(a), y(b)) for a, b in points], colour=_BLUE, title=words))
    elements.append(_marked((x(chosen[0]), y(chosen[1])), f"threshold {threshold:g}"))
    about = (
        f"{level} against the rest: area (AUC) {readable(curve.area)}, 95% interval {_ends(curve)}. The dot is the "
        f"model's threshold of {threshold:g}, the dashed line a guess by chance."
    )
    return _square("roc", "ROC curve", about, elements)


def precision_recall(curve: Curve, chosen: Position | None, *, level: str, threshold: float, share: float) -> Chart:
    """`chosen` is (recall, precision) at the threshold, None where nothing is; `share` of the rows have the level."""
    x, y = _unit()
    elements = axes(x, y, x_name="recall", y_name="precision")
    elements += _band(curve, x, y)
    elements.append(path([(x(0), y(share)), (x(1), y(share))], colour=_ORANGE, title="by chance", dashed=True))
    steps: list[Position] = []
    before = 0.0
    for recall, precision in _few(list(zip(curve.x.tolist(), curve.y.tolist(), strict=True))):
        steps += [(x(before), y(precision)), (x(recall), y(precision))]
        before = recall
    elements.append(path(steps, colour=_BLUE, title=f"average precision {readable(curve.area)}"))
    if chosen is not None:
        elements.append(_marked((x(chosen[0]), y(chosen[1])), f"threshold {threshold:g}"))
    about = (
        f"{level}: average precision {readable(curve.area)}, 95% interval {_ends(curve)}. The dot is the model's "
        f"threshold of {threshold:g}, the dashed line a guess by chance, which has {share:.1%}."
    )
    return _square("precision_recall", "Precision over recall", about, elements)


def calibration(bins: Sequence[Bin], *, level: str, error: float, brier: float) -> Chart:
    """A dot for each bin of similar probabilities, with the interval of its share."""
    x, y = _unit()
    elements = axes(x, y, x_name=f"probability of {cut(level)}", y_name="share of the rows that have it")
    elements.append(path([(x(0), y(0)), (x(1), y(1))], colour=_ORANGE, title="probability = share", dashed=True))
    most = max(one.rows for one in bins)
    for one in bins:
        told = f"{one.rows:,} rows of mean probability {one.chance:.3f}: {one.share:.1%} have it"
        ends = [(x(one.chance), y(one.low)), (x(one.chance), y(one.high))]
        elements.append(path(ends, colour=_BLUE, title=told, width=1.5))
    elements.append(path([(x(one.chance), y(one.share)) for one in bins], colour=_BLUE, title="calibration"))
    elements += [
        dot(
            (x(one.chance), y(one.share)),
            colour=_BLUE,
            title=f"{one.rows:,} rows of mean probability {one.chance:.3f}: {one.share:.1%} have it",
            radius=round(3 + 5 * (one.rows / most) ** 0.5, 1),
        )
        for one in bins
    ]
    about = (
        f"Expected calibration error {readable(error)}, Brier score {readable(brier)}. A dot is one of ten bins of "
        "probability, the larger the more rows; on the dashed line probabilities are what happens. Lines are 95% "
        "intervals."
    )
    return _square("calibration", "Calibration", about, elements)


def thresholds(found: Thresholds, *, level: str, own: float) -> Chart:
    """Precision, recall and F1 over the threshold; `own` is the model's."""
    x, y = _unit(right=_SIZE + 120)
    elements = axes(x, y, x_name=f"least probability at which {cut(level)} is predicted", y_name="")
    elements.append(rule((x(own), y.start), (x(own), y.end), style="axis"))
    side = "end" if own > 0.6 else "start"
    elements.append(text((x(own) + (-6 if side == "end" else 6), y.end - 8), f"threshold {own:g}", anchor=side))
    legend = x.end + 16
    for place, (name, values, colour) in enumerate(
        (("precision", found.precision, _BLUE), ("recall", found.recall, _ORANGE), ("F1", found.f1, _GREEN))
    ):
        points = [
            (x(at), y(value))
            for at, value in zip(found.threshold.tolist(), values.tolist(), strict=True)
            if not math.isnan(value)
        ]
        row = _TOP + 8 + place * 22
        elements.append(path(points, colour=colour, title=name, width=(2, 2, 3)[place], dashed=place == 1))
        elements.append(path([(legend, row), (legend + 22, row)], colour=colour, dashed=place == 1))
        elements.append(text((legend + 30, row + 4), name))
    about = (
        f"What predicting {level} from another probability on would give; the vertical line is the model's threshold."
    )
    width = round(x.end) + 120
    return Chart("thresholds", "Thresholds", about, width, _TOP + _SIZE + _BOTTOM, elements)


def cut(name: str) -> str:
    """A level shortened to fit an axis; both ends are kept, since levels often differ in their last letters."""
    return name if len(name) <= _LONGEST_NAME else f"{name[:12]}…{name[-7:]}"


def percent(share: float) -> str:
    """A share as a percentage; `<0.1%` rather than 0.0% for a small share above 0."""
    return "<0.1%" if 0 < share < _LEAST_SHOWN else f"{share:.1%}"


def _whole_percent(share: float) -> str:
    return "<1%" if share < _LEAST_WHOLE else f"{share:.0%}"


def _unit(right: float = _SIZE) -> tuple[Scale, Scale]:
    return Scale(0, 1, _LEFT, _LEFT + right), Scale(0, 1, _TOP + _SIZE, _TOP)


def _square(name: str, title: str, about: str, elements: Sequence[str]) -> Chart:
    return Chart(name, title, about, _LEFT + _SIZE + _RIGHT, _TOP + _SIZE + _BOTTOM, elements)


def _band(curve: Curve, x: Scale, y: Scale) -> list[str]:
    upper, lower = (
        [
            (x(at), y(value))
            for at, value in zip(curve.grid.tolist(), side.tolist(), strict=True)
            if not math.isnan(value)
        ]
        for side in (curve.high, curve.low)
    )
    return [area(upper, lower, colour=_BLUE, title="95% of the draws")] if upper else []


def _ends(curve: Curve) -> str:
    return f"{readable(curve.area_low)} to {readable(curve.area_high)}"


def _marked(at: Position, title: str) -> str:
    return dot(at, colour=ACCENT, title=title, radius=6)


def _few(points: Sequence[Position]) -> list[Position]:
    """A few evenly spaced points with both ends: more would not be visible."""
    if len(points) <= _MOST_POINTS:
        return list(points)
    step = (len(points) - 1) / (_MOST_POINTS - 1)
    return [points[round(place * step)] for place in range(_MOST_POINTS)]


def _heading(at: Position, level: str, *, slanted: bool) -> str:
    if not slanted:
        return text(at, level, anchor="middle")
    turned = f'<g transform="rotate(-45 {at[0]:.1f} {at[1]:.1f})">'
    return f"{turned}{text(at, cut(level))}</g>"
