"""One small table, wherever it may lie: described, read to the same rows, split, and given to an endpoint."""

from __future__ import annotations

import math
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import pyarrow as pa
import pytest
import yaml
from pyarrow import parquet
from pydantic import TypeAdapter

from housing.data.asked_source import asked_source, asked_sources
from housing.data.describe import describe
from housing.data.description import Dataset
from housing.data.features import Features
from housing.data.kinds import Identifier, Numeric
from housing.data.preparation import prepare
from housing.data.remarks import data_remarks
from housing.data.rows import csv_pieces
from housing.data.source_spec import Elsewhere, GivenParts, Source, Sql
from housing.data.split_spec import Fractions, Split
from housing.data.table import read
from housing.errors import CloudError, DataError
from housing.testing.pytest_plugin import Rehearsed
from tests.data.homes import HOMES, TABLE, WRITTEN
from tests.data.postgres import serving


def _load(text: str) -> Dataset:
    dataset: Dataset = TypeAdapter(Dataset).validate_python(yaml.safe_load(text))
    return dataset


def _described(source: Source, kind: str = "") -> Dataset:
    return _load(describe(source, "price", sheet="Homes" if kind == "excel" else None))


@pytest.mark.parametrize("kind", WRITTEN)
def test_the_same_table_is_read_wherever_it_lies(tmp_path: Path, kind: str) -> None:
    if kind == "excel":
        pytest.importorskip("python_calamine")
    dataset = _described(asked_source(WRITTEN[kind](tmp_path)), kind)
    assert {name: column.kind for name, column in dataset.columns.items()} == {
        "area": "numeric",
        "rooms": "numeric",
        "city": "nominal",
        "pool": "numeric" if kind == "sqlite" else "nominal",
        "sold": "date",
        "price": "numeric",
    }
    table = prepare(dataset, Features("plain")).table
    assert table["area"].tolist() == HOMES["area"].tolist()
    assert table["city"].tolist() == HOMES["city"].tolist()
    assert table["rooms"].tolist()[1:6] == [1, 2, 3, 4, 5]
    assert table["sold"].tolist() == HOMES["sold"].tolist()
    assert read(dataset).digest() == table.digest()
    assert str(tmp_path) in table.source


@pytest.mark.parametrize("kind", [kind for kind in WRITTEN if kind not in ("sqlite", "duckdb")])
def test_rows_to_predict_may_lie_in_files_of_every_format(tmp_path: Path, kind: str) -> None:
    if kind == "excel":
        pytest.importorskip("python_calamine")
    pieces = list(csv_pieces(WRITTEN[kind](tmp_path), rows_a_piece=25, sheet="Homes" if kind == "excel" else None))
    assert [len(piece.splitlines()) - 1 for piece in pieces] == [25, 25, 10]
    # JSON lines have a key where the first line with it does.
    header, first, second = pieces[0].splitlines()[:3]
    cells = dict(zip(header.split(","), second.split(","), strict=True))
    assert cells["area"] == "87.5"
    assert cells["city"] == "Bad Ems"
    assert "50.5" in first


def test_a_list_of_files_is_one_table_in_its_order(tmp_path: Path) -> None:
    for name, rows in (("b.csv", slice(0, 20)), ("a.csv", slice(20, None))):
        HOMES[rows].to_csv(tmp_path / name, index=False)
    HOMES.to_csv(tmp_path / "whole.csv", index=False)
    whole = _described(str(tmp_path / "whole.csv"))
    listed = _described(asked_sources([str(tmp_path / "b.csv"), str(tmp_path / "a.csv")]))
    assert read(listed).digest() == read(whole).digest()
    with pytest.raises(DataError, match=r"b\.csv: the source names this file more than once"):
        _described((str(tmp_path / "b.csv"), str(tmp_path / "*.csv")))


@pytest.mark.parametrize("has_validation", [True, False])
def test_parts_that_come_as_files_stay_what_they_are(tmp_path: Path, has_validation: bool) -> None:
    cuts = {"train": slice(0, 40), "validation": slice(40, 50), "test": slice(50, None)}
    for name, rows in cuts.items():
        HOMES[rows].to_csv(tmp_path / f"{name}.csv", index=False)
    described = _described(str(tmp_path / "*.csv"))
    given = {name: str(tmp_path / f"{name}.csv") for name in cuts if has_validation or name != "validation"}
    split = Split() if has_validation else Split(fractions=Fractions(0.75, 0.25))
    dataset = Dataset(
        "homes", Elsewhere(parts=GivenParts(**given)), "price", described.columns, split, missing_values=("",)
    )  # fmt: skip
    prepared = prepare(dataset, Features("plain"))
    prices = prepared.table["price"]
    assert prices[prepared.parts.test].tolist() == HOMES["price"][cuts["test"]].tolist()
    rest = HOMES["price"][cuts["train"]].tolist()
    if has_validation:
        assert prices[prepared.parts.train].tolist() == rest
        assert prices[prepared.parts.validation].tolist() == HOMES["price"][cuts["validation"]].tolist()
    else:
        assert len(prepared.parts.validation) == 10
        assert sorted(prices[[*prepared.parts.train, *prepared.parts.validation]].tolist()) == rest
    assert prepared.encoder.required == ("area", "rooms", "city", "pool", "sold") or "(part)" not in str(
        prepared.encoder.required
    )
    (tmp_path / "test.csv").write_text((tmp_path / "test.csv").read_text().replace("Köln", "Cologne"))
    with pytest.raises(DataError, match=r"'Cologne' \(test\.csv line \d+"):
        prepare(dataset, Features("plain"))


def test_objects_in_s3_are_read_by_the_rights_of_the_environment(
    rehearsal: Rehearsed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import boto3

    monkeypatch.chdir(tmp_path)
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="tables")
    for number, rows in enumerate((slice(0, 30), slice(30, None))):
        part = pa.BufferOutputStream()
        parquet.write_table(TABLE[rows], part)
        s3.put_object(
            Bucket="tables", Key=f"homes/year={2020 + number}/part-0.parquet", Body=part.getvalue().to_pybytes()
        )
    s3.put_object(Bucket="tables", Key="homes/_SUCCESS", Body=b"")
    s3.put_object(Bucket="tables", Key="one.csv", Body=HOMES.to_csv(index=False).encode())
    folder = read(_described("s3://tables/homes"))
    assert folder["area"].tolist() == HOMES["area"].tolist()
    assert set(folder) - set(HOMES) == {"year"}
    one = _described("s3://tables/one.csv")
    before = read(one).digest()
    assert len(list(csv_pieces("s3://tables/one.csv", rows_a_piece=25))) == 3
    s3.put_object(Bucket="tables", Key="one.csv", Body=HOMES.iloc[::-1].to_csv(index=False).encode())
    states = Path(".housing/cache/s3/tables")
    for state in states.iterdir():  # as if nobody had asked for them in years
        os.utime(state, (0, 0))
    assert read(one).digest() != before
    assert len(list(states.iterdir())) == 1
    s3.put_object(Bucket="tables", Key="long.csv", Body=b"area,price\n" + b"50,1000\n" * 100_000)
    with _cut_off(urlsplit(rehearsal.url).port, after=200_000) as port, monkeypatch.context() as there:
        there.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        with pytest.raises(CloudError, match=r"s3://tables/long\.csv: S3 does not answer"):
            read(_described("s3://tables/long.csv"))
    assert not list(states.rglob("long.csv"))
    for address, why in (
        ("s3://tables/two.csv", "there is no such object"),
        ("s3://nobody/two.csv", "there is no such"),
        ("s3://tables/*.csv", "must be s3://bucket/key"),
        ("s3://", "must be s3://bucket/key"),
    ):
        with pytest.raises(DataError, match=why) as refused:
            read(_described(address))
        assert str(refused.value).startswith(f"{address}: ")
    assert not list(Path(".housing").rglob("*.tmp"))


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """The address of a server of this test's own."""
    with serving() as address:
        yield address


def test_a_database_that_goes_away_half_way_is_told_as_such(postgres: str) -> None:
    query = "select i as area, i * 2 as price from generate_series(1, 300000) i order by i"
    columns = {"area": Numeric(), "price": Numeric()}
    with _cut_off(urlsplit(postgres).port, after=1_000_000) as port:
        address = f"postgresql://housing@127.0.0.1:{port}/postgres"
        source = Elsewhere(sql=Sql(address, query=query))
        dataset = Dataset("homes", source, "price", columns, Split(fractions=Fractions(0.6, 0.2, 0.2)))
        with pytest.raises(CloudError, match=r"postgres, query: the database went away: .*; ask again"):
            read(dataset)


def test_a_table_of_a_database_is_read_in_the_order_of_its_key(postgres: str) -> None:
    """Parts and digests go by the order of rows, and a changed row moves to the end of PostgreSQL's table."""
    from sqlalchemy import create_engine, text

    def run(*statements: str) -> None:
        engine = create_engine(postgres)
        with engine.begin() as connection:
            for statement in statements:
                connection.execute(text(statement))
        engine.dispose()

    run(
        "create table lots (area int, lot int primary key, price int)",
        "insert into lots select i % 7, i, i * 2 from generate_series(1, 60) i",
    )
    columns = {"lot": Identifier(), "area": Numeric(), "price": Numeric()}
    split = Split(fractions=Fractions(0.6, 0.2, 0.2))
    by_table = Dataset("lots", Elsewhere(sql=Sql(postgres, table="lots")), "price", columns, split)
    before = read(by_table).digest()
    run("update lots set price = price where lot = 5")
    assert read(by_table).digest() == before
    by_query = replace(by_table, source=Elsewhere(sql=Sql(postgres, query="select * from lots")))
    assert read(by_query)["lot"].tolist()[-1] == "5"
    assert "a query without ORDER BY" in next(data_remarks(prepare(by_query, Features("plain"))))
    keyed = replace(by_query, split=replace(split, key="lot"))
    assert not list(data_remarks(prepare(keyed, Features("plain"))))


@contextmanager
def _cut_off(port: int | None, *, after: int) -> Iterator[int]:
    """The port of a way to a server whose connections break once so many bytes have come from there."""

    def carry(source: socket.socket, sink: socket.socket, most: float) -> None:
        with suppress(OSError):
            while most > 0 and (some := source.recv(65_536)):
                sink.sendall(some)
                most -= len(some)
        for one in (source, sink):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def serve(client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", port)) as there:
            asking = Thread(target=carry, args=(client, there, math.inf))
            asking.start()
            carry(there, client, after)
            asking.join()

    def accept() -> None:
        with suppress(OSError):
            while True:
                client, _ = server.accept()
                serving.append(Thread(target=serve, args=(client,)))
                serving[-1].start()

    serving: list[Thread] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        accepting = Thread(target=accept)
        accepting.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            for thread in (accepting, *serving):
                thread.join()


def test_rows_of_postgresql_are_read_by_table_and_by_query(postgres: str) -> None:
    from sqlalchemy import create_engine

    engine = create_engine(postgres)
    HOMES.to_sql("homes", engine, index=False)
    engine.dispose()
    by_table = _described(asked_source(postgres, table="homes"))
    by_query = _described(asked_source(postgres, query="select * from homes where price > 0 order by price"))
    assert read(by_table).digest() == read(by_query).digest()
    assert read(by_table)["sold"].tolist() == HOMES["sold"].tolist()
    secret = postgres.replace("housing@", "housing:s3same-Bun@")
    text = describe(asked_source(secret, table="homes"), "price")
    assert "Bun" not in text
    assert "    url: ${oc.env:DATABASE_URL}  # " in text
    with pytest.raises(DataError, match=r"postgres, table homs: there is no such table; did you mean 'homes'"):
        _described(asked_source(postgres, table="homs"))
    with pytest.raises(DataError, match=r"postgres, query: the database refuses: .*prize"):
        _described(asked_source(postgres, query="select prize from homes"))
