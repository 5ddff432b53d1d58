from __future__ import annotations

from functools import cache
from pathlib import Path

import jsonschema
import pytest

from housing.config import json_schema
from housing.config.files import conf_dir
from housing.config.load import compose


def test_the_file_is_what_the_types_say() -> None:
    stale = "run `python -m housing.config.json_schema`"
    assert (conf_dir() / "schema.json").read_text(encoding="utf-8") == json_schema.text(), stale


@pytest.mark.parametrize(
    "overrides",
    [[], ["experiment=walkthrough"], ["search_space=wide", "deployment=canary"], ["search_space=algorithms"]],
)
def test_our_own_configurations_fit(overrides: list[str]) -> None:
    _validator().validate(dict(compose(overrides).raw))


def test_a_user_s_configuration_fits(small: Path) -> None:
    assert _validator().is_valid(dict(compose([], small).raw))


@pytest.mark.parametrize(
    "override",
    [
        "algorithm.etaa=1",
        "algorithm.eta=2",
        "study.trails=3",
        "dataset.columns.attic={low: 1}",
        "search_space.gamma={low: 0.1, high: 0.5}",
        "typo=1",
        "runner.foldr=x",
    ],
)
def test_what_is_wrong_does_not_fit(small: Path, override: str) -> None:
    assert not _validator().is_valid(dict(compose([override], small).raw))


@cache
def _validator() -> jsonschema.Draft202012Validator:
    schema = json_schema.schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)
