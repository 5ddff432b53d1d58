"""Types and bounds of a JSON schema, in words."""

from __future__ import annotations

from typing import Any

from docs.write.markdown import code

_WORDS = {"integer": "whole number", "string": "text", "boolean": "true or false", "object": "mapping", "array": "list"}


def told(schema: dict[str, Any]) -> str:
    """The type: `whole number or null`, `list of text`, a link to a section below."""
    found = list(dict.fromkeys(_members(schema)))
    if "null" in found:
        found = [*(each for each in found if each != "null"), "null"]
    return " or ".join(found)


def bounds(schema: dict[str, Any]) -> str:
    """What the schema itself says of a number, or of the numbers of a list."""
    low, high = _find(schema, "minimum"), _find(schema, "maximum")
    if low is None and high is None:
        return ""
    if high is None:
        return f"must be {_number(low)} or more"
    return f"must be {_number(high)} or less" if low is None else f"must lie in [{_number(low)}, {_number(high)}]"


def _number(value: Any) -> str:
    """The least number above 0 stands for 0 left out."""
    return "0 (left out)" if value == 1e-16 else str(value)


def _members(schema: dict[str, Any]) -> list[str]:
    match schema:
        case {"pattern": r"\$\{"}:
            return []
        case {"anyOf": options}:
            return [each for option in options for each in _members(option)]
        case {"$ref": reference}:
            title = reference.rpartition("/")[2]
            found = [f"[{title}](#{title.lower()})"]
        case {"enum": values}:
            found = [code(each) for each in values]
        case {"const": value}:
            found = [code(value)]
        case {"type": [*several]}:
            found = [_WORDS.get(str(each), str(each)) for each in several]
        case {"type": "array"}:
            found = [f"list of {told(schema['items'])}" if "items" in schema else "list"]
        case {"type": "object", "additionalProperties": dict(values)}:
            found = [f"mapping of names to {told(values)}"]
        case {"type": kind}:
            found = [_WORDS.get(kind, kind)]
        case _:
            found = []
    return found


def _find(schema: dict[str, Any], key: str) -> Any:
    if key in schema:
        return schema[key]
    for below in (*schema.get("anyOf", ()), *([schema["items"]] if isinstance(schema.get("items"), dict) else [])):
        found = _find(below, key)
        if found is not None:
            return found
    return None
