"""Sources of every kind, damaged in every way: an error that says what, where and the rule, and nothing written."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from itertools import product
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import feather, parquet

from housing.data.asked_source import asked_source
from housing.data.describe import describe
from housing.data.description import Dataset
from housing.data.rows import csv_pieces
from housing.data.source_spec import Elsewhere, GivenParts, Source, Sql
from housing.data.table import read
from housing.errors import CloudError, ConfigError, DataError, HousingError
from tests.data.cottages import cottages
from tests.data.test_every_source import HOMES, TABLE, WRITTEN

KINDS = {
    "csv": "csv",
    "parquet": "parquet",
    "jsonl": "jsonl",
    "jsonl.gz": "jsonl",
    "feather": "arrow",
    "stream": "arrow",
    "excel": "excel",
    "sqlite": "sqlite",
    "duckdb": "duckdb",
}


def _cut(file: Path) -> None:
    content = file.read_bytes()
    # Within a row and a value: what ends with a whole row is a shorter table.
    file.write_bytes(content[: len(content) // 2 + (3 if content[:1] == b"{" else 0)].rstrip(b"\n"))


def _folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def _pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def _zeros(file: Path) -> None:
    file.write_bytes(b"\0" * file.stat().st_size)


def _noise(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[: len(content) // 3] = bytes((i * 151 + 200) % 256 for i in range(len(content) // 3))
    file.write_bytes(content)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "absent": Path.unlink,
    "empty": lambda file: file.write_bytes(b""),
    "zeros": _zeros,
    "noise": _noise,
    "cut": _cut,
    "a folder": _folder,
    "a pipe": _pipe,
    "a web page": lambda file: file.write_text("<!DOCTYPE html>\n<html><body>404</body></html>\n"),
    "a PDF": lambda file: file.write_bytes(b"%PDF-1.7\n%\xe2\xe3\n1 0 obj\n"),
}


def _declared(file: Path, kind: str, described: Dataset) -> Dataset:
    form = KINDS[kind]
    if form in ("sqlite", "duckdb"):
        return replace(described, source=Elsewhere(sql=Sql(f"{form}:///{file}", table="homes")))
    return replace(described, source=str(file), format=form, sheet="Homes" if form == "excel" else None)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    import yaml
    from pydantic import TypeAdapter

    text = describe(WRITTEN["csv"](tmp_path_factory.mktemp("whole")), "price")
    found: Dataset = TypeAdapter(Dataset).validate_python(yaml.safe_load(text))
    return found


def _told(act: Callable[[], object], where: str, folder: Path) -> str:
    before = sorted(folder.rglob("*"))
    with pytest.raises(HousingError) as refused:
        act()
    message = str(refused.value)
    assert isinstance(refused.value, DataError | ConfigError | CloudError)
    assert refused.value.exit_code in (3, 6)
    assert where in message
    assert len(message.replace(where, "")) >= len("there are no rows")
    assert sorted(folder.rglob("*")) == before
    return message


@pytest.mark.parametrize(("kind", "damage"), list(product(KINDS, DAMAGE)))
def test_a_damaged_source_is_refused_wherever_it_lies(
    tmp_path: Path, described: Dataset, kind: str, damage: str
) -> None:
    if kind == "excel":
        pytest.importorskip("python_calamine")
    file = Path(WRITTEN[kind](tmp_path))
    if kind == "csv" and damage == "cut":
        pytest.skip("the last row of a CSV may be any")
    DAMAGE[damage](file)
    _told(lambda: read(_declared(file, kind, described)), str(file), tmp_path)
    if KINDS[kind] not in ("sqlite", "duckdb"):
        _told(lambda: list(csv_pieces(str(file), rows_a_piece=10)), str(file), tmp_path)


def _lines(*rows: object) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def _twice(file: Path) -> None:
    names = [*TABLE.column_names[:5], "area", "price"]
    feather.write_feather(TABLE.append_column("x", TABLE["area"]).rename_columns(names), str(file))


def _workbook(file: Path) -> None:
    shutil.move(WRITTEN["excel"](file.parent), file)


HOME = {"area": 50, "rooms": 1, "city": "Ulm", "pool": True, "sold": "2020-01-11", "price": 1000}
FILES: dict[str, tuple[str, str, Callable[[Path], object], str]] = {
    "a line that is a list": ("a.jsonl", "jsonl", lambda f: f.write_text(_lines(HOME, [1, 2])), "line 2 is [1, 2]"),
    "a line of no JSON": ("a.jsonl", "jsonl", lambda f: f.write_text(_lines(HOME) + "area: 5\n"), "not JSON: line 2"),
    "a key given twice": (
        "a.jsonl",
        "jsonl",
        lambda f: f.write_text(_lines(HOME) + '{"area": 1, "city": "at: \\"12:30\\"", "area" : 2}\n'),
        "a key given more than once: line 2 has 'area' twice; leave one of them",
    ),
    "NaN in JSON": (
        "a.jsonl",
        "jsonl",
        lambda f: f.write_text('{"area": NaN}\n'),
        "line 1 (it has NaN); JSON has no such",
    ),
    "an array over lines": ("a.jsonl", "jsonl", lambda f: f.write_text('[\n{"area": 1}\n]\n'), "not JSON, 2 times"),
    "an object within": (
        "a.jsonl",
        "jsonl",
        lambda f: f.write_text(_lines(HOME | {"city": {"zip": 1}})),
        "column 'city' holds an object (line 1)",
    ),
    "a list within": (
        "a.jsonl",
        "jsonl",
        lambda f: f.write_text(_lines(HOME, HOME | {"area": [1]})),
        "column 'area' holds a list (line 2)",
    ),
    "text for a number": (
        "a.jsonl",
        "jsonl",
        lambda f: f.write_text(_lines(HOME, HOME | {"area": "much"})),
        "area: not a number: 'much' (line 2)",
    ),
    "a key that is nowhere": (
        "a.jsonl",
        "jsonl",
        lambda f: f.write_text(_lines({name: value for name, value in HOME.items() if name != "area"})),
        "missing columns: 'area'",
    ),
    "a key too many": ("a.jsonl", "jsonl", lambda f: f.write_text(_lines(HOME | {"x": 1})), "unexpected columns: 'x'"),
    "Latin-1 in JSON": (
        "a.jsonl",
        "jsonl",
        lambda f: f.write_bytes(json.dumps(HOME | {"city": "Köln"}, ensure_ascii=False).encode("latin-1")),
        "not JSON: line 1",
    ),
    "a line without end": (
        "a.jsonl",
        "jsonl",
        lambda f: f.write_text('{"area": "' + "x" * 16_000_001 + '"}'),
        "line 1: has more than 16,000,000 bytes",
    ),
    "a gzip that is cut": (
        "a.jsonl.gz",
        "jsonl",
        lambda f: f.write_bytes(gzip.compress(_lines(HOME).encode())[:-12]),
        "",
    ),
    "two columns of one name in Arrow": (
        "a.arrow",
        "arrow",
        _twice,
        "column names used more than once: 'area'",
    ),
    "lists in Arrow": (
        "a.arrow",
        "arrow",
        lambda f: feather.write_feather(TABLE.set_column(0, "area", pa.array([[1.0]] * len(HOMES))), str(f)),
        "column 'area' holds list<double>",
    ),
    "no row in Arrow": ("a.arrow", "arrow", lambda f: feather.write_feather(TABLE[:0], str(f)), "there are no rows"),
    "Parquet said to be Arrow": ("a.arrow", "arrow", lambda f: parquet.write_table(TABLE, f), "not a whole Arrow file"),
    "CSV said to be Excel": ("a.xlsx", "excel", lambda f: f.write_text("a,b\n1,2\n"), "not a whole Excel workbook"),
    "Excel said to be CSV": ("a.csv", "csv", _workbook, "set format: excel"),
    "JSON lines said to be Parquet": ("a.pq", "parquet", lambda f: f.write_text(_lines(HOME)), "not a whole Parquet"),
}


@pytest.mark.parametrize(("name", "form", "write", "told"), FILES.values(), ids=FILES.keys())
def test_what_is_wrong_within_a_file_is_told_with_its_place(
    tmp_path: Path, described: Dataset, name: str, form: str, write: Callable[[Path], object], told: str
) -> None:
    if form == "excel" or told == "set format: excel":
        pytest.importorskip("python_calamine")
    write(tmp_path / name)
    dataset = replace(described, source=str(tmp_path / name), format=form)  # type: ignore[arg-type]
    assert told in _told(lambda: read(dataset), str(tmp_path / name), tmp_path)


def _homes(folder: Path) -> str:
    with closing(sqlite3.connect(folder / "homes.db")) as database, database:
        HOMES.to_sql("homes", database, index=False)
        database.execute("create table bare (area, price)")
        database.execute("create table pictures as select *, x'00ff' as picture from homes")
    return f"sqlite:///{folder / 'homes.db'}"


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ({"table": "home"}, "there is no such table; did you mean 'homes'?"),
        ({"table": "zzz"}, "it has 'bare', 'homes', 'pictures'"),
        ({"table": "bare"}, "missing columns"),
        ({"table": "pictures"}, "unexpected columns: 'picture'"),
        ({"query": "select * from homes where price < 0"}, "there are no rows"),
        ({"query": "selct * from homes"}, "the database refuses: "),
        ({"query": "select prize from homes"}, "no such column: prize"),
        ({"query": "select *, area from homes"}, "column names used more than once: 'area'"),
        ({"query": "delete from homes"}, "the database refuses: attempt to write a readonly database"),
        ({"query": "select 1; select 2"}, "one statement at a time"),
        ({"query": ""}, ""),
        ({"query": "select x'00' as area, rooms, city, pool, sold, price from homes"}, "column 'area' holds binary"),
    ],
)
def test_a_query_that_gives_no_table_is_told(
    tmp_path: Path, described: Dataset, sql: dict[str, str], told: str
) -> None:
    dataset = replace(described, source=Elsewhere(sql=Sql(_homes(tmp_path), **sql)))
    assert told in _told(lambda: read(dataset), str(tmp_path / "homes.db"), tmp_path)
    with closing(sqlite3.connect(tmp_path / "homes.db")) as database:
        assert database.execute("select count(*) from homes").fetchone() == (len(HOMES),)


@pytest.mark.parametrize(
    ("url", "code", "told"),
    [
        ("postgresql://reader:s3same-Bun@127.0.0.1:9/shop", 6, "postgresql://127.0.0.1:9/shop, table homes: cannot be"),
        ("postgresql+nodriver://127.0.0.1/shop", 3, "SQLAlchemy does not know it"),
        ("nothing://127.0.0.1/shop", 3, "SQLAlchemy does not know it"),
        ("mysql+pymysql://127.0.0.1/shop", 3, "pip install pymysql"),
        ("sqlite:///absent.db", 3, "there is no file 'absent.db'"),
        ("duckdb:///absent.duckdb", 3, "there is no file 'absent.duckdb'"),
    ],
)
def test_a_database_that_is_not_there_is_told_without_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, described: Dataset, url: str, code: int, told: str
) -> None:
    if url.startswith("postgresql:"):
        pytest.importorskip("psycopg")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(HousingError) as refused:
        read(replace(described, source=Elsewhere(sql=Sql(url, table="homes"))))
    assert refused.value.exit_code == code
    assert told in str(refused.value)
    assert "Bun" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (("a.csv", "zzz.csv"), "zzz.csv: there is no such file"),
        (("a.csv", "a.csv"), "a.csv: the source names this file more than once"),
        (("a.csv", "b.parquet"), "b.parquet: this is not CSV text: it is a Parquet file; set format: parquet"),
        (("a.csv", "other.csv"), "other.csv: "),
        (Elsewhere(parts=GivenParts(train="a.csv", validation="a.csv")), "a row belongs to one part"),
        (Elsewhere(parts=GivenParts(train="a.csv", validation="none.csv")), "the split leaves no rows for validation"),
        ("zzz/*.csv", "zzz/*.csv: matches no file"),
        ("mixed", "mixed: holds files of .parquet and .csv; give a pattern"),
    ],
)
def test_several_files_that_make_no_table_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, described: Dataset, source: Source, told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    HOMES.to_csv("a.csv", index=False)
    HOMES[:0].to_csv("none.csv", index=False)
    HOMES.rename(columns={"city": "town"}).to_csv("other.csv", index=False)
    parquet.write_table(TABLE, "b.parquet")
    Path("mixed").mkdir()
    shutil.copy("a.csv", "mixed/a.csv")
    shutil.copy("b.parquet", "mixed/b.parquet")
    message = _told(lambda: _split(replace(described, source=source)), told.partition(": ")[0], tmp_path)
    assert told in message


def _split(dataset: Dataset) -> None:
    from housing.data.features import Features
    from housing.data.preparation import prepare

    if dataset.parts is not None:
        from housing.data.split_spec import Split

        dataset = replace(dataset, split=Split())
    prepare(dataset, Features("plain"))


def test_rows_that_come_while_a_file_is_read_are_no_part_of_its_description(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    HOMES.to_csv(file, index=False)

    def grow(rows: int) -> None:
        with file.open("a") as text:
            text.write("1,2,Ulm,True,2020-01-11,5\n" * rows)

    with pytest.raises(DataError, match=r"a\.csv: has changed while it was read"):
        describe(file, "price", progress=grow)


def test_a_source_without_the_right_to_read_it_is_told(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    file = tmp_path / "a.csv"
    HOMES.to_csv(file, index=False)
    file.chmod(0)
    _told(lambda: read(cottages(file)), str(file), tmp_path)


def test_a_pipe_is_refused_before_anyone_waits_for_its_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "homes.csv")
    with pytest.raises(DataError, match="is a pipe, not a file"):
        describe(asked_source(str(tmp_path / "homes.csv")), "price")


def test_keys_in_an_address_of_s3_are_refused_and_not_told() -> None:
    with pytest.raises(DataError, match=r"s3://homes/a\.csv: no keys") as refused:
        describe("s3://AKIAEXAMPLE:s3cr3t@homes/a.csv", "price")
    assert "s3cr3t" not in str(refused.value)
