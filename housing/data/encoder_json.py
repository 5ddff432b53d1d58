"""An encoder as JSON: a line an input, so that people can read it and compare two."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, get_args

from housing.data import calibration
from housing.data.description import Missing
from housing.data.faults import shown
from housing.data.features import Derived
from housing.data.inputs import Input, Levels, Number
from housing.errors import DataError
from housing.tasks import base as tasks
from housing.tasks.base import quantiles_fault

if TYPE_CHECKING:
    from housing.data.encoder import Encoder

VERSION = 3
"""Of the format; a reader refuses any later one."""

_OF_NUMBERS, _OF_TASKS = 1, 2
"""The versions without tasks and levels, and without what some tasks have: what needs no more is still written so."""

_IMPLIED = (tasks.DEFAULT, (), tasks.DEFAULT_THRESHOLD)


def dump(encoder: Encoder) -> str:
    """The same text for equal encoders."""
    label: dict[str, object] = {
        "name": encoder.label,
        "unit": encoder.label_unit,
        "transform": encoder.label_transform,
    }
    version = _OF_NUMBERS
    if (encoder.task, encoder.label_levels, encoder.threshold) != _IMPLIED:
        version = _OF_TASKS
        label |= {"task": encoder.task, "levels": encoder.label_levels, "threshold": encoder.threshold}
    if of_some := _of_some_tasks(encoder):
        version = VERSION
        label |= of_some
    inputs = ",\n".join(f"  {_line(_input(one))}" for one in encoder.inputs)
    derived = ",\n".join(
        f"  {_line({'column': name, 'operation': one.operation, 'of': one.columns})}"
        for name, one in encoder.derived.items()
    )
    return (
        "{\n"
        f' "version": {version},\n'
        f' "label": {_line(label)},\n'
        f' "missing_values": {_line(encoder.missing_values)},\n'
        f' "inputs": [\n{inputs}\n ],\n'
        f' "derived": [\n{derived}\n ]\n'
        "}\n"
    )


def load(text: str) -> dict[str, Any]:
    """The arguments of an Encoder. Raises DataError on anything that `dump` does not write."""
    try:
        raw = json.loads(text)
    except ValueError as error:
        raise DataError(f"encoder: is not JSON ({error})") from None
    version = raw.get("version", _OF_NUMBERS) if isinstance(raw, dict) else _OF_NUMBERS
    if version not in (_OF_NUMBERS, _OF_TASKS, VERSION):
        raise DataError(
            f"encoder: has version {shown(version)}, this housing reads versions up to {VERSION}; "
            "use the housing that trained the model"
        )
    _, label, missing, inputs, derived = _fields(
        raw, "encoder", version=int, label=dict, missing_values=list, inputs=list, derived=list
    )
    question = _read_question(label, version)
    kinds = {"name": str, "unit": str, "transform": str, **_question_kinds(label, version)}
    name, unit, transform, *_ = _fields(label, "encoder.label", **kinds)
    read = tuple(_read_input(one, f"encoder.inputs[{i}]") for i, one in enumerate(inputs))
    if not read or len({one.column for one in read}) < len(read):
        raise DataError("encoder.inputs: there must be inputs, and each column once")
    numeric = {one.column for one in read if isinstance(one, Number)}
    return {
        "label": name,
        "label_unit": unit,
        "label_transform": _one_of(transform, ("none", "log"), "encoder.label.transform"),
        "missing_values": _texts(missing, "encoder.missing_values"),
        "inputs": read,
        "derived": dict(_read_derived(one, numeric, f"encoder.derived[{i}]") for i, one in enumerate(derived)),
        **question,
    }


_QUESTION: dict[str, type] = {"task": str, "levels": list, "threshold": float}
_OF_SOME_TASKS: dict[str, type] = {"calibration": dict, "quantiles": list}


def _of_some_tasks(encoder: Encoder) -> dict[str, object]:
    found: dict[str, object] = {}
    if encoder.calibration is not None:
        found["calibration"] = encoder.calibration.document()
    if encoder.quantiles:
        found["quantiles"] = encoder.quantiles
    return found


def _question_kinds(label: Mapping[str, Any], version: int) -> dict[str, type]:
    if version == _OF_NUMBERS:
        return {}
    of_some = {key: kind for key, kind in _OF_SOME_TASKS.items() if version == VERSION and key in label}
    return _QUESTION | of_some


def _read_question(label: Mapping[str, Any], version: int) -> dict[str, Any]:
    if version == _OF_NUMBERS:
        return {}
    kinds = _question_kinds(label, version)
    there = {key: label[key] for key in kinds if key in label}
    found = dict(zip(kinds, _fields(there, "encoder.label", **kinds), strict=True))
    levels, threshold, quantiles = found["levels"], found["threshold"], found.get("quantiles", [])
    if not 0 <= threshold <= 1:
        raise DataError(f"encoder.label.threshold: must lie in [0, 1], got {threshold:g}")
    if fault := quantiles_fault(quantiles):
        raise DataError(f"encoder.label.quantiles: {fault}")
    asked = _one_of(found["task"], tasks.names(), "encoder.label.task")
    question = {
        "task": asked,
        "label_levels": _texts(levels, "encoder.label.levels"),
        "threshold": threshold,
        "quantiles": tuple(quantiles),
    }
    if "calibration" in found:
        outputs = tasks.find(asked).outputs(len(levels))
        question["calibration"] = calibration.read(found["calibration"], "encoder.label.calibration", outputs=outputs)
    return question


def _line(value: Mapping[str, object] | Sequence[object]) -> str:
    return json.dumps(value, ensure_ascii=False)


def _input(one: Input) -> dict[str, object]:
    line: dict[str, object] = {"column": one.column, "as": one.way, "missing": one.missing}
    return line | {"levels": one.levels} if isinstance(one, Levels) else line


def _read_input(raw: object, where: str) -> Input:
    if isinstance(raw, dict) and raw.get("as") == "number":
        column, _, missing = _fields(raw, where, column=str, **{"as": str}, missing=str)
        return Number(column, _one_of(missing, get_args(Missing), f"{where}.missing"))
    column, way, missing, levels = _fields(raw, where, column=str, **{"as": str}, missing=str, levels=list)
    return Levels(
        column,
        _one_of(missing, get_args(Missing), f"{where}.missing"),
        _texts(levels, f"{where}.levels"),
        _one_of(way, ("rank", "one_hot"), f"{where}.as"),
    )


def _read_derived(raw: object, numeric: set[str], where: str) -> tuple[str, Derived]:
    name, operation, columns = _fields(raw, where, column=str, operation=str, of=list)
    of = _texts(columns, f"{where}.of")
    if len(of) < 2 or not set(of) <= numeric:
        raise DataError(f"{where}.of: must be two or more numeric inputs, got {shown(columns)}")
    known = ("sum", "difference", "product", "ratio")
    return name, Derived(_one_of(operation, known, f"{where}.operation"), of)


def _fields(raw: object, where: str, **kinds: type) -> list[Any]:
    """The values of exactly these keys, each of its kind."""
    if not isinstance(raw, dict) or set(raw) != set(kinds):
        keys = sorted(map(str, raw)) if isinstance(raw, dict) else raw
        raise DataError(f"{where}: must have the keys {', '.join(kinds)}, got {shown(keys, 200)}")
    for key, kind in kinds.items():
        if type(raw[key]) is not kind:
            raise DataError(f"{where}.{key}: must be {kind.__name__}, got {shown(raw[key])}")
    return [raw[key] for key in kinds]


def _texts(raw: list[object], where: str) -> tuple[str, ...]:
    if not all(isinstance(text, str) for text in raw):
        raise DataError(f"{where}: must be texts, got {shown(raw)}")
    return tuple(map(str, raw))


def _one_of(value: str, known: Sequence[str], where: str) -> Any:
    if value not in known:
        raise DataError(f"{where}: must be one of {', '.join(known)}, got {shown(value)}")
    return value
