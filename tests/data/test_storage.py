"""A table that stays on disk is the same table: its digests, its parts, its encoder, its channels, its faults."""

from __future__ import annotations

import gzip
import json
import os
import resource
import sqlite3
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import csv

from housing.data import stored_columns, table_cache
from housing.data.description import Dataset
from housing.data.features import Features
from housing.data.kinds import Boolean, Identifier, Ignored, Nominal, Numeric
from housing.data.leaks import leaks
from housing.data.moments import Date
from housing.data.preparation import Prepared, prepare
from housing.data.source_spec import Elsewhere, Sql
from housing.data.split_spec import ByColumn, ByTime, Fractions, Split
from housing.data.storage import crowding, needed_bytes, place, read
from housing.data.stored_table import made_file
from housing.data.told import Told
from housing.errors import DataError
from housing.files import locked

ROWS = 600
COLUMNS = {
    "id": Identifier(),
    "area": Numeric(missing="unknown"),
    "rooms": Numeric(),
    "zone": Nominal(missing="unknown"),
    "day": Date(),
    "sold": Boolean(),
    "street": Nominal(),
    "price": Numeric(),
    "part": Ignored(),
}
AT_RANDOM = Split(fractions=Fractions(0.6, 0.2, 0.2))
SPLITS = {
    "random": AT_RANDOM,
    "by time": Split(fractions=Fractions(0.6, 0.2, 0.2), by_time=ByTime("day", gap=1)),
    "by group": Split(fractions=Fractions(0.6, 0.2, 0.2), by_group="street"),
    "by column": Split(by_column=ByColumn("part", train=("0",), validation=("1",), test=("2",))),
    "stratified": Split(fractions=Fractions(0.6, 0.2, 0.2), stratify="sold"),
}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """That of nobody else, as is the working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "cache" / "housing" / "tables"
    folder.mkdir(parents=True)
    return folder


def sales(*, rows: int = ROWS, odd: str = "") -> str:
    """Source of a CSV file."""
    rng = np.random.default_rng(0)
    lines = [",".join(COLUMNS)]
    for row in range(rows):
        area, zone = round(float(rng.normal()), 6), int(rng.integers(0, 30))
        there = "" if row % 7 == 0 else area
        price = odd if odd and row == rows - 1 else area + zone % 5
        day = f"2024-{1 + row % 12:02d}-{1 + row % 28:02d}"
        zones = f"z{zone}" if row % 11 else ""
        sold = "yes" if row % 3 else "no"
        lines.append(f"r{row},{there},{rng.integers(0, 9)},{zones},{day},{sold},s{row % 50},{price},{row % 3}")
    Path("sales.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return "sales.csv"


def as_parquet(file: str) -> str:
    from pyarrow import csv, parquet

    parquet.write_table(csv.read_csv(file), "sales.parquet", row_group_size=100)
    return "sales.parquet"


def dataset(source: str, **more: Any) -> Dataset:
    given: dict[str, Any] = {"split": AT_RANDOM, "format": "csv" if source.endswith("csv") else "parquet", **more}
    return Dataset("sales", source, "price", COLUMNS, **given)


def kinds(cache: Path) -> list[str]:
    """Of all files that are there."""
    return sorted(path.suffix for path in cache.iterdir())


def both(described: Dataset, features: Features | None = None) -> list[Prepared]:
    """In memory, and from disk."""
    asked = features or Features(name="plain")
    return [prepare(replace(described, storage=storage), asked) for storage in ("memory", "disk")]


def identity(one: Prepared) -> dict[str, Any]:
    """All digests of what was made of a table."""
    _, final = one.final()
    folds = [channel.digest for fold in one.folds(3, seed=0) for channel in fold.values()]
    digests = [one.data_digest, one.split_digest, one.encoder_digest, final.digest, *folds]
    return {"digests": digests, "channels": {name: channel.digest for name, channel in one.channels.items()}}


@pytest.mark.parametrize("rule", SPLITS)
def test_the_same_rows_go_to_the_same_parts(rule: str) -> None:
    files = [sales()]
    files.append(as_parquet(files[0]))
    for file in files:
        memory, disk = both(dataset(file, split=SPLITS[rule], where=None if file.endswith("parquet") else "rooms > 1"))
        assert disk.table.is_stored
        assert identity(disk) == identity(memory)
        assert disk.table.left_out == memory.table.left_out


@pytest.mark.parametrize("nominal", ["one_hot", "target", "count", "native", "hash"])
def test_every_encoding_is_learnt_alike(nominal: Any) -> None:
    memory, disk = both(dataset(sales()), Features(name="plain", nominal=nominal))
    assert identity(disk) == identity(memory)


def test_a_large_matrix_comes_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_columns, "_CELLS_A_BLOCK", 100)
    memory, disk = both(dataset(sales()))
    assert identity(disk) == identity(memory)
    assert list(leaks(disk)) == list(leaks(memory))
    assert disk.test.held().to_csv() == memory.test.to_csv()


def test_reports_look_at_the_same_rows_wherever_they_lie() -> None:
    memory, disk = both(dataset(sales()))
    for part in ("train", "validation", "test"):
        assert (memory.sample.rows[part] == getattr(memory.parts, part)).all()  # fewer than are drawn
        for column in memory.dataset.inputs:
            there, here = (one.sample.of(column, part) for one in (memory, disk))
            assert [str(value) for value in here.tolist()] == [str(value) for value in there.tolist()]
    some = np.array([40, 3, 3, 17])  # neither ascending nor different
    assert disk.table.take(some).held().to_csv() == memory.table.take(some).to_csv()


def test_what_was_read_once_is_known_to_the_next_command(cache: Path) -> None:
    described = dataset(sales(), storage="disk")
    first = read(described).digest()
    made = made_file(described)
    assert made is not None
    before = made.stat()
    assert read(described).digest() == first
    assert (made.stat().st_ino, made.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert kinds(cache) == [".json", ".parquet"]


@pytest.mark.parametrize("order", [("disk", "memory"), ("memory", "disk")])
def test_memory_and_disk_share_what_was_read(cache: Path, order: tuple[str, str]) -> None:
    described = dataset(sales(rows=30_000))
    tables = []
    for storage in order:
        tables.append(read(replace(described, storage=storage)))
        (made,) = cache.glob("*.parquet")
        assert made == made_file(described)
    assert tables[0].digest() == tables[1].digest()
    for name in tables[0]:
        np.testing.assert_array_equal(tables[0][name], tables[1][name])


def test_nothing_is_kept_of_a_database(cache: Path) -> None:
    with sqlite3.connect("sales.db") as database:
        pd.read_csv(sales()).to_sql("sales", database, index=False)
    source = Elsewhere(sql=Sql(url="sqlite:///sales.db", table="sales"))
    from_memory, table = (read(replace(dataset("x.csv"), source=source, storage=one)) for one in ("memory", "disk"))
    assert kinds(cache) == []
    assert table.is_stored and table.digest() == from_memory.digest()
    assert list(table["id"][:2]) == ["r0", "r1"]


def test_another_state_of_the_source_is_read_anew_and_the_old_one_removed(cache: Path) -> None:
    described = dataset(sales(), storage="disk")
    first = read(described).digest()
    sales(rows=ROWS // 2)
    assert read(described).rows == ROWS // 2
    assert read(described).digest() != first
    assert kinds(cache) == [".json", ".parquet"]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_faults_are_told_as_from_memory_and_nothing_is_kept(cache: Path, kind: str) -> None:
    file = sales(odd="a lot")
    file = as_parquet(file) if kind == "parquet" else file
    told = []
    for storage in ("memory", "disk"):
        with pytest.raises(DataError) as caught:
            read(dataset(file, storage=storage))
        told.append(str(caught.value))
    assert told[0] == told[1]
    assert "price: not a number" in told[0]
    assert kinds(cache) == []


def test_names_that_stand_twice_are_told_from_disk() -> None:
    file = sales()
    text = Path(file).read_text(encoding="utf-8").replace("\nr5,", "\nr4,")
    Path(file).write_text(text, encoding="utf-8")
    for described in (dataset(file, storage="disk"), dataset(as_parquet(file), storage="disk")):
        with pytest.raises(DataError, match="id: duplicate identifier"):
            read(described)


def test_a_disk_without_room_leaves_nothing_half_written(cache: Path) -> None:
    described = dataset(sales(rows=5_000), storage="disk")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(DataError, match="cannot be written"):
            read(described)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert kinds(cache) == []
    assert read(described).rows == 5_000


def test_what_killed_commands_left_is_removed_but_not_what_others_are_writing(cache: Path) -> None:
    described = dataset(sales(), storage="disk")
    read(described)
    (entry,) = cache.glob("*.json")
    entry.unlink()  # killed before it said that it was done
    left = [cache / f".{entry.stem}.0123.tmp", cache / ".other.4567.tmp", cache / "other.89ab.parquet"]
    at_work = cache / ".busy.0123.tmp"
    for one in (*left, at_work):
        one.write_bytes(b"half")
    told: list[str] = []

    class Remarks(Told):
        def remark(self, text: str) -> None:
            told.append(text)

    with locked(cache / "busy.lock", temporary=True):
        assert read(described, Remarks()).rows == ROWS
    assert told == [f"removed 4 unfinished files (0.0 MB) that a command which was killed had left in {cache}"]
    assert at_work.exists() and not any(one.exists() for one in left)
    assert json.loads(entry.read_text(encoding="utf-8"))["rows"] == ROWS


def test_a_damaged_file_is_told_removed_and_made_again(cache: Path) -> None:
    described = dataset(sales(), storage="disk")
    table = read(described)
    wanted = table["area"].copy()
    (made,) = cache.glob("*.parquet")
    content = bytearray(made.read_bytes())
    content[len(content) // 2] ^= 1
    made.write_bytes(content)
    with pytest.raises(DataError, match="has been deleted; the same command makes it again"):
        [column for name in table for column in read(described)[name]]
    np.testing.assert_array_equal(read(described)["area"], wanted)


def test_what_was_used_longest_ago_goes_first_and_never_what_was_just_kept(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    described = [dataset(sales(), storage="disk", where=f"rooms > {number}") for number in range(4)]
    files = []
    for number, one in enumerate(described[:3]):
        read(one)
        file = made_file(one)
        assert file is not None
        files.append(file)
        for entry in cache.glob(f"{file.name.partition('.')[0]}.json"):
            os.utime(entry, (number, number))
    read(described[0])  # used again
    monkeypatch.setattr(table_cache, "_MOST_BYTES", 2.5 * files[0].stat().st_size)
    read(described[3])
    assert [file.exists() for file in files] == [True, False, False]
    monkeypatch.setattr(table_cache, "_MOST_BYTES", 1)
    read(replace(described[1]))
    assert kinds(cache) == [".json", ".parquet"]
    assert made_file(described[1]) is not None


def test_two_at_once_make_one_file(cache: Path) -> None:
    described = dataset(sales(), storage="disk")
    digests: list[str] = []
    threads = [threading.Thread(target=lambda: digests.append(read(described).digest())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(digests)) == 1
    assert kinds(cache) == [".json", ".parquet"]


def test_a_file_that_changes_after_it_was_checked_is_refused() -> None:
    table = read(dataset(as_parquet(sales()), storage="disk"))
    as_parquet(sales(rows=ROWS - 1))
    with pytest.raises(DataError, match="has changed"):
        table["price"]


def test_size_decides_where_nothing_is_said() -> None:
    small = dataset(as_parquet(sales()))
    assert place(small) == "memory"
    assert needed_bytes(small) == pytest.approx(ROWS * (len(COLUMNS) - 1) * 24)
    assert place(replace(small, storage="disk")) == "disk"


def test_a_table_that_crowds_the_memory_is_told_with_the_way_out(tmp_path: Path) -> None:
    """What `storage: auto` becomes where rows cannot stay on disk is not left unsaid."""
    file = tmp_path / "homes.csv.gz"
    with file.open("wb") as sparse:
        sparse.truncate(1 << 40)  # no disk holds it, and no memory
    columns = {"area": Numeric(), "price": Numeric()}
    dataset = Dataset("homes", str(file), "price", columns, AT_RANDOM, storage="memory")
    assert "dataset.storage=disk leaves it on disk" in (crowding(dataset) or "")
    refused = replace(dataset, storage="auto", duplicates="dropped")
    assert place(refused) == "memory"
    assert "it cannot stay on disk: duplicates: dropped" in (crowding(refused) or "")
    assert crowding(replace(dataset, storage="auto")) is None  # it is left on disk


@pytest.mark.parametrize("ends", [".csv", ".csv.gz"])
def test_the_share_that_is_told_is_that_of_the_rows(tmp_path: Path, ends: str) -> None:
    """Arrow reads blocks ahead of the rows that it gives; files differ in size."""
    numbers = pa.table(dict(zip(("area", "price"), np.random.default_rng(0).normal(size=(2, 400_000)), strict=True)))
    for name, some in (("a", numbers[:150_000]), ("b", numbers[150_000:])):
        text = pa.BufferOutputStream()
        csv.write_csv(some, text)
        content = text.getvalue().to_pybytes()
        (tmp_path / f"{name}{ends}").write_bytes(gzip.compress(content, 1) if ends.endswith("gz") else content)
    columns = {"area": Numeric(), "price": Numeric()}
    described = Dataset("homes", str(tmp_path / f"*{ends}"), "price", columns, AT_RANDOM, storage="disk")
    told: list[tuple[int, float]] = []

    class Progress(Told):
        def __call__(self, done: str, share: float) -> None:
            told.append((int(done.removesuffix(" rows").replace(",", "")), share))

    read(described, Progress())
    assert len(told) > 6
    assert told[-1] == (400_000, pytest.approx(1))
    for rows, share in told:
        assert share == pytest.approx(rows / 400_000, abs=0.03)
