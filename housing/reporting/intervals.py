"""How often a model's intervals hold the truth, as a table for reports."""

from __future__ import annotations

from collections.abc import Mapping

from housing.promotion.intervals import Coverage
from housing.reporting.page import Cell, Grid
from housing.reporting.scales import readable

_MOST_GROUPS = 20


def coverage_grid(whole: Coverage, groups: Mapping[str, Coverage], *, by: str | None, unit: str, part: str) -> Grid:
    """A row for all rows, then one for each group of the intervals, the largest first."""
    left = len(groups) - _MOST_GROUPS
    about = (
        f"The share of the {part} part whose truth lies in its interval of {whole.declared:.0%}, and between which "
        "shares it lies by chance, 99 times in 100, where the intervals are sound"
        + (f"; {left:,} smaller levels of {by} are left out." if left > 0 else ".")
    )
    rows = {"all": whole, **{f"{by} = {level}": one for level, one in list(groups.items())[:_MOST_GROUPS]}}
    size = f"mean width, {unit}" if unit else "mean size"
    return Grid(
        "How often intervals hold",
        about,
        ("rows of", "rows", "held", "by chance", size, ""),
        [
            [
                Cell(name),
                Cell(f"{one.rows:,}", number=True),
                Cell(f"{one.share:.1%}", number=True),
                Cell(f"{one.low:.1%} to {one.high:.1%}", number=True),
                Cell(readable(one.size), number=True),
                Cell("outside" if one.is_off else ""),
            ]
            for name, one in rows.items()
        ],
    )
