"""A comparison as one HTML page."""

from __future__ import annotations

from collections.abc import Sequence

from housing.reporting.comparison import Comparison, Field, Value
from housing.reporting.job_plots import Series, learning_curves
from housing.reporting.page import Cell, Grid, Page, Part
from housing.reporting.scales import readable


def comparison_page(comparison: Comparison, *, objective: str, curves: Sequence[Series], lower_is_better: bool) -> str:
    """The page: tables of fields that differ and of those that do not, and the learning curves in one chart."""
    columns = ["", *comparison.handles]
    parts: list[Part] = [Grid("What differs", "", columns, _differing(comparison))]
    if curves:
        parts.append(learning_curves("Learning curves", objective, curves, lower_is_better=lower_is_better))
    runs = [[Cell(h), Cell(run.name), Cell(run.id)] for h, run in zip(comparison.handles, comparison.runs, strict=True)]
    parts.append(Grid("Runs", "", ("", "name", "run id"), runs))
    equal = [[Cell(field.kind), Cell(field.name), Cell(_shown(field, 0))] for field in comparison.equal]
    if equal:
        title = f"The same in all: {len(equal)} things"
        parts.append(Grid(title, "", ("of", "what", "value"), equal, sortable=True, folded=True))
    lead = [f"{len(comparison.runs):,} runs; {len(comparison.differing)} things differ, {len(equal)} are the same."]
    warnings = [comparison.incomparable] if comparison.incomparable else []
    return Page("Comparison of runs", lead, parts, warnings).html()


def _differing(comparison: Comparison) -> list[list[Cell]]:
    rows: list[list[Cell]] = []
    kind = None
    for field in comparison.differing:
        if field.kind != kind:
            kind = field.kind
            rows.append([Cell(kind, heading=True), *(Cell("") for _ in comparison.runs)])
        of_numbers = all(_is_number(value) for value in field.values if value is not None)
        cells = [
            Cell(_shown(field, place), number=of_numbers, best=place in field.best)
            for place in range(len(field.values))
        ]
        rows.append([Cell(field.name), *cells])
    return rows


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shown(field: Field, place: int) -> str:
    return readable(field.values[place])
