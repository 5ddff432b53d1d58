"""A fast path that encodes rows of a request without anything unusual in a tenth of the time.

For everything else (quotes, refused cells, duplicate keys) it returns None, and the slow path through `payload`,
`json_rows` and `Encoder.transform` is taken, which has the messages. The slow path also encodes each different cell
once, and the result is cached.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from housing.data import plain_columns, plain_lines, plain_numbers, plain_records
from housing.data.cells import is_missing
from housing.data.content_type import CSV
from housing.data.derived import OF_ANY_KIND, compute
from housing.data.faults import Faults
from housing.data.inputs import Number
from housing.data.more_inputs import Flag, Moment
from housing.errors import DataError

if TYPE_CHECKING:
    from housing.data.encoder import Encoder
    from housing.data.learning import Input

_HEADERS = 64
# From this many rows on they are read by column, whose overhead equals some hundred rows.
_BY_ROW = 200
_REMEMBERED_BYTES = 1 << 18
# The slow path's reader refuses longer cells.
_LONGEST_LINE = 131_072
# From here on the fast JSON parser returns whole numbers as floats.
_BEYOND_64_BITS = 2.0**63
_Row = Sequence[Any]


class PlainRows:
    """Safe to call from several threads."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._width = len(encoder.columns)
        self._cells = _Cells(encoder)
        self._headers: dict[bytes, _Header | None] = {}
        self._tells_encoded = tells_encoded(encoder)
        # A numeric text that means missing must be looked for in each cell.
        texts = [text.encode() for text in encoder.missing_values if text]
        self._reads_lines = all(text.translate(None, plain_numbers.OF_NUMBERS) for text in texts)

    def matrix(self, body: bytes, form: str) -> NDArray[np.float32] | None:
        """(rows, columns) of a body in one of `content_type.FORMS`."""
        if not self._encoder.required:
            return None
        try:
            if form == CSV:
                return self._of_csv(body)
            rows = plain_records.read(body, form, self._cells.row)
            return None if rows is None else self._cells.matrix(rows)
        except (UnicodeDecodeError, DataError):
            return None

    def _of_csv(self, body: bytes) -> NDArray[np.float32] | None:
        if b"\r" in body:
            body = body.replace(b"\r\n", b"\n")
        if self._tells_encoded and body[:1] in b"0123456789+-.," and (found := self._encoded(body)) is not None:
            return found
        head, _, rest = body.partition(b"\n")
        header = self._header(head)
        if header is None or b'"' in rest or b"\0" in rest or b"\r" in rest:
            return None
        if header.numbers is not None and (numbers := plain_numbers.from_lines(rest, header.width)) is not None:
            return self._cells.of_numbers(numbers.take(header.numbers, axis=1))
        if plain_lines.has_one_beyond(rest, _LONGEST_LINE):
            return None
        return self._of_lines(rest, header)

    def _of_lines(self, lines: bytes, header: _Header) -> NDArray[np.float32] | None:
        if lines.count(b"\n") > _BY_ROW:
            return self._cells.of_columns(lines, header.width, header.places)
        rows = [line.split(",") for line in lines.decode().split("\n") if line]
        if not rows or {*map(len, rows)} != {header.width}:
            return None
        return self._cells.matrix(list(map(header.row, rows)))

    def _encoded(self, body: bytes) -> NDArray[np.float32] | None:
        found = plain_numbers.from_lines(body, self._width)
        return None if found is None else found.astype(np.float32)

    def _header(self, head: bytes) -> _Header | None:
        try:
            return self._headers[head]
        except KeyError:
            pass
        if len(self._headers) >= _HEADERS:
            self._headers.clear()
        header = self._headers[head] = self._read_header(head)
        return header

    def _read_header(self, head: bytes) -> _Header | None:
        if b'"' in head or b"\0" in head or b"\r" in head or len(head) > _LONGEST_LINE:
            return None
        names, required = head.decode().removeprefix("\ufeff").split(","), self._encoder.required
        places = {name: place for place, name in enumerate(names)}
        if not places.keys() >= set(required) or len(places) < len(names):
            return None
        numbers = None
        if self._reads_lines and self._cells.are_numbers and len(names) == len(required):
            numbers = np.array([places[one.column] for one in self._cells.numbers], np.intp)
        own = [places[name] for name in required]
        return _Header(len(names), own, _picked(own), numbers)


def tells_encoded(encoder: Encoder) -> bool:
    """Whether a line of numbers is certainly a row, because a header would contain other characters."""
    first = encoder.required[0] if encoder.required else ""
    return bool(first.encode().translate(None, plain_numbers.OF_NUMBERS))


@dataclass(frozen=True)
class _Header:
    """`places` are the indices of the required columns, and `row` picks their cells from a row.

    `numbers` are the indices of the inputs, where all of them are numbers.
    """

    width: int
    places: Sequence[int]
    row: Callable[[Any], _Row]
    numbers: NDArray[np.intp] | None


class _Cells:
    """Encodes cells, by input, with a cache for each input that is not a number."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._missing = frozenset(("", *encoder.missing_values))
        self.row = _picked(encoder.required)
        numbers = [place for place in encoder.places if _is_plain(place[0])]
        self.numbers = [one for one, *_ in numbers]
        self.are_numbers = len(numbers) == len(encoder.places) and not encoder.derived
        self._numbers = _picked([place for _, place, _, _ in numbers])
        self._number_columns = np.array([start for *_, start, _ in numbers], np.intp)
        self._zeros, self._refused = (
            np.array([one.missing == rule for one in self.numbers], np.bool_) for rule in ("none", "refused")
        )
        self._parts: list[bytes] = []
        """The bytes of an encoded row, by input; those in `_lookups` are filled in for each row."""
        self._lookups: list[tuple[int, int, _Remembered]] = []
        for one, place, _, size in encoder.places:
            if not _is_plain(one):
                self._lookups.append((len(self._parts), place, _Remembered(encoder, one, size)))
            self._parts.append(bytes(4 * size))
        self._parts.append(bytes(4 * len(encoder.derived)))

    def matrix(self, rows: Sequence[_Row]) -> NDArray[np.float32] | None:
        """Encode rows, each with its required cells."""
        numbers: NDArray[np.float64] | None = None
        if self.numbers:
            numbers = plain_numbers.from_cells([*chain.from_iterable(map(self._numbers, rows))], self._missing)
            if numbers is None or (numbers := self._known(numbers.reshape(len(rows), -1))) is None:
                return None
        parts, found = self._parts.copy(), bytearray()
        for row in rows:
            for at, place, remembered in self._lookups:
                cell = row[place]
                parts[at] = remembered.get(cell) or remembered.learn(cell)
            found += b"".join(parts)
        matrix = np.frombuffer(found, np.float32).reshape(len(rows), -1)
        if numbers is not None:
            matrix[:, self._number_columns] = numbers
        return matrix if self._derive(matrix, lambda place: [row[place] for row in rows], numbers) else None

    def of_columns(self, rows: bytes, width: int, places: Sequence[int]) -> NDArray[np.float32] | None:
        """Encode many rows of CSV; `places` are the indices of the required columns in it."""
        are_numbers = {places[raw]: _is_plain(one) for one, raw, _, _ in self._encoder.places}
        if any(are_numbers[places[raw]] != _is_plain(one) for one, raw, _, _ in self._encoder.places):
            return None
        columns = plain_columns.read(rows, width, are_numbers, self._missing)
        if columns is None:
            return None
        numbers: NDArray[np.float64] | None = None
        if self.numbers:
            read = [columns[places[raw]] for one, raw, _, _ in self._encoder.places if _is_plain(one)]
            numbers = self._known(np.column_stack(cast("list[NDArray[np.float64]]", read)))
            if numbers is None:
                return None
        count = max(len(column[1]) if isinstance(column, tuple) else len(column) for column in columns.values())
        matrix = np.zeros((count, len(self._encoder.columns)), np.float32)
        for at, raw, remembered in self._lookups:
            texts, codes = cast("tuple[Sequence[str], NDArray[np.int32]]", columns[places[raw]])
            blocks = b"".join([remembered.get(text) or remembered.learn(text) for text in texts])
            start, size = self._encoder.places[at][2:]
            encoded = np.frombuffer(blocks, np.float32).reshape(len(texts), size)
            matrix[:, start : start + size] = encoded.take(codes, axis=0)
        if numbers is not None:
            matrix[:, self._number_columns] = numbers

        def cells(raw: int) -> list[Any]:
            column = columns[places[raw]]
            if isinstance(column, tuple):
                return [column[0][code] for code in column[1].tolist()]
            return [None if math.isnan(value) else value for value in column.tolist()]

        return matrix if self._derive(matrix, cells, numbers) else None

    def of_numbers(self, numbers: NDArray[np.float64]) -> NDArray[np.float32] | None:
        """Encode rows where all inputs are numbers."""
        known = self._known(numbers)
        if known is None:
            return None
        matrix = np.empty((len(known), len(self._number_columns)), np.float32)
        matrix[:, self._number_columns] = known
        return matrix

    def _known(self, numbers: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """(rows, numbers) with missing values replaced by their meaning; None where a missing one is refused."""
        numbers = numbers + 0.0  # -0 and 0 are one number, also as text
        missing = np.isnan(numbers)
        if np.logical_or.reduce(missing, axis=None):
            if (missing & self._refused).any():
                return None
            numbers[missing & self._zeros] = 0
        return numbers

    def _derive(
        self, matrix: NDArray[np.float32], cells: Callable[[int], list[Any]], numbers: NDArray[np.float64] | None
    ) -> bool:
        """Fill in the derived columns; False where one exceeds float32. `cells` returns a required column's cells."""
        encoder = self._encoder
        if not encoder.derived:
            return True
        required = {name: place for place, name in enumerate(encoder.required)}
        columns = {} if numbers is None else dict(zip((one.column for one in self.numbers), numbers.T, strict=True))
        others = {one.column: one for one, *_ in encoder.places if not _is_plain(one)}

        def number(name: str, *, of_any: bool) -> NDArray[np.float64]:
            if of_any:
                return np.array([is_missing(cell, self._missing) for cell in cells(required[name])], np.float64)
            return columns[name] if name in columns else _number(others[name], cells(required[name]), self._missing)

        with np.errstate(over="ignore"):  # reported below
            for column, one in enumerate(encoder.derived.values(), matrix.shape[1] - len(encoder.derived)):
                of_any = one.operation in OF_ANY_KIND
                matrix[:, column] = compute(one, {name: number(name, of_any=of_any) for name in one.columns})
        return not np.isinf(matrix).any()


class _Remembered(dict[Hashable, bytes]):
    """A cache of one input's cells -> their encoded columns, as bytes."""

    def __init__(self, encoder: Encoder, one: Input, size: int) -> None:
        super().__init__()
        self._alone = replace(encoder, inputs=(one,), derived={})
        self._column = one.column
        self._most = max(_REMEMBERED_BYTES // (4 * size + 100), 16) if size else 1

    def learn(self, cell: Any) -> bytes:
        """Encode a cell and remember it; raises DataError for a cell that is refused."""
        # True, 1 and 1.0 are equal as keys of a dictionary.
        key = cell if isinstance(cell, str) else (type(cell), cell)
        if (found := self.get(key)) is not None:
            return found
        if isinstance(cell, float) and abs(cell) >= _BEYOND_64_BITS:
            raise DataError(f"{self._column}: {cell:g} may have been a whole number, of other digits")
        block = self._alone.transform({self._column: [cell]}).tobytes()
        if len(self) >= self._most:
            self.clear()
        if not isinstance(cell, str) or len(cell) < 100:
            self[key] = block
        return block


def _is_plain(one: Input) -> bool:
    return isinstance(one, Number) and one.form.is_plain


def _picked(places: Sequence[Any]) -> Callable[[Any], _Row]:
    if len(places) == 1:
        (place,) = places
        return lambda row: (row[place],)
    return cast("Callable[[Any], _Row]", itemgetter(*places)) if places else lambda _row: ()


def _number(one: Input, cells: list[Any], missing: frozenset[str]) -> NDArray[np.float64]:
    """The numbers that a derived column is computed from; refused cells have been excluded before."""
    if isinstance(one, Number | Flag):
        return one.read(cells, missing, Faults("rows"))
    assert isinstance(one, Moment)
    return one.days(cells, missing, Faults("rows"))
