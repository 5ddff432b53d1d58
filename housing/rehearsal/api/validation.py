"""Requests and responses checked against botocore's service model: types, required members, patterns, enums, ranges.

Clients check types and required members at most; the service checks everything, with the messages used here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from housing.rehearsal.responses import ApiError

_JSON_NAMES = {str: "STRING_VALUE", bool: "BOOLEAN_VALUE", int: "NUMBER_VALUE", float: "NUMBER_VALUE"}
_CLASSES = {
    # Whole classes: everything but control characters, less symbols or spaces where the class omits them.
    r"[\p{L}\p{M}\p{Z}\p{S}\p{N}\p{P}]": r"[^\x00-\x1f\x7f-\x9f]",
    r"[\p{L}\p{M}\p{Z}\p{N}\p{P}]": r"[^\x00-\x1f\x7f-\x9f$+<=>^`|~]",
    r"[\p{L}\p{M}\p{S}\p{N}\p{P}]": r"[^\x00-\x20\x7f-\xa0\u2028\u2029]",
    r"[\p{Print}]": "[ -~]",
    r"\p{Print}": "[ -~]",
    r"\p{ASCII}": r"[\x00-\x7f]",
    # `\w` adds `_` to the letters, which every pattern with letters allows anyway.
    r"\p{L}": r"\w",
    r"\p{N}": r"\d",
    r"\p{Z}": " \u00a0\u2028\u2029",
    r"\p{Alnum}": "a-zA-Z0-9",
    r"\uD800\uDC00-\uDBFF\uDFFF": "\U00010000-\U0010ffff",
    r"\z": r"\Z",
}
_NUMBERS = ("integer", "long", "float", "double")
_MODEL = "service-2"


@cache
def service_model(service: str = "sagemaker") -> Any:
    from botocore.loaders import Loader
    from botocore.model import ServiceModel

    # A session would first list all of AWS's services, which takes longer than reading one.
    loader = Loader()
    version = loader.determine_latest_version(service, _MODEL)
    return ServiceModel(loader.load_data(f"{service}/{version}/{_MODEL}"), service)


@cache
def operation_model(operation: str, service: str = "sagemaker") -> Any:
    """None when the service has no such operation."""
    from botocore.exceptions import ClientError
    from botocore.model import OperationNotFoundError

    try:
        return service_model(service).operation_model(operation)
    except (OperationNotFoundError, ClientError):
        return None


def check(shape: Any, value: Any) -> None:
    """ApiError with everything that is wrong with a request of this shape."""
    _check_types(shape, value, "")
    faults = list(_faults(shape, value, ""))
    if faults:
        count = f"{len(faults)} validation error{'s' if len(faults) > 1 else ''} detected: "
        raise ApiError("ValidationException", count + "; ".join(faults))


def check_headers(shape: Any, headers: Mapping[str, str], parts: Mapping[str, str]) -> None:
    """As `check`, for a request whose members are headers, named in lower case, and parts of its path.

    The payload is not checked.
    """
    given: dict[str, Any] = {shape.serialization["payload"]: b""}
    for name, member in shape.members.items():
        place = member.serialization
        if place.get("location") == "uri":
            given[name] = parts[name]
        elif place.get("location") == "header" and (text := headers.get(place["name"].lower())) is not None:
            given[name] = int(text) if member.type_name in _NUMBERS and text.lstrip("-").isdigit() else text
    check(shape, given)


def answered(shape: Any, value: Any) -> Any:
    """The members of a response that its shape knows, except those that are None."""
    if shape.type_name == "structure":
        return {
            name: answered(member, value[name]) for name, member in shape.members.items() if value.get(name) is not None
        }
    if shape.type_name == "list":
        return [answered(shape.member, entry) for entry in value]
    if shape.type_name == "map":
        return {key: answered(shape.value, entry) for key, entry in value.items()}
    return value


def _check_types(shape: Any, value: Any, path: str) -> None:
    kind = shape.type_name
    expected = {"structure": dict, "map": dict, "list": list, "string": str, "boolean": bool}.get(kind)
    if kind in _NUMBERS or kind == "timestamp":
        right = isinstance(value, (int, float)) and not isinstance(value, bool)
        right = right and (kind not in ("integer", "long") or float(value).is_integer())
    else:
        right = expected is None or isinstance(value, expected)
    if not right:
        raise ApiError("SerializationException", _wrong_type(kind, value, path))
    if kind == "structure":
        for name, entry in value.items():
            if name not in shape.members:
                # AWS ignores unknown members; here they are refused, as they are likely mistakes.
                known = ", ".join(shape.members)
                raise ApiError(
                    "SerializationException", f"{_member(path, name)}: {shape.name} has no such member, only {known}"
                )
            if entry is not None:
                _check_types(shape.members[name], entry, _member(path, name))
    elif kind == "list":
        for number, entry in enumerate(value, 1):
            _check_types(shape.member, entry, f"{path}.{number}.member")
    elif kind == "map":
        for name, entry in value.items():
            _check_types(shape.value, entry, f"{path}.{name}.member")


def _wrong_type(kind: str, value: Any, path: str) -> str:
    wanted = {"string": "a String", "boolean": "a Boolean", "list": "a List", "timestamp": "a Timestamp"}
    names = {"structure": "a Structure", "map": "a Map", "integer": "an Integer", "long": "a Long"}
    given = _JSON_NAMES.get(type(value)) or ("START_OBJECT" if isinstance(value, dict) else "START_ARRAY")
    where = f" at '{path}'" if path else ""
    return f"{given} can not be converted to {(wanted | names).get(kind, 'a ' + kind.capitalize())}{where}"


def _faults(shape: Any, value: Any, path: str) -> Iterator[str]:
    """What is wrong with a value of the right type, each fault in AWS's words."""
    if constraint := _broken(shape, value):
        yield _failed(_shown(value), path, constraint)
    if shape.type_name == "structure":
        for name in shape.required_members:
            if value.get(name) is None:
                yield f"Value null at '{_member(path, name)}' failed to satisfy constraint: Member must not be null"
        for name, entry in value.items():
            if entry is not None:
                yield from _faults(shape.members[name], entry, _member(path, name))
    elif shape.type_name == "list":
        for number, entry in enumerate(value, 1):
            yield from _faults(shape.member, entry, f"{path}.{number}.member")
    elif shape.type_name == "map":
        yield from _faults_of_map(shape, value, path)


def _faults_of_map(shape: Any, value: Mapping[str, Any], path: str) -> Iterator[str]:
    parts: list[tuple[str, Any, Iterable[Any]]] = [("keys", shape.key, value.keys())]
    if shape.value.type_name == "string":
        parts.append(("value", shape.value, value.values()))
    else:
        for key, entry in value.items():
            yield from _faults(shape.value, entry, f"{path}.{key}.member")
    for what, part, entries in parts:
        broken = dict.fromkeys(constraint for entry in entries if (constraint := _broken(part, entry)))
        if broken:
            yield _failed(_shown(value), path, f"Map {what} must satisfy constraint: [{', '.join(broken)}]")


def _failed(shown: str, path: str, constraint: str) -> str:
    return f"Value '{shown}' at '{path}' failed to satisfy constraint: {constraint}"


def _broken(shape: Any, value: Any) -> str | None:
    """The first constraint that a value does not satisfy by itself."""
    limits = shape.metadata
    if shape.type_name in {"structure", "boolean", "timestamp"}:
        return None
    size, what = (value, "value") if shape.type_name in _NUMBERS else (len(value), "length")
    if size < limits.get("min", size):
        return f"Member must have {what} greater than or equal to {limits['min']}"
    if size > limits.get("max", size):
        return f"Member must have {what} less than or equal to {limits['max']}"
    if shape.type_name == "string":
        if "pattern" in limits and not _matches(limits["pattern"], value):
            return f"Member must satisfy regular expression pattern: {limits['pattern']}"
        if shape.enum and value not in shape.enum:
            return f"Member must satisfy enum value set: [{', '.join(shape.enum)}]"
    return None


def _matches(pattern: str, value: str) -> bool:
    compiled = _compiled(pattern)
    return compiled is None or compiled.fullmatch(value) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    """A Java pattern compiled for Python; None when Python cannot express it: then everything passes."""
    for java, python in _CLASSES.items():
        pattern = pattern.replace(java, python)
    # Patterns of tags end in `$` with a repetition, which Java accepts and Python refuses.
    pattern = re.sub(r"\$\{\d+,\d+\}$", "", pattern)
    try:
        return re.compile(pattern)
    except re.error:
        return None


def _member(path: str, name: str) -> str:
    """A member's path, as AWS writes it: with a lower-case first letter."""
    own = name[:1].lower() + name[1:]
    return f"{path}.{own}" if path else own


def _shown(value: Any) -> str:
    """A value as Java prints it."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}={_shown(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_shown(entry) for entry in value) + "]"
    return str(value)
