"""Reads CSV by Arrow where it is plain enough: detects beforehand what Arrow would read differently."""

from __future__ import annotations

import codecs
import io
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa

# Larger ones are no quicker, and take tens of megabytes more.
_BLOCK_BYTES = 1 << 20
_QUOTE = ord('"')


class NotPlainError(Exception):
    """The text must be read by Python's strict CSV reader."""


def batches(
    file: io.BufferedReader,
    *,
    separator: str,
    encoding: str,
    header_lines: int,
    width: int,
    wanted: Collection[int],
) -> Iterator[tuple[pa.RecordBatch, int]]:
    """The rows below `header_lines` lines, as texts; columns are named by their positions.

    Each batch comes with the number of bytes of the file, compressed if gzipped, that have been read for it. Raises
    NotPlainError.
    """
    import pyarrow as pa
    from pyarrow import csv

    if not separator.isascii():
        raise NotPlainError
    names = [str(position) for position in range(width)]
    kept = [str(position) for position in sorted(wanted)]
    checked = _Checked(file, separator, encoding)
    try:
        reader = csv.open_csv(
            pa.PythonFile(checked, mode="r"),
            read_options=csv.ReadOptions(
                column_names=names, skip_rows=header_lines, block_size=_BLOCK_BYTES, use_threads=False
            ),
            parse_options=csv.ParseOptions(delimiter=separator, newlines_in_values=True),
            convert_options=csv.ConvertOptions(
                include_columns=kept, column_types=dict.fromkeys(kept, pa.string()), strings_can_be_null=False
            ),
        )
        for number, batch in enumerate(reader):
            # Arrow makes one batch per block, but reads some blocks ahead.
            yield batch, checked.ends[min(number, len(checked.ends) - 1)]
    except (pa.ArrowInvalid, UnicodeError):
        raise NotPlainError from None
    if not checked.is_whole:
        raise NotPlainError


class _Checked:
    """A file's bytes as UTF-8. Raises NotPlainError at a NUL, or a quote that CSV's rules do not allow."""

    def __init__(self, file: io.BufferedReader, separator: str, encoding: str) -> None:
        self._file = file
        self._is_utf8 = codecs.lookup(encoding).name in ("utf-8", "utf-8-sig")
        self._decoder = codecs.getincrementaldecoder("utf-8-sig" if self._is_utf8 else encoding)()
        self._boundaries = np.array([ord(separator), *b"\r\n"], np.uint8)
        self._held = b"\n"
        self._within = False
        self._begun = False
        self.ends: list[int] = []
        self.closed = False

    def read(self, size: int = -1) -> bytes:
        block = self._file.read(size)
        self.ends.append(_position(self._file))
        text = self._decoder.decode(block, final=not block)
        plain = block.removeprefix(codecs.BOM_UTF8) if not self._begun and self._is_utf8 else block
        data = plain if self._is_utf8 else text.encode()
        self._begun = True
        if b"\0" in data or not self._is_well_quoted(data):
            raise NotPlainError
        # An empty result would mean the end of the file, but a block may hold only part of a character.
        return data if data or not block else self.read(size)

    def close(self) -> None:
        self.closed = True

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False

    @property
    def is_whole(self) -> bool:
        """Whether every quote is closed; call it at the end of the file."""
        return self._is_well_quoted(b"\n") and not self._within

    def _is_well_quoted(self, block: bytes) -> bool:
        """Whether each quote, except doubled ones, is at the beginning or the end of a cell."""
        data = self._held + block
        end = len(data.rstrip(b'"'))
        # Trailing quotes wait for the next block, which may continue them, as does the byte before them.
        self._held = data[max(0, end - 1) :]
        region = data[:end]
        if b'"' not in region:
            return True
        codes = np.frombuffer(region.replace(b'""', b""), np.uint8)
        quotes = np.flatnonzero(codes == _QUOTE)
        closing, opening = (quotes[0::2], quotes[1::2]) if self._within else (quotes[1::2], quotes[0::2])
        self._within ^= len(quotes) % 2 == 1
        return bool(
            np.isin(codes[opening - 1], self._boundaries).all() and np.isin(codes[closing + 1], self._boundaries).all()
        )


def _position(file: io.BufferedReader) -> int:
    packed = getattr(getattr(file, "raw", None), "fileobj", None)
    return int((packed or file).tell())
