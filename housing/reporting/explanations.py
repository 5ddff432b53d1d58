"""Which raw columns matter to a model, as a report shows it."""

from __future__ import annotations

from housing.reporting.page import Cell, Grid
from housing.reporting.scales import readable
from housing.training.importances import Estimate, Importances


def importance_grid(found: Importances, *, metric: str, part: str) -> Grid:
    """A table of columns, those that affect predictions most first."""
    left = f" {found.left:,} columns that move them less are left out." if found.left else ""
    about = (
        f"Mean absolute Shapley value in {found.scale}, one-hot levels of a column summed, and how much worse {metric} "
        f"gets where the column's cells are shuffled; 95 % intervals over {found.rows:,} rows of the {part} part.{left}"
    )
    return Grid(
        "What moves the predictions",
        about,
        ("column", "mean effect", "interval", f"{metric} lost without it", "interval "),
        [
            [Cell(one.column), *_cells(one.effect), *(_cells(one.loss) if one.loss else (Cell("-"), Cell("")))]
            for one in found.columns
        ],
    )


def _cells(found: Estimate) -> tuple[Cell, Cell]:
    ends = f"{readable(found.low)} to {readable(found.high)}"
    return Cell(readable(found.value), number=True), Cell(ends, number=True)
