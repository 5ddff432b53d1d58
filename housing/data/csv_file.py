"""A CSV file as rows of text: what makes it unreadable is refused here, what its cells mean is decided in `table`."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

from housing.data.faults import Faults, shown
from housing.data.sources import foreign
from housing.errors import DataError

if TYPE_CHECKING:
    import _csv

SEPARATORS = (",", ";", "\t", "|")
"""What separates columns in the files that people have."""

Chunk = tuple[Sequence[int], Sequence[Sequence[str]]]
"""Line numbers of some rows, and their cells, column by column."""

# Rows held as text at once; bounds the memory that reading a large file takes.
_CHUNK_ROWS = 20_000
# A compressed file of some megabytes can hold a line that no memory holds; ten thousand columns need a hundredth.
_LONGEST_LINE = 16_000_000


@contextmanager
def opened(path: Path) -> Iterator[io.BufferedReader]:
    """The file's bytes, unpacked when they are gzipped. Raises DataError when it cannot be read to its end."""
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


def header_and_chunks(
    path: Path, file: io.BufferedReader, *, separator: str, faults: Faults
) -> tuple[list[str], Iterator[Chunk]]:
    """The first row, and an iterator over the others; rows of a wrong length go to `faults`. Raises DataError."""
    start = file.peek(512)
    if what := foreign(path, start):
        raise DataError(f"{path}: this is not CSV text: it is {what}")
    if start[:1] == b"\0":
        raise DataError(f"{path}: begins with a NUL byte, so it is damaged or not UTF-8 text; save it as UTF-8")
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    # strict: a quote that is never closed must not swallow the rest of the file in silence.
    rows = csv.reader(_without_nul(path, text), delimiter=separator, strict=True)
    numbered = _numbered(path, rows, faults)
    line, header = next(numbered, (1, []))
    if not header:
        faults.raise_any()
        raise DataError(f"{path}: the file is empty; it needs a line with the column names, then the rows")
    if rows.line_num > line:
        raise DataError(f"{path}, line {line}: the quoted name {shown(header[-1])} runs over several lines")
    return header, _chunks(numbered, len(header), faults)


def _chunks(numbered: Iterable[tuple[int, list[str]]], width: int, faults: Faults) -> Iterator[Chunk]:
    lines: list[int] = []
    rows: list[list[str]] = []
    for line, row in numbered:
        if len(row) != width:
            faults.add(f"rows without exactly {width} values", example=f"line {line} has {len(row)}")
            continue
        lines.append(line)
        rows.append(row)
        if len(rows) == _CHUNK_ROWS:
            yield lines, list(zip(*rows, strict=True))
            lines, rows = [], []
    if rows:
        yield lines, list(zip(*rows, strict=True))


def _numbered(path: Path, rows: _csv.Reader, faults: Faults) -> Iterator[tuple[int, list[str]]]:
    """Rows with the line each begins on; blank lines are no rows."""
    end = 0
    try:
        for row in rows:
            if row:
                yield end + 1, row
            end = rows.line_num
    except UnicodeDecodeError:
        raise DataError(_wrong_encoding(path)) from None
    except csv.Error as error:
        faults.add(f"line {end + 1}: {_quoting(error)}")


def _without_nul(path: Path, text: io.TextIOWrapper) -> Iterator[str]:
    with text:
        for number, line in enumerate(iter(lambda: text.readline(_LONGEST_LINE), ""), 1):
            if len(line) == _LONGEST_LINE:
                raise DataError(
                    f"{path}, line {number}: has more than {_LONGEST_LINE:,} characters, so this is no table"
                )
            if "\0" in line:
                raise DataError(
                    f"{path}, line {number}: contains a NUL byte, so it is damaged or not UTF-8 text; save it as UTF-8"
                )
            yield line


def _wrong_encoding(path: Path) -> str:
    with opened(path) as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                byte = line[error.start]
                return f"{path}, line {number}: byte 0x{byte:02x} is not UTF-8; save the file as UTF-8"
    return f"{path}: is not UTF-8; save the file as UTF-8"


def _quoting(error: csv.Error) -> str:
    if "field larger" in str(error) or "end of data" in str(error):
        return "a quoted value begins here and is never closed; close the quote, or double a quote inside a value"
    return f'the quotes are wrong ({error}); a quote inside a quoted value is written as ""'
