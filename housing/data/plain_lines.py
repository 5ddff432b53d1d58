"""CSV whose lines are its rows as they stand: nothing is quoted, commas separate as many cells everywhere.

Such a file is counted and cut without a look at its cells.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

# What is made of it stays in the processor's own memory.
_COUNTED_BYTES = 1 << 18
_COMMA, _END = b",\n"


@dataclass(frozen=True)
class PlainLines:
    """How many rows there are, and of how many bytes they are."""

    rows: int
    size: int


def count(file: io.BufferedReader, *, header_lines: int, width: int, longest_line: int) -> PlainLines | None:
    """Of all below the header; None where one of them may be anything but its line."""
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
    """Whole lines below the header, so many bytes at a time, each with its end; None for a line that is too long."""
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
    """The lines of the blocks behind the first `after`, so many at a time."""
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
    """Whether one has more bytes than that."""
    start = 0
    while len(lines) - start > longest:
        start = lines.rfind(b"\n", start, start + longest + 1) + 1
        if not start:
            return True
    return False


def _rows(lines: bytes, width: int) -> int | None:
    """None where a line has another number of cells, or none."""
    signs = np.frombuffer(lines, np.uint8)
    are_ends = signs == _END
    places = np.flatnonzero(are_ends | (signs == _COMMA))
    rows, beyond = divmod(len(places), width)
    # Of a line's separators the last is its end: so it is everywhere where each `width`-th is one, and no other.
    if beyond or np.count_nonzero(are_ends) != rows or not are_ends[places[width - 1 :: width]].all():
        return None
    # Of several cells a blank line has too few.
    is_blank = width == 1 and (lines[:1] == b"\n" or b"\n\n" in lines)
    return None if is_blank else rows
