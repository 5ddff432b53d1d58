"""An encoder's inputs as JSON, and strict readers of JSON values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

from housing.data.description import Missing
from housing.data.faults import shown
from housing.data.inputs import Levels, Number
from housing.data.learning import Input
from housing.data.moments import Date, Part
from housing.data.more_inputs import Flag, Hashed, LevelNumbers, Moment
from housing.data.number_format import NumberFormat
from housing.errors import DataError

_FORMAT: dict[str, type] = {"decimal": str, "thousands": str, "strip": list}


def is_later(one: Input) -> bool:
    """Whether the earliest version of the format lacks this kind of input."""
    if isinstance(one, Number):
        return not one.form.is_plain
    return not isinstance(one, Levels) or one.rare or one.way == "native"


def written(one: Input) -> dict[str, object]:
    """An input as JSON, for `read_input`."""
    line: dict[str, object] = {"column": one.column, "as": one.way, "missing": one.missing}
    match one:
        case Number():
            line |= {} if one.form.is_plain else _written_format(one.form)
        case Levels():
            line |= {"levels": one.levels, **({"rare": True} if one.rare else {})}
        case Moment():
            line |= {"format": one.format or "", "parts": one.parts}
        case Hashed():
            line |= {"buckets": one.buckets}
        case LevelNumbers():
            line |= {"of": one.of, "otherwise": one.otherwise, "absent": one.absent}
            line |= {"levels": one.levels, "values": one.values}
        case _:
            pass
    return line


def read_input(raw: object, where: str) -> Input:
    """The input; raises DataError on anything that `written` does not write."""
    way = raw.get("as") if isinstance(raw, dict) else None
    common: dict[str, type] = {"column": str, "as": str, "missing": str}
    more: dict[str, type] = {}
    match way:
        case "number" | "boolean":
            more = _FORMAT if way == "number" and isinstance(raw, dict) and "decimal" in raw else {}
        case "date":
            more = {"format": str, "parts": list}
        case "hash":
            more = {"buckets": int}
        case "target" | "count":
            more = {"of": list, "otherwise": list, "absent": list, "levels": list, "values": list}
        case _:
            more = {"levels": list}
            more |= {"rare": bool} if isinstance(raw, dict) and "rare" in raw else {}
    column, way, named, *others = fields(raw, where, **common, **more)
    missing = one_of(named, get_args(Missing), f"{where}.missing")
    has = dict(zip(more, others, strict=True))
    match way:
        case "number":
            return Number(column, missing, _format(has, where)) if has else Number(column, missing)
        case "boolean":
            return Flag(column, missing)
        case "date":
            return _moment(column, missing, has, where)
        case "hash":
            if has["buckets"] < 1:
                raise DataError(f"{where}.buckets: must be 1 or more, got {has['buckets']}")
            return Hashed(column, missing, has["buckets"])
        case "target" | "count":
            return _level_numbers(column, missing, way, has, where)
        case _:
            levels = texts(has["levels"], f"{where}.levels")
            how = one_of(way, ("rank", "one_hot", "native"), f"{where}.as")
            return Levels(column, missing, levels, how, rare=has.get("rare", False))


def _written_format(form: NumberFormat) -> dict[str, object]:
    return {"decimal": form.decimal, "thousands": form.thousands or "", "strip": form.strip}


def _format(has: dict[str, Any], where: str) -> NumberFormat:
    form = NumberFormat(has["decimal"], has["thousands"] or None, texts(has["strip"], f"{where}.strip"))
    if faults := list(form.faults()):
        raise DataError(f"{where}.{faults[0]}")
    return form


def fields(raw: object, where: str, **kinds: type) -> list[Any]:
    """The values of exactly these keys, each of its kind."""
    if not isinstance(raw, dict) or set(raw) != set(kinds):
        keys = sorted(map(str, raw)) if isinstance(raw, dict) else raw
        raise DataError(f"{where}: must have the keys {', '.join(kinds)}, got {shown(keys, 200)}")
    for key, kind in kinds.items():
        if type(raw[key]) is not kind:
            raise DataError(f"{where}.{key}: must be {kind.__name__}, got {shown(raw[key])}")
    return [raw[key] for key in kinds]


def texts(raw: list[object], where: str) -> tuple[str, ...]:
    """The values, which must all be text."""
    if not all(isinstance(text, str) for text in raw):
        raise DataError(f"{where}: must be texts, got {shown(raw)}")
    return tuple(map(str, raw))


def numbers(raw: object, where: str) -> list[float]:
    """The values, which must all be floats."""
    if not isinstance(raw, list) or not all(type(number) is float for number in raw):
        raise DataError(f"{where}: must be numbers, got {shown(raw)}")
    return raw


def one_of(value: str, known: Sequence[str], where: str) -> Any:
    """The value, which must be one of `known`."""
    if value not in known:
        raise DataError(f"{where}: must be one of {', '.join(known)}, got {shown(value)}")
    return value


def _moment(column: str, missing: Any, has: dict[str, Any], where: str) -> Moment:
    try:
        Date(format=has["format"] or None)
    except ValueError as error:
        raise DataError(f"{where}: {error}") from None
    parts = tuple(one_of(part, get_args(Part), f"{where}.parts") for part in texts(has["parts"], f"{where}.parts"))
    return Moment(column, missing, has["format"] or None, parts)


def _level_numbers(column: str, missing: Any, way: Any, has: dict[str, Any], where: str) -> LevelNumbers:
    of, levels = texts(has["of"], f"{where}.of"), texts(has["levels"], f"{where}.levels")
    rows = [tuple(numbers(row, f"{where}.values")) for row in [*has["values"], has["otherwise"], has["absent"]]]
    if len(rows) != len(levels) + 2 or {len(row) for row in rows} != {len(of) or 1}:
        raise DataError(f"{where}.values: must be as many numbers for each of the levels as `of` has")
    return LevelNumbers(column, missing, way, of, levels, tuple(rows[:-2]), rows[-2], rows[-1])
