"""JSON Schemas of the files that people edit, one per group; written by `python -m housing.config.json_schema`.

A group's file may leave out keys that other files set, may list `defaults`, and may take any value from elsewhere
(`${...}`). Its first line tells an editor where its schema is.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from housing.config.class_meanings import MEANINGS_IN
from housing.config.files import conf_dir
from housing.config.meanings import MEANINGS

Schema = dict[str, Any]

MODELINE = "# yaml-language-server: $schema="
WHOLE = "config"
"""The schema of files that may hold every key: config.yaml, and those of the group `experiment`."""

_INTERPOLATION: Schema = {"type": "string", "pattern": r"\$\{", "description": "a value from elsewhere"}
_COMMENTED = re.compile(r"^\s*(?:- )?(\w+):.*?\s#\s+(.+)$")
_SAME = {"runner": "target", "host": "target", "hyperparameters": "algorithm"}
_DEFAULTS: Schema = {"description": "options of other groups, as Hydra reads them", "type": "array"}


def group_schemas(whole: Schema, conf: Path) -> dict[str, Schema]:
    """The schema of each group's files. `whole` is the schema of the composed configuration."""
    definitions = {name: _partial(each) for name, each in whole["$defs"].items()}
    root: Schema = _partial({"properties": whole["properties"]})["properties"]
    properties = {
        name: whole["properties"][name] if "$ref" in whole["properties"][name] else each for name, each in root.items()
    }
    targets = [option for slot in ("runner", "host") for option in properties[slot]["anyOf"]]
    bodies = {name: each for name, each in properties.items() if (conf / name).is_dir()}
    bodies["target"] = _merged(targets)
    keys = {**root, "hydra": {"type": "object", "description": "Hydra's own settings"}}
    bodies[WHOLE] = {"type": "object", "properties": keys, "additionalProperties": False}
    return {
        name: _described(
            {
                "$schema": whole["$schema"],
                "title": f"housing: {name}",
                **_with_defaults(body, definitions),
                "$defs": definitions,
            },
            _comments(conf, name),
        )
        for name, body in sorted(bodies.items())
    }


def text(schema: Schema) -> str:
    """A schema file's content, with only the definitions that it refers to."""
    used: dict[str, Schema] = {}
    _collect(schema, schema["$defs"], used)
    return json.dumps({**schema, "$defs": dict(sorted(used.items()))}, indent=1, ensure_ascii=False) + "\n"


def file_name(group: str) -> str:
    """The schema's file name. It is next to config.yaml, where Hydra does not take it for an option."""
    return f"{group}.schema.json"


def schema_of(file: Path, conf: Path) -> str | None:
    """The group whose schema a YAML file of a configuration follows; None where there is none."""
    group = file.relative_to(conf).parts[0]
    if file.parent == conf or group == "experiment":
        return WHOLE
    group = _SAME.get(group, group)
    return group if (conf / file_name(group)).is_file() else None


def modeline(file: Path, conf: Path) -> str:
    """The line that tells an editor, seen from the file's own folder."""
    group = schema_of(file, conf)
    if group is None:
        return ""
    return f"{MODELINE}{os.path.relpath(conf / file_name(group), file.parent)}"


def installed_modeline(group: str) -> str:
    """The modeline, with a newline, for a file that may be anywhere."""
    return f"{MODELINE}{(conf_dir().resolve() / file_name(group)).as_uri()}\n"


def _partial(node: Any) -> Any:
    """The schema with nothing required, and with interpolations allowed for values that are not text."""
    if isinstance(node, list):
        return [_partial(each) for each in node]
    if not isinstance(node, dict):
        return node
    if "not" in node:
        return node
    found = {name: _partial(each) for name, each in node.items() if name != "required"}
    if own := {"script", "container"} & {*node.get("required", ())}:
        # Otherwise anything would pass for a hyperparameter of the user's own code.
        found["required"] = sorted(own)
    if isinstance(found.get("properties"), dict):
        found["properties"] = {name: _or_elsewhere(each) for name, each in found["properties"].items()}
    if _is_value(found):
        about = {name: found.pop(name) for name in ("description", "title", "default") if name in found}
        return {**about, "anyOf": [found, _INTERPOLATION]}
    return found


def with_modeline(text: str, line: str) -> str:
    """A file's text with this line, after Hydra's own header, which must come first."""
    lines = [each for each in text.splitlines(keepends=True) if not each.startswith(MODELINE)]
    place = 1 if lines and lines[0].startswith("# @package") else 0
    return "".join([*lines[:place], *([f"{line}\n"] if line else []), *lines[place:]])


def _or_elsewhere(node: Any) -> Any:
    """Allow an interpolation in place of a whole section."""
    return {"anyOf": [node, _INTERPOLATION]} if isinstance(node, dict) and set(node) == {"$ref"} else node


def _is_value(node: Mapping[str, Any]) -> bool:
    kind = node.get("type")
    return (
        kind in ("integer", "number", "boolean") or ("enum" in node and kind == "string") or isinstance(kind, list)
    ) and "properties" not in node


def _with_defaults(body: Schema, definitions: Mapping[str, Schema]) -> Schema:
    """Add `defaults` to an object that allows no other keys; the composed configuration has none."""
    body = deepcopy(dict(body))
    if "$ref" in body:
        body = {**deepcopy(definitions[body["$ref"].rpartition("/")[2]])}
    for option in body.get("anyOf", [body]):
        if "properties" in option:
            option["properties"]["defaults"] = _DEFAULTS
    if "additionalProperties" in body and "properties" not in body:
        body["properties"] = {"defaults": _DEFAULTS}
    return body


def _merged(options: list[Schema]) -> Schema:
    """One schema for a target's files, which hold the keys of both its runner and its host."""
    properties: Schema = {}
    for option in options:
        properties |= {name: each for name, each in option["properties"].items() if name != "name"}
    name = {"type": "string", "description": "the target: a file of housing/targets, or of a package"}
    return {"type": "object", "properties": {"name": name, **properties}, "additionalProperties": False}


def _comments(conf: Path, group: str) -> dict[str, str]:
    """The comments after keys in the shipped files of a group."""
    folder = conf / group
    files = sorted(folder.rglob("*.yaml")) if folder.is_dir() else [conf / "config.yaml", *sorted(conf.rglob("*.yaml"))]
    found: dict[str, str] = {}
    for file in files:
        for line in file.read_text(encoding="utf-8").splitlines():
            if match := _COMMENTED.match(line):
                found.setdefault(match[1], match[2])
    return found


def _described(schema: Schema, comments: Mapping[str, str]) -> Schema:
    """The schema with a description for every key: by type, by class and name, from our files' comments, from a
    docstring, or by name.
    """

    def describe(node: Any) -> Any:
        if isinstance(node, list):
            return [describe(each) for each in node]
        if not isinstance(node, dict):
            return node
        about, kind = node.get("description", ""), str(node.get("title")).removeprefix("housing: ")
        for name, each in node.get("properties", {}).items():
            if isinstance(each, dict) and "description" not in each:
                told = MEANINGS_IN.get(f"{kind}.{name}") or comments.get(name)
                told = told or _sentence(about, name) or MEANINGS.get(name)
                if told:
                    each["description"] = told
        return {name: describe(each) for name, each in node.items()}

    described: Schema = describe(deepcopy(schema))
    return described


def _sentence(text: str, name: str) -> str:
    """The sentences of a docstring that name a key."""
    flat = " ".join(text.split())
    return " ".join(part for part in re.split(r"(?<=[.;]) (?=[A-Z`])", flat) if f"`{name}`" in part)


def _collect(node: Any, definitions: Mapping[str, Schema], used: dict[str, Schema]) -> None:
    if isinstance(node, list):
        for each in node:
            _collect(each, definitions, used)
    elif isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            name = node["$ref"].rpartition("/")[2]
            if name not in used:
                used[name] = definitions[name]
                _collect(definitions[name], definitions, used)
        for key, each in node.items():
            if key != "$defs":
                _collect(each, definitions, used)
