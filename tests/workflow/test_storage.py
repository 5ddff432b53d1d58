"""A table that stays on disk is trained on, promoted and scored as one in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import housing
from housing.errors import DataError

DATASET = """
name: sales
source: sales.csv
label: price
split: {fractions: {train: 0.6, validation: 0.2, test: 0.2}}
columns:
  area: {kind: numeric}
  zone: {kind: nominal}
  price: {kind: numeric}
"""
FEW = ("algorithm.num_round=20", "study.trials=1", "~algorithm.early_stopping_rounds")


@pytest.fixture(autouse=True)
def _sales(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    (tmp_path / "conf" / "dataset").mkdir(parents=True)
    (tmp_path / "conf" / "dataset" / "sales.yaml").write_text(DATASET.lstrip(), encoding="utf-8")
    rng = np.random.default_rng(0)
    rows = [f"{a},z{z},{100 + 10 * a + z % 7}" for a, z in rng.integers(0, 90, (800, 2)).tolist()]
    (tmp_path / "sales.csv").write_text("\n".join(["area,zone,price", *rows, ""]), encoding="utf-8")


def test_one_model_wherever_the_table_is() -> None:
    found = {}
    for storage in ("memory", "disk"):
        experiment = housing.compose("dataset=sales", f"dataset.storage={storage}", *FEW, config_dir="conf")
        experiment.train()
        promoted = experiment.promote()
        found[storage] = {name: value for name, value in promoted.data["metrics"].items() if name.startswith("test")}
    assert found["memory"]
    assert found["disk"] == found["memory"]


def test_a_prepared_table_is_where_it_says_and_nothing_is_trained() -> None:
    result = housing.compose("dataset=sales", config_dir="conf").prepare()
    assert result.data["rows"] == 800
    assert Path(result.data["file"]).is_file()
    assert not Path("mlflow.db").exists()


def test_what_cannot_be_prepared_is_refused() -> None:
    with pytest.raises(DataError, match="duplicates: dropped compares every row"):
        housing.compose("dataset=sales", "dataset.duplicates=dropped", config_dir="conf").prepare()
