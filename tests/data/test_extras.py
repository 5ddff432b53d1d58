"""What a content type asks beside the predictions."""

from __future__ import annotations

import json

import pytest

from housing.data.content_type import CSV, form_of
from housing.data.extras import Extras, asked_beside_rows, asked_in, extras_of
from housing.errors import DataError


@pytest.mark.parametrize("extras", [Extras(0.9), Extras(explain=5), Extras(0.95, 1)])
def test_parameters_are_read_as_they_are_written(extras: Extras) -> None:
    content_type = f"text/csv; charset=utf-8{extras.parameters}"
    assert form_of(content_type) == CSV
    assert extras_of(asked_in(content_type)) == extras


@pytest.mark.parametrize(
    ("document", "extras"),
    [
        ({"instances": [{"a": 1}], "interval": 0.9}, Extras(0.9)),
        ({"explain": 5, "dataframe_split": {"columns": ["a"], "data": [[1]]}}, Extras(explain=5)),
        ({"inputs": {"a": [1]}, "interval": 0.8, "explain": None}, Extras(0.8)),
    ],
)
def test_fields_beside_the_rows_of_a_document_ask_the_same(document: object, extras: Extras) -> None:
    assert extras_of(asked_beside_rows(json.dumps(document).encode())) == extras


@pytest.mark.parametrize(
    "body", ['[{"interval": 3}]', '{"instances": [{"interval": 3}]}', '{"inputs": {"explain": [3]}}', '{"interval": ']
)
def test_columns_of_these_names_ask_for_nothing(body: str) -> None:
    assert asked_beside_rows(body.encode()) == ""


def test_other_parameters_ask_for_nothing() -> None:
    assert asked_in("text/csv") == asked_in("text/csv; header=present; charset=utf-8") == ""
    assert not Extras()
    assert Extras().parameters == ""


@pytest.mark.parametrize(
    ("parameters", "why"),
    [
        ("interval=much", "interval=much: must be a share such as 0.9"),
        ("interval=1.5", "must lie between 0 and 1, got 1.5"),
        ("interval=nan", "interval=nan: must be a share"),
        ("explain=0", "must be 1 or more, got 0"),
        ("explain=2.5", "explain=2.5: must be a number of columns"),
    ],
)
def test_a_value_that_is_none_is_refused(parameters: str, why: str) -> None:
    with pytest.raises(DataError) as refused:
        extras_of(parameters)
    assert why in str(refused.value)
