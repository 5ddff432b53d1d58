"""The rule that a number is held to, as its class tells it of one that is far too small or too large."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from housing.config import keys, structure
from housing.config.faults import Fault
from housing.config.schema import Experiment
from housing.data.description import Column
from housing.targets import registry as targets
from housing.tuning.space import Distribution

_SMALL, _LARGE = -1_000_003, 10_000_019
_GOT = re.compile(r",? got .*", re.DOTALL)
_GIVEN = re.compile(r" -?[\d_]{7,}(\.0)?")
_EXAMPLES: Mapping[tuple[str, str], Any] = {
    ("Image", "image"): "123456789012.dkr.ecr.us-east-1.amazonaws.com/mine:1",
    ("Variant", "model"): "models:/housing@champion",
    ("InjectedFault", "operation"): "s3:*",
    ("Float", "high"): 2.0,
    ("Int", "high"): 2,
    ("Categorical", "choices"): ["a", "b"],
    ("Fractions", "train"): 0.6,
    ("Fractions", "validation"): 0.2,
    ("Fractions", "test"): 0.2,
    ("Study", "sampler"): "tpe",
}
"""Values of required keys that the type alone does not give."""


@cache
def classes() -> Mapping[str, type[Any]]:
    """Every class of the configuration, by name."""
    roots = [Experiment, *keys.SECTIONS.values(), *get_args(Column), *get_args(Distribution)]
    return {kind.__name__: kind for root in roots for kind in _below(root)} | {
        f"Settings of {slot} {name}": targets.find(name).Settings
        for slot in ("runner", "host")
        for name in targets.names(slot)
    }


def rule(kind: type[Any], key: str) -> str:
    """What a number must be, such as `must be 1 or more`; empty where any will do, and for what is no number."""
    hint = _hints(kind).get(key)
    numbers = {int, float} & set(_members(hint))
    if not numbers:
        return ""
    told = [_told(kind, key, value if int in numbers else float(value)) for value in (_SMALL, _LARGE)]
    return "; ".join(dict.fromkeys(filter(None, told)))


def _told(kind: type[Any], key: str, value: float) -> str:
    faults: list[Fault] = []
    structure.read(kind, _example(kind) | {key: value}, (), faults)
    own = [fault for fault in faults if fault.path[-1:] == (key,) or key in fault.rule.split(" must ")[0].split()]
    if not own:
        return ""
    return _GIVEN.sub("", _GOT.sub("", own[0].rule)).replace(f"{key} must", "must").strip()


def _example(kind: type[Any]) -> dict[str, Any]:
    """The least that such a mapping holds."""
    hints = _hints(kind)
    return {
        field.name: _EXAMPLES.get((kind.__name__, field.name), _value(hints[field.name]))
        for field in fields(kind)
        if field.default is MISSING and field.default_factory is MISSING
    }


def _value(hint: Any) -> Any:
    origin = get_origin(hint)
    if origin is Literal:
        return get_args(hint)[0]
    if origin in (Union, UnionType):
        return _value(get_args(hint)[0])
    if is_dataclass(hint) and isinstance(hint, type):
        return _example(hint)
    simple: Mapping[Any, Any] = {str: "x", int: 1, float: 1.0, bool: True}
    if hint in simple:
        return simple[hint]
    if origin is not None and issubclass(origin, Mapping):
        return {}
    return [_value(get_args(hint)[0])] if origin is not None and issubclass(origin, Sequence) else "x"


def _hints(kind: Any) -> dict[str, Any]:
    return keys.type_hints(kind)


def _members(hint: Any) -> Iterator[Any]:
    if get_origin(hint) in (Union, UnionType):
        for member in get_args(hint):
            yield from _members(member)
    else:
        yield hint


def _below(kind: Any) -> Iterator[type[Any]]:
    if isinstance(kind, type) and is_dataclass(kind):
        yield kind
        for hint in _hints(kind).values():
            yield from _below(hint)
    else:
        for argument in get_args(kind):
            yield from _below(argument)
