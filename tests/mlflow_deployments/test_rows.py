"""Rows of MLflow's callers as the endpoint of a European table reads them."""

from __future__ import annotations

import csv
import io

import pandas as pd
import pytest

from housing.data.number_format import NumberFormat
from housing.mlflow_deployments.rows import as_csv

NUMBERS = [1.234, 1234.5, 1234567.0, -0.5, 2.0]


@pytest.mark.parametrize(
    "form", [NumberFormat(), NumberFormat(","), NumberFormat(",", "."), NumberFormat(".", ",", ("€",))], ids=str
)
def test_numbers_are_read_as_what_they_are_however_the_dataset_writes_them(form: NumberFormat) -> None:
    """1.234 is no thousand, although the dataset's files have points between thousands."""
    frame = pd.DataFrame({"area": NUMBERS, "text": [form.of_plain(str(number)) for number in NUMBERS]})
    frame["city"] = ["Ulm", "St. Ives", None, "1.234", "Köln"]
    (text,) = as_csv(frame, form)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [form.number(row["area"]) for row in rows] == NUMBERS
    assert [form.number(row["text"]) for row in rows] == NUMBERS
    assert [row["city"] for row in rows] == ["Ulm", "St. Ives", "", "1.234", "Köln"]
