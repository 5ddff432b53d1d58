from __future__ import annotations

import gzip
import math
from pathlib import Path

import numpy as np
import pytest

from housing.data.description import Identifier, Nominal
from housing.data.split_spec import ByColumn, Split
from housing.data.table import Table, read
from housing.errors import DataError
from tests.data.cottages import COLUMNS, CSV, cottages


@pytest.fixture
def table(tmp_path: Path) -> Table:
    return _read(tmp_path, CSV.encode())


def _read(folder: Path, content: bytes, **changes: object) -> Table:
    file = folder / "cottages.csv"
    file.write_bytes(content)
    return read(cottages(file, **changes))


def _parquet(file: Path, text: str = CSV) -> Path:
    import pyarrow as pa
    from pyarrow import csv, parquet

    options = csv.ConvertOptions(null_values=["", "NA"], strings_can_be_null=True, column_types={"note": pa.string()})
    parquet.write_table(csv.read_csv(pa.py_buffer(text.encode()), convert_options=options), file)
    return file


def test_numbers_are_float_and_levels_text_with_missing_marked(table: Table) -> None:
    assert table.rows == 5
    assert table["area"].tolist() == [100, 120.5, 80, 10, 500]
    assert [math.isnan(value) for value in table["rooms"]] == [False, True, False, False, False]
    assert table["grade"].tolist() == ["poor", "good", None, "fair", "good"]


def test_ignored_columns_are_left_out_unless_the_split_needs_them(tmp_path: Path, table: Table) -> None:
    assert "note" not in table
    by_note = Split(by_column=ByColumn("note", train=(None,), validation=("z", "x, y")))
    assert _read(tmp_path, CSV.encode(), split=by_note)["note"].tolist() == [None, "x, y", None, None, "z"]


@pytest.mark.parametrize(
    "content",
    [
        gzip.compress(CSV.encode()),
        b"\xef\xbb\xbf" + CSV.encode(),
        CSV.replace("\n", "\r\n").encode(),
        CSV.replace("\n", "\r").encode(),
        CSV.replace("\n", "\n\n").encode(),
        CSV.rstrip("\n").encode(),
        CSV.replace("x, y", "x\ny").encode(),
        CSV.replace("100,3", "1e2, 3 ").encode(),
    ],
    ids=["gzip", "BOM", "CRLF", "CR", "blank lines", "no last line end", "line end in quotes", "notation"],
)
def test_the_same_content_in_another_spelling_has_the_same_digest(tmp_path: Path, table: Table, content: bytes) -> None:
    assert _read(tmp_path, content).digest() == table.digest()


def test_parquet_has_the_digest_of_the_csv(tmp_path: Path, table: Table) -> None:
    file = _parquet(tmp_path / "cottages.parquet")
    assert read(cottages(file, format="parquet")).digest() == table.digest()


def test_whole_numbers_in_parquet_are_the_levels_a_csv_would_have(tmp_path: Path) -> None:
    text = CSV.replace("north", "20").replace("south", "30")
    columns = {**COLUMNS, "zone": Nominal(levels=("20", "30"))}
    file = _parquet(tmp_path / "cottages.parquet", text)
    assert read(cottages(file, format="parquet", columns=columns))["zone"].tolist() == ["20", "30", "30", "20", "20"]


def test_parquet_faults_are_named_by_row(tmp_path: Path) -> None:
    file = _parquet(
        tmp_path / "cottages.parquet", CSV.replace("fair", "fare").replace(",9000", ",").replace("10,", "1,")
    )
    with pytest.raises(DataError) as refused:
        read(cottages(file, format="parquet"))
    for part in ("'fare' (row 4", "price: missing label: row 5", "area: below the lowest allowed value 10: 1 (row 4)"):
        assert part in str(refused.value)


@pytest.mark.parametrize("keep", [0, 4, 300, -1])
def test_a_parquet_file_that_was_cut_is_refused(tmp_path: Path, keep: int) -> None:
    file = _parquet(tmp_path / "cottages.parquet")
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(DataError, match="not a whole Parquet file"):
        read(cottages(file, format="parquet"))


def test_csv_called_parquet_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cottages.csv").write_text(CSV)
    with pytest.raises(DataError, match="set format: csv"):
        read(cottages(tmp_path / "cottages.csv", format="parquet"))


@pytest.mark.parametrize(("old", "new"), [("120.5", "120.6"), ("Oak", "Elm"), ("a1", "a9"), (",NA,20", ",0,20")])
def test_any_changed_value_changes_the_digest(tmp_path: Path, table: Table, old: str, new: str) -> None:
    assert _read(tmp_path, CSV.replace(old, new).encode()).digest() != table.digest()


def test_a_changed_note_that_nobody_uses_keeps_the_digest(tmp_path: Path, table: Table) -> None:
    assert _read(tmp_path, CSV.replace("x, y", "other").encode()).digest() == table.digest()


def test_identifiers_may_repeat_where_the_description_says_so(tmp_path: Path) -> None:
    columns = {**COLUMNS, "id": Identifier(unique=False)}
    table = _read(tmp_path, CSV.replace("a3", "a1").encode(), columns=columns)
    assert table["id"].tolist() == ["a1", "a2", "a1", "a4", "a5"]


def test_missing_identifiers_are_no_duplicates(tmp_path: Path) -> None:
    columns = {**COLUMNS, "id": Identifier(missing="unknown")}
    table = _read(tmp_path, CSV.replace("a3", "").replace("a4", "NA").encode(), columns=columns)
    assert table["id"].tolist() == ["a1", "a2", None, None, "a5"]


def test_raw_rows_as_csv_read_back_as_the_same_table(tmp_path: Path, table: Table) -> None:
    text = table.to_csv().replace("street,price", "street,note,price").splitlines()
    rows = [text[0], *(",".join([*(cells := line.split(","))[:-1], "", cells[-1]]) for line in text[1:])]
    assert _read(tmp_path, "\n".join(rows).encode()).digest() == table.digest()


def test_files_larger_than_one_chunk_are_read_whole(tmp_path: Path) -> None:
    header = CSV.splitlines()[0]
    rows = "".join(f"b{i},{10 + i % 400},,,,north,s{i % 7},,{i + 1}\n" for i in range(45_000))
    table = _read(tmp_path, f"{header}\n{rows}".encode())
    assert table.rows == 45_000
    np.testing.assert_array_equal(table["price"], np.arange(1, 45_001))


def test_take_keeps_the_order_asked_for(table: Table) -> None:
    assert table.take(np.array([4, 0]))["id"].tolist() == ["a5", "a1"]
