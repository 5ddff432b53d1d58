"""Tables that fit a terminal, and text without control characters."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from housing.secrets import masked

if TYPE_CHECKING:
    from rich.console import Console as RichConsole
    from rich.console import JustifyMethod
    from rich.table import Table as RichTable

    from housing.workflow.outcome import OutputTable

_ENDLESS = 10_000
_LEAST_TEXT = 6
_DIVERGED = 1e15
_STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_STATE_STYLES = {"running": "dim", "pruned": "yellow", "failed": "red", "interrupted": "yellow"}


def shown(text: str) -> str:
    """Text without secrets, and with control characters escaped, as in `\\x1b`."""
    return _STEERING.sub(lambda found: found[0].encode("unicode_escape").decode(), masked(text))


def fitted(table: OutputTable, rich: RichConsole, *, live: bool = False) -> RichTable:
    """The table in full where it fits; else with short numbers and stacked headings; else without optional columns.

    Where even that leaves no room for texts, each row stands upright: a line for each of its columns.
    """
    from rich.measure import Measurement

    def fits(drawn: RichTable) -> bool:
        return Measurement.get(rich, rich.options.update(max_width=_ENDLESS), drawn).maximum <= rich.width

    drawn = _drawn(table, live=live)
    if fits(drawn):
        return drawn
    for spared in range(len(table.spare) + 1):
        left_out = table.spare[len(table.spare) - spared :]
        drawn = _drawn(table, live=live, tight=True, left_out=left_out)
        if fits(drawn):
            return drawn
    return drawn if live or _has_room_for_texts(drawn, rich.width) else _upright(table)


def _has_room_for_texts(drawn: RichTable, width: int) -> bool:
    numbers = [
        max(column.min_width or 0, *map(len, str(column.header).split())) for column in drawn.columns if column.no_wrap
    ]
    return sum(numbers) + _LEAST_TEXT * (len(drawn.columns) - len(numbers)) + len(drawn.columns) <= width


def _upright(table: OutputTable) -> RichTable:
    from rich.table import Table as RichTable
    from rich.text import Text

    title = Text(shown(table.title)) if table.title else None
    drawn = RichTable(
        title=title, title_justify="left", title_style="bold", box=None, show_header=False, pad_edge=False
    )
    columns = [_cells([row[index] for row in table.rows], digits=4) for index in range(len(table.columns))]
    for number in range(len(table.rows)):
        if number:
            drawn.add_row()
        for name, cells in zip(table.columns, columns, strict=True):
            drawn.add_row(Text(shown(name), style="dim"), Text(cells[number]))
    return drawn


def _drawn(table: OutputTable, *, live: bool, tight: bool = False, left_out: Sequence[str] = ()) -> RichTable:
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    title = Text(shown(table.title)) if table.title else None
    drawn = RichTable(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, show_edge=False)
    drawn.padding = (0, 0 if tight else 1)
    columns = []
    for index, name in enumerate(table.columns):
        if name in left_out:
            continue
        values = [row[index] for row in table.rows]
        columns.append(cells := _cells(values, digits=3 if tight else 4))
        # Text, such as a run's overrides, may be long and is wrapped; numbers are not.
        numbers = [cell for value, cell in zip(values, cells, strict=True) if isinstance(value, int | float)]
        whole = bool(numbers) and all(isinstance(value, int | float | None) for value in values)
        heading = shown(name)
        column = Text(heading.replace("_", "_\n") if tight else heading)
        justify: JustifyMethod = "right" if numbers else "left"
        widest = max(map(len, numbers), default=None)
        drawn.add_column(column, justify=justify, overflow="fold", no_wrap=whole, min_width=widest)
    for number, row in enumerate(table.rows):
        drawn.add_row(*(Text(cells[number]) for cells in columns), style=_row_style(row) if live else "")
    if left_out:
        drawn.caption = f"too narrow for {', '.join(left_out)}"
    return drawn


def _cells(values: Sequence[Any], *, digits: int) -> list[str]:
    """The texts of a column. Fractions have as many decimals as the one with most, within their significant digits, so
    that 2.10 stands below 2.08.
    """
    cells = [_cell(value, digits=digits) for value in values]
    plain = [
        isinstance(v, float) and "e" not in cell and math.isfinite(v) for v, cell in zip(values, cells, strict=True)
    ]
    most = max((_decimals(cell) for cell, is_plain in zip(cells, plain, strict=True) if is_plain), default=0)
    return [
        _padded(value, cell, most, digits) if is_plain else cell
        for value, cell, is_plain in zip(values, cells, plain, strict=True)
    ]


def _decimals(cell: str) -> int:
    return len(cell.partition(".")[2])


def _padded(value: float, cell: str, most: int, digits: int) -> str:
    """With trailing zeros up to `most` decimals, as far as these are significant."""
    own = digits - 1 - math.floor(math.log10(abs(value))) if value else 0
    missing = min(most, own) - _decimals(cell)
    if missing <= 0:
        return cell
    return cell + ("" if "." in cell else ".") + "0" * missing


def _cell(value: Any, *, digits: int = 4) -> str:
    """From 1000 on thousands separators and one decimal, below `digits` significant digits; a dash for no value."""
    if value is None:
        return "-"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return shown(str(value))
    if isinstance(value, int):
        return f"{value:,}" if abs(value) >= 10_000 else str(value)
    # A diverged value would fill a line with digits.
    return f"{value:,.1f}" if 1000 <= abs(value) < _DIVERGED else f"{value:.{digits}g}"


def _row_style(row: Sequence[Any]) -> str:
    """The style of a leaderboard's row: its first column is the rank, its last the state."""
    return "bold green" if row[0] == 1 else _STATE_STYLES.get(row[-1], "")
