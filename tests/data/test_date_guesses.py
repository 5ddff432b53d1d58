from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas
import pytest
import yaml  # type: ignore[import-untyped]

from housing.data.date_guesses import DatePattern, date_pattern
from housing.data.describe import describe

ROWS = 300


@pytest.mark.parametrize(
    ("texts", "pattern"),
    [
        (["2024-01-31", "2023-12-01T10:30:00+02:00"], DatePattern(None)),
        (["31.01.2024", "01.02.2024"], DatePattern("%d.%m.%Y")),
        (["31/01/2024 10:30", "01/02/2024 09:00"], DatePattern("%d/%m/%Y %H:%M")),
        (["1/31/2024"], DatePattern("%m/%d/%Y")),
        (["Jan 31, 2024"], DatePattern("%b %d, %Y")),
        (["01/02/2024"], DatePattern("%d/%m/%Y", ("%m/%d/%Y",))),
        (["1/31/2024 1:05:03 PM"], DatePattern("%m/%d/%Y %I:%M:%S %p")),
        (["2024-01", "2024-12"], DatePattern("%Y-%m")),
        (["Jan 2024", "May 2024"], DatePattern("%b %Y")),
        (["31-Jan-24"], DatePattern("%d-%b-%y")),
        (["31.01.2024", "soon"], None),
    ],
)
def test_dates_tell_their_pattern(texts: list[str], pattern: DatePattern | None) -> None:
    assert date_pattern(texts) == pattern


def described(folder: Path, **columns: object) -> tuple[dict, str]:  # type: ignore[type-arg]
    rng = np.random.default_rng(0)
    table = pandas.DataFrame({"area": rng.normal(100, 9, ROWS), "price": rng.normal(9, 1, ROWS), **columns})
    table.to_csv(folder / "t.csv", index=False)
    text = describe(folder / "t.csv", "price")
    return yaml.safe_load(text), text


def test_dates_are_described_and_suggest_a_split_by_time(tmp_path: Path) -> None:
    days = pandas.Series(pandas.date_range("2022-01-01", periods=ROWS)).dt.strftime("%d.%m.%Y")
    found, text = described(tmp_path, sold=days)
    assert found["columns"]["sold"] == {"kind": "date", "format": "%d.%m.%Y"}
    assert found["split"] == {
        "by_time": {"column": "sold"}, "fractions": {"train": 0.6, "validation": 0.2, "test": 0.2}, "seed": 0
    }  # fmt: skip
    assert "# guess: the last rows are the test" in text


def test_identifiers_that_repeat_suggest_a_split_by_group(tmp_path: Path) -> None:
    found, text = described(tmp_path, customer_id=np.arange(ROWS) % 90)
    assert found["columns"]["customer_id"] == {"kind": "identifier", "unique": False}
    assert found["split"]["by_group"] == "customer_id"
    assert "# guess: rows of one are never divided" in text


def test_many_levels_that_repeat_are_learnt(tmp_path: Path) -> None:
    found, _ = described(tmp_path, agent=[f"agent {number % 100}" for number in range(ROWS)])
    assert found["columns"]["agent"] == {"kind": "nominal"}
