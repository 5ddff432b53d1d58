"""A table that stays on disk is the same table: its digests, its parts, its encoder, its channels, its faults."""

from __future__ import annotations

import json
import resource
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from housing.data import stored_columns, table_cache
from housing.data.description import Dataset
from housing.data.features import Features
from housing.data.kinds import Boolean, Identifier, Ignored, Nominal, Numeric
from housing.data.leaks import leaks
from housing.data.moments import Date
from housing.data.preparation import Prepared, prepare
from housing.data.split_spec import ByColumn, ByTime, Fractions, Split
from housing.data.storage import needed_bytes, place, read
from housing.data.stored_table import prepared_before
from housing.errors import DataError

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
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


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


def test_what_was_read_once_is_known_to_the_next_command() -> None:
    described = dataset(sales(), storage="disk")
    first = read(described).digest()
    made = {path: path.stat().st_mtime_ns for path in sorted(table_cache.CACHE.iterdir())}
    again = read(described)
    assert again.digest() == first
    assert {path: path.stat().st_mtime_ns for path in sorted(table_cache.CACHE.iterdir())} == made
    assert [path.suffix for path in made] == [".json", ".parquet"]
    # Memory reads what was made, too, sooner than the source.
    before = prepared_before(replace(described, storage="memory"))
    assert before is not None
    assert read(replace(described, storage="memory")).digest() == first


def test_another_state_of_the_source_is_read_anew_and_the_old_one_removed() -> None:
    described = dataset(sales(), storage="disk")
    first = read(described).digest()
    sales(rows=ROWS // 2)
    assert read(described).rows == ROWS // 2
    assert read(described).digest() != first
    assert len(list(table_cache.CACHE.glob("*.parquet"))) == 1


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_faults_are_told_as_from_memory_and_nothing_is_kept(kind: str) -> None:
    file = sales(odd="a lot")
    file = as_parquet(file) if kind == "parquet" else file
    told = []
    for storage in ("memory", "disk"):
        with pytest.raises(DataError) as caught:
            read(dataset(file, storage=storage))
        told.append(str(caught.value))
    assert told[0] == told[1]
    assert "price: not a number" in told[0]
    assert not [path for path in table_cache.CACHE.glob("*") if path.suffix != ".lock"]


def test_names_that_stand_twice_are_told_from_disk() -> None:
    file = sales()
    text = Path(file).read_text(encoding="utf-8").replace("\nr5,", "\nr4,")
    Path(file).write_text(text, encoding="utf-8")
    for described in (dataset(file, storage="disk"), dataset(as_parquet(file), storage="disk")):
        with pytest.raises(DataError, match="id: duplicate identifier"):
            read(described)


def test_a_disk_without_room_leaves_nothing_half_written() -> None:
    described = dataset(sales(rows=5_000), storage="disk")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(DataError, match="cannot be written"):
            read(described)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(table_cache.CACHE.iterdir()) == []
    assert read(described).rows == 5_000


def test_a_file_that_a_killed_command_left_is_removed() -> None:
    described = dataset(sales(), storage="disk")
    read(described)
    made = next(table_cache.CACHE.glob("*.parquet"))
    made.with_suffix(".json").unlink()  # killed before it said that it was done
    left = made.with_name(f".{made.name}.0123.tmp")
    left.write_bytes(b"half")
    assert read(described).rows == ROWS
    assert not left.exists()
    assert json.loads(made.with_suffix(".json").read_text(encoding="utf-8"))["rows"] == ROWS


def test_two_at_once_make_one_file() -> None:
    described = dataset(sales(), storage="disk")
    digests: list[str] = []
    threads = [threading.Thread(target=lambda: digests.append(read(described).digest())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(digests)) == 1
    assert sorted(path.suffix for path in table_cache.CACHE.iterdir()) == [".json", ".parquet"]


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
