"""The bytes of many texts at once, as Arrow stores them: for searching and replacing characters fast."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

_ZERO, _NINE, _PLUS, _MINUS = b"09+-"


def text_bytes(cells: pa.Array) -> tuple[NDArray[Any], bytes]:
    """The start of each text, plus the end of the last, and the UTF-8 of all of them."""
    import pyarrow as pa

    if pa.types.is_string_view(cells.type):
        cells = cells.cast(pa.large_string())
    _, offsets, data = cells.buffers()
    kind: type[np.signedinteger[Any]] = np.int64 if pa.types.is_large_string(cells.type) else np.int32
    if not len(cells) or data is None:
        return np.zeros(len(cells) + 1, kind), b""
    begins = np.frombuffer(offsets, kind)[cells.offset : cells.offset + len(cells) + 1]
    return begins - begins[0], data[int(begins[0]) : int(begins[-1])].to_pybytes()


def array_of_bytes(cells: pa.Array, begins: NDArray[Any], data: bytes) -> pa.Array:
    """An array of other texts of the same lengths as `cells`; missing ones stay missing."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = pa.large_string() if begins.dtype == np.int64 else pa.string()
    texts = pa.Array.from_buffers(kind, len(cells), [None, pa.py_buffer(begins), pa.py_buffer(data)])
    return pc.if_else(cells.is_valid(), texts, pa.scalar(None, kind)) if cells.null_count else texts


def any_has_leading_zero(cells: pa.Array) -> bool:
    """Whether any number, after its sign, begins with 0 and another digit, as postal codes do."""
    begins, data = text_bytes(cells)
    codes = np.frombuffer(data + b"..", np.uint8)
    first = begins[:-1]
    signed = codes[first]
    first = first + ((signed == _PLUS) | (signed == _MINUS))
    zeros = np.flatnonzero(codes[first] == _ZERO)
    follows = codes[first[zeros] + 1]
    return bool(((begins[zeros + 1] - first[zeros] > 1) & (follows >= _ZERO) & (follows <= _NINE)).any())
