"""Rows that are left out: counted, told, and part of the digest; conditions compare and call nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from housing.data.selection import left_out_text
from housing.data.table import Table, read
from housing.errors import DataError
from tests.data.cottages import CSV, cottages


def _read(folder: Path, text: str = CSV, **changes: object) -> Table:
    file = folder / "cottages.csv"
    file.write_text(text)
    return read(cottages(file, **changes))


@pytest.mark.parametrize(
    ("where", "left"),
    [
        ("area > 50", ["a1", "a2", "a3", "a5"]),
        ("area > 50 and zone != 'south'", ["a1", "a5"]),
        ("AREA > 50 AND Zone <> 'south'", ["a1", "a5"]),
        ("rooms is null", ["a2"]),
        ("rooms > 1 or street = 'Oak'", ["a1", "a2", "a3", "a5"]),
        ("street in ('Elm', 'Ash')", ["a1", "a4", "a5"]),
        ("street like 'E%'", ["a1", "a4"]),
        ("price / area between 10 and 20", ["a1", "a2", "a3", "a5"]),
        ("not (grade = 'good')", ["a1", "a4"]),
        ("note = 'x, y'", ["a2"]),
        ("cast(id as text) = 'a1'", ["a1"]),
    ],
)
def test_rows_are_kept_where_the_condition_is_true(tmp_path: Path, where: str, left: list[str]) -> None:
    table = _read(tmp_path, where=where)
    assert table["id"].tolist() == left
    assert table.left_out == {"where": 5 - len(left)}


@pytest.mark.parametrize(
    ("where", "essential"),
    [
        ("aera > 50", "there is no column 'aera', did you mean 'area'?"),
        ("area >", "cannot be read: syntax error"),
        ("area", "is not a condition: it gives double"),
        ("zone > 5", "a column is a number where it is described as numeric"),
        ("area > 'big'", "Could not convert string 'big'"),
        ("1 = 1", "compares no column"),
        ("zone = \"north\"", "there is no column 'north'"),
        ("getenv('HOME') = zone", "calls getenv, and a condition calls nothing"),
        ("lower(zone) = 'north'", "calls lower"),
        ("area > (select 5)", "has a subquery"),
        ("exists (from read_csv('/etc/passwd'))", "has a subquery"),
        ("row_number() over () > 1", "has a window"),
        ("area > 5) from rows union all select (true", "must be one condition"),
        ("area > 5) from read_csv('x.csv') --", "cannot be read"),
        ("area > 5; drop table rows", "cannot be read"),
        ("area > ?", "has a parameter"),
        ("columns(*) > 5", "has a star"),
        ("list_filter([1], x -> x > 0) = zone", "calls list_filter"),
        ("case when area > 5 then true end", "has a case"),
    ],
)  # fmt: skip
def test_what_is_no_condition_is_refused_before_anything_is_read(where: str, essential: str) -> None:
    with pytest.raises(ValueError, match="where: ") as refused:
        cottages("nowhere.csv", where=where)
    assert essential in str(refused.value)


def test_rows_that_are_left_out_may_be_wrong_and_cells_of_the_condition_may_not(tmp_path: Path) -> None:
    assert _read(tmp_path, CSV.replace("a4,10,1", "a4,1,many"), where="zone = 'south' or area > 50").rows == 4
    with pytest.raises(DataError, match=r"area: not a number: '1,200' \(line 5\)"):
        _read(tmp_path, CSV.replace("a4,10,", 'a4,"1,200",'), where="area > 50")


def test_a_row_without_a_label_is_left_out_where_the_dataset_says_so(tmp_path: Path) -> None:
    text = CSV.replace(",1500", ",NA").replace("a5,500", "a5,501").replace(",9000", ",")
    table = _read(tmp_path, text, label_missing="dropped")
    assert (table["id"].tolist(), table.left_out) == (["a1", "a2", "a4"], {"label_missing": 2})
    with pytest.raises(DataError, match=r"price: missing label, 2 times: line 4, line 6; .*label_missing: dropped"):
        _read(tmp_path, text.replace("501", "500"))


def test_equal_rows_are_kept_refused_or_dropped(tmp_path: Path) -> None:
    text = CSV + CSV.splitlines()[2] + "\n" + CSV.splitlines()[5].replace(",z,", ",other,") + "\n"
    table = _read(tmp_path, text, duplicates="dropped")
    assert table["id"].tolist() == ["a1", "a2", "a3", "a4", "a5"]
    assert table.left_out == {"duplicates": 2}
    with pytest.raises(DataError) as refused:
        _read(tmp_path, text, duplicates="refused")
    assert "equal to an earlier row, 2 times: line 7, line 8; set duplicates: dropped" in str(refused.value)
    with pytest.raises(DataError, match=r"id: duplicate identifier, 2 times: 'a2' \(line 3 and line 7\)"):
        _read(tmp_path, text)


def test_places_are_those_of_the_file_whatever_was_left_out_before(tmp_path: Path) -> None:
    text = CSV.replace("fair", "fare").replace(",900.5", ",10")
    with pytest.raises(DataError, match=r"grade: unknown level: 'fare' \(line 5"):
        _read(tmp_path, text, where="id != 'a1'")
    with pytest.raises(DataError, match=r"'a5' \(line 6 and line 7\)"):
        _read(tmp_path, CSV + CSV.splitlines()[5] + "\n", where="id != 'a1'")


def test_nothing_left_is_a_fault_that_says_why(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no row of 5 is left: 5 rows where area > 1000 is not true"):
        _read(tmp_path, where="area > 1000")


def test_what_was_left_out_is_told_and_changes_the_digest(tmp_path: Path) -> None:
    whole = _read(tmp_path)
    text = CSV + "a6,,,,,,,,\n"
    left = _read(tmp_path, text, where="id != 'a7'", label_missing="dropped")
    assert left_out_text(left.left_out, cottages("x", where="id != 'a7'")) == "1 row without price"
    assert {name: left[name].tolist() for name in ("id", "price")} == {
        name: whole[name].tolist() for name in ("id", "price")
    }
    assert left.digest() != whole.digest()
    assert _read(tmp_path, where="id != 'a7'", label_missing="dropped").digest() == whole.digest()
