"""Features that are chosen from a description."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from housing.config.load import compose, load

DATASET = """
name: sales
source: sales.csv
label: price
columns:
  sold: {kind: date}
  built: {kind: date, missing: unknown}
  agent: {kind: nominal}
  zone: {kind: nominal, levels: [north, south, east]}
  side: {kind: nominal, levels: [left, right]}
  grade: {kind: ordinal, levels: [bad, good]}
  price: {kind: numeric, low: 1}
split: {fractions: {train: 0.8, validation: 0.2}, seed: 0}
"""


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    (tmp_path / "dataset").mkdir()
    (tmp_path / "dataset" / "sales.yaml").write_text(DATASET, encoding="utf-8")
    return tmp_path


def test_the_yaml_that_is_shown_is_what_is_done(conf: Path) -> None:
    overrides = ["dataset=sales", "features=auto"]
    shown = yaml.safe_load(compose(overrides, conf).yaml)["features"]
    assert shown == {
        "name": "auto",
        "nominal": "one_hot",
        "ordinal": "rank",
        "label_transform": "log",
        "columns": {"zone": {"nominal": "native"}},
        "derived": {"sold_since_built": {"operation": "elapsed_days", "columns": ["sold", "built"]}},
    }
    (conf / "features").mkdir()
    (conf / "features" / "kept.yaml").write_text(yaml.safe_dump(shown), encoding="utf-8")
    assert load(["dataset=sales", "features=kept"], conf).features == load(overrides, conf).features


@pytest.mark.parametrize(
    "overrides",
    [
        ["algorithm=linear"],
        ["algorithm=sklearn"],
        ["algorithm.tree_method=exact"],
        ["target=rehearsal"],
        ["search_space=algorithms"],
    ],
)
def test_levels_are_left_to_no_algorithm_that_is_not_told_of_them(conf: Path, overrides: list[str]) -> None:
    assert load(["dataset=sales", "features=auto", *overrides], conf).features.columns == {}


def test_what_is_set_stays(conf: Path) -> None:
    own = ["features.ordinal=one_hot", "features.label_transform=none", "features.columns.zone.nominal=count"]
    found = load(["dataset=sales", "features=auto", *own], conf).features
    assert (found.ordinal, found.label_transform) == ("one_hot", "none")
    assert found.columns["zone"].nominal == "count"


@pytest.mark.parametrize(
    ("label", "transform"),
    [("{kind: numeric, low: 1, high: 9}", "none"), ("{kind: numeric}", "none"), ("{kind: numeric, low: 0}", "none")],
)
def test_a_label_that_need_not_differ_by_factors_stays_as_it_is(conf: Path, label: str, transform: str) -> None:
    file = conf / "dataset" / "sales.yaml"
    file.write_text(DATASET.replace("{kind: numeric, low: 1}", label), encoding="utf-8")
    assert load(["dataset=sales", "features=auto"], conf).features.label_transform == transform


def test_of_classes_nothing_is_transformed() -> None:
    assert load(["dataset=penguins", "features=auto"]).features.label_transform == "none"
