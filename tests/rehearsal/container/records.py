"""RecordIO of protobuf records, as SageMaker's SDK writes it, by the protobuf library itself."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_KINDS = {"float32": (2, "TYPE_FLOAT"), "float64": (3, "TYPE_DOUBLE"), "int32": (7, "TYPE_INT32")}


def encoded(
    rows: Sequence[Sequence[float]], labels: Sequence[float] = (), *, kind: str = "float32", sparse: bool = False
) -> bytes:
    """A record a row; with `sparse` those of its values that are not 0, with their columns."""
    frames = []
    for number, row in enumerate(rows):
        record = _RECORD()
        tensor = getattr(record.features["values"], f"{kind}_tensor")
        tensor.values.extend(value for value in row if value or not sparse)
        if sparse:
            tensor.keys.extend(column for column, value in enumerate(row) if value)
            tensor.shape.append(len(row))
        if len(labels):
            getattr(record.label["values"], f"{kind}_tensor").values.append(labels[number])
        record.uid = f"row {number}"
        content = record.SerializeToString()
        frames.append(struct.pack("<II", 0xCED7230A, len(content)) + content + bytes(-len(content) % 4))
    return b"".join(frames)


def decoded(content: bytes) -> Iterator[dict[str, list[float]]]:
    """The labels of each record."""
    place = 0
    while place < len(content):
        magic, size = struct.unpack_from("<II", content, place)
        assert magic == 0xCED7230A
        record = _RECORD.FromString(content[place + 8 : place + 8 + size])
        yield {name: list(value.float32_tensor.values) for name, value in record.label.items()}
        place += 8 + (size + 3) // 4 * 4


def _record() -> Any:
    """The message `Record` of SageMaker's schema, as far as encoders use it."""
    file = descriptor_pb2.FileDescriptorProto(name="record.proto", package="aialgs", syntax="proto2")
    value = file.message_type.add(name="Value")
    for name, (number, kind) in _KINDS.items():
        tensor = file.message_type.add(name=f"{name}_tensor")
        for field, at, of in (("values", 1, kind), ("keys", 2, "TYPE_UINT64"), ("shape", 3, "TYPE_UINT64")):
            made = tensor.field.add(name=field, number=at, type=of, label="LABEL_REPEATED")
            made.options.packed = True
        value.field.add(
            name=f"{name}_tensor",
            number=number,
            type="TYPE_MESSAGE",
            type_name=f".aialgs.{name}_tensor",
            label="LABEL_OPTIONAL",
        )
    record = file.message_type.add(name="Record")
    for number, name in enumerate(("features", "label"), 1):
        entry = record.nested_type.add(name=f"{name.capitalize()}Entry")
        entry.options.map_entry = True
        entry.field.add(name="key", number=1, type="TYPE_STRING", label="LABEL_OPTIONAL")
        entry.field.add(name="value", number=2, type="TYPE_MESSAGE", type_name=".aialgs.Value", label="LABEL_OPTIONAL")
        record.field.add(
            name=name,
            number=number,
            type="TYPE_MESSAGE",
            type_name=f".aialgs.Record.{name.capitalize()}Entry",
            label="LABEL_REPEATED",
        )
    record.field.add(name="uid", number=3, type="TYPE_STRING", label="LABEL_OPTIONAL")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("aialgs.Record"))


_RECORD = _record()
