"""Guesses the format of a CSV file that is not described yet."""

from __future__ import annotations

import codecs
import csv
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from housing.data.csv_file import SEPARATORS, opened
from housing.data.csv_format import CsvFormat

_LONGEST_START = 100_000
_BLOCK_BYTES = 1 << 20


def likeliest_format(path: Path, separator: str | None) -> CsvFormat:
    """The likeliest format, with this `separator` where it is given."""
    encoding = _encoding(path)
    with opened(path) as file:
        # Bounded: the whole file may be a single line.
        beginning = b"".join(file.readline(_LONGEST_START) for _ in range(40))
    text = beginning.decode("utf-8-sig" if encoding == "utf-8" else encoding, errors="replace").replace("\0", "")
    lines = text.splitlines()
    comment = "#" if lines and lines[0].startswith("#") and len(lines) > 1 else None
    rows = [line for line in lines if comment is None or not line.startswith(comment)]
    return CsvFormat(separator or _separator(rows[:20]), encoding, comment)


def _encoding(path: Path) -> str:
    """UTF-8, unless a byte order mark says UTF-16, or the file is Windows-1252 and not UTF-8."""
    with opened(path) as file:
        if file.peek(2)[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            return "utf-16"
    return next((encoding for encoding in ("utf-8", "cp1252") if _decodes(path, encoding)), "utf-8")


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    with opened(path) as file:
        try:
            for block in iter(partial(file.read, _BLOCK_BYTES), b""):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def _separator(start: Sequence[str]) -> str:
    """The one that splits the first lines into the same number of columns, at least two."""

    def fit(separator: str) -> tuple[bool, float, int]:
        try:
            widths = Counter(len(row) for row in csv.reader(start, delimiter=separator) if row)
        except csv.Error:  # reported when its rows are read
            return False, 0, 0
        width, lines = max(widths.items(), key=lambda item: item[1], default=(0, 0))
        return width > 1, lines / max(1, widths.total()), width

    return max(SEPARATORS, key=fit)
