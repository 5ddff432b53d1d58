"""Where a model's errors are largest, and how they depend on single columns, as tables and charts for reports."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from housing.reporting.job_plots import Answered
from housing.reporting.page import Cell, Grid
from housing.reporting.plot import BLUE, ORANGE, Plot, Small, data, number, told
from housing.reporting.scales import readable
from housing.training.slices import LEAST_ROWS, Slice, Slices

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_WORST = 15
_MOST_DOTS = 400
_TENTHS = 10
_MOST_LEVELS = 12
_ZERO: Mapping[str, Any] = {
    "mark": {"type": "rule", "aria": False, "color": "var(--quiet)"},
    "encoding": {"y": {"datum": 0}},
    "data": {"values": [{}]},
}


def slice_grids(found: Slices, *, metric: str, part: str, part_rows: int) -> Iterator[Grid]:
    """A table of the worst slices, and a folded one of all; none where no slice has enough rows. `metric` names its
    unit; the part has `part_rows` rows, some or all of which were looked at.
    """
    if not found.found:
        return
    clear = len(found.clear)
    told_clear = f"{clear} of {len(found.found):,} slices are" if clear != 1 else f"1 of {len(found.found):,} slices is"
    verdict = (
        f"{told_clear} worse than the other rows by more than chance explains among so many slices: those are marked."
        if clear
        else f"None of {len(found.found):,} slices is worse than the other rows by more than chance explains."
    )
    few = (
        f"slice of fewer than {LEAST_ROWS} rows is"
        if found.small == 1
        else f"slices of fewer than {LEAST_ROWS} rows are"
    )
    small = f" {found.small} {few} not judged." if found.small else ""
    about = (
        f"{metric} over {_some(found.rows, part_rows)} of the {part} part with one level, or within one range, of a "
        f"column, with 95 % intervals; the clearest first. {verdict}{small}"
    )
    shown = found.found[: max(_WORST, min(clear, 2 * _WORST))]
    yield _grid("Slices: where it errs most", about, shown, metric, folded=False)
    if len(found.found) > len(shown):
        yield _grid(
            f"Every slice: {len(found.found)}", "By column.", sorted(found.found, key=_place), metric, folded=True
        )


def _some(rows: int, of: int) -> str:
    return f"the {of:,} rows" if rows == of else f"{rows:,} of the {of:,} rows, drawn at random,"


def _place(one: Slice) -> tuple[str, int]:
    return one.column, -one.rows


def _grid(title: str, about: str, slices: Sequence[Slice], metric: str, *, folded: bool) -> Grid:
    rows = [
        [
            Cell(one.column),
            Cell(one.name),
            Cell(f"{one.rows:,}", number=True, value=one.rows),
            Cell(readable(one.value), number=True, value=one.value),
            Cell(f"{readable(one.low)} to {readable(one.high)}", number=True, value=one.low),
            Cell(readable(one.rest), number=True, value=one.rest),
            Cell("worse" if one.is_clear else ""),
        ]
        for one in slices
    ]
    columns = ("column", "rows with", "rows", metric, "interval", "the other rows", "beyond chance")
    return Grid(title, about, columns, rows, sortable=True, folded=folded)


def errors_by_column(answered: Answered, columns: Mapping[str, NDArray[Any]], *, part: str) -> Small | None:
    """Charts of the errors against each of these raw columns; None where none can be drawn."""
    drawn = ((name, _over(answered, name, cells)) for name, cells in columns.items())
    plots = [
        Plot(f"errors_by_column_{place}", name, f"Errors over {name}.", {"layer": layers}, height=190)
        for place, (name, layers) in enumerate(((name, layers) for name, layers in drawn if layers), 1)
    ]
    if not plots:
        return None
    about = (
        f"Predicted - true, {answered.about}, of the {part} part over the columns that move predictions most. The line "
        "goes through the median of each tenth of the rows, the tick is the median of a level; away from zero the "
        "model errs by that column."
    )
    return Small("Errors by column", about, plots)


def _over(answered: Answered, name: str, cells: NDArray[Any]) -> list[Mapping[str, Any]]:
    """The layers of one column's chart; empty where there is nothing to draw."""
    errors = answered.predicted - answered.true
    return _numbers(answered, name, cells, errors) if cells.dtype.kind == "f" else _levels(name, cells, errors)


def _numbers(
    answered: Answered, name: str, cells: NDArray[np.float64], errors: NDArray[np.float64]
) -> list[Mapping[str, Any]]:
    import numpy as np

    known = np.flatnonzero(np.isfinite(cells))
    if not len(known) or cells[known].min() == cells[known].max():
        return []
    step = max(1, math.ceil(len(known) / _MOST_DOTS))
    dots = [
        {"value": cells[row], "error": errors[row], "row": answered.name(row)}
        | {"told value": readable(float(cells[row])), "told error": readable(float(errors[row]))}
        for row in known[::step].tolist()
    ]
    groups = [
        rows
        for rows in np.array_split(known[np.argsort(cells[known], kind="stable")], min(_TENTHS, len(known)))
        if len(rows)
    ]
    line = [{"value": float(np.median(cells[rows])), "error": float(np.median(errors[rows]))} for rows in groups]
    x = number("value", name, axis={"tickCount": 4})
    y = number("error", "error", axis={"tickCount": 4})
    tooltip = told(("row", "row"), ("told value", name), ("told error", "error"))
    return [
        _ZERO,
        {
            "data": data(dots),
            "mark": {"type": "point", "filled": True, "size": 16, "opacity": 0.4, "color": BLUE},
            "encoding": {"x": x, "y": y, "tooltip": tooltip},
        },
        {"data": data(line), "mark": {"type": "line", "color": ORANGE}, "encoding": {"x": x, "y": y}},
    ]


def _levels(name: str, cells: NDArray[Any], errors: NDArray[np.float64]) -> list[Mapping[str, Any]]:
    """For the levels with most rows, the range of the middle 80 % of errors, and the median."""
    import numpy as np

    named = np.array(["(missing)" if cell is None else str(cell) for cell in cells.tolist()], dtype=object)
    levels, counts = np.unique(named.astype(str), return_counts=True)
    shown = levels[np.argsort(-counts, kind="stable")][:_MOST_LEVELS].tolist()
    if len(shown) < 2:
        return []
    groups = []
    for level in shown:
        own = errors[named == level]
        low, middle, high = np.quantile(own, [0.1, 0.5, 0.9]).tolist()
        groups.append(
            {"level": level, "rows": len(own), "low": low, "error": middle, "high": high, "told": readable(middle)}
        )
    x = {"field": "level", "type": "nominal", "title": name, "sort": None, "axis": {"labelLimit": 70}}
    y = number("error", "error", axis={"tickCount": 4})
    tooltip = told(("level", name), ("rows", "rows"), ("told", "median error"))
    return [
        _ZERO,
        {
            "data": data(groups),
            "mark": {"type": "bar", "color": BLUE, "opacity": 0.5, "width": {"band": 0.5}},
            "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}, "tooltip": tooltip},
        },
        {
            "data": data(groups),
            "mark": {"type": "tick", "color": ORANGE, "thickness": 2, "width": {"band": 0.6}},
            "encoding": {"x": x, "y": y},
        },
    ]
