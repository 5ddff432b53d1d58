"""A sheet of an Excel workbook, with names in its first row."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from housing.data.arrays import array_of
from housing.data.faults import listed
from housing.data.missing import text_of
from housing.data.pieces import Piece
from housing.errors import ConfigError, DataError
from housing.nearest import nearest

_ROWS_A_PIECE = 20_000


class ExcelFile:
    """The sheet of this name; without one, the workbook's only sheet. Raises DataError.

    Formulas have the values that Excel last computed; blank rows are skipped.
    """

    is_csv = False

    def __init__(self, path: Path, sheet: str | None) -> None:
        rows = [list(row) for row in _cells(path, sheet)]
        below = ((number, row) for number, row in enumerate(rows, 1) if any(cell != "" for cell in row))
        line, header = next(below, (1, []))
        if not header:
            raise DataError(f"{path}: the sheet is empty; it needs a row with the column names, then the rows")
        self._rows = list(below)
        self._positions = [
            place for place, name in enumerate(header) if name != "" or any(row[place] != "" for _, row in self._rows)
        ]
        self.names: Sequence[str] = [text_of(header[place]) for place in self._positions]
        if "" in self.names:
            place = self._positions[self.names.index("")] + 1
            raise DataError(f"{path}, row {line}: column {place} has no name above its cells; name it, or clear it")

    def unread(self, _: str) -> None:
        """Never: cells are numbers, texts, dates or booleans."""

    def pieces(self, wanted: Collection[int]) -> Iterator[Piece]:
        """All rows, of these columns."""
        for start in range(0, len(self._rows), _ROWS_A_PIECE):
            some = self._rows[start : start + _ROWS_A_PIECE]
            columns = {
                position: array_of([_value(row[self._positions[position]]) for _, row in some]) for position in wanted
            }
            yield Piece(len(some), columns, partial(_place, [number for number, _ in some]))


def _cells(path: Path, sheet: str | None) -> Sequence[Sequence[Any]]:
    try:
        import python_calamine
    except ModuleNotFoundError:
        raise ConfigError(
            f"{path}: to read Excel workbooks: pip install 'housing[excel]', or save the sheet as CSV"
        ) from None
    try:
        book = python_calamine.CalamineWorkbook.from_path(str(path))
        names = book.sheet_names
        if sheet is None and len(names) > 1:
            raise DataError(
                f"{path}: has the sheets {listed(names, 12)}; set sheet (describe: --sheet) to that of the table"
            )
        if sheet is not None and sheet not in names:
            near = nearest(sheet, names)
            hint = f"did you mean {near!r}?" if near else f"it has {listed(names, 12)}"
            raise DataError(f"{path}: there is no sheet {sheet!r}; {hint}")
        found = book.get_sheet_by_name(names[0] if sheet is None else sheet)
        return found.to_python(skip_empty_area=False)
    except (python_calamine.CalamineError, OSError, ValueError) as error:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise DataError(
            f"{path}: is not a whole Excel workbook ({reason}); save it again, or set format to what it is"
        ) from None


def _value(cell: Any) -> Any:
    if cell == "":
        return None
    # Excel stores all numbers as floats.
    return int(cell) if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53 else cell


def _place(numbers: Sequence[int], row: int) -> str:
    return f"row {numbers[row]}"
