"""A CSV file as rows of text: refuses unreadable files; what cells mean is decided elsewhere.

Arrow reads plain files. Where it fails, and where some lines are not rows, Python's own reader is used, which knows
each row's line.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from array import array
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, cast

from housing.data import csv_engine, plain_lines
from housing.data.csv_encoding import refuse_utf8, wrong_encoding
from housing.data.csv_format import CsvFormat
from housing.data.faults import Faults, shown
from housing.data.pieces import Piece
from housing.data.sources import foreign
from housing.errors import DataError

if TYPE_CHECKING:
    import _csv

SEPARATORS = (",", ";", "\t", "|")
"""Separators of columns that are in common use."""

# Rows held as text at once; limits the memory for reading a large file.
_CHUNK_ROWS = 20_000
# A small compressed file can contain a line too large for memory; ten thousand columns need a hundredth of this.
LONGEST_LINE = 16_000_000


@contextmanager
def opened(path: Path) -> Iterator[io.BufferedReader]:
    """The file's bytes, decompressed when gzipped. Raises DataError when it cannot be read to its end."""
    try:
        with path.open("rb") as raw:
            if raw.peek(2)[:2] != b"\x1f\x8b":
                yield raw
                return
            with gzip.GzipFile(fileobj=raw) as unpacked, io.BufferedReader(unpacked) as file:
                yield cast(io.BufferedReader, file)
    except EOFError:
        raise DataError(f"{path}: the file is cut off: its gzip stream ends early; fetch it again") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path}: its gzip stream is damaged ({error}); fetch it again") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None


class CsvFile:
    """A CSV file, may be gzipped, with names in its first row. Rows of a wrong length are added to `faults`.

    Raises DataError when there is no such row.
    """

    is_csv = True

    def __init__(self, path: Path, form: CsvFormat, faults: Faults) -> None:
        self._path = path
        self._form = form
        self._faults = faults
        with opened(path) as file:
            refuse_utf8(path, file, form.encoding)
        with opened(path) as file:
            rows = _Rows(path, file, form, faults)
            self._header_lines, self.names = _header(path, rows, faults)

    def unread(self, _: str) -> None:
        """Never: all cells are read as texts."""

    def pieces(self, wanted: Collection[int]) -> Iterator[Piece]:
        """All rows, of these columns, as texts. Raises DataError."""
        done = 0
        if not self._form.has_other_lines:
            try:
                for piece in self._quickly(wanted):
                    done += piece.rows
                    yield piece
            except csv_engine.NotPlainError:
                pass
            else:
                return
        yield from self._carefully(wanted, done)

    def plain_lines(self) -> plain_lines.PlainLines | None:
        """The count and size of the lines below the header, if each is exactly a row; else None."""
        form = self._form
        if form.separator != "," or form.has_other_lines or form.encoding.lower() not in ("utf-8", "utf8"):
            return None
        with opened(self._path) as file:
            return plain_lines.count(
                file, header_lines=self._header_lines, width=len(self.names), longest_line=LONGEST_LINE
            )

    def plain_blocks(self, block_bytes: int) -> Iterator[bytes]:
        """The lines of `plain_lines`, in blocks of about `block_bytes`."""
        with opened(self._path) as file:
            found = plain_lines.blocks(file, block_bytes, header_lines=self._header_lines, longest_line=LONGEST_LINE)
            yield from filter(None, found)

    def _quickly(self, wanted: Collection[int]) -> Iterator[Piece]:
        lines = _Lines(self._path, self._form)
        done = 0
        size = max(1, self._path.stat().st_size)
        with opened(self._path) as file:
            for batch, end in csv_engine.batches(
                file,
                separator=self._form.separator,
                encoding=self._form.encoding,
                header_lines=self._header_lines,
                width=len(self.names),
                wanted=wanted,
            ):
                columns = dict(zip(map(int, batch.schema.names), batch.columns, strict=True))
                yield Piece(batch.num_rows, columns, lambda row, done=done: lines.place(done + row), end / size)  # type: ignore[misc]
                done += batch.num_rows

    def _carefully(self, wanted: Collection[int], done: int) -> Iterator[Piece]:
        import pyarrow as pa

        with opened(self._path) as file:
            rows = _Rows(self._path, file, self._form, self._faults)
            next(rows)
            whole = self._whole(rows)
            while some := list(islice(whole, _CHUNK_ROWS)):
                numbers = [line for line, _ in some[done:]]
                cells = [row for _, row in some[done:]]
                done = max(0, done - len(some))
                if cells:
                    columns = {position: pa.array([row[position] for row in cells]) for position in wanted}
                    yield Piece(len(cells), columns, lambda row, numbers=numbers: f"line {numbers[row]}")  # type: ignore[misc]

    def _whole(self, rows: Iterator[tuple[int, list[str]]]) -> Iterator[tuple[int, list[str]]]:
        width = len(self.names)
        for line, row in rows:
            if len(row) == width:
                yield line, row
            else:
                self._faults.add(f"rows without exactly {width:,} values", example=f"line {line} has {len(row):,}")


class _Lines:
    """The line on which each row begins, computed on demand."""

    def __init__(self, path: Path, form: CsvFormat) -> None:
        self._path = path
        self._form = form
        self._lines: array[int] | None = None

    def place(self, row: int) -> str:
        if self._lines is None:
            with opened(self._path) as file:
                rows = _Rows(self._path, file, self._form, Faults(""))
                self._lines = array("q", (line for line, _ in rows))
        return f"line {self._lines[row + 1]}" if row + 1 < len(self._lines) else f"row {row + 1}"


class _Rows:
    """The rows of a file, each with the line that it begins on; blank lines are skipped."""

    def __init__(self, path: Path, file: io.BufferedReader, form: CsvFormat, faults: Faults) -> None:
        self._path = path
        self._form = form
        self._faults = faults
        start = file.peek(512)
        is_utf8 = form.encoding.lower() in ("utf-8", "utf8")
        is_bytes = not form.encoding.lower().startswith(("utf-16", "utf_16", "utf16", "utf-32", "utf_32", "utf32"))
        if is_bytes and (what := foreign(path, start)):
            raise DataError(f"{path}: this is not CSV text: it is {what}")
        if is_bytes and start[:1] == b"\0":
            raise DataError(f"{path}: begins with a NUL byte, so it is damaged or not UTF-8 text; save it as UTF-8")
        encoding = "utf-8-sig" if is_utf8 else form.encoding
        self._text = io.TextIOWrapper(file, encoding=encoding, newline="")
        self._line = 0
        self._first = 0
        self._within = False
        # strict: an unclosed quote must not silently swallow the rest of the file.
        self._rows: _csv.Reader = csv.reader(self._lines(), delimiter=form.separator, strict=True)
        self._begun = self._found()

    def __iter__(self) -> _Rows:
        return self

    def __next__(self) -> tuple[int, list[str]]:
        return next(self._begun)

    @property
    def line(self) -> int:
        """The last line that was read."""
        return self._line

    def _found(self) -> Iterator[tuple[int, list[str]]]:
        try:
            while True:
                self._first = 0
                row = next(self._rows, None)
                if row is None:
                    return
                if row:
                    yield self._first, row
        except UnicodeDecodeError:
            with opened(self._path) as file:
                raise DataError(wrong_encoding(self._path, file, self._form.encoding)) from None
        except csv.Error as error:
            self._faults.add(f"line {self._first}: {_quoting(error)}")

    def _lines(self) -> Iterator[str]:
        """The lines that belong to rows."""
        held: deque[tuple[int, str]] = deque()
        for number, line in self._checked():
            if number <= self._form.skip_lines or self._is_comment(line):
                continue
            if self._form.footer_lines and not line.strip():
                continue
            held.append((number, line))
            if len(held) > self._form.footer_lines:
                self._line, text = held.popleft()
                self._first = self._first or self._line
                yield text

    def _is_comment(self, line: str) -> bool:
        if self._form.comment is None:
            return False
        if not self._within and line.startswith(self._form.comment):
            return True
        self._within ^= line.count('"') % 2 == 1
        return False

    def _checked(self) -> Iterator[tuple[int, str]]:
        path = self._path
        with self._text as text:
            for number, line in enumerate(iter(lambda: text.readline(LONGEST_LINE), ""), 1):
                if len(line) == LONGEST_LINE:
                    raise DataError(
                        f"{path}, line {number}: has more than {LONGEST_LINE:,} characters, so this is not a table"
                    )
                if "\0" in line:
                    raise DataError(
                        f"{path}, line {number}: contains a NUL byte, so it is damaged or not UTF-8 text; save it as "
                        "UTF-8"
                    )
                yield number, line


def _header(path: Path, rows: _Rows, faults: Faults) -> tuple[int, Sequence[str]]:
    """The header's last line, and the names."""
    line, names = next(rows, (1, []))
    if not names:
        faults.raise_any()
        raise DataError(f"{path}: the file is empty; it needs a line with the column names, then the rows")
    if rows.line > line:
        raise DataError(f"{path}, line {line}: the quoted name {shown(names[-1])} runs over several lines")
    return rows.line, names


def _quoting(error: csv.Error) -> str:
    if "field larger" in str(error) or "end of data" in str(error):
        return "a quoted value begins here and is never closed; close the quote, or double a quote inside a value"
    return f'the quotes are wrong ({error}); a quote inside a quoted value is written as ""'
