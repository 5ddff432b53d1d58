"""Numbers as files write them: the same in training, in an encoder that was kept, and in rows to predict."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
import yaml
from pydantic import TypeAdapter

from housing.data.csv_format import CsvFormat
from housing.data.describe import describe
from housing.data.description import Dataset
from housing.data.encoder import Encoder
from housing.data.features import Features
from housing.data.number_format import NumberFormat
from housing.data.preparation import prepare
from housing.data.rows import csv_pieces
from housing.data.table import read
from housing.errors import DataError
from tests.data.cottages import CSV, cottages

GERMAN = NumberFormat(",", ".", ("€",))

CELLS = [
    (GERMAN, "1.234,5", 1234.5),
    (GERMAN, "1.234.567", 1234567),
    (GERMAN, "-12,5 €", -12.5),
    (GERMAN, "€ \u22123", -3),
    (GERMAN, "1234,5e2", 123450),
    (GERMAN, ",5", 0.5),
    (GERMAN, "1.5", None),
    (GERMAN, "1.23.456", None),
    (GERMAN, "1,5,5", None),
    (GERMAN, "€", None),
    (GERMAN, "12 $", None),
    (NumberFormat(thousands=","), "12,34,567.5", 1234567.5),
    (NumberFormat(thousands=","), "1,5", None),
    (NumberFormat(thousands=" "), "1\u202f234", 1234),
    (NumberFormat(thousands="'"), "1\u2019234", 1234),
    (NumberFormat(), "1e5", 1e5),
    (NumberFormat(","), "9007199254740993", None),
]


@pytest.mark.parametrize(("form", "text", "value"), CELLS)
def test_a_text_is_a_number_by_itself_as_in_a_column(form: NumberFormat, text: str, value: float | None) -> None:
    if value is None:
        with pytest.raises(ValueError, match=r".*"):
            form.number(text)
    else:
        assert form.number(text) == value
        assert pc.cast(form.plain_array(pa.array([text])), pa.float64()).to_pylist() == [value]


@pytest.mark.parametrize(
    ("keys", "fault"),
    [
        ({"decimal": ";"}, "decimal: must be '.' or ','"),
        ({"decimal": ",", "thousands": ","}, "thousands: must be one of"),
        ({"strip": ("-",)}, "strip: must be texts without signs"),
        ({"encoding": "utf-9"}, "encoding: must be one that Python knows"),
        ({"comment": ""}, "comment: must be what begins a line of comment"),
        ({"footer_lines": -1}, "footer_lines: must be 0 or more"),
    ],
)
def test_a_format_that_cannot_be_is_refused(keys: dict[str, object], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        cottages("nowhere.csv", **keys)


def _load(text: str) -> Dataset:
    dataset: Dataset = TypeAdapter(Dataset).validate_python(yaml.safe_load(text))
    return dataset


def test_a_european_file_is_described_trained_and_predicted_alike(tmp_path: Path) -> None:
    rows = [f"{50 + i},{i % 10};{'Köln' if i % 2 else 'Aachen'};{i}.{100 + i},50 €" for i in range(1, 40)]
    file = tmp_path / "wohnungen.csv"
    file.write_bytes("\r\n".join(["# von Hand", "fläche;stadt;preis", *rows]).encode("cp1252"))
    dataset = _load(text := describe(file, "preis"))
    assert dataset.number_format == NumberFormat(",", ".", ("€",))
    assert dataset.csv_format == CsvFormat(";", "cp1252", "#")
    assert all(f"{key}: " in text for key in ("decimal", "thousands", "strip", "encoding", "comment"))
    prepared = prepare(dataset, Features("plain"))
    assert prepared.table["preis"][:2].tolist() == [1101.5, 2102.5]
    assert prepared.table["stadt"][0] == "Köln"
    kept = Encoder.from_json(prepared.encoder.to_json())
    (piece,) = csv_pieces(
        str(file), form=dataset.csv_format, numbers=dataset.number_format, columns=dataset.columns, rows_a_piece=99
    )
    trained = prepared.encoder.transform(prepared.table)
    assert (kept.transform(kept.rows_from_csv(piece)) == trained).all()
    # A number's text and a number of JSON are told apart.
    column = kept.columns.index("fläche")
    assert kept.transform({"fläche": ["1.234"], "stadt": ["Köln"]})[0, column] == 1234
    assert kept.transform({"fläche": [1.25], "stadt": ["Köln"]})[0, column] == 1.25
    again = prepared.table.to_csv(dataset.inputs)
    assert (kept.transform(kept.rows_from_csv(again)) == trained).all()


def test_numbers_that_are_typed_are_written_as_the_model_reads_them(tmp_path: Path) -> None:
    from pyarrow import parquet

    parquet.write_table(pa.table({"area": [1.234, 20.0], "zone": ["a", None]}), tmp_path / "rows.parquet")
    (piece,) = csv_pieces(str(tmp_path / "rows.parquet"), numbers=NumberFormat(",", "."), rows_a_piece=9)
    assert piece.splitlines() == ["area,zone", '"1,234",a', "20,"]


def test_a_cell_that_is_no_number_is_named_as_it_stands(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(CSV.replace("120.5", '"120,5"').replace("900.5", "900").replace("a3,80", "a3,8.0"))
    with pytest.raises(DataError, match=r"area: not a number: '8.0' \(line 4\)"):
        read(cottages(tmp_path / "a.csv", decimal=","))


def test_lines_that_are_no_rows_are_passed_over_and_lines_are_counted(tmp_path: Path) -> None:
    lines = CSV.splitlines()
    text = "\n".join(["Cottages", "", *lines[:2], "# none", *lines[2:], "Total,,,", "printed today", ""])
    (tmp_path / "a.csv").write_text(text)
    keys = {"comment": "#", "skip_lines": 2, "footer_lines": 2}
    assert read(cottages(tmp_path / "a.csv", **keys))["id"].tolist() == ["a1", "a2", "a3", "a4", "a5"]
    (tmp_path / "a.csv").write_text(text.replace("south,Oak", "west,Oak"))
    with pytest.raises(DataError, match=r"zone: unknown level: 'west' \(line 6"):
        read(cottages(tmp_path / "a.csv", **keys))


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "cp1252"])
def test_other_encodings_have_the_digest_of_utf_8(tmp_path: Path, encoding: str) -> None:
    text = CSV.replace("Elm", "Bärenallee")
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    whole = read(cottages(tmp_path / "a.csv"))
    (tmp_path / "a.csv").write_text(text, encoding=encoding)
    assert read(cottages(tmp_path / "a.csv", encoding=encoding)).digest() == whole.digest()


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1"])
def test_utf_8_is_not_read_as_what_it_is_not(tmp_path: Path, encoding: str) -> None:
    """Each of its bytes is a character there, so that "Köln" would be another city, in silence."""
    file = tmp_path / "homes.csv"
    file.write_text("area,city\n50,Ulm\n60,Köln\n", encoding="utf-8")
    with pytest.raises(DataError, match=rf"is UTF-8 \(its first letter beyond ASCII is 'ö'\), .* says {encoding}"):
        list(csv_pieces(str(file), form=CsvFormat(encoding=encoding), rows_a_piece=10))
    file.write_text("area,city\n50,Ulm\n60,Köln\n", encoding=encoding)
    (text,) = csv_pieces(str(file), form=CsvFormat(encoding=encoding), rows_a_piece=10)
    assert "Köln" in text
