"""An editor finds the schema of each YAML file, every key is explained, and slips are marked where they stand."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from housing.config import group_schemas, json_schema
from housing.config.class_meanings import MEANINGS_IN
from housing.config.files import conf_dir
from housing.config.group_schemas import MODELINE

CONF = conf_dir().resolve()
FILES = sorted(CONF.rglob("*.yaml"))


@cache
def schemas() -> Mapping[str, group_schemas.Schema]:
    return group_schemas.group_schemas(json_schema.schema(), CONF)


@pytest.mark.parametrize("group", sorted(schemas()))
def test_the_files_are_what_the_types_say(group: str) -> None:
    stale = "run `python -m housing.config.json_schema`"
    file = CONF / group_schemas.file_name(group)
    assert file.read_text(encoding="utf-8") == group_schemas.text(schemas()[group]), stale


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(CONF)))
def test_every_file_names_its_schema_and_fits(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    told = [line for line in text.splitlines()[:2] if line.startswith(MODELINE)]
    assert told, "run `python -m housing.config.json_schema`"
    schema = json.loads((file.parent / told[0].removeprefix(MODELINE)).read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(yaml.safe_load(text))


@pytest.mark.parametrize("group", sorted(schemas()))
def test_every_key_is_explained(group: str) -> None:
    schema = json.loads(group_schemas.text(schemas()[group]))
    untold = [name for name, each in _properties(schema) if "description" not in each]
    assert untold == [], "say what they mean: behind them in conf/, in the docstring, or in housing/config/meanings.py"


def test_what_is_told_of_a_class_is_of_a_key_that_it_has() -> None:
    keys = {f"{kind}.{name}" for schema in schemas().values() for kind, name in _keys(schema)}
    assert sorted(MEANINGS_IN.keys() - keys) == []


BROKEN = [
    ("dataset", "lable: price"),
    ("dataset", "columns: {area: {kind: number}}"),
    ("dataset", "columns: {area: {kind: numeric, lowest: 0}}"),
    ("dataset", "columns: {id: {kind: identifier, unique: maybe}}"),
    ("dataset", "format: xlsx"),
    ("dataset", "split: {fractions: {train: much}}"),
    ("dataset", "missing_values: NA"),
    ("features", "label_transform: square"),
    ("features", "derived: {total: {operation: add, columns: [a, b]}}"),
    ("algorithm", "{name: xgboost, etaa: 0.1}"),
    ("algorithm", "{name: xgboost, eta: 2}"),
    ("algorithm", "{name: xgboost, max_depth: deep}"),
    ("algorithm", "{name: lightgbm, num_leaves: 0}"),
    ("search_space", "eta: {type: float, low: a, high: 1}"),
    ("search_space", "eta: {type: real, low: 0, high: 1}"),
    ("search_space", "booster: {type: categorical, choices: gbtree}"),
    ("study", "trails: 9"),
    ("study", "trials: nine"),
    ("study", "parallel: [2]"),
    ("study", "sampler: best"),
    ("tracking", "url: sqlite:///mlflow.db"),
    ("gate", "at_most: low"),
    ("gate", "against_champion: always"),
    ("deployment", "variants: {champion: {modle: models:/a@b}}"),
    ("deployment", "capture: {percent: all}"),
    ("monitoring", "psi: high"),
    ("monitoring", "bin: 10"),
    ("target", "poll_s: often"),
    ("target", "instance_typ: ml.m5.large"),
    ("config", "sed: 1"),
    ("config", "study: {trails: 3}"),
    ("config", "dataset: {columns: {area: {kind: number}}}"),
]


@pytest.mark.parametrize(("group", "text"), BROKEN, ids=[text for _, text in BROKEN])
def test_a_slip_does_not_fit(group: str, text: str) -> None:
    assert not jsonschema.Draft202012Validator(schemas()[group]).is_valid(yaml.safe_load(text))


@pytest.mark.parametrize(
    ("group", "text"),
    [
        ("study", "{defaults: [tpe], trials: 40}"),
        ("study", "trials: ${oc.env:TRIALS}"),
        ("algorithm", "eta: 0.1"),
        ("config", "{defaults: [{override /dataset: mine}], study: {trials: 3}}"),
        ("config", "study: ${other}"),
        ("search_space", "eta: {type: float, low: 0.01, high: 0.3, log: true}"),
    ],
)
def test_a_part_of_an_option_fits(group: str, text: str) -> None:
    jsonschema.Draft202012Validator(schemas()[group]).validate(yaml.safe_load(text))


def _keys(schema: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every key, with the class that has it."""
    for each in [schema, *schema["$defs"].values()]:
        for name in each.get("properties", {}):
            yield str(each.get("title")).removeprefix("housing: "), name


def _properties(node: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(node, list):
        for each in node:
            yield from _properties(each)
    elif isinstance(node, dict):
        yield from node.get("properties", {}).items()
        for each in node.values():
            yield from _properties(each)
