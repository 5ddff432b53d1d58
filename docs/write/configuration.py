"""The pages of configuration: every key of every group, from the classes that check it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field
from functools import cache
from typing import Any

from docs.write import kinds, markdown
from docs.write.markdown import code, prose, table
from docs.write.rules import classes, rule
from housing.config import group_schemas, json_schema
from housing.config.files import conf_dir
from housing.config.group_schemas import MODELINE, WHOLE, Schema
from housing.config.load import compose
from housing.config.meanings import MEANINGS

_CONF = conf_dir().resolve()
_ABOUT = {
    "algorithm": "What is fitted: an algorithm by name, and its hyperparameters; code of your own, too.",
    "benchmark": "Who competes in `housing benchmark`, on which tables, and by how many outer parts.",
    "search_space": "By hyperparameter, the values that a study tries.",
    "target": "Where jobs train (`target@runner=`) and where models are served (`target@host=`); `target=` sets both.",
    WHOLE: "Keys beside the groups, in `conf/config.yaml` and in files of `conf/experiment/`.",
}
_HEAD = ("key", "type", "default", "rule", "meaning")


def pages() -> Mapping[str, str]:
    """The text of each page, by its name."""
    found = {name: _page(name, each) for name, each in _schemas().items()}
    return {**found, "index": _index()}


@cache
def _schemas() -> Mapping[str, Schema]:
    found = group_schemas.group_schemas(json_schema.schema(), _CONF)
    elsewhere = found.keys() | {"runner", "host"}
    beside = {name: each for name, each in found[WHOLE]["properties"].items() if name not in elsewhere}
    return {**found, WHOLE: {**found[WHOLE], "title": "Experiment", "properties": beside}}


@cache
def _shipped() -> Mapping[str, Any]:
    return compose().raw


def _index() -> str:
    rows = [(f"[`{name}`]({name}.md)", _summary(name), ", ".join(map(code, _options(name)))) for name in _schemas()]
    return markdown.page(
        "Configuration",
        "Every key of every group. A group is a folder of `conf/`; each of its files is an option, chosen by "
        "`<group>=<option>`, and files of your own (`--config-dir conf`) stand beside ours. A value is set in a file, "
        "or on the command line by its path: `study.trials=20`.",
        "In the tables a type that ends in *or null* may be null. A default is the class's own; what our file sets "
        "instead follows it, as *shipped*. Units are in the names: `_s` seconds, `_ms` milliseconds, `_mb` and `_gb` "
        "megabytes and gigabytes, `usd` US dollars, `percent` of 100, `share` of 1.",
        table(("group", "what it decides", "options that ship"), rows),
        "Editors check the same while you type: see [projects](../../projects.md#in-an-editor).",
    )


def _page(name: str, schema: Schema) -> str:
    about = _ABOUT.get(name) or prose(schema.get("description", ""))
    parts = [about, _option_table(name)]
    if name == "target":
        parts += list(_targets())
    elif name == "algorithm":
        parts += list(_algorithms(schema))
    elif name == "search_space":
        parts.append("Each entry is one of the distributions below, told apart by `type`.")
    else:
        parts.append(
            _keys(schema, classes().get(schema["title"]), _shipped() if name == WHOLE else _shipped().get(name))
        )
    used = json.loads(group_schemas.text(schema))["$defs"]
    parts += [_definition(title, each) for title, each in used.items()]
    return markdown.page("The whole experiment" if name == WHOLE else code(name), *parts)


def _definition(title: str, schema: Schema) -> str:
    text = f"## {title}\n\n{prose(schema.get('description', ''))}\n\n"
    return text + _keys(schema, classes().get(title), None)


def _keys(schema: Schema, kind: type[Any] | None, shipped: Any) -> str:
    rows = [
        _row(name, each, kind, shipped.get(name) if isinstance(shipped, Mapping) else None)
        for name, each in schema["properties"].items()
        if name not in ("defaults", "hydra")
    ]
    return table(_HEAD, rows)


def _row(name: str, schema: Schema, kind: type[Any] | None, shipped: Any) -> tuple[str, str, str, str, str]:
    held_to = (rule(kind, name) if kind else "") or kinds.bounds(schema)
    own = kind.__dataclass_fields__[name] if kind and name in kind.__dataclass_fields__ else None
    return code(name), kinds.told(schema), _default(own, schema, shipped), held_to, schema.get("description", "")


def _default(own: Field[Any] | None, schema: Schema, shipped: Any) -> str:
    told = "required"
    if own is not None and own.default_factory is not MISSING:
        value = own.default_factory()
        told = _value(value) if value in ({}, (), []) else "see below"
    elif "default" in schema:
        told = _value(schema["default"])
    if shipped is None or isinstance(shipped, Mapping) or shipped == schema.get("default"):
        return told
    return f"{told}; shipped {_value(shipped)}"


def _value(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return code(value if isinstance(value, str) and value.strip() else text)


def _targets() -> Iterator[str]:
    whole = json_schema.schema()["properties"]
    merged = _schemas()["target"]["properties"]
    for slot in ("runner", "host"):
        for option in whole[slot]["anyOf"]:
            target = option["properties"]["name"]["const"]
            described = {
                name: {**each, "description": merged.get(name, {}).get("description", "")}
                for name, each in option["properties"].items()
            }
            kind = classes()[f"Settings of {slot} {target}"]
            yield f"## {slot}: {target}\n\n{prose(option.get('description', ''))}\n\n" + table(
                _HEAD, [_row(name, each, kind, None) for name, each in described.items()]
            )


def _algorithms(schema: Schema) -> Iterator[str]:
    for option in schema["anyOf"]:
        own = next((key for key in ("script", "container") if key in option["properties"]), None)
        title = own or option["properties"]["name"]["const"]
        told = "Code of your own: see [how](../../own-algorithm.md).\n\n" if own else ""
        yield f"## {title}\n\n{told}" + table(
            _HEAD,
            [
                (
                    code(name),
                    kinds.told(each),
                    _shipped_value(title, name),
                    kinds.bounds(each),
                    each.get("description", ""),
                )
                for name, each in option["properties"].items()
                if name != "defaults"
            ],
        )


@cache
def _shipped_of(algorithm: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = compose([f"algorithm={algorithm}"]).raw["algorithm"]
    return found


def _shipped_value(algorithm: str, name: str) -> str:
    own = _shipped_of(algorithm)
    value = own.get(name)
    if name == "name":
        return "required"
    return "" if isinstance(value, Mapping) or name not in own else f"shipped {_value(value)}"


def _options(group: str) -> list[str]:
    folder = _CONF / group
    return sorted(str(file.relative_to(folder).with_suffix("")) for file in folder.rglob("*.yaml"))


def _option_table(group: str) -> str:
    rows = [(code(option), _first_comment(group, option)) for option in _options(group)]
    return table((f"`{group}=`", "what our file is for"), rows) if rows else ""


def _first_comment(group: str, option: str) -> str:
    lines = (_CONF / group / f"{option}.yaml").read_text(encoding="utf-8").splitlines()
    told: list[str] = []
    for line in lines:
        if line.startswith((MODELINE, "# @package")):
            continue
        if not line.startswith("#"):
            break
        told.append(line.removeprefix("#").strip())
    return " ".join(told)


def _summary(group: str) -> str:
    return _ABOUT.get(group) or MEANINGS[group].capitalize() + "."
