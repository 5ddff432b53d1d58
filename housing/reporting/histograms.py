"""Small histograms, side by side, that compare rows of training with those of an endpoint, column by column."""

from __future__ import annotations

from collections.abc import Sequence

from housing.monitoring.drift import Bin, ColumnDrift
from housing.reporting.class_charts import percent
from housing.reporting.svg import ACCENT, SERIES_COLOURS, Chart, box, path, rule, text

_WIDTH, _HEIGHT, _TOP, _FOOT = 300, 190, 36, 22
_MOST_LEVELS = 7
_LONGEST_LEVEL = 15
_NAME, _ROW = 104, 18
_BLUE = SERIES_COLOURS[0]


def histogram(column: ColumnDrift, *, name: str) -> Chart:
    """Bars show training rows, the line or the ticks those that the endpoint saw, both as shares."""
    elements = _ranges(column.shape) if column.is_numeric else _levels(column.shape)
    drifted = f", drifted: {', '.join(column.faults)}" if column.faults else ""
    height = _HEIGHT if column.is_numeric else _TOP + _ROW * min(len(column.shape), _MOST_LEVELS + 1) + 6
    return Chart(name, column.column, f"distance {column.psi:.3f}{drifted}", _WIDTH, height, elements)


def _ranges(shape: Sequence[Bin]) -> list[str]:
    """Numbers from left to right; missing cells apart on the right."""
    missing = [one for one in shape if one.name == "(missing)"]
    shown = [one for one in shape if one.name != "(missing)"]
    highest = max([*(one.trained for one in shape), *(one.seen for one in shape)]) or 1.0
    floor, room = _HEIGHT - _FOOT, _HEIGHT - _FOOT - _TOP - 4
    width = (_WIDTH - 12 - (34 if missing else 0)) / len(shown)
    elements, line = [rule((6, floor), (_WIDTH - 6, floor), style="axis")], []
    for place, one in enumerate(shown):
        at = 6 + place * width
        elements.append(_bar(one, (at + 0.5, floor), width - 1, room / highest))
        height = floor - room * one.seen / highest
        line += [(at, height), (at + width, height)]
    elements.append(path(line, colour=ACCENT, title="endpoint", width=2))
    if missing:
        at = _WIDTH - 34.0
        elements.append(_bar(missing[0], (at, floor), 24, room / highest))
        height = floor - room * missing[0].seen / highest
        elements.append(path([(at, height), (at + 24, height)], colour=ACCENT, title="endpoint", width=2))
        elements.append(text((at + 12, floor + 15), "missing", anchor="middle", style="quiet"))
    elements.append(text((6, floor + 15), shown[0].name, style="quiet"))
    end = _WIDTH - (62 if missing else 6)
    elements.append(text((end, floor + 15), shown[-1].name, anchor="end", style="quiet"))
    return elements


def _levels(shape: Sequence[Bin]) -> list[str]:
    """A bar for each of the levels with most rows; the others together."""
    rest = "(all others)"
    ordered = sorted(shape, key=lambda one: (one.name == rest, -max(one.trained, one.seen)))
    most = [one.name for one in ordered[:_MOST_LEVELS]]
    shown = [one for one in shape if one.name in most]
    others = [one for one in shape if one.name not in most]
    if others:
        shown.append(Bin(rest, sum(one.trained for one in others), sum(one.seen for one in others)))
    highest = max([*(one.trained for one in shown), *(one.seen for one in shown)]) or 1.0
    room, elements = _WIDTH - _NAME - 8, []
    for place, one in enumerate(shown):
        top = _TOP + place * _ROW
        length, end = room * one.trained / highest, _NAME + room * one.seen / highest
        elements.append(text((_NAME - 6, top + 12), _cut(one.name), anchor="end"))
        elements.append(
            box((_NAME, top + 3), width=max(1.0, length), height=_ROW - 6, colour=_BLUE, title=_told(one), opacity=0.55)
        )
        elements.append(path([(end, top + 1), (end, top + _ROW - 1)], colour=ACCENT, title=_told(one), width=3))
    return elements


def _bar(one: Bin, foot: tuple[float, float], width: float, scale: float) -> str:
    height = one.trained * scale
    at = (foot[0], foot[1] - height)
    return box(at, width=max(0.5, width), height=height, colour=_BLUE, title=_told(one), opacity=0.55)


def _told(one: Bin) -> str:
    return f"{one.name}: training {percent(one.trained)}, endpoint {percent(one.seen)}"


def _cut(name: str) -> str:
    return name if len(name) <= _LONGEST_LEVEL else f"{name[: _LONGEST_LEVEL - 1]}…"
