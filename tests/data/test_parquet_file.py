"""Types of Parquet columns that are neither numbers nor text, and numbers that a float does not hold."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from pydantic import TypeAdapter

from housing.data.describe import describe
from housing.data.description import Dataset, Numeric
from housing.data.encoder import Encoder
from housing.data.features import Features
from housing.data.preparation import prepare
from housing.data.rows import csv_pieces
from housing.data.split_spec import Fractions, Split
from housing.data.table import read
from housing.errors import DataError
from tests.data.cottages import cottages

ROWS = 30


def _file(folder: Path, values: list[Any], kind: Any = None) -> Path:
    import pyarrow as pa
    from pyarrow import parquet

    columns = {
        "area": [50.0 + i * 37 % 101 for i in range(len(values))],
        "odd": pa.array(values, type=kind),
        "price": [1000.0 + 17 * i for i in range(len(values))],
    }
    parquet.write_table(pa.table(columns), folder / "homes.parquet")
    return folder / "homes.parquet"


def _line(file: Path) -> str:
    text = describe(file, "price")
    dataset: Dataset = TypeAdapter(Dataset).validate_python(yaml.safe_load(text))
    assert prepare(dataset, Features("plain")).table.rows == ROWS
    (line,) = (line for line in text.splitlines() if line.startswith("  odd:"))
    return line


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (["x", "y"], "holds list<string>"),
        ({"lat": 1.5, "lon": 2.5}, "holds struct<lat: double, lon: double>"),
        (b"\0\1", "holds binary"),
        (time(14, 5), "holds time64[us]: dates or times"),
        (timedelta(hours=3), "holds duration[us]: dates or times"),
        ({"a\nb": 1}, "holds struct<a\\nb: int64>"),
    ],
)
def test_a_column_that_is_no_feature_is_described_as_ignored_and_why(tmp_path: Path, value: object, why: str) -> None:
    assert f"{{kind: ignored}}  # guess: {why}" in _line(_file(tmp_path, [value] * ROWS))


@pytest.mark.parametrize("value", [date(2024, 3, 1), datetime(2024, 3, 1, 14, 5)])
def test_dates_are_described_as_such(tmp_path: Path, value: date) -> None:
    assert "{kind: date}  # guess: dates (e.g. " in _line(_file(tmp_path, [value + timedelta(i) for i in range(ROWS)]))


def test_nanoseconds_are_described_too(tmp_path: Path) -> None:
    import pyarrow as pa

    values = [1_700_000_000_000_000_001 + i * 10**9 for i in range(ROWS)]
    assert "{kind: date}" in _line(_file(tmp_path, values, pa.timestamp("ns")))


def test_a_label_of_such_a_type_is_refused_by_its_type(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"the label 'odd' holds list<string>; a label is a number or a level in each row"
    ):
        describe(_file(tmp_path, [["x"]] * ROWS), "odd")


def test_numbers_in_texts_are_described_as_in_a_csv(tmp_path: Path) -> None:
    assert "kind: numeric, low: 0.5, high: 29.5" in _line(_file(tmp_path, [f"{i}.5" for i in range(ROWS)]))
    assert "kind: numeric, low: 0.5, high: 29.5" in _line(_file(tmp_path, [f"{i},5" for i in range(ROWS)]))


@pytest.mark.parametrize(
    "reads",
    [
        lambda file: describe(file, "price"),
        lambda file: read(cottages(file, format="parquet")),
        lambda file: list(csv_pieces(str(file), rows_a_piece=10)),
    ],
    ids=["describe", "train", "predict"],
)
def test_a_column_that_is_there_twice_is_named_by_every_reader(tmp_path: Path, reads: Callable[[Path], object]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    file = tmp_path / "homes.parquet"
    parquet.write_table(pa.table([[1.0, 2.0], [1.0, 2.0], [3.0, 4.0]], names=["area", "area", "price"]), file)
    with pytest.raises(DataError) as refused:
        reads(file)
    assert "column names used more than once: 'area'; rename one" in str(refused.value)


def test_infinity_is_named_by_its_row_and_nan_is_missing(tmp_path: Path) -> None:
    values = [i + 0.5 for i in range(ROWS)]
    assert "'inf' (row 5) is not a finite number" in _line(_file(tmp_path, [*values[:4], float("inf"), *values[5:]]))
    assert "missing: unknown" in _line(_file(tmp_path, [float("nan"), *values[1:]]))


@pytest.mark.parametrize(
    "large",
    [[2**53 + 1 + i for i in range(ROWS)], [Decimal(2**53 + 1 + i) for i in range(ROWS)]],
    ids=["int", "decimal"],
)  # fmt: skip
def test_numbers_of_too_many_digits_are_never_rounded(tmp_path: Path, large: list[Any]) -> None:
    file = _file(tmp_path, large)
    assert "kind: identifier" in _line(file)
    declared = Dataset(
        name="homes",
        source=str(file),
        format="parquet",
        label="price",
        columns={"area": Numeric(), "odd": Numeric(), "price": Numeric()},
        split=Split(fractions=Fractions(train=0.6, validation=0.4)),
    )
    with pytest.raises(DataError, match=r"odd: whole numbers beyond 2\^53 would lose digits.*9007199254740993"):
        prepare(declared, Features("plain"))


def test_decimals_with_a_missing_cell_are_numbers(tmp_path: Path) -> None:
    line = _line(_file(tmp_path, [None, *(Decimal(f"{i}.25") for i in range(1, ROWS))]))
    assert "kind: numeric, low: 1.25, high: 29.25, missing: unknown" in line


@pytest.mark.parametrize("value", [2**53 + 1, str(2**53 + 1)])
def test_a_prediction_does_not_round_either(tmp_path: Path, value: object) -> None:
    file = _file(tmp_path, [f"{i}.5" for i in range(ROWS)])
    dataset: Dataset = TypeAdapter(Dataset).validate_python(yaml.safe_load(describe(file, "price")))
    prepared = prepare(dataset, Features("plain"))
    encoder: Encoder = prepared.encoder
    for odd in ([value], np.array([value])):
        with pytest.raises(DataError, match=r"odd: whole numbers beyond 2\^53 would lose digits"):
            encoder.transform({"area": [50.0], "odd": odd})
