"""JSON Lines: one object per line, whose keys are the columns."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from housing.data.arrays import array_of
from housing.data.csv_file import LONGEST_LINE, opened
from housing.data.faults import Faults, repeated, shown
from housing.data.pieces import Piece
from housing.errors import DataError

_ROWS_A_PIECE = 20_000
# Occurs after each key, and rarely within a text.
_NOT_FINITE = re.compile(rb"(?<=[:\[, ])(NaN|-?Infinity)(?=[\], }])")
_KEY_ENDS = re.compile(rb'"\s*:')

Row = tuple[int, dict[str, Any]]
"""The line's number, and its object."""


class JsonLinesFile:
    """A file of JSON Lines, may be gzipped. A key that a line does not have is missing there.

    Lines that are not objects are added to `faults`. Raises DataError when it cannot be read to its end.
    """

    is_csv = False

    def __init__(self, path: Path, faults: Faults) -> None:
        self._path = path
        self._nested: dict[str, str] = {}
        names: dict[str, None] = {}
        for line, row in self._rows(faults):
            names.update(dict.fromkeys(row))
            for name, value in row.items():
                if isinstance(value, list | dict) and name not in self._nested:
                    self._nested[name] = f"{'a list' if isinstance(value, list) else 'an object'} (line {line})"
        self.names: Sequence[str] = list(names)
        if not names:
            faults.raise_any()
            raise DataError(f'{path}: there are no rows; a line of JSON lines is an object: {{"area": 50, "price": 9}}')

    def unread(self, name: str) -> tuple[str, bool] | None:
        """See `RawFile`."""
        return (self._nested[name], False) if name in self._nested else None

    def pieces(self, wanted: Collection[int]) -> Iterator[Piece]:
        """All rows, of these columns. Raises DataError."""
        for name in (self.names[position] for position in wanted):
            if name in self._nested:
                raise DataError(f"{self._path}: column {name!r} holds {self._nested[name]}, not numbers or text")
        rows = self._rows(Faults(str(self._path)))  # the constructor has reported faults already
        while some := list(islice(rows, _ROWS_A_PIECE)):
            columns = {position: array_of([row.get(self.names[position]) for _, row in some]) for position in wanted}
            yield Piece(len(some), columns, partial(_place, [line for line, _ in some]))

    def _rows(self, faults: Faults) -> Iterator[Row]:
        import orjson

        with opened(self._path) as file:
            for number, line in enumerate(iter(lambda: file.readline(LONGEST_LINE), b""), 1):
                if len(line) == LONGEST_LINE:
                    raise DataError(
                        f"{self._path}, line {number}: has more than {LONGEST_LINE:,} bytes, so it is not a row"
                    )
                text = line.removeprefix(b"\xef\xbb\xbf").strip() if number == 1 else line.strip()
                if not text:
                    continue
                try:
                    row = orjson.loads(text)
                except orjson.JSONDecodeError as error:
                    why = str(error).partition(": line ")[0]
                    way_out = "write an object a line, as UTF-8"
                    if found := _NOT_FINITE.search(text):
                        why, way_out = f"it has {found[0].decode()}", "JSON has no such number: write null"
                    faults.add("not JSON", example=f"line {number} ({why})", way_out=way_out)
                    continue
                if isinstance(row, dict):
                    if len(_KEY_ENDS.findall(text)) != len(row) and (twice := _given_twice(text)):
                        example = f"line {number} has {shown(twice)} twice"
                        faults.add("a key given more than once", example=example, way_out="leave one of them")
                        continue
                    yield number, row
                else:
                    faults.add("not an object {column: value, ...}", example=f"line {number} is {shown(row)}")


def _given_twice(text: bytes) -> str | None:
    """A key that occurs twice in the object itself, of which the parser would keep the last; None where there is
    none.
    """
    pairs = json.loads(text, object_pairs_hook=list)
    return next(iter(repeated(key for key, _ in pairs)), None)


def _place(lines: Sequence[int], row: int) -> str:
    return f"line {lines[row]}"
