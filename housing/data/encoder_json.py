"""An encoder as JSON with one line per input, so that people can read and diff it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from housing.data import calibration, intervals
from housing.data.derived import OF_ANY_KIND, OF_DATES, OPERATIONS, Derived
from housing.data.faults import shown
from housing.data.input_json import fields, is_later, numbers, one_of, read_input, texts, written
from housing.data.inputs import Number
from housing.data.learning import Input
from housing.data.monotone import SIGNS, Direction
from housing.data.more_inputs import Flag, Moment
from housing.errors import DataError
from housing.tasks import base as tasks
from housing.tasks.predictions import quantiles_fault
from housing.tasks.transforms import ALL

if TYPE_CHECKING:
    from housing.data.encoder import Encoder

VERSION = 4
"""Version of the format; a reader refuses any later one."""

_OF_NUMBERS, _OF_TASKS, _OF_LEVELS = 1, 2, 3
"""Earlier versions: without tasks and levels; without what only some tasks have; with numbers, ranks and one-hot levels
only.

An encoder that needs no more is still written in the earliest version that suffices.
"""

_FIRST_OPERATIONS = ("sum", "difference", "product", "ratio")

_IMPLIED = (tasks.DEFAULT, (), tasks.DEFAULT_THRESHOLD)


def dump(encoder: Encoder) -> str:
    """The JSON; equal encoders give equal text."""
    label: dict[str, object] = {
        "name": encoder.label,
        "unit": encoder.label_unit,
        "transform": encoder.label_transform,
    }
    version = _OF_NUMBERS
    if (encoder.task, encoder.label_levels, encoder.threshold) != _IMPLIED:
        version = _OF_TASKS
        label |= _question(encoder)
    if of_some := _of_some_tasks(encoder):
        version = _OF_LEVELS
        label |= of_some
    if any(is_later(one) for one in encoder.inputs) or any(
        one.operation not in _FIRST_OPERATIONS for one in encoder.derived.values()
    ):
        version = VERSION
        label |= _question(encoder)
    monotone = ""
    if encoder.monotone:
        version = VERSION
        label |= _question(encoder)
        monotone = f',\n "monotone": {_line(encoder.monotone)}'
    how_sure = ""
    if encoder.intervals is not None:
        version = VERSION
        label |= _question(encoder)
        how_sure = f',\n "intervals": {_line(encoder.intervals.document())}'
    inputs = ",\n".join(f"  {_line(written(one))}" for one in encoder.inputs)
    derived = ",\n".join(f"  {_line(_derived(name, one))}" for name, one in encoder.derived.items())
    return (
        "{\n"
        f' "version": {version},\n'
        f' "label": {_line(label)},\n'
        f' "missing_values": {_line(encoder.missing_values)},\n'
        f' "inputs": [\n{inputs}\n ],\n'
        f' "derived": [\n{derived}\n ]{monotone}{how_sure}\n'
        "}\n"
    )


def load(text: str) -> dict[str, Any]:
    """The arguments of an Encoder. Raises DataError on anything that `dump` does not write."""
    try:
        raw = json.loads(text)
    except ValueError as error:
        raise DataError(f"encoder: is not JSON ({error})") from None
    version = raw.get("version", _OF_NUMBERS) if isinstance(raw, dict) else _OF_NUMBERS
    if version not in (_OF_NUMBERS, _OF_TASKS, _OF_LEVELS, VERSION):
        raise DataError(
            f"encoder: has version {shown(version)}, this housing reads versions up to {VERSION}; "
            "use the housing that trained the model"
        )
    later = {key: raw[key] for key in ("monotone", "intervals") if version == VERSION and key in raw}
    _, label, missing, inputs, derived = fields(
        {key: value for key, value in raw.items() if key not in later} if isinstance(raw, dict) else raw,
        "encoder",
        version=int,
        label=dict,
        missing_values=list,
        inputs=list,
        derived=list,
    )
    question = _read_question(label, version)
    kinds = {"name": str, "unit": str, "transform": str, **_question_kinds(label, version)}
    name, unit, transform, *_ = fields(label, "encoder.label", **kinds)
    read = tuple(read_input(one, f"encoder.inputs[{i}]") for i, one in enumerate(inputs))
    if not read or len({(one.column, one.way) for one in read}) < len(read):
        raise DataError("encoder.inputs: there must be inputs, and each column once in a way")
    return {
        "label": name,
        "label_unit": unit,
        "label_transform": one_of(transform, ALL, "encoder.label.transform"),
        "missing_values": texts(missing, "encoder.missing_values"),
        "inputs": read,
        "derived": dict(_read_derived(one, read, f"encoder.derived[{i}]") for i, one in enumerate(derived)),
        **question,
        **{key: _LATER[key](one, f"encoder.{key}") for key, one in later.items()},
    }


def _read_monotone(raw: object, where: str) -> dict[str, Direction]:
    if not isinstance(raw, dict) or not raw:
        raise DataError(f"{where}: must name columns, got {shown(raw)}")
    return {name: one_of(direction, tuple(SIGNS), f"{where}.{name}") for name, direction in raw.items()}


_LATER = {"monotone": _read_monotone, "intervals": intervals.read}
_QUESTION: dict[str, type] = {"task": str, "levels": list, "threshold": float}
_OF_SOME_TASKS: dict[str, type] = {"calibration": dict, "quantiles": list}


def _question(encoder: Encoder) -> dict[str, object]:
    return {"task": encoder.task, "levels": encoder.label_levels, "threshold": encoder.threshold}


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
    of_some = {key: kind for key, kind in _OF_SOME_TASKS.items() if version >= _OF_LEVELS and key in label}
    return _QUESTION | of_some


def _read_question(label: Mapping[str, Any], version: int) -> dict[str, Any]:
    if version == _OF_NUMBERS:
        return {}
    kinds = _question_kinds(label, version)
    there = {key: label[key] for key in kinds if key in label}
    found = dict(zip(kinds, fields(there, "encoder.label", **kinds), strict=True))
    levels, threshold, quantiles = found["levels"], found["threshold"], found.get("quantiles", [])
    if not 0 <= threshold <= 1:
        raise DataError(f"encoder.label.threshold: must lie in [0, 1], got {threshold:g}")
    if fault := quantiles_fault(quantiles):
        raise DataError(f"encoder.label.quantiles: {fault}")
    asked = one_of(found["task"], tasks.names(), "encoder.label.task")
    question = {
        "task": asked,
        "label_levels": texts(levels, "encoder.label.levels"),
        "threshold": threshold,
        "quantiles": tuple(quantiles),
    }
    if "calibration" in found:
        outputs = tasks.find(asked).outputs(len(levels))
        question["calibration"] = calibration.read(found["calibration"], "encoder.label.calibration", outputs=outputs)
    return question


def _line(value: Mapping[str, object] | Sequence[object]) -> str:
    return json.dumps(value, ensure_ascii=False)


def _derived(name: str, one: Derived) -> dict[str, object]:
    line: dict[str, object] = {"column": name, "operation": one.operation, "of": one.columns}
    more = {"edges": one.edges, "value": one.value}
    return line | {key: value for key, value in more.items() if value is not None}


def _read_derived(raw: object, inputs: Sequence[Input], where: str) -> tuple[str, Derived]:
    more = {key: kind for key, kind in (("edges", list), ("value", float)) if isinstance(raw, dict) and key in raw}
    name, operation, columns, *_ = found = fields(raw, where, column=str, operation=str, of=list, **more)
    asked, of = one_of(operation, OPERATIONS, f"{where}.operation"), texts(columns, f"{where}.of")
    beside = dict(zip(more, found[3:], strict=True))
    if "edges" in beside:
        beside["edges"] = tuple(numbers(beside["edges"], f"{where}.edges"))
    able = Moment if asked in OF_DATES else Number | Flag
    known = {one.column for one in inputs if asked in OF_ANY_KIND or isinstance(one, able)}
    if not set(of) <= known:
        wanted = "inputs" if asked in OF_ANY_KIND else "dates" if asked in OF_DATES else "numeric inputs"
        raise DataError(f"{where}.of: must be {wanted}, got {shown(columns)}")
    try:
        return name, Derived(asked, of, **beside)
    except ValueError as error:
        raise DataError(f"{where}: {error}") from None
