"""What is not read is called by its name, and the command in the message makes of it what is read."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import os
import shlex
import sqlite3
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from housing.cli.dispatch import main
from housing.data.csv_format import CsvFormat
from housing.data.describe import describe
from housing.data.rows import csv_pieces
from housing.data.table import read
from housing.errors import DataError
from tests.data.cottages import CSV, cottages

ROWS = "".join(f"{50 + i * 37 % 101},{1000 + 17 * i}\n" for i in range(30))
TABLE = "area,price\n" + ROWS
LINES = "".join(f'{{"area": {row.split(",")[0]}, "price": {row.split(",")[1]}}}\n' for row in ROWS.splitlines())


def _refusal(file: Path) -> str:
    with pytest.raises(DataError) as refused:
        describe(file, "price")
    with pytest.raises(DataError) as trained:
        read(cottages(file))
    assert str(refused.value) == str(trained.value)
    return str(refused.value)


def _run(message: str) -> None:
    command = message[message.index("python -c") :].partition(" (needs")[0]
    exec(compile(shlex.split(command)[2], "printed", "exec"), {})


@pytest.mark.parametrize(
    ("address", "way_out"),
    [
        ("https://example.com/a%20b.csv?x=1&y=2", "curl -LO 'https://example.com/a%20b.csv?x=1&y=2'"),
        ("gs://b/x.csv", "gcloud storage cp gs://b/x.csv ."),
        ("abfss://c@a/x.parquet", "write the table to a CSV or Parquet file"),
        ("file:///tmp/x.csv", "give the path alone: /tmp/x.csv"),
    ],
)
def test_an_address_is_named_as_typed_by_every_reader(
    address: str, way_out: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(DataError) as refused:
        read(cottages(address))
    assert str(refused.value).startswith(f"{address}: ")
    assert way_out in str(refused.value)
    for command in (["describe", address, "--label", "price"], ["predict", address]):
        assert main(command) == 3
        assert address in capsys.readouterr().err.replace("\n", "")


def _sqlite(file: Path) -> None:
    with closing(sqlite3.connect(file)) as database, database:
        database.execute('create table "homes sold" (area, price)')
        rows = [row.split(",") for row in ROWS.splitlines()]
        database.executemany('insert into "homes sold" values (?, ?)', rows)


CONVERTED: dict[str, tuple[str, Callable[[Path], object], str, str]] = {
    "a JSON array": (
        "homes.json",
        lambda file: file.write_text(f"[{','.join(LINES.splitlines())}]"),
        "it is JSON",
        "homes.csv",
    ),
}


@pytest.mark.parametrize(("name", "write", "essential", "written"), CONVERTED.values(), ids=CONVERTED.keys())
def test_another_format_is_named_and_its_command_converts_it(
    tmp_path: Path, name: str, write: Callable[[Path], object], essential: str, written: str
) -> None:
    write(tmp_path / name)
    message = _refusal(tmp_path / name)
    assert essential in message
    _run(message)
    assert "area: {kind: numeric" in describe(tmp_path / written, "price").replace('"', "")


DECLARED: dict[str, tuple[Callable[[Path], object], str]] = {
    "JSON lines": (lambda file: file.write_text(LINES), "it is JSON lines; set format: jsonl"),
    "gzipped JSON lines": (lambda file: file.write_bytes(gzip.compress(LINES.encode())), "set format: jsonl"),
    "Feather": (lambda file: file.write_bytes(b"ARROW1\0\0" + b"\0" * 40), "set format: arrow"),
    "Excel": (lambda file: _zip(file, "[Content_Types].xml", "xl/workbook.xml"), "set format: excel"),
    "a SQLite database": (_sqlite, """of 'homes sold'; set source: {sql: {url: "sqlite:///"""),
}


@pytest.mark.parametrize(("write", "way_out"), DECLARED.values(), ids=DECLARED.keys())
def test_what_is_declared_as_csv_and_is_none_is_told_with_what_to_declare(
    tmp_path: Path, write: Callable[[Path], object], way_out: str
) -> None:
    write(tmp_path / "homes")
    with pytest.raises(DataError) as refused:
        read(cottages(tmp_path / "homes"))
    assert "this is not CSV text" in str(refused.value)
    assert way_out in str(refused.value)


def _zip(file: Path, *members: str) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        for member in members:
            archive.writestr(member, TABLE)


def _tar(file: Path, mode: str) -> None:
    with tarfile.open(file, mode) as archive:  # type: ignore[call-overload]
        member = tarfile.TarInfo("homes.csv")
        member.size = len(TABLE)
        archive.addfile(member, io.BytesIO(TABLE.encode()))


NAMED: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    "zip": (lambda file: _zip(file, "homes.csv"), ["a ZIP archive of 'homes.csv'", "python -m zipfile -e"]),
    "tar": (lambda file: _tar(file, "w"), ["a tar archive of 'homes.csv'", "tar xf"]),
    "tar.gz": (lambda file: _tar(file, "w:gz"), ["a tar archive of 'homes.csv'", "tar xf"]),
    "bzip2": (lambda file: file.write_bytes(bz2.compress(TABLE.encode())), ["compressed with bzip2", "bunzip2"]),
    "pretty JSON": (lambda file: file.write_text('{\n  "area": 1\n}\n'), ["it is JSON"]),
    "a page": (lambda file: file.write_text("<!DOCTYPE html>\n<html></html>\n"), ["a web page"]),
    "an empty folder": (lambda file: file.mkdir(), ["is a folder without CSV or Parquet files"]),
}


@pytest.mark.parametrize(("write", "essentials"), NAMED.values(), ids=NAMED.keys())
def test_what_needs_another_tool_is_named(
    tmp_path: Path, write: Callable[[Path], object], essentials: list[str]
) -> None:
    write(tmp_path / "homes")
    message = _refusal(tmp_path / "homes")
    for essential in essentials:
        assert essential in message


def test_a_printed_command_survives_a_shell(tmp_path: Path) -> None:
    file = tmp_path / "my 'odd' $HOME.json"
    file.write_text(f"[{','.join(LINES.splitlines())}]")
    message = _refusal(file)
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    subprocess.run(message[message.index("python -c") :], shell=True, check=True, env=env)
    assert (tmp_path / "my 'odd' $HOME.csv").read_text() == TABLE


def test_rows_to_predict_with_another_separator_are_told_so(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text(CSV)
    with pytest.raises(DataError, match=r"columns are separated by ',', the dataset says '\|'; set separator: ','"):
        csv_pieces(str(file), form=CsvFormat("|"), rows_a_piece=10, columns=cottages(file).columns)


def test_rows_to_predict_without_a_known_column_go_to_who_judges_them(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("a|b\n1|2\n")
    assert list(csv_pieces(str(file), form=CsvFormat("|"), rows_a_piece=10, columns=["area"])) == ["a,b\r\n1,2\r\n"]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("cell", ["x y", '"x, y"', " süd", ""])
def test_pieces_of_a_file_hold_its_rows_each_with_the_header(tmp_path: Path, cell: str, end: str) -> None:
    file = tmp_path / "rows.csv"
    lines = ["area,zone", *(f"{number},{cell}" for number in range(7))]
    file.write_bytes(("\ufeff" + end.join([*lines[:3], "", *lines[3:]]) + end).encode())
    pieces = list(csv_pieces(str(file), rows_a_piece=3))
    rows = [list(csv.reader(io.StringIO(piece, newline=""))) for piece in pieces]
    assert [len(found) for found in rows] == [4, 4, 2]
    assert {tuple(found[0]) for found in rows} == {("area", "zone")}
    wanted = cell.strip('"')
    assert [row for found in rows for row in found[1:]] == [[str(number), wanted] for number in range(7)]
