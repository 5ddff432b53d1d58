"""SHA-256 of a table's content, column by column, independent of how it is stored."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from housing.in_order import in_order

_VALUES_AT_ONCE = 1_000_000


class ContentDigest:
    """Computes the digest; columns are added in their order."""

    def __init__(self) -> None:
        self._found = hashlib.sha256()

    def add(self, name: str, values: NDArray[Any]) -> None:
        """Add the next column, as a whole."""
        size = _text_bytes(values) if values.dtype == object else 8 * len(values)
        self._begin(name, values.dtype.kind, len(values), size)
        self._add_values(values)

    def add_numbers(self, name: str, pieces: Iterable[NDArray[np.float64]], *, rows: int) -> None:
        """Add the next column, of `rows` numbers, piece by piece: one is digested while the next one is read."""
        self._begin(name, "f", rows, 8 * rows)
        for _ in in_order(self._add_values, pieces, at_once=1):
            pass

    def _begin(self, name: str, kind: str, rows: int, size: int) -> None:
        self._found.update(f"{name}\0{kind}\0{rows}\0{size}\0".encode())

    def _add_values(self, values: NDArray[Any]) -> None:
        for part in _contents(values):
            self._found.update(part)

    def finished(self, left_out: Mapping[str, int]) -> str:
        """The digest of all columns, and of the counts of rows that were left out."""
        if left_out:
            self._found.update(json.dumps(left_out, sort_keys=True).encode())
        return self._found.hexdigest()


class _Columns(Protocol):
    def __getitem__(self, name: str, /) -> NDArray[Any]: ...

    def __iter__(self) -> Iterator[str]: ...


def digest_of(columns: _Columns, left_out: Mapping[str, int]) -> str:
    """The digest of columns that are read one after the other."""
    content = ContentDigest()
    for name in columns:
        content.add(name, columns[name])
    return content.finished(left_out)


def _contents(values: NDArray[Any]) -> Iterator[bytes | memoryview]:
    for start in range(0, len(values), _VALUES_AT_ONCE):
        some = values[start : start + _VALUES_AT_ONCE]
        if values.dtype == object:
            text = "\0".join(["\1" if value is None else value for value in some.tolist()])
            yield (text if not start else "\0" + text).encode()
        else:
            # One bit pattern for all NaN, and 0 for -0.
            plain = some + 0.0
            if len(plain) and np.isnan(plain.min()):
                plain[np.isnan(plain)] = np.nan
            yield plain.astype("<f8", copy=False).data


def _text_bytes(values: NDArray[Any]) -> int:
    return sum(map(len, _contents(values)))
