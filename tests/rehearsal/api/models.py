"""Requests made from a service's model: sound ones, and for each rule of it one that breaks this rule alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_DEEPEST = 7
_MISSING = object()
_OF_ANOTHER_TYPE: dict[str, Any] = {
    "string": 1,
    "boolean": "yes",
    "list": {"a": "b"},
    "map": ["a"],
    "structure": ["a"],
    "timestamp": "yesterday",
}
_ARN = "arn:aws:sagemaker:us-east-1:123456789012:"
_TEXTS = (
    "a",
    "1",
    "s3://bucket/key",
    "arn:aws:iam::123456789012:role/housing",
    *(f"{_ARN}{kind}/a" for kind in ("endpoint", "model-package-group", "mlflow-tracking-server", "experiment", "hub")),
    f"{_ARN}model-package/a/1",
    "arn:aws:lambda:us-east-1:123456789012:function:a",
    "arn:aws:kms:us-east-1:123456789012:key/a",
    "arn:aws:sns:us-east-1:123456789012:a",
    "sg-12345678",
    "subnet-12345678",
    "fs-12345678",
    "ml.m5.large",
    "/opt/ml/checkpoints",
    "sha256:" + "0" * 64,
    "Mon:01:00",
    "1.0",
    "https://example.com/a",
    "text/csv",
    "x" * 40,
)


@dataclass(frozen=True)
class Broken:
    """A request that breaks one rule, until the next one is asked for; `place` is how AWS names the member."""

    rule: str
    place: str
    request: dict[str, Any]


def sound(shape: Any, *, whole: bool) -> dict[str, Any]:
    """With what is required alone, or with all members for which a value can be thought of."""
    made = _value(shape, whole=whole, depth=0)
    assert isinstance(made, dict), shape.name
    return made


def broken(shape: Any) -> Iterator[Broken]:
    whole = sound(shape, whole=True)
    for rule, path, place, value in list(_faults(shape, whole, [], "")):
        inner: Any = whole
        for step in path[:-1]:
            inner = inner[step]
        kept = inner[path[-1]]
        if value is _MISSING:
            del inner[path[-1]]
        else:
            inner[path[-1]] = value
        yield Broken(rule, place, whole)
        inner[path[-1]] = kept


def _value(shape: Any, *, whole: bool, depth: int) -> Any:
    """None where none can be thought of."""
    kind, limits = shape.type_name, shape.metadata
    if kind == "structure":
        return _structure(shape, whole=whole, depth=depth)
    if kind == "list":
        member = _value(shape.member, whole=whole, depth=depth + 1)
        return None if member is None else [member] * max(1, limits.get("min", 0))
    if kind == "map":
        key, value = (_value(part, whole=whole, depth=depth + 1) for part in (shape.key, shape.value))
        return None if key is None or value is None else {key: value}
    if kind == "string":
        return shape.enum[0] if shape.enum else next((text for text in _TEXTS if _fits(shape, text)), None)
    if kind == "boolean":
        return True
    if kind == "timestamp":
        return 1_700_000_000
    assert kind in ("integer", "long", "float", "double"), kind
    return max(limits.get("min", 1), min(1, limits.get("max", 1)))


def _structure(shape: Any, *, whole: bool, depth: int) -> dict[str, Any] | None:
    made: dict[str, Any] = {}
    for name, member in shape.members.items():
        is_required = name in shape.required_members
        if not is_required and (not whole or depth > _DEEPEST or (made and shape.is_tagged_union)):
            continue
        value = _value(member, whole=whole, depth=depth + 1)
        if value is not None:
            made[name] = value
        elif is_required:
            return None
    return made


def _fits(shape: Any, text: str) -> bool:
    limits = shape.metadata
    return limits.get("min", 0) <= len(text) <= limits.get("max", len(text)) and (
        "pattern" not in limits or _matches(limits["pattern"], text) is not False
    )


def _matches(pattern: str, text: str) -> bool | None:
    """None where the pattern is one that only Java reads: the texts here are such as these allow."""
    pattern = pattern.replace(r"\p{Alnum}", "a-zA-Z0-9")
    if r"\p{" in pattern or r"\z" in pattern or r"\uD800" in pattern:
        return None if text.isascii() and text.isprintable() else False
    return re.fullmatch(pattern, text) is not None


def _faults(shape: Any, value: Any, path: list[Any], place: str) -> Iterator[tuple[str, list[Any], str, Any]]:
    kind, limits = shape.type_name, shape.metadata
    if path:
        yield "type", path, place, _OF_ANOTHER_TYPE.get(kind, "many")
    if kind == "structure":
        for name, entry in value.items():
            there = f"{place}.{_small(name)}" if place else _small(name)
            if name in shape.required_members:
                yield "required", [*path, name], there, _MISSING
            yield from _faults(shape.members[name], entry, [*path, name], there)
    elif kind == "list":
        if limits.get("min", 0) > 0:
            yield "min", path, place, value[: limits["min"] - 1]
        if "max" in limits:
            yield "max", path, place, value[:1] * (limits["max"] + 1)
        yield from _faults(shape.member, value[0], [*path, 0], f"{place}.1.member")
    elif kind == "map":
        if "max" in limits:
            key, entry = next(iter(value.items()))
            yield "max", path, place, {f"{key}{number}": entry for number in range(limits["max"] + 1)}
        if shape.value.type_name == "structure":
            key, entry = next(iter(value.items()))
            yield from _faults(shape.value, entry, [*path, key], f"{place}.{key}.member")
    elif kind == "string":
        yield from ((rule, path, place, text) for rule, text in _bad_texts(shape))
    elif kind not in ("boolean", "timestamp"):
        yield from (
            (side, path, place, limits[side] + step) for side, step in (("min", -1), ("max", 1)) if side in limits
        )


def _bad_texts(shape: Any) -> Iterator[tuple[str, str]]:
    limits = shape.metadata
    if shape.enum:
        yield "enum", "no such value"
        return
    if limits.get("min", 0) > 0:
        yield "min", "a" * (limits["min"] - 1)
    if "max" in limits:
        yield "max", "a" * (limits["max"] + 1)
    if "pattern" in limits:
        wrong = ("\x00", "é", "a b", "?", "-")
        size = max(limits.get("min", 1), 1)
        texts = (text * size for text in wrong)
        yield from (
            ("pattern", text)
            for text in texts
            if _matches(limits["pattern"], text) is False and not _lets(limits["pattern"], text)
        )


def _lets(pattern: str, text: str) -> bool:
    """Whether a pattern that only Java reads allows this text, which is not ASCII, or not for printing."""
    if r"\p{" not in pattern and r"\uD800" not in pattern:
        return False
    return "é" in text and "ASCII" not in pattern and "Print" not in pattern


def _small(name: str) -> str:
    return name[:1].lower() + name[1:]
