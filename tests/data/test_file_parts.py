"""Sources of several files: folders, as Spark and pyarrow write them, and patterns."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
import yaml
from pyarrow import parquet
from pydantic import TypeAdapter

from housing.data.describe import describe
from housing.data.description import Dataset, Nominal
from housing.data.features import Features
from housing.data.preparation import prepare
from housing.data.rows import csv_pieces
from housing.data.table import read
from housing.errors import DataError
from tests.data.cottages import COLUMNS, CSV, cottages

HEADER, *ROWS = CSV.splitlines(keepends=True)


def _load(text: str) -> Dataset:
    dataset: Dataset = TypeAdapter(Dataset).validate_python(yaml.safe_load(text))
    return dataset


def _hive(folder: Path) -> Path:
    for city in ("Bad Ems", "Ulm"):
        homes = pa.table({"area": [50.0 + i for i in range(20)], "price": [1000.0 + 17 * i for i in range(20)]})
        (folder / f"city={city.replace(' ', '%20')}").mkdir(parents=True)
        parquet.write_table(homes, folder / f"city={city.replace(' ', '%20')}" / "part-0.parquet")
    (folder / "_SUCCESS").touch()
    (folder / "_delta_log").mkdir()
    (folder / "_delta_log" / "0.parquet").write_bytes(b"no")
    (folder / ".part-0.parquet.crc").write_bytes(b"crc")
    return folder


def test_a_folder_of_partitions_is_described_and_read_with_the_columns_of_its_names(tmp_path: Path) -> None:
    dataset = _load(describe(_hive(tmp_path / "homes"), "price"))
    assert dataset.columns["city"] == Nominal(levels=("Bad Ems", "Ulm"))
    table = prepare(dataset, Features("plain")).table
    assert table["city"].tolist() == ["Bad Ems"] * 20 + ["Ulm"] * 20
    assert table["area"][20] == 50


@pytest.mark.parametrize("source", ["parts", "parts/*.csv", "**/part-[0-9].csv"])
def test_parts_of_csv_are_one_table_in_the_order_of_their_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "parts").mkdir()
    (tmp_path / "whole.csv").write_text(CSV)
    (tmp_path / "parts" / "part-1.csv").write_text("".join([HEADER, *ROWS[2:]]))
    (tmp_path / "parts" / "part-0.csv").write_text("".join([HEADER, *ROWS[:2]]))
    (tmp_path / "parts" / "part-2.csv").write_text(HEADER)
    assert read(cottages(source)).digest() == read(cottages("whole.csv")).digest()


def test_rows_to_predict_may_lie_in_parts(tmp_path: Path) -> None:
    pieces = list(csv_pieces(str(_hive(tmp_path / "homes")), rows_a_piece=30))
    assert [len(piece.splitlines()) for piece in pieces] == [31, 11]
    assert pieces[0].startswith("area,price,city\r\n50,1000,Bad Ems\r\n")


def test_faults_name_the_file_in_which_they_stand(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("".join([HEADER, *ROWS[:2]]))
    (tmp_path / "b.csv").write_text("".join([HEADER, *ROWS[2:]]).replace("fair", "fare").replace("a4", "a1"))
    with pytest.raises(DataError) as refused:
        read(cottages(tmp_path))
    assert str(refused.value).startswith(f"{tmp_path}: 2 faults")
    assert "'fare' (b.csv line 3" in str(refused.value)
    assert "'a1' (a.csv line 2 and b.csv line 3)" in str(refused.value)
    (tmp_path / "b.csv").write_text("".join([HEADER.replace("zone", "zones"), *ROWS[2:]]))
    with pytest.raises(DataError, match=r"b\.csv: 2 faults\n.*missing columns: 'zone'"):
        read(cottages(tmp_path))
    with pytest.raises(DataError, match=r"b\.csv: its columns are not those of a\.csv: 'zone', 'zones'"):
        describe(tmp_path, "price")


@pytest.mark.parametrize(
    ("names", "source", "essential"),
    [
        ([], "", "is a folder without CSV or Parquet files"),
        (["_SUCCESS", ".a.csv", "notes.txt"], "", "is a folder without CSV or Parquet files"),
        (["a.csv", "b.parquet"], "", "holds files of .parquet and .csv; give a pattern"),
        (["year=1/a.csv", "b.csv"], "", "its files lie in folders of different columns"),
        (["a.csv"], "/*.parquet", "matches no file"),
    ],
)
def test_what_is_no_set_of_parts_is_refused(tmp_path: Path, names: list[str], source: str, essential: str) -> None:
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(CSV)
    for act in (
        lambda: read(cottages(f"{tmp_path}{source}", columns=COLUMNS)),
        lambda: describe(f"{tmp_path}{source}", "price"),
    ):
        with pytest.raises(DataError) as refused:
            act()
        assert essential in str(refused.value)
