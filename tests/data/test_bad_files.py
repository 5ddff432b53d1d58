"""One fault a file; each is refused with one message that names the file, the place and the way out."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from housing.data.table import read
from housing.errors import DataError
from tests.data.cottages import CSV, cottages


def _with(old: str, new: str) -> Callable[[str], bytes]:
    def change(text: str) -> bytes:
        assert old in text
        return text.replace(old, new, 1).encode()

    return change


def _lines(edit: Callable[[list[str]], list[str]]) -> Callable[[str], bytes]:
    return lambda text: "".join(edit(text.splitlines(keepends=True))).encode()


def _without_column(name: str) -> Callable[[list[str]], list[str]]:
    def edit(lines: list[str]) -> list[str]:
        at = lines[0].strip().split(",").index(name)
        cells = [line.replace('"x, y"', "x").strip().split(",") for line in lines]
        return [",".join([*row[:at], *row[at + 1 :]]) + "\n" for row in cells]

    return edit


FAULTS: dict[str, tuple[Callable[[str], bytes], list[str]]] = {
    "empty file": (lambda _: b"", ["empty"]),
    "blank lines only": (lambda _: b"\n\n\n", ["empty"]),
    "header only": (_lines(lambda lines: lines[:1]), ["no rows below the header"]),
    "no header": (_lines(lambda lines: lines[1:]), ["first line looks like data", "'a1'"]),
    "column missing": (_lines(_without_column("area")), ["missing columns: 'area'"]),
    "label column missing": (_lines(_without_column("price")), ["missing columns: 'price'"]),
    "column renamed": (_with("area", "Area m2"), ["'area'", "'Area m2'"]),
    "column name misspelt": (_with("street", "streat"), ["'street' (the file has 'streat')"]),
    "column name in another case": (_with("zone", "ZONE"), ["'zone' (the file has 'ZONE')"]),
    "white space in a column name": (_with(",zone", ", zone"), ["'zone' (the file has ' zone')"]),
    "unexpected column": (
        lambda text: "".join(
            line + ",1\n" if i else line + ",tax\n" for i, line in enumerate(text.splitlines())
        ).encode(),
        ["unexpected columns: 'tax'", "kind: ignored"],
    ),
    "index column of pandas": (
        lambda text: "".join(f"{i - 1 if i else ''},{line}\n" for i, line in enumerate(text.splitlines())).encode(),
        ["unexpected columns: ''"],
    ),
    "column name twice": (_with("note", "zone"), ["more than once: 'zone'"]),
    "semicolons": (lambda text: text.replace(",", ";").encode(), ["separated by ';'", "set separator: ';'"]),
    "tabs": (lambda text: text.replace(",", "\t").encode(), ["separated by '\\t'"]),
    "bars": (lambda text: text.replace(",", "|").encode(), ["separated by '|'"]),
    "text in a numeric column": (_with("100,3", "big,3"), ["area: not a number: 'big' (line 2)"]),
    "unit behind a number": (_with("120.5", "120.5 m2"), ["area: not a number: '120.5 m2' (line 3)"]),
    "thousands separator": (_with("100,3", '"1,00",3'), ["area: not a number: '1,00' (line 2)"]),
    "decimal comma": (_with("120.5", '"120,5"'), ["area: not a number: '120,5' (line 3)"]),
    "underscore in a number": (_with("100,3", "1_00,3"), ["area: not a number: '1_00' (line 2)"]),
    "digits of another script": (_with("100,3", "١٠٠,3"), ["area: not a number", "line 2"]),
    "infinite number": (_with("100,3", "inf,3"), ["area: not a number: 'inf' (line 2)"]),
    "NaN as text": (_with("100,3", "nan,3"), ["area: not a number: 'nan' (line 2)"]),
    "below the range": (_with("10,1", "9.5,1"), ["area: below the lowest allowed value 10: 9.5 (line 5)"]),
    "above the range": (_with("a5,500", "a5,501"), ["area: above the highest allowed value 500: 501 (line 6)"]),
    "unknown level of an ordinal": (_with("fair", "fare"), ["grade: unknown level: 'fare'", "line 5", "'fair'"]),
    "unknown level of a nominal": (_with("south", "west"), ["zone: unknown level: 'west' (line 3", "'north', 'south'"]),
    "level in another case": (
        _with("north", "North"),
        ["zone: unknown level: 'North' (line 2, did you mean 'north'?)"],
    ),
    "level with white space": (_with("south,Oak", " south,Oak"), ["zone: unknown level: ' south' (line 3"]),
    "missing where refused": (_with("80,2", ",2"), ["area: missing value: line 4", "missing: unknown or none"]),
    "missing text where refused": (_with("south,Oak", "NA,Oak"), ["zone: missing value: line 3"]),
    "missing label": (_with(",1000", ","), ["price: missing label: line 2"]),
    "missing label as text": (_with(",1000", ",NA"), ["price: missing label: line 2"]),
    "infinite label": (_with(",1000", ",1e999"), ["price: not a number: '1e999' (line 2)"]),
    "label out of range": (_with(",1000", ",-5"), ["price: below the lowest allowed value 1: -5 (line 2)"]),
    "label as text": (_with(",1000", ",cheap"), ["price: not a number: 'cheap' (line 2)"]),
    "duplicate identifier": (_with("a3", "a1"), ["id: duplicate identifier: 'a1' (line 2 and line 4)"]),
    "missing identifier": (_with("a3", ""), ["id: missing value: line 4"]),
    "row too short": (_with(",Elm,,1000", ",Elm,1000"), ["exactly 9 values: line 2 has 8"]),
    "row too long": (_with("a2,", "a2,0,"), ["exactly 9 values: line 3 has 10"]),
    "cut in its last row": (lambda text: text.encode()[:-12], ["exactly 9 values: line 6 has 6"]),
    "quote never closed": (_with('"x, y"', '"x, y'), ["line 3: a quoted value begins here and is never closed"]),
    "text after a closing quote": (_with('"x, y"', '"x" y'), ["line 3: the quotes are wrong"]),
    "NUL byte": (_with("Oak", "O\0ak"), ["line 3", "NUL byte"]),
    "Latin-1": (lambda text: text.replace("Elm", "Fürst").encode("latin-1"), ["line 2: byte 0xfc is not UTF-8"]),
    "UTF-16": (lambda text: text.encode("utf-16"), ["UTF-16", "save it as UTF-8"]),
    "UTF-16 without a mark": (lambda text: text.encode("utf-16-le"), ["line 1", "NUL byte"]),
    "gzip cut in half": (lambda text: gzip.compress(text.encode())[:60], ["cut off"]),
    "gzip damaged": (lambda text: gzip.compress(text.encode())[:-8] + b"\1" * 8, ["damaged"]),
    "gzip of nothing": (lambda _: gzip.compress(b""), ["empty"]),
    "Excel workbook": (lambda _: b"PK\x03\x04" + b"\0" * 50, ["Excel"]),
    "Parquet called CSV": (lambda _: b"PAR1" + b"\0" * 50, ["set format: parquet"]),
    "bzip2": (lambda _: b"BZh91AY", ["bzip2"]),
    "a web page": (lambda _: b"<!DOCTYPE html>\n<html></html>\n", ["a web page"]),
    "a comment above the header": (lambda text: b"# made in 2020\n" + text.encode(), ["missing columns"]),
}


@pytest.mark.parametrize(("change", "essentials"), FAULTS.values(), ids=FAULTS.keys())
def test_a_file_with_one_fault_is_refused_by_name_and_place(
    tmp_path: Path, change: Callable[[str], bytes], essentials: list[str]
) -> None:
    file = tmp_path / "cottages.csv"
    file.write_bytes(change(CSV))
    with pytest.raises(DataError) as refused:
        read(cottages(file))
    message = str(refused.value)
    assert message.startswith(str(file))
    assert len(message) < 1500
    for essential in essentials:
        assert essential in message
    assert [one.name for one in tmp_path.iterdir()] == ["cottages.csv"]


def test_all_faults_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    file = tmp_path / "cottages.csv"
    file.write_text(CSV.replace("100,3", "big,3").replace("fair", "fare").replace("a3", "a1").replace(",9000", ","))
    with pytest.raises(DataError) as refused:
        read(cottages(file))
    message = str(refused.value)
    assert "4 faults" in message
    for part in ("area: not a number", "grade: unknown level", "id: duplicate identifier", "price: missing label"):
        assert part in message


def test_a_fault_in_every_row_is_one_short_line_with_a_count(tmp_path: Path) -> None:
    file = tmp_path / "cottages.csv"
    header = CSV.splitlines()[0]
    file.write_text(header + "\n" + "".join(f"b{i},{'x' * 500},,,,east,,,1\n" for i in range(5000)))
    with pytest.raises(DataError) as refused:
        read(cottages(file))
    message = str(refused.value)
    assert "area: not a number, 5,000 times" in message
    assert len(message) < 1000


def test_a_missing_file_is_named_with_the_folder_it_was_looked_for_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cottages.csv").write_text(CSV)
    with pytest.raises(DataError, match="no such file") as refused:
        read(cottages("cotages.csv"))
    assert str(tmp_path) in str(refused.value)
    assert "did you mean 'cottages.csv'" in str(refused.value)


def test_a_folder_is_no_table(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is a folder"):
        read(cottages(tmp_path))


@pytest.mark.parametrize("source", ["package:amess.csv.gz", "package:../errors.py", "package:"])
def test_only_shipped_tables_are_read_from_the_package(source: str) -> None:
    with pytest.raises(DataError, match=r"housing ships no such file; it ships 'ames\.csv\.gz'"):
        read(cottages(source))


def test_a_million_columns_without_a_name_are_one_fault(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="several columns without a name; the first line has the names"):
        read(cottages(_file(tmp_path, b"price" + b"," * 1_000_000 + b"\n")))


def test_columns_that_nobody_described_are_one_fault_however_many(tmp_path: Path) -> None:
    names = ",".join(f"g{number}" for number in range(100_000))
    with pytest.raises(DataError, match=r"unexpected columns, 100,000 times: 'g0', 'g1', 'g2'"):
        read(cottages(_file(tmp_path, f"price,{names}\n".encode())))


def test_the_names_of_other_columns_are_no_fault_of_the_separator(tmp_path: Path) -> None:
    """Taken for one name, the header is longer than a cell of a CSV file may be."""
    names = ",".join(f"gene{number}" for number in range(20_000))
    with pytest.raises(DataError, match="missing columns"):
        read(cottages(_file(tmp_path, f"{names}\n".encode())))


def test_the_nearest_level_is_looked_for_only_where_it_is_told(tmp_path: Path) -> None:
    header, first, *_ = CSV.splitlines()
    rows = "".join(f"{first.replace('poor', f'poro{number}')}\n" for number in range(50_000))
    with pytest.raises(DataError, match=r"unknown level, 50,000 times: 'poro0' .line 2, did you mean 'poor'"):
        read(cottages(_file(tmp_path, f"{header}\n{rows}".encode())))


def _file(folder: Path, content: bytes) -> Path:
    file = folder / "cottages.csv"
    file.write_bytes(content)
    return file
