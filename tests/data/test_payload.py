from __future__ import annotations

import pytest

from housing.data.payload import encoded_from_csv, is_encoded, rows_from_csv, rows_from_records
from housing.errors import DataError

REQUIRED = ("area", "zone")


def test_required_columns_are_picked_and_others_passed_over() -> None:
    text = 'price,zone,area\n1,"a, b",7\n\n2,,8\n'
    assert rows_from_csv(text, REQUIRED) == {"area": ["7", "8"], "zone": ["a, b", ""]}
    assert rows_from_csv("\ufeff" + text.replace("\n", "\r\n"), REQUIRED) == rows_from_csv(text, REQUIRED)
    assert rows_from_records([{"zone": None, "area": 7, "price": 1}], REQUIRED) == {"area": [7], "zone": [None]}


@pytest.mark.parametrize(
    ("text", "essential"),
    [
        ("", "empty"),
        ("area,zone\n", "no rows below the header"),
        ("area,price\n1,2\n", "lacks 1 of 2 columns: 'zone'"),
        ("area;zone\n1;2\n", "lacks 2 of 2 columns"),
        ("area,zone,area\n1,2,3\n", "more than once: 'area'"),
        ("area,zone\n1,2\n1\n", "row 2 has 1"),
        ("area,zone\n1,2,3\n", "row 1 has 3"),
        ('area,zone\n1,"2\n', "line 2 is not CSV"),
        ('area,zone\n1,"2"x\n', "line 2 is not CSV"),
    ],
)
def test_raw_csv_that_cannot_be_read_is_refused(text: str, essential: str) -> None:
    with pytest.raises(DataError) as refused:
        rows_from_csv(text, REQUIRED)
    assert essential in str(refused.value)


@pytest.mark.parametrize(
    ("records", "essential"),
    [([], "there are none"), ([{"area": 1}], "row 1 lacks 'zone'"), ([{"area": 1, "zone": 2}, 7], "row 2 is 7")],
)
def test_records_that_cannot_be_read_are_refused(records: list[object], essential: str) -> None:
    with pytest.raises(DataError, match=essential):
        rows_from_records(records, REQUIRED)


def test_encoded_rows_are_told_from_raw_rows() -> None:
    assert is_encoded("1,2.5,\n", REQUIRED)
    assert not is_encoded("area,zone\n1,2\n", REQUIRED)
    assert not is_encoded("1,2\n3,4\n", ("1", "2"))


def test_encoded_rows_need_exactly_their_columns() -> None:
    assert encoded_from_csv("1,2.5\r\n3,4", 2).tolist() == [[1, 2.5], [3, 4]]
    assert str(encoded_from_csv(",2", 2)[0, 0]) == "nan"


@pytest.mark.parametrize(
    ("text", "essential"),
    [
        ("1\n", "row 1 has 1"),
        ("1,2\n1,2,3\n", "row 2 has 3"),
        ("1,x\n", "'x' \\(row 1\\)"),
        ("1,inf\n", "'inf'"),
        ("1,1e39\n", "too large"),
        ("", "empty"),
    ],
)
def test_encoded_rows_with_a_column_missing_are_refused(text: str, essential: str) -> None:
    with pytest.raises(DataError, match=essential):
        encoded_from_csv(text, 2)
