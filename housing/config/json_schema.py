"""JSON Schema of the configuration, for editors; `python -m housing.config.json_schema` writes conf/schema.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, TypeAdapter

from housing.algorithms import registry as algorithms
from housing.algorithms.base import Hyperparameter
from housing.config import group_schemas, keys
from housing.config.files import conf_dir
from housing.config.schema import Experiment
from housing.data.description import Column
from housing.targets import registry as targets
from housing.tuning.space import Distribution

Schema = dict[str, Any]
_FILE = "schema.json"


def schema() -> Schema:
    """Every key with its type, range and meaning. A file of a group fits `#/properties/<group>`."""
    root, definitions = _of_types()
    for union in (Column, Distribution):
        _require_tag(union, definitions)
    root["properties"]["algorithm"] = _algorithm(definitions)
    ranges = root["properties"]["search_space"]["additionalProperties"]
    # In a search among algorithms, ranges are nested under the algorithm's name.
    below = {"type": "object", "not": {"required": ["type"]}, "additionalProperties": ranges}
    root["properties"]["search_space"]["additionalProperties"] = {"anyOf": [ranges, below]}
    for slot in ("runner", "host"):
        root["properties"][slot] = {"anyOf": [_settings(name, definitions) for name in targets.names(slot)]}
    for internal in ("Algorithm", "Program"):
        definitions.pop(internal, None)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "housing",
        **root,
        "$defs": dict(sorted(definitions.items())),
    }


def text() -> str:
    """The content of conf/schema.json."""
    return json.dumps(schema(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _of_types() -> tuple[Schema, dict[str, Schema]]:
    whole = _adapter(Experiment).json_schema()
    definitions: dict[str, Schema] = whole["$defs"]
    return definitions.pop("Experiment"), definitions


def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(tuple[kind], config=ConfigDict(extra="forbid"))


def _require_tag(union: Any, definitions: dict[str, Schema]) -> None:
    found = keys.tag(union)
    assert found is not None
    tag, members = found
    for member in members.values():
        definition = definitions[member.__name__]
        definition["required"] = sorted({tag, *definition.get("required", [])})


def _algorithm(definitions: dict[str, Schema]) -> Schema:
    for kind in keys.SECTIONS.values():
        definitions |= _adapter(kind).json_schema()["$defs"]
    return {
        "description": "An algorithm by name; every other key is one of its hyperparameters.",
        "anyOf": [
            *(_hyperparameters(name) for name in keys.BUILT_IN),
            *(_own_code(section, kind.__name__) for section, kind in keys.SECTIONS.items()),
        ],
    }


def _own_code(section: str, definition: str) -> Schema:
    declared = {"type": "object", "additionalProperties": {"$ref": "#/$defs/Hyperparameter"}}
    return {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            section: {"$ref": f"#/$defs/{definition}"},
            keys.DECLARED: {"description": "The hyperparameters that it has, by name.", **declared},
        },
        "required": ["name", section],
        "additionalProperties": {"type": ["number", "string", "boolean", "array"]},
    }


def _hyperparameters(name: str) -> Schema:
    algorithm = algorithms.find(name)
    has = algorithm.capabilities
    values = {key: _value(rules) for key, rules in algorithm.hyperparameters.items()}
    # Null is filled in by the task; for patience it means none.
    may_be_null = (has.loss, has.round_metrics, has.early_stopping)
    values |= {key: _or_null(values[key]) for key in may_be_null if key is not None}
    return {
        "type": "object",
        "properties": {
            "name": {"const": name},
            **{key: _value(rules) for key, rules in keys.BAG.items()},
            **values,
        },
        "required": ["name", *algorithm.required],
        "additionalProperties": False,
    }


def _or_null(value: Schema) -> Schema:
    described = {"description": value["description"]}
    return {**described, "anyOf": [{k: v for k, v in value.items() if k != "description"}, {"type": "null"}]}


def _value(rules: Hyperparameter) -> Schema:
    kinds = {"int": "integer", "float": "number", "text": "string", "bool": "boolean"}
    one: Schema = {"type": kinds[rules.kind]}
    if rules.choices:
        one["enum"] = list(rules.choices)
    one |= {key: bound for key, bound in (("minimum", rules.low), ("maximum", rules.high)) if bound is not None}
    value = {"type": "array", "items": one, "minItems": 1, "uniqueItems": True} if rules.many else one
    return {"description": rules.about, **value}


def _settings(target: str, definitions: dict[str, Schema]) -> Schema:
    own = _adapter(targets.find(target).Settings).json_schema()["$defs"]
    settings: Schema = own.pop("Settings")
    definitions |= own
    settings["required"] = sorted({"name", *settings.get("required", [])})
    return settings


def write(conf: Path) -> None:
    """Write the schema of the whole, those of the groups, and the modeline of each YAML file."""
    (conf / _FILE).write_text(text(), encoding="utf-8")
    for group, found in group_schemas.group_schemas(schema(), conf).items():
        (conf / group_schemas.file_name(group)).write_text(group_schemas.text(found), encoding="utf-8")
    for file in sorted(conf.rglob("*.yaml")):
        told = group_schemas.modeline(file, conf)
        file.write_text(group_schemas.with_modeline(file.read_text(encoding="utf-8"), told), encoding="utf-8")


def main() -> None:
    """Writes the files beside the YAML files that they describe."""
    write(conf_dir())


if __name__ == "__main__":
    main()
