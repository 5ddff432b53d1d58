"""The kinds of charts that a study and a job are shown with. All take plain values, in the label's unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from housing.reporting.scales import Levels, Scale, readable, spanning, without_outliers
from housing.reporting.svg import ACCENT, SERIES_COLOURS, Chart, Position, axes, box, clipped, dot, path, rule, text

_WIDTH = 900
_HEIGHT = 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 72, 24, 58, 48
_LEGEND = 270
_NAME_WIDTH = 220
_BAR = 24
_LONGEST_NAME = 40


@dataclass(frozen=True)
class Series:
    """One value a round, counted from 0; `kept` is the round of the model that was kept."""

    name: str
    values: Sequence[float]
    kept: int | None = None
    dashed: bool = False


@dataclass(frozen=True)
class Tried:
    """A trial as a point; `value` None where it was not completed, and `state` then says how it ended."""

    name: str
    number: int
    value: float | None
    state: str


@dataclass(frozen=True)
class Axis:
    """One axis of parallel coordinates: a range, or choices without an order."""

    name: str
    low: float = 0.0
    high: float = 1.0
    log: bool = False
    choices: Sequence[object] | None = None

    def scale(self, start: float, end: float) -> Scale | Levels:
        if self.choices is not None:
            return Levels(self.choices, start, end)
        return Scale(self.low, self.high, start, end, log=self.log)


@dataclass(frozen=True)
class Line:
    """A value on each axis that it has; `merit` is 1 for the best line and 0 for the worst."""

    name: str
    values: Mapping[str, object]
    merit: float


def optimisation_history(tried: Sequence[Tried], objective: str, *, lower_is_better: bool) -> Chart:
    """The objective of every trial in the order of numbers, and the best so far."""
    complete = [t for t in tried if t.value is not None and t.state == "complete"]
    values = [t.value for t in complete if t.value is not None]
    x = Scale(-0.5, max((t.number for t in tried), default=0) + 0.5, _LEFT, _WIDTH - _RIGHT)
    y = spanning(without_outliers(values, lower_is_better=lower_is_better), start=_HEIGHT - _BOTTOM, end=_TOP)
    elements = axes(x, y, x_name="trial", y_name=objective, whole_x=True)
    best: float | None = None
    steps: list[Position] = []
    for trial in sorted(complete, key=lambda t: t.number):
        value = trial.value if trial.value is not None else 0.0
        if best is None or (value < best if lower_is_better else value > best):
            if best is not None:
                steps.append((x(trial.number), y(best)))
            best = value
            steps.append((x(trial.number), y(best)))
    if best is not None:
        steps.append((x.end, y(best)))
        elements.append(path(steps, colour=ACCENT, title=f"best so far: {readable(best)}"))
    for trial in tried:
        title = f"{trial.name}: {readable(trial.value)}" + ("" if trial.state == "complete" else f" ({trial.state})")
        shown = y.start if trial.value is None else y(y.inside(trial.value))
        is_best = trial.value == best and trial.state == "complete"
        elements.append(
            dot(
                (x(trial.number), shown),
                colour=ACCENT if is_best else SERIES_COLOURS[0],
                title=title,
                radius=6 if is_best else 4,
                hollow=trial.state != "complete",
            )
        )
    about = "Each dot is a trial, the line is the best so far; hollow dots did not complete."
    if len(values) > len(without_outliers(values, lower_is_better=lower_is_better)):
        about += " Values far worse than the rest are drawn at the edge."
    return Chart("optimisation_history", "Optimisation history", about, _WIDTH, _HEIGHT, elements)


def parallel_coordinates(drawn: Sequence[Axis], lines: Sequence[Line]) -> Chart:
    """A line a trial through its parameters and objective. A parameter that it does not have stands at the foot."""
    bottom, top, foot = _HEIGHT - 62, _TOP + 12, _HEIGHT - 28
    step = (_WIDTH - 160) / max(1, len(drawn) - 1)
    places = {axis.name: 80 + i * step for i, axis in enumerate(drawn)}
    scales = {axis.name: axis.scale(bottom, top) for axis in drawn}
    elements = []
    for line in sorted(lines, key=lambda each: each.merit):
        points = [
            (place, foot if (value := line.values.get(name)) is None else _height(scales[name], value))
            for name, place in places.items()
        ]
        title = f"{line.name}: " + ", ".join(f"{name} {readable(line.values.get(name))}" for name in places)
        elements.append(
            path(
                points,
                colour=ACCENT if line.merit == 1 else SERIES_COLOURS[0],
                title=title,
                width=3 if line.merit == 1 else 1.5,
                opacity=1 if line.merit == 1 else 0.12 + 0.6 * line.merit**2,
            )
        )
    for axis in drawn:
        place, scale = places[axis.name], scales[axis.name]
        elements.append(rule((place, bottom), (place, top), style="axis"))
        elements.append(text((place, _TOP - 6), axis.name, anchor="middle"))
        ticks: Sequence[object] = scale.choices if isinstance(scale, Levels) else scale.ticks()
        elements += [text((place + 6, _height(scale, tick) + 4), readable(tick), style="quiet") for tick in ticks]
    about = "Each line is a trial; the stronger the colour the better, the best stands out."
    if any(line.values.get(name) is None for line in lines for name in places):
        about += " A line at the foot of an axis does not have that parameter."
    return Chart("parallel_coordinates", "Parallel coordinates", about, _WIDTH, _HEIGHT, elements)


def shares(name: str, title: str, about: str, values: Mapping[str, float]) -> Chart:
    """A bar for each share of 1, in the order given."""
    height = _TOP - 12 + _BAR * len(values) + 12
    elements = []
    longest = max(values.values(), default=0.0) or 1.0
    room = _WIDTH - _NAME_WIDTH - _RIGHT - 60
    for i, (label, share) in enumerate(values.items()):
        top = _TOP - 12 + i * _BAR
        elements.append(text((_NAME_WIDTH - 8, top + 15), _cut(label), anchor="end"))
        elements.append(
            box(
                (_NAME_WIDTH, top + 3),
                width=max(1.0, room * share / longest),
                height=_BAR - 8,
                colour=SERIES_COLOURS[0],
                title=f"{label}: {share:.1%}",
            )
        )
        elements.append(text((_NAME_WIDTH + room * share / longest + 8, top + 15), f"{share:.1%}", style="quiet"))
    return Chart(name, title, about, _WIDTH, height, elements)


def learning_curves(title: str, metric: str, series: Sequence[Series], *, lower_is_better: bool = True) -> Chart:
    """The metric of every round; a dot marks the round that was kept."""
    every = [value for each in series for value in each.values]
    rounds = max((len(each.values) for each in series), default=1)
    x = Scale(1, max(rounds, 2), _LEFT, _WIDTH - _LEGEND)
    y = spanning(without_outliers(every, lower_is_better=lower_is_better), start=_HEIGHT - _BOTTOM, end=_TOP)
    lines, legend = [], []
    for i, each in enumerate(series):
        colour = SERIES_COLOURS[i % len(SERIES_COLOURS)]
        points = [(x(number), y(value)) for number, value in enumerate(each.values, start=1)]
        last = each.values[-1] if each.kept is None else each.values[each.kept]
        lines.append(path(points, colour=colour, title=f"{each.name}: {readable(last)}", dashed=each.dashed))
        if each.kept is not None:
            kept = f"{each.name}: round {each.kept + 1}, {readable(last)}"
            lines.append(dot(points[each.kept], colour=colour, title=kept))
        row, start = _TOP + 8 + i * 22, _WIDTH - _LEGEND + 20
        legend.append(path([(start, row), (start + 22, row)], colour=colour, dashed=each.dashed))
        legend.append(text((start + 30, row + 4), _cut(each.name)))
    elements = axes(x, y, x_name="round", y_name=metric, whole_x=True)
    elements += [*clipped("learning_curves", x, y, lines), *legend]
    about = "One line a job; the dot is the round that was kept."
    return Chart("learning_curves", title, about, _WIDTH, _HEIGHT, elements)


def predicted_against_true(true: Sequence[float], predicted: Sequence[float], *, label: str, part: str) -> Chart:
    """A dot a row; a perfect model's dots all lie on the line."""
    size = 460
    x = spanning([*true, *predicted], start=_LEFT, end=_LEFT + size)
    y = spanning([*true, *predicted], start=_TOP + size, end=_TOP)
    elements = axes(x, y, x_name=f"true {label}", y_name=f"predicted {label}")
    elements.append(path([(x(x.low), y(y.low)), (x(x.high), y(y.high))], colour=ACCENT, title="predicted = true"))
    elements += [
        dot(
            (x(t), y(p)), colour=SERIES_COLOURS[0], title=f"true {readable(t)}, predicted {readable(p)}", radius=3
        ).replace("<circle ", '<circle fill-opacity="0.55" ')
        for t, p in zip(true, predicted, strict=True)
    ]
    about = f"One dot a row of the {part} part; on the line the prediction is exact."
    return Chart(
        "predicted_against_true", "Predicted against true", about, _LEFT + size + _RIGHT, _TOP + size + 48, elements
    )


def _height(scale: Scale | Levels, value: object) -> float:
    """Where a value stands on an axis; one beyond its ends at that end."""
    if isinstance(scale, Levels):
        return scale(value)
    assert isinstance(value, int | float)
    return scale(scale.inside(value))


def _cut(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
