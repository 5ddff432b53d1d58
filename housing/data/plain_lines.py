"""CSV in which every line is a row: no quotes, and commas that separate the same number of cells everywhere.

Such a file is counted and split without parsing its cells.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

# Small enough for the arrays made from it to stay in the CPU's cache.
_COUNTED_BYTES = 1 << 18
_COMMA, _END = b",\n"


@dataclass(frozen=True)
class PlainLines:
    """The number of rows, and their size in bytes."""

    rows: int
    size: int


def count(file: io.BufferedReader, *, header_lines: int, width: int, longest_line: int) -> PlainLines | None:
    """Count the rows below the header; None where a line may not be exactly one row."""
    rows = size = 0
    for block in blocks(file, _COUNTED_BYTES, header_lines=header_lines, longest_line=longest_line):
        if block is None or any(sign in block for sign in (b'"', b"\r", b"\0")):
            return None
        if not block.isascii():
            try:
                block.decode()
            except UnicodeDecodeError:
                return None
        found = _rows(block, width)
        if found is None:
            return None
        rows, size = rows + found, size + len(block)
    return PlainLines(rows, size)


def blocks(
    file: io.BufferedReader, block_bytes: int, *, header_lines: int, longest_line: int
) -> Iterator[bytes | None]:
    """Blocks of whole lines below the header, about `block_bytes` each; None for a line that is too long."""
    for _ in islice(file, header_lines):
        pass
    held = b""
    while block := file.read(block_bytes):
        end = block.rfind(b"\n") + 1
        if end:
            yield held + block[:end]
            held = block[end:]
        else:
            held += block
        if len(held) > longest_line:
            yield None
            return
    if held:
        yield held + b"\n"


def pieces(blocks: Iterator[bytes], lines: int, *, after: int) -> Iterator[bytes]:
    """The lines after the first `after`, regrouped by `lines` lines."""
    held = b""
    for block in blocks:
        text = held + block
        ends = np.flatnonzero(np.frombuffer(text, np.uint8) == _END) + 1
        passed = min(after, len(ends))
        start, after = (int(ends[passed - 1]) if passed else 0), after - passed
        for end in ends[passed + lines - 1 :: lines].tolist():
            yield text[start:end]
            start = end
        held = text[start:]
    if held:
        yield held


def has_one_beyond(lines: bytes, longest: int) -> bool:
    """Whether a line has more than `longest` bytes."""
    start = 0
    while len(lines) - start > longest:
        start = lines.rfind(b"\n", start, start + longest + 1) + 1
        if not start:
            return True
    return False


def _rows(lines: bytes, width: int) -> int | None:
    """The number of lines; None where one does not have exactly `width` cells, or is blank."""
    signs = np.frombuffer(lines, np.uint8)
    are_ends = signs == _END
    places = np.flatnonzero(are_ends | (signs == _COMMA))
    rows, beyond = divmod(len(places), width)
    # Every line has `width` cells if exactly each `width`-th separator (comma or line end) is a line end.
    if beyond or np.count_nonzero(are_ends) != rows or not are_ends[places[width - 1 :: width]].all():
        return None
    # With more than one column, a blank line has too few cells anyway.
    is_blank = width == 1 and (lines[:1] == b"\n" or b"\n\n" in lines)
    return None if is_blank else rows
