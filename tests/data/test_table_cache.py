"""A table is read from its files once, for as long as they stay what they are."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from housing.data import table_cache
from housing.data.description import Column, Dataset, Identifier, Nominal, Numeric
from housing.data.features import Features
from housing.data.file_states import FileState, look
from housing.data.preparation import prepare
from housing.data.split_spec import Fractions, Split
from housing.data.storage import read
from housing.data.table import Table
from housing.errors import DataError

ROWS = 40_000
COLUMNS: dict[str, Column] = {
    "id": Identifier(),
    "area": Numeric(missing="unknown"),
    "city": Nominal(missing="unknown"),
    "price": Numeric(),
}


def _text(price: float) -> str:
    table = pd.DataFrame(
        {
            "id": [f"home number {row:05d}" for row in range(ROWS)],
            "area": [None if row % 7 == 0 else row % 101 + 0.25 for row in range(ROWS)],
            "city": [("Ulm", None, "Köln")[row % 3] for row in range(ROWS)],
            "price": np.full(ROWS, price) + np.arange(ROWS) % 8,
        }
    )
    return table.to_csv(index=False)


TEXT, OTHER = _text(1000), _text(2000)


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files whose times are old enough to be told by."""
    folder = tmp_path_factory.mktemp("settled")
    for number in range(7):
        (folder / f"{number}.csv").write_text(TEXT)
    deadline = time.monotonic() + 300
    while not all(look(file).is_settled for file in folder.iterdir()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return folder


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """That of nobody else."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "housing" / "tables"


def _dataset(source: Path | str, columns: dict[str, Column] | None = None) -> Dataset:
    split = Split(fractions=Fractions(0.6, 0.2, 0.2), seed=0)
    return Dataset(name="homes", source=str(source), label="price", columns=columns or COLUMNS, split=split)


def _read(dataset: Dataset) -> tuple[Table, bool]:
    """The table, and whether it comes from the cache: what is read from its source is put there anew."""
    folder = table_cache.folder()
    made = [[(file.name, file.stat().st_ino, file.stat().st_mtime_ns) for file in folder.glob("*.parquet")]]
    table = read(dataset)
    made.append([(file.name, file.stat().st_ino, file.stat().st_mtime_ns) for file in folder.glob("*.parquet")])
    return table, bool(made[0]) and made[0] == made[1]


def _same(one: Table, other: Table) -> None:
    assert one.source == other.source and one.left_out == other.left_out and list(one) == list(other)
    for name in one:
        np.testing.assert_array_equal(one[name], other[name])


def test_the_second_time_a_table_comes_from_the_cache_and_trains_alike(settled: Path, cache: Path) -> None:
    dataset = _dataset(settled / "0.csv")
    first = prepare(dataset, Features(name="all"))
    again = prepare(replace(dataset, label_unit="dollars"), Features(name="all"))
    assert _read(dataset)[1]
    _same(first.table, again.table)
    assert (again.data_digest, again.split_digest) == (first.data_digest, first.split_digest)
    assert again.channels["train"].digest == first.channels["train"].digest
    assert {file.stat().st_mode & 0o077 for file in (cache, *cache.iterdir())} == {0}


@pytest.mark.parametrize(
    ("columns", "fault"),
    [
        (COLUMNS | {"price": Numeric(high=1003)}, "above the highest allowed value 1003"),
        (COLUMNS | {"city": Nominal(levels=("Ulm", "Bonn"), missing="unknown")}, "unknown level"),
    ],
)
def test_another_description_is_held_against_the_files(settled: Path, columns: dict[str, Column], fault: str) -> None:
    read(_dataset(settled / "0.csv"))
    with pytest.raises(DataError, match=fault):
        read(_dataset(settled / "0.csv", columns))


def _written_anew(file: Path) -> None:
    """With as many bytes, and the times of before."""
    times = file.stat()
    file.write_text(OTHER)
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))


def _replaced(file: Path) -> None:
    times, other = file.stat(), file.with_suffix(".new")
    other.write_text(OTHER)
    os.utime(other, ns=(times.st_atime_ns, times.st_mtime_ns))
    other.replace(file)


def _longer(file: Path) -> None:
    with file.open("a") as out:
        out.write("one more,1,Ulm,1000\n")


@pytest.mark.parametrize(("number", "change"), [(1, _written_anew), (2, _replaced), (3, _longer)])
def test_a_file_that_changed_is_read(settled: Path, number: int, change: Callable[[Path], None]) -> None:
    file = settled / f"{number}.csv"
    before = read(_dataset(file))
    change(file)
    after, is_from_cache = _read(_dataset(file))
    assert after.digest() != before.digest() and not is_from_cache


def test_a_file_that_was_only_touched_or_moved_is_known_by_its_content(settled: Path, cache: Path) -> None:
    file = settled / "4.csv"
    read(_dataset(file))
    copy = shutil.copy(file, file.with_suffix(".copy"))
    Path(copy).replace(file)
    assert _read(_dataset(file))[1]
    # From now on by its new times.
    (entry,) = cache.glob("*.json")
    assert look(file) == replace(FileState(**json.loads(entry.read_text())["files"][0]), content="")


def test_a_file_that_was_written_just_now_is_known_by_its_content(tmp_path: Path) -> None:
    file = tmp_path / "new.csv"
    file.write_text(TEXT)
    before = read(_dataset(file))
    assert _read(_dataset(file))[1]
    _written_anew(file)
    assert read(_dataset(file)).digest() != before.digest()


def _cut(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def _foreign(file: Path) -> None:
    file.write_text("[1, 2")


def _one_bit_off(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


@pytest.mark.parametrize("kind", ["json", "parquet"])
@pytest.mark.parametrize("damage", [_cut, _foreign, _one_bit_off, Path.unlink])
def test_a_damaged_cache_is_made_anew(settled: Path, cache: Path, kind: str, damage: Callable[[Path], None]) -> None:
    wanted = read(_dataset(settled / "0.csv"))
    damage(next(cache.glob(f"*.{kind}")))
    _same(read(_dataset(settled / "0.csv")), wanted)
    found, is_from_cache = _read(_dataset(settled / "0.csv"))
    assert is_from_cache
    _same(found, wanted)


def test_several_at_once_read_the_same(settled: Path) -> None:
    dataset = _dataset(settled / "[056].csv", COLUMNS | {"id": Identifier(unique=False)})
    with ThreadPoolExecutor(4) as pool:
        tables = list(pool.map(lambda _: read(dataset), range(4)))
    for table in (*tables[1:], read(dataset)):
        _same(table, tables[0])
    assert _read(dataset)[1]


def test_what_lies_in_parquet_is_read_where_it_lies(settled: Path, cache: Path, tmp_path: Path) -> None:
    pd.read_csv(settled / "0.csv").to_parquet(tmp_path / "homes.parquet", row_group_size=1000)
    table = read(replace(_dataset(tmp_path / "homes.parquet"), format="parquet"))
    assert table.digest() == read(_dataset(settled / "0.csv")).digest()
    assert len(list(cache.glob("*.parquet"))) == 1


def test_a_cache_that_cannot_be_written_does_no_harm(settled: Path, cache: Path) -> None:
    cache.parent.mkdir(parents=True)
    cache.write_text("in the way")
    assert read(_dataset(settled / "6.csv")).rows == read(_dataset(settled / "6.csv")).rows == ROWS
