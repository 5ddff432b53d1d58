"""A column that names the parts of a split divides the rows, as far as it does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
import yaml  # type: ignore[import-untyped]
from pydantic import TypeAdapter

from housing.data.describe import describe
from housing.data.description import Dataset
from housing.data.features import Features
from housing.data.preparation import Prepared, prepare

ROWS = 300
RANDOM = np.random.default_rng(0)
OF_TEST = {"column": "part", "test": ["Test"]}
OF_VALIDATION = {"column": "part", "validation": ["val"]}
OF_ALL = {"column": "part", "train": ["train"], "validation": ["dev"], "test": ["holdout"]}


def described(folder: Path, parts: list[str], **columns: object) -> tuple[dict[str, Any], Prepared, pandas.DataFrame]:
    """The dataset as YAML; prepared by it; the rows."""
    named = RANDOM.choice(parts, ROWS)
    table = pandas.DataFrame({"area": RANDOM.normal(100, 9, ROWS), "part": named, **columns, "price": range(ROWS)})
    file = folder / "t.csv"
    table.to_csv(file, index=False)
    found = yaml.safe_load(describe(file, "price"))
    dataset: Dataset = TypeAdapter(Dataset).validate_python(found)
    return found, prepare(dataset, Features("plain")), table


@pytest.mark.parametrize(
    ("parts", "claims", "fractions"),
    [
        (["train", "dev", "holdout"], OF_ALL, None),
        (["Train", "Test"], OF_TEST, {"train": 0.8, "validation": 0.2}),
        (["training", "val"], OF_VALIDATION, {"train": 0.8, "validation": 0, "test": 0.2}),
        (["train", "dev", "holdout", ""], OF_ALL, {"train": 0.6, "validation": 0.2, "test": 0.2}),
    ],
)
def test_rows_are_in_the_parts_that_a_column_names(
    parts: list[str], claims: dict[str, Any], fractions: dict[str, float] | None, tmp_path: Path
) -> None:
    found, prepared, table = described(tmp_path, parts, agent_id=np.arange(ROWS) % 60)
    assert found["split"] == {"by_column": claims, **({"fractions": fractions} if fractions else {}), "seed": 0}
    assert found["columns"]["part"]["kind"] == "ignored" and "part" not in prepared.encoder.required
    for part in ("train", "validation", "test"):
        rows = table.loc[getattr(prepared.parts, part), "part"]
        assert len(rows)
        for text in claims.get(part, ()):
            assert (rows == text).sum() == (table["part"] == text).sum()


def test_a_date_divides_what_the_column_leaves(tmp_path: Path) -> None:
    days = pandas.date_range("2022-01-01", periods=ROWS).strftime("%Y-%m-%d")
    found, prepared, _ = described(tmp_path, ["train", "test"], sold=days)
    assert found["split"]["by_time"] == {"column": "sold"}
    assert prepared.parts.train.max() < prepared.parts.validation.min()
    assert "the last rows are the validation" in describe(tmp_path / "t.csv", "price")


@pytest.mark.parametrize("parts", [["train", "bus", "test"], ["validation", "test"], ["train", "training"]])
def test_other_levels_are_levels(parts: list[str], tmp_path: Path) -> None:
    found, _, _ = described(tmp_path, parts)
    assert found["columns"]["part"]["kind"] == "nominal" and "by_column" not in found["split"]
