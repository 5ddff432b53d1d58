"""RecordIO of protobuf records, the format of SageMaker's algorithms: one frame per record, with features and labels.

Read and written by hand: only one message of the schema is needed, and a library would be one more dependency.
It imports nothing of ours, because scripts' workers load it by its path: they must not see this package.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MAGIC = 0xCED7230A
_FEATURES, _LABELS = 1, 2  # fields of a Record
_FLOAT32, _FLOAT64, _INT32 = 2, 3, 7  # fields of a Value
_VALUES, _KEYS, _SHAPE = 1, 2, 3  # fields of a tensor
_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5
_ONLY = "values"
"""The key under which the encoders of SageMaker's SDK put features and labels."""


def frames(content: bytes) -> Iterator[bytes]:
    """Each record with its frame. ValueError for what is not RecordIO, in the container's words."""
    start = 0
    while start + 8 <= len(content):
        magic, size = struct.unpack_from("<II", content, start)
        if magic != _MAGIC:
            raise ValueError(f"Invalid RecordIO magic at offset {start}")
        end = start + 8 + (size + 3) // 4 * 4
        if end > len(content):
            raise ValueError(f"Truncated record at offset {start + 8}")
        yield content[start:end]
        start = end


class DecodeError(ValueError):
    """Shown in answers under the name of protobuf's own error, which the image raises."""

    __module__ = "google.protobuf.message"


def rows(content: bytes) -> tuple[Any, NDArray[Any] | None]:
    """Features, an array or a SciPy sparse matrix, and labels, None where there are none. Raises ValueError."""
    import numpy as np
    import scipy.sparse

    features: list[Any] = []
    labels: list[Any] = []
    for record in map(_record, frames(content)):
        tensor = record[_FEATURES].get(_ONLY)
        if not tensor:
            continue
        features.append(_row(*tensor))
        if label := record[_LABELS].get(_ONLY):
            labels.append(label[0])
    if not features:
        raise ValueError("No records found in RecordIO-Protobuf data")
    sparse = any(map(scipy.sparse.issparse, features))
    return (
        scipy.sparse.vstack(features).tocsr() if sparse else np.vstack(features),
        np.concatenate(labels, axis=None) if labels else None,
    )


def labelled(answers: Sequence[Mapping[str, Any]]) -> bytes:
    """One record per answer, with its members as labels. As in the image, each repeats all records before it."""
    written, before = b"", b""
    for answer in answers:
        before += b"".join(_entry(key, value if isinstance(value, list) else [value]) for key, value in answer.items())
        written += struct.pack("<II", _MAGIC, len(before)) + before + bytes(-len(before) % 4)
    return written


def _row(values: NDArray[Any], keys: NDArray[Any], shape: NDArray[Any]) -> Any:
    import numpy as np
    import scipy.sparse

    if not len(keys):
        return values.reshape(1, -1)
    width = int(shape[0]) if len(shape) else int(keys.max()) + 1
    return scipy.sparse.csr_matrix((values, keys.astype(np.int64), [0, len(keys)]), shape=(1, width))


def _record(frame: bytes) -> dict[int, dict[str, Any]]:
    """Features and labels by name, each as values, keys and shape of its tensor."""
    (size,) = struct.unpack_from("<I", frame, 4)
    found: dict[int, dict[str, Any]] = {_FEATURES: {}, _LABELS: {}}
    for field, content in _fields(frame[8 : 8 + size]):
        if field in found:
            entry = dict(_fields(content))
            found[field][entry.get(1, b"").decode()] = _tensor(entry.get(2, b""))
    return found


def _tensor(value: bytes) -> tuple[Any, Any, Any] | None:
    """None for a value that has no tensor, such as bytes."""
    kinds = {_FLOAT32: "<f4", _FLOAT64: "<f8", _INT32: None}
    for field, content in reversed(list(_fields(value))):
        if field in kinds:
            parts: dict[int, list[Any]] = {_VALUES: [], _KEYS: [], _SHAPE: []}
            for part, entry in _fields(content):
                if part in parts:
                    parts[part].append(entry)
            return (
                _numbers(parts[_VALUES], kinds[field], signed=True),
                _numbers(parts[_KEYS], None),
                _numbers(parts[_SHAPE], None),
            )
    return None


def _numbers(parts: Sequence[Any], kind: str | None, *, signed: bool = False) -> NDArray[Any]:
    """The numbers of a repeated field, packed or not; `kind` None for varints."""
    import numpy as np

    if kind is not None:
        return np.frombuffer(b"".join(parts), dtype=kind)
    found: list[int] = []
    for part in parts:
        if isinstance(part, int):
            found.append(part)
            continue
        place = 0
        while place < len(part):
            number, place = _varint(part, place)
            found.append(number)
    if signed:
        return np.array(found, dtype=np.uint64).astype(np.int64).astype(np.int32)
    return np.array(found, dtype=np.uint64)


def _fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """The number of each field of a message, and its content. Raises DecodeError."""
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        kind = tag & 7
        if kind == _VARINT:
            number, place = _varint(message, place)
            yield tag >> 3, number
            continue
        if kind == _BYTES:
            size, place = _varint(message, place)
        elif kind in (_EIGHT_BYTES, _FOUR_BYTES):
            size = 8 if kind == _EIGHT_BYTES else 4
        else:
            raise DecodeError("Error parsing message with type 'aialgs.data.Record'")
        if place + size > len(message):
            raise DecodeError("Error parsing message with type 'aialgs.data.Record'")
        yield tag >> 3, message[place : place + size]
        place += size


def _varint(message: bytes, place: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        if place >= len(message) or shift > 63:
            raise DecodeError("Error parsing message with type 'aialgs.data.Record'")
        byte = message[place]
        number |= (byte & 0x7F) << shift
        place += 1
        shift += 7
        if byte < 0x80:
            return number, place


def _entry(key: str, values: Sequence[float]) -> bytes:
    packed = _bytes(_VALUES, struct.pack(f"<{len(values)}f", *values))
    return _bytes(_LABELS, _bytes(1, key.encode()) + _bytes(2, _bytes(_FLOAT32, packed)))


def _bytes(field: int, content: bytes) -> bytes:
    return _written(field << 3 | _BYTES) + _written(len(content)) + content


def _written(number: int) -> bytes:
    parts = bytearray()
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(parts) + bytes([number])
