from __future__ import annotations

import gzip
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
import yaml
from pyarrow import csv, parquet
from pydantic import TypeAdapter

from housing.data.asked_source import asked_source
from housing.data.describe import describe
from housing.data.description import Dataset, Identifier, Ignored, Nominal, Numeric
from housing.data.features import Features
from housing.data.moments import Date
from housing.data.preparation import prepare
from housing.errors import ConfigError, DataError

ROWS = 40
HEADER = [
    "id",
    "1st.floor",
    "size m2",
    "größe:x",
    "yes",
    "~",
    "zip",
    "sold on",
    "city",
    "text",
    "flag",
    "euro",
    "gap",
    "ß",
]


def _cells(i: int) -> list[str]:
    return [
        f"r{i:03d}",
        str(i % 5),
        "?" if i % 9 == 0 else f"{i}.5",
        str(10 + i % 7),
        ("yes", "no", "NA")[i % 3],
        ("null", "~", "1e3", "0x1f")[i % 4],
        f"0{1000 + i % 4}",
        f"2020-01-{1 + i % 28:02d}",
        f"town {i % 3}",
        f"words {i * 7919} and more",
        "EUR",
        str(100 + i * i),
        "",
        ("[a]", "{b: c}", "d, #e", "'f'", '"g"', "- h", "&i", "*j")[i % 8].replace('"', '""'),
    ]


def _text(separator: str = ",") -> str:
    rows = [HEADER, *map(_cells, range(ROWS))]
    return "".join(separator.join(f'"{cell}"' for cell in row) + "\n" for row in rows)


def _load(text: str) -> Dataset:
    dataset: Dataset = TypeAdapter(Dataset).validate_python(yaml.safe_load(text))
    return dataset


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("packed", [False, True])
def test_what_is_described_loads_and_its_file_passes(tmp_path: Path, separator: str, packed: bool) -> None:
    file = tmp_path / ("My Towns.csv.gz" if packed else "My Towns.csv")
    content = _text(separator).encode()
    file.write_bytes(gzip.compress(content) if packed else content)
    dataset = _load(describe(file, "euro"))
    assert (dataset.name, dataset.source, dataset.separator) == ("my-towns", str(file), separator)
    assert list(dataset.columns) == HEADER
    prepared = prepare(dataset, Features("plain"))
    assert prepared.table.rows == ROWS
    assert len(prepared.test) > 0


def test_parquet_is_described_as_parquet(tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import csv, parquet

    file = tmp_path / "towns.parquet"
    parquet.write_table(csv.read_csv(pa.py_buffer(_text().encode())), file)
    dataset = _load(describe(file, "euro"))
    assert dataset.format == "parquet"
    assert prepare(dataset, Features("plain")).table.rows == ROWS


def test_kinds_are_guessed_from_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "towns.csv").write_text(_text())
    text = describe(tmp_path / "towns.csv", "euro")
    columns = _load(text).columns
    assert columns["id"] == Identifier()
    assert columns["1st.floor"] == Numeric(low=0, high=4)
    assert columns["size m2"] == Numeric(low=1.5, high=39.5, missing="unknown")
    assert columns["yes"] == Nominal(levels=("no", "yes"), missing="unknown")
    assert columns["zip"] == Nominal(levels=("01000", "01001", "01002", "01003"))
    assert columns["euro"] == Numeric(low=100, high=1621)
    assert columns["sold on"] == Date()
    for name in ("flag", "gap"):
        assert columns[name] == Ignored()
    assert not isinstance(columns["text"], Numeric | Nominal)
    described = text[text.index("columns:\n") :].splitlines()[1:]
    assert all("# guess" in line for line in described if "euro" not in line)


def test_free_text_that_repeats_is_ignored(tmp_path: Path) -> None:
    rows = "".join(f"word {i % 70},{i % 3},{i}\n" for i in range(100))
    (tmp_path / "a.csv").write_text("text,rooms,price\n" + rows)
    assert _load(describe(tmp_path / "a.csv", "price")).columns["text"] == Ignored()


@pytest.mark.parametrize(
    ("content", "label", "essential"),
    [
        ("a,price\n1,2\n", "prize", "did you mean 'price'"),
        ("a,price\n1,\n2,NA\n", "price", "is missing in every row"),
        ("a,price\n1,2\n1,dear\n", "price", "must be numeric; it has 'dear'"),
        ("a,price\n1,2\n1,dear\n", "price", "if its 2 different values are levels: --task binary"),
        ("a,a,price\n1,2,3\n", "price", "more than once: 'a'"),
        (
            "a,price\n" + "".join(f"1,{'x' * (i % 9 == 0)}{i}\n" for i in range(120)) * 10,
            "price",
            "if its 120 different values are levels: --task multiclass",
        ),
        ("Report,,\n,,\na,b,price\n1,2,3\n", "price", "columns without a name; the first line has the names"),
        ("a,price\n1,9999999999999999999\n2,8\n", "price", "round it in the file, or choose another label"),
        ("a,price\nx,2\nx,3\n", "price", "\n  a: ignored: it is 'x' in every row"),
        ("a,price\n", "price", "no rows"),
        ("", "price", "empty"),
        ("a,price\n1,2\n1,2,3\n", "price", "line 3 has 3"),
        ("a,price\n1,2\n1,3\n", "price", "no column besides 'price' looks like a feature"),
    ],
)
def test_a_file_that_cannot_be_described_says_why(tmp_path: Path, content: str, label: str, essential: str) -> None:
    (tmp_path / "a.csv").write_text(content)
    with pytest.raises(DataError) as refused:
        describe(tmp_path / "a.csv", label)
    assert essential in str(refused.value)


def test_a_separator_that_is_given_is_believed(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a:price,b\n1:2\n2:4\n")
    dataset = _load(describe(tmp_path / "a.csv", "price,b", separator=":"))
    assert dataset.separator == ":"
    assert list(dataset.columns) == ["a", "price,b"]


def test_the_shipped_table_is_described_and_passes() -> None:
    dataset = _load(describe("package:ames.csv.gz", "SalePrice"))
    assert prepare(dataset, Features("plain")).table.rows == 2930


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(bytes(range(128, 256)) + b"\r\x0b,\r" * 20)
    with pytest.raises(DataError, match="is not UTF-8"):
        describe(tmp_path / "a.csv", "price")


def test_what_the_configuration_would_take_for_a_reference_stays_text(tmp_path: Path) -> None:
    rows = "".join(f"${{x}},{i},{i}\n${{y}},{i},{2 * i}\n" for i in range(1, 20))
    (tmp_path / "a.csv").write_text(f"level,area,price\n{rows}")
    from omegaconf import OmegaConf

    values = OmegaConf.to_container(OmegaConf.create(describe(tmp_path / "a.csv", "price")), resolve=True)
    assert values["columns"]["level"]["levels"] == ["${x}", "${y}"]  # type: ignore[index,call-overload]


@pytest.mark.parametrize(
    ("cells", "task", "positive"),
    [
        (["yes", "no", "no"], "binary", "yes"),
        (["true", "false", "false"], "binary", "true"),
        (["0", "1", "1"], "binary", "0"),
        (["01", "02", "02"], "binary", "01"),
        (["a", "b", "c"], "multiclass", None),
        (["1", "2", "3+"], "multiclass", None),
        (["1.5", "2.5", "3.5"], "regression", None),
        (["0", "1", "2"], "regression", None),
    ],
)
def test_the_task_is_guessed_from_the_label_s_values(
    tmp_path: Path, cells: list[str], task: str, positive: str | None
) -> None:
    file = tmp_path / "cases.csv"
    rows = [f"{number / 8},{cells[number % len(cells)]}" for number in range(30)]
    file.write_text("\n".join(["size,kind", *rows]), encoding="utf-8")
    text = describe(file, "kind")
    assert f"task: {task}  # guess" in text
    assert ("positive: " in text) == (positive is not None)
    assert positive is None or "# guess: the rarer level, in 10 of 30 rows" in text
    dataset = _load(text)
    assert (dataset.task_name, dataset.positive) == (task, positive)
    assert sorted(dataset.label_levels) == ([] if task == "regression" else sorted(set(cells)))


def test_whole_numbers_are_levels_where_the_task_says_so(tmp_path: Path) -> None:
    file = tmp_path / "cases.csv"
    file.write_text(
        "\n".join(["size,kind", *(f"{number / 8},{number % 12}" for number in range(60))]), encoding="utf-8"
    )
    assert _load(describe(file, "kind", task="multiclass")).label_levels == tuple(map(str, range(12)))
    assert _load(describe(file, "kind", task="count")).task_name == "count"
    with pytest.raises(DataError, match="has 12 levels, and task binary takes 2"):
        describe(file, "kind", task="binary")
    with pytest.raises(ConfigError, match=r"--task multi-class: no such task; did you mean multiclass\?"):
        describe(file, "kind", task="multi-class")


@pytest.mark.parametrize(
    "level", ['say "no"', "a, b", "ünïcode ☂", "None", "01", "1.0", "- x", "# no", "a: b", "true", "x"]
)
def test_awkward_levels_survive_the_description(tmp_path: Path, level: str) -> None:
    import pandas

    table = pandas.DataFrame({"size": [number / 8 for number in range(30)], "kind": [level, "other", "third"] * 10})
    table.to_csv(tmp_path / "cases.csv", index=False)
    text = describe(tmp_path / "cases.csv", "kind", task="multiclass")
    assert set(_load(text).label_levels) == {level, "other", "third"}


def test_rows_without_a_label_stop_nothing_and_are_left_out(tmp_path: Path) -> None:
    rows = "".join(f"{i % 7},{'NA' if i == 5 else '' if i == 6 else i * 10}\n" for i in range(20))
    (tmp_path / "a.csv").write_text(f"rooms,price\n{rows}")
    remarks: list[str] = []
    text = describe(tmp_path / "a.csv", "price", tell=remarks.append)
    assert "column 'price': 2 rows without a label are left out" in remarks[0]
    assert "label_missing: dropped  # guess: 2 rows without a label are left out; 'NA' means missing" in text
    table = prepare(_load(text), Features("plain")).table
    assert (table.rows, table.left_out) == (18, {"label_missing": 2})


def test_decimals_of_four_digits_are_no_dates(tmp_path: Path) -> None:
    table = pd.DataFrame({"area": ["much", *(f"{1000 + i}.5" for i in range(40))], "price": range(100, 141)})
    table["rooms"] = table.index % 5
    table.to_csv(tmp_path / "homes.csv", index=False)
    text = describe(tmp_path / "homes.csv", "price")
    assert "area: {kind: ignored}  # guess: LEFT OUT: 40 of 41 cells are numbers; 'much' (line 2) is not" in text


def test_columns_of_numbers_are_told_at_once_as_cell_by_cell(tmp_path: Path) -> None:
    """Whether a column's cells are looked at one by one depends on what the others hold; what is guessed does not."""
    rows = range(9_000)  # of which the first thousands say less than all
    columns: dict[str, list[object]] = {
        "id": list(rows),
        "house_id": [i % 80 for i in rows],
        "zip": [f"{i % 900:05d}" for i in rows],
        "late_zip": ["01234" if i == 8_500 else 10_000 + i % 900 for i in rows],
        "odd": ["abc" if i == 8_999 else i % 100 * 0.5 for i in rows],
        "gaps": ["?" if i % 7 == 0 else "" if i % 5 == 0 else i % 4 for i in rows],
        "few": [1 if i % 2 else 1.5 for i in rows],
        "big": [2**60 + i for i in rows],
        "bad": ["inf" if i == 5 else i / 7 for i in rows],
        "same": [3 for _ in rows],
        "price": ["" if i == 17 else 100 + i * 0.25 for i in rows],
    }
    table = pd.DataFrame(columns)
    table.to_csv(tmp_path / "homes.csv", index=False)
    quick = describe(tmp_path / "homes.csv", "price")
    table.astype(str).to_parquet(tmp_path / "homes.parquet")  # of which each cell is looked at
    slow = describe(tmp_path / "homes.parquet", "price")
    quick_columns, slow_columns = (
        re.sub(r"(line|row) \d+", "", text.partition("columns:")[2]) for text in (quick, slow)
    )
    assert quick_columns == slow_columns
    assert "house_id: {kind: identifier, unique: false}" in quick
    assert 'missing_values: ["", "?"]' in quick
    assert "zip: {kind: nominal" in quick
    assert "late_zip: {kind: nominal" in quick


@pytest.mark.parametrize("suffix", ["csv", "parquet", "db"])
def test_very_many_texts_are_told_as_few_of_them(tmp_path: Path, suffix: str) -> None:
    """What is looked at by some of its texts, and at once, is described as it is cell by cell."""
    rows = 25_000
    few = 300
    table = pa.table(
        {
            "name": [f"owner {row}" for row in range(rows)],
            "size": [f"{row},25" for row in range(rows)],
            "rooms": [row % 7 if row % 5 else None for row in range(rows)],
            "code": [f"{row:06d}" for row in range(rows)],
            "city": [("Ulm", "Bad Ems")[row % 2] for row in range(rows)],
            "price": [f"{1000 + row},5" for row in range(rows)],
        }
    )

    def described(part: pa.Table) -> list[str]:
        file = tmp_path / f"homes-{part.num_rows}.{suffix}"
        if suffix == "csv":
            csv.write_csv(part, str(file), csv.WriteOptions(delimiter=";"))
        elif suffix == "parquet":
            parquet.write_table(part, file)
        else:
            with closing(sqlite3.connect(file)) as database:
                part.to_pandas().to_sql("homes", database, index=False)
        return re.sub(r"-\d+|high: [\d.]+|, LEFT OUT.*", "", describe(asked_source(str(file)), "price")).splitlines()

    found = described(table)
    assert found == described(table[:few])
    assert any(line.startswith('decimal: ","') for line in found)


def test_of_a_long_file_one_odd_cell_and_one_late_spelling_are_seen(tmp_path: Path) -> None:
    """Columns of very many numbers are converted at once; what is different in one row of them is not passed over."""
    rows = 24_000
    table = pa.table(
        {
            "late": ["1.234,5" if row == 77 else f"{row % 990},{row % 97}" for row in range(rows)],
            "dirty": ["Total" if row == 23_000 else f"{row},5" for row in range(rows)],
            "pointed": [f"{row}.25" for row in range(rows)],
            "whole": [str(row * 7 % 23_456) for row in range(rows)],
            "zip": [f"{row % 21_000:05d}" for row in range(rows)],
            "price": [f"{1000 + row},5" if row % 3 else "-" for row in range(rows)],
        }
    )
    csv.write_csv(table, str(tmp_path / "homes.csv"), csv.WriteOptions(delimiter=";"))
    remarks: list[str] = []
    text = describe(tmp_path / "homes.csv", "price", tell=remarks.append)
    lines = dict(line.strip().split(": ", 1) for line in text.splitlines() if ": " in line)
    assert (lines["decimal"][:3], lines["thousands"][:3]) == ('","', '"."')
    assert lines["late"].startswith("{kind: numeric, low: 0, high: 1234.5}")
    assert "23,999 of 24,000 cells are numbers with decimal commas" in lines["dirty"]
    assert "'Total' (line 23002) is not" in lines["dirty"]
    assert "LEFT OUT: '0.25' is not a number where decimal is ','" in lines["pointed"]
    assert lines["whole"].startswith("{kind: numeric, low: 0, high: 23455}")
    assert lines["zip"].startswith("{kind: ignored}")
    assert lines["label_missing"].startswith("dropped  # guess: 8,000 rows without a label")
    assert any("'dirty'" in remark for remark in remarks)
