"""Columns that are numbers to a person and not to a parser: never dropped or rounded unsaid."""

from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np
import pytest
import yaml
from pydantic import TypeAdapter

from housing.cli.dispatch import main
from housing.data.describe import describe
from housing.data.description import Dataset, Identifier, Ignored, Nominal, Numeric
from housing.data.encoder import Encoder
from housing.data.features import Features
from housing.data.moments import Date
from housing.data.preparation import prepare
from housing.errors import DataError

ROWS = 40


def _file(folder: Path, cells: list[str], *, separator: str = ",", column: str = "tax") -> Path:
    rows = (f'{50 + i * 37 % 101}{separator}"{cell}"{separator}{1000 + 17 * i}\n' for i, cell in enumerate(cells))
    file = folder / "homes.csv"
    file.write_text(separator.join(["area", column, "price"]) + "\n" + "".join(rows), encoding="utf-8")
    return file


def _described(file: Path, label: str = "price") -> tuple[Dataset, str, list[str]]:
    remarks: list[str] = []
    text = describe(file, label, tell=remarks.append)
    dataset: Dataset = TypeAdapter(Dataset).validate_python(yaml.safe_load(text))
    (line,) = (line for line in text.splitlines() if line.strip().startswith(("tax:", '"tax":')))
    return dataset, line, remarks


def _run(message: str) -> None:
    """What a person does with the command that a message ends with."""
    python, flag, code = shlex.split(message[message.index("python -c") :])
    assert (python, flag) == ("python", "-c")
    exec(compile(code, "printed", "exec"), {})


SPELLED = {
    "dollars": (lambda i: f"${i + 1},{100 + i}", "numbers but for $ and , (e.g. '$1,100')", 1100),
    "per cent": (lambda i: f"{i}.5%", "numbers but for % (e.g. '0.5%')", 0.5),
    "a unit": (lambda i: f"{3 * i + 20} sqm", "numbers but for sqm (e.g. '20 sqm')", 20),
    "a unit with a digit": (lambda i: f"{3 * i + 20} m2", "numbers but for m2 (e.g. '20 m2')", 20),
    "decimal commas": (lambda i: f"{i},25", "numbers with decimal commas (e.g. '0,25')", 0.25),
    "decimal commas and an exponent": (lambda i: f"{i},5e3", "decimal commas (e.g. '0,5e3')", 500),
    "thousands": (lambda i: f"{i + 1},{100 + i}", "numbers but for , (e.g. '1,100')", 1100),
    "points for thousands": (lambda i: f"{i + 1}.{100 + i},5", "(e.g. '1.100,5')", 1100.5),
    "blanks for thousands": (lambda i: f"{i + 1} {100 + i}", "numbers but for blanks (e.g. '1 100')", 1100),
    "no-break spaces": (lambda i: f"{i + 1}\xa0{100 + i}", "numbers but for no-break spaces", 1100),
    "Swiss apostrophes": (lambda i: f"{i + 1}'{100 + i}", "numbers but for apostrophes", 1100),
    "a leading apostrophe": (lambda i: f"'{i + 10}.5", "numbers but for apostrophes", 10.5),
    "a typographic minus": (lambda i: f"\u2212{i + 10}.5", "numbers but for the minus sign U+2212", -10.5),
    "a bookkeeper's minus": (lambda i: f"({i + 10}.5)", "numbers but for ( and )", -10.5),
    "euros behind": (lambda i: f"{i + 10},50 €", "€", 10.5),
    "negative dollars": (lambda i: f"-${3 * i + 10}", "numbers but for $", -10),
}


@pytest.mark.parametrize(("cell", "essential", "first"), SPELLED.values(), ids=SPELLED.keys())
def test_numbers_spelled_differently_are_numbers_and_the_description_says_how(
    tmp_path: Path,
    cell,
    essential: str,
    first: float,  # type: ignore[no-untyped-def]
) -> None:
    file = _file(tmp_path, [cell(i) for i in range(ROWS)])
    dataset, line, remarks = _described(file)
    stays = "minus" not in essential and "( and )" not in essential
    if not stays:
        assert dataset.columns["tax"] == Ignored()
        assert essential in line
        (remark,) = remarks
        _run(remark)
        dataset, _, remarks = _described(tmp_path / "homes-numbers.csv")
    assert isinstance(dataset.columns["tax"], Numeric)
    assert remarks == []
    prepared = prepare(dataset, Features("plain"))
    assert prepared.table["tax"][0] == first
    if not stays:
        return
    written = Encoder.from_json(prepared.encoder.to_json()).transform({"area": ["50"], "tax": [cell(0)]})
    assert written[0, prepared.encoder.columns.index("tax")] == np.float32(first)


@pytest.mark.parametrize(
    ("cells", "essential"),
    [
        ([*map(str, range(100, 140)), "Total"], "40 of 41 cells are numbers; 'Total' (line 42) is not"),
        (["n/k", *map(str, range(100, 139))], "39 of 40 cells are numbers; 'n/k' (line 2) is not"),
        ([*map(str, range(100, 140)), "a", "b"], "40 of 42 cells are numbers; 'a' (line 42), 'b' (line 43) are not"),
        ([*(f"{i}.5" for i in range(40)), "inf"], "'inf' (line 42) is not a finite number"),
        ([*(f"{i}.5" for i in range(40)), "1e999"], "'1e999' (line 42) is not a finite number"),
        ([*(f"${i}.5" for i in range(40)), "free"], "40 of 41 cells are numbers but for $ (e.g. '$0.5'); 'free'"),
        ([*(f"{i}.5" for i in range(40)), "true"], "'true' (line 42) is not"),
        ([*(f"{i}.5" for i in range(20)), *(f"{i},7" for i in range(20))], "some with decimal points (e.g. '0.5')"),
    ],
)  # fmt: skip
def test_an_odd_cell_among_numbers_is_named_with_its_count_and_line(
    tmp_path: Path, cells: list[str], essential: str
) -> None:
    dataset, line, remarks = _described(_file(tmp_path, cells))
    assert dataset.columns["tax"] == Ignored()
    assert "LEFT OUT" in line
    assert essential in line
    assert essential in remarks[0]


def test_an_odd_cell_among_few_numbers_makes_levels_aloud(tmp_path: Path) -> None:
    dataset, line, remarks = _described(_file(tmp_path, [*[str(i % 4) for i in range(ROWS)], "Total"]))
    assert isinstance(dataset.columns["tax"], Nominal)
    assert "LEVELS, not numbers: 40 of 41 cells are numbers; 'Total' (line 42) is not" in line
    assert "taken as levels" in remarks[0]


@pytest.mark.parametrize(
    "cells",
    [
        [f"{i}{'abc'[i % 3]}" for i in range(ROWS)],
        [f"{i}/{i + 1}" for i in range(ROWS)],
        [f"10.0.0.{i}" for i in range(ROWS)],
        [f"{i}-{i + 10}" for i in range(ROWS)],
        [f"0{170 + i} 123 456" for i in range(ROWS)],
        [f"r{i:03d}" for i in range(ROWS)],
    ],
    ids=["house numbers", "fractions", "addresses", "ranges", "telephones", "names"],
)
def test_what_only_begins_with_digits_is_no_number(tmp_path: Path, cells: list[str]) -> None:
    _, line, remarks = _described(_file(tmp_path, cells))
    assert "numbers" not in line
    assert remarks == []


@pytest.mark.parametrize(
    ("cell", "kind"),
    [
        (lambda i: f"Fri, {1 + i % 28} Mar 2024 14:05:00 GMT", "dates"),
        (lambda i: f"14:{i % 7:02d}", "clock times"),
        (lambda i: f"{1 + i % 12}:30 PM", "clock times"),
        (lambda i: f"08:{i:02d}:59", "clock times"),
    ],
)
def test_dates_and_clock_times_are_neither_levels_nor_identifiers(tmp_path: Path, cell, kind: str) -> None:  # type: ignore[no-untyped-def]
    dataset, line, _ = _described(_file(tmp_path, [cell(i) for i in range(ROWS)]))
    assert dataset.columns["tax"] == Ignored()
    assert f"# guess: {kind} (e.g. " in line


@pytest.mark.parametrize(
    ("cell", "pattern"),
    [
        (lambda i: f"{1 + i % 28} Mar 2024", "%d %b %Y"),
        (lambda i: f"March {1 + i % 28}, 2024", "%B %d, %Y"),
        (lambda i: f"2024-03-{1 + i % 28:02d}", None),
        (lambda i: f"03/{1 + i % 28:02d}/2024", "%m/%d/%Y"),
        (lambda i: f"{1 + i % 28}.3.24", "%d.%m.%y"),
        (lambda i: f"2024-03-{1 + i % 28:02d}T14:{i:02d}:00.123Z", None),
        (lambda i: f"2024-03-{1 + i % 28:02d} 14:{i:02d}:00+01:00", None),
    ],
)
def test_dates_are_described_by_their_pattern(tmp_path: Path, cell, pattern: str | None) -> None:  # type: ignore[no-untyped-def]
    dataset, line, _ = _described(_file(tmp_path, [cell(i) for i in range(ROWS)]))
    assert dataset.columns["tax"] == Date(format=pattern)
    assert "# guess: dates (e.g. " in line


def test_a_date_with_an_odd_cell_stays_a_date(tmp_path: Path) -> None:
    _, line, _ = _described(_file(tmp_path, ["soon", *(f"{1 + i % 28} Mar 2024" for i in range(ROWS))]))
    assert "40 of 41 cells are dates" in line
    assert "'soon' (line 2) is not" in line


@pytest.mark.parametrize("start", [2**53 + 1, 10**17 + 1, -(2**60) - 1])
def test_whole_numbers_that_would_lose_digits_name_rows_or_are_left_out(tmp_path: Path, start: int) -> None:
    unique = [str(start + 2 * i) for i in range(ROWS)]
    dataset, line, _ = _described(_file(tmp_path, unique))
    assert isinstance(dataset.columns["tax"], Identifier)
    assert f"'{start}' (line 2) has more digits than a number here can hold" in line
    assert prepare(dataset, Features("plain")).table["tax"].tolist() == unique
    _, line, remarks = _described(_file(tmp_path, unique + unique))
    assert "LEFT OUT" in line
    assert len(remarks) == 1


def test_whole_numbers_that_a_float_holds_are_numbers(tmp_path: Path) -> None:
    cells = [f"{(i % 5 + 1) * 10**20}" for i in range(ROWS)]
    dataset, _, remarks = _described(_file(tmp_path, cells))
    assert isinstance(dataset.columns["tax"], Numeric)
    assert remarks == []


LABELS = {
    "decimal commas": (lambda i: f"({17 + i}000,50)", "these are numbers but for ( and ) and ,", True),
    "one text": (lambda _: "yes", "is 'yes' in every row, so there is nothing to learn", False),
    "names": (lambda i: f"Mr {chr(65 + i)}x", "has 40 different texts in 40 rows, too many to tell apart", False),
    "dates": (lambda i: f"{1 + i % 28} Mar 2024", "it has dates (e.g. ", False),
    "one odd cell": (lambda i: "dear" if i == 7 else str(i), "39 of 40 cells are numbers; 'dear' (line 9)", False),
    "too many digits": (lambda i: str(2**53 + 1 + 2 * i), "has more digits than a number here can hold", False),
}


@pytest.mark.parametrize(("cell", "essential", "converts"), LABELS.values(), ids=LABELS.keys())
def test_a_label_that_is_no_number_is_refused_for_what_it_is(
    tmp_path: Path,
    cell,
    essential: str,
    converts: bool,  # type: ignore[no-untyped-def]
) -> None:
    file = _file(tmp_path, [cell(i) for i in range(ROWS)], separator=";")
    with pytest.raises(DataError) as refused:
        describe(file, "tax")
    assert essential in str(refused.value)
    assert ("python -c" in str(refused.value)) == converts
    if converts:
        _run(str(refused.value))
        dataset, _, _ = _described(tmp_path / "homes-numbers.csv", "tax")
        assert dataset.separator == ";"
        assert prepare(dataset, Features("plain")).table["tax"][0] == -17000.5


def test_remarks_reach_a_person_who_redirects_the_description(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = _file(tmp_path, [f"({i}.5)" for i in range(ROWS)])
    assert main(["describe", str(file), "--label", "price"]) == 0
    out, err = capsys.readouterr()
    assert yaml.safe_load(out)["columns"]["tax"] == {"kind": "ignored"}
    assert "column 'tax': left out: numbers but for ( and )" in err


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    file = _file(tmp_path, [f"({i}.5)" for i in range(ROWS)])
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    dataset, _, remarks = _described(file)
    assert "area" in dataset.columns
    _run(remarks[0])
    converted, _, _ = _described(tmp_path / "homes-numbers.csv")
    assert isinstance(converted.columns["area"], Numeric)
