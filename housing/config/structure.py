"""Plain values -> frozen dataclasses, strictly: no conversion, no unknown key, every fault."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import is_dataclass, replace
from functools import cache
from types import UnionType
from typing import Any, Union, cast, get_args, get_origin

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from housing.config import keys
from housing.config.faults import Fault, Path, did_you_mean, some_of
from housing.data.description import Column, Dataset
from housing.nearest import nearest
from housing.tuning.space import Distribution, SearchSpace

REQUIRED = "is required, and nothing sets it"
UNKNOWN = "no such key"

_ABSENT = ("missing", "unexpected_keyword_argument")
_KEYED = re.compile(r"([\w.\[\]]+): (.+)", re.DOTALL)
_BEFORE_KEY = re.compile(r"; (?=[\w.\[\]]+: )")
_STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


def read(kind: Any, raw: Any, path: Path, faults: list[Fault]) -> Any:
    """`raw` as a `kind`; on a fault, adds to `faults` and returns None."""
    try:
        # Strict validation accepts lists for tuples and mappings for dataclasses only from JSON. The tuple around the
        # type carries the strict settings into plain dataclasses.
        return _adapter(_member(kind, raw)).validate_json(json.dumps([raw]))[0]
    except ValidationError as error:
        found: dict[Path, Fault] = {}
        for fault in (f for e in error.errors(include_url=False) for f in _faults(e, raw, path)):
            # A union reports errors for each of its members.
            first = found.setdefault(fault.path, fault)
            if fault.rule not in first.rule:
                found[fault.path] = replace(first, rule=f"{first.rule} or {fault.rule.removeprefix('must be ')}")
        faults.extend(found.values())
        return None


def rule_faults(text: str, path: Path, raw: Any = None) -> list[Fault]:
    """Faults parsed from `<key>: <rule>; <key>: <rule>`, keys relative to `path`; else one, about the key that the text
    begins with.
    """
    matches = [_KEYED.fullmatch(part) for part in _BEFORE_KEY.split(text)]
    keyed = [(match[1], match[2]) for match in matches if match]
    if len(keyed) == len(matches):
        return [Fault((*path, *re.sub(r"\[(\d+)\]", r".\1", key).split(".")), rule) for key, rule in keyed]
    key = text.partition(" ")[0]
    return [Fault((*path, key) if isinstance(raw, Mapping) and key in raw else path, text)]


def read_dataset(raw: Any, path: Path, faults: list[Fault]) -> Dataset | None:
    """A dataset whose columns are told apart by `kind`."""
    if not isinstance(raw, Mapping) or not isinstance(raw.get("columns"), Mapping):
        return cast("Dataset | None", read(Dataset, raw, path, faults))
    before = len(faults)
    columns = _read_tagged(Column, raw["columns"], (*path, "columns"), faults)
    hints = keys.type_hints(Dataset)
    values: dict[str, Any] = {
        name: columns if name == "columns" else read(hints[name], value, (*path, name), faults)
        for name, value in raw.items()
        if name in hints
    }
    faults += [Fault((*path, str(name)), UNKNOWN, value) for name, value in raw.items() if name not in hints]
    faults += [Fault((*path, name), REQUIRED) for name in keys.required(Dataset) if name not in raw]
    if len(faults) > before:
        return None
    try:
        return Dataset(**values)
    except ValueError as error:
        faults += rule_faults(str(error), path, raw)
        return None


def read_search_space(raw: Any, path: Path, faults: list[Fault]) -> SearchSpace | None:
    """Distributions told apart by `type`; those that are wrong are left out."""
    if not isinstance(raw, Mapping):
        faults.append(Fault(path, "must be a mapping: a hyperparameter's name, then its distribution", raw))
        return None
    return _read_tagged(Distribution, raw, path, faults)


def _read_tagged(union: Any, entries: Mapping[Any, Any], path: Path, faults: list[Fault]) -> dict[str, Any]:
    found = keys.tag(union)
    assert found is not None
    tag, members = found
    checked = {}
    for key, raw in entries.items():
        name = str(key)
        # In a search among algorithms a range is named like linear.alpha.
        place = (*path, *(name.split(".") if union is Distribution else (name,)))
        if not isinstance(raw, Mapping):
            rule = f"must be a mapping with `{tag}`: {some_of(members)}"
            faults.append(Fault(place, rule, raw))
        elif tag not in raw and (mistyped := nearest(tag, map(str, raw))) is not None:
            way_out = did_you_mean(".".join((*place, tag)))
            faults.append(Fault((*place, mistyped), UNKNOWN, raw.get(mistyped), way_out))
        elif tag not in raw:
            sibling = nearest(name, {str(k) for k in entries})
            way_out = did_you_mean(".".join((*path, sibling)) if sibling else None)
            faults.append(Fault(place, f"needs `{tag}`: {some_of(members)}", raw, way_out))
        elif raw[tag] not in members:
            way_out = did_you_mean(nearest(str(raw[tag]), members))
            faults.append(Fault((*place, tag), f"must be one of {some_of(members)}", raw[tag], way_out))
        else:
            value = read(members[raw[tag]], raw, place, faults)
            if value is not None:
                checked[name] = value
    return checked


def _member(kind: Any, raw: Any) -> Any:
    """The member of a union that the mapping's tag selects: errors of other members would be noise."""
    if not isinstance(raw, Mapping) or get_origin(kind) not in (Union, UnionType):
        return kind
    able = [member for member in get_args(kind) if is_dataclass(member)]
    return able[0] if len(able) == 1 else kind


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(tuple[kind], config=_STRICT)


def _faults(error: ErrorDetails, raw: Any, path: Path) -> list[Fault]:
    kind, value = error["type"], error["input"]
    place = (*path, *_without_tags(error["loc"][1:], raw, names_absent=kind in _ABSENT))
    if kind == "missing":
        return [Fault(place, REQUIRED)]
    if kind == "unexpected_keyword_argument":
        return [Fault(place, UNKNOWN, value)]
    if kind == "value_error":
        return rule_faults(str(error["ctx"]["error"]), place, value)
    if kind == "literal_error":
        options = re.findall(r"'([^']*)'", str(error["ctx"]["expected"]))
        return [Fault(place, f"must be one of {some_of(options)}", value, did_you_mean(nearest(str(value), options)))]
    rule = _RULES.get(kind)
    return [Fault(place, rule(value) if rule else error["msg"], value)]


def _without_tags(loc: Sequence[int | str], raw: Any, *, names_absent: bool) -> Iterator[str]:
    """The path of an error without the names of union members, which pydantic lists as if they were keys."""
    for depth, part in enumerate(loc):
        last = names_absent and depth == len(loc) - 1
        if isinstance(raw, Mapping) and (part in raw or last):
            yield str(part)
            raw = raw.get(part)
        elif isinstance(raw, list) and isinstance(part, int):
            yield str(part)
            raw = raw[part] if part < len(raw) else None


def _text_rule(value: Any) -> str:
    if isinstance(value, Mapping | list) or value is None:
        return "must be text"
    text = "true" if value is True else "false" if value is False else str(value)
    return f'must be text; YAML reads {text} as something else unless it stands in quotes: "{text}"'


_RULES: dict[str, Callable[[Any], str]] = {
    "int_type": lambda _: "must be a whole number",
    "float_type": lambda _: "must be a number",
    "finite_number": lambda _: "must be a finite number",
    "bool_type": lambda _: "must be true or false",
    "string_type": _text_rule,
    "tuple_type": lambda _: "must be a list: [a, b]",
    "dict_type": lambda _: "must be a mapping: lines of `key: value`",
    "mapping_type": lambda _: "must be a mapping: lines of `key: value`",
    "dataclass_type": lambda value: "must be a mapping: lines of `key: value`" if value is not None else "has no value",
}
