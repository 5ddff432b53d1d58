"""One small table from every source, and by every split: described, run to an endpoint, and asked for predictions."""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import yaml
from pyarrow import feather, parquet

from housing.testing.pytest_plugin import Rehearsed
from tests.data.homes import write_excel
from tests.data.postgres import serving
from tests.workflow.conftest import in_process

pytestmark = pytest.mark.slow

ROWS, NEW = 240, 6
FRACTIONS = {"fractions": {"train": 0.6, "validation": 0.2, "test": 0.2}}
BY_TIME = FRACTIONS | {"by_time": {"column": "sold"}}
SPLITS = {
    "random": FRACTIONS,
    "group": FRACTIONS | {"by_group": "agent"},
    "stratified": FRACTIONS | {"stratify": "city"},
    "column": {"by_column": {"column": "part", "train": ["a", "b", "c"], "validation": ["d"], "test": ["e"]}},
}


def _homes() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    area, city = rng.uniform(30, 200, ROWS).round(1), rng.choice(["Ulm", "Bad Ems", "Köln"], ROWS)
    return pd.DataFrame(
        {
            "area": area,
            "city": city,
            "sold": [(date(2020, 1, 1) + timedelta(days=int(day))).isoformat() for day in rng.permutation(ROWS)],
            "agent": [f"agent {number}" for number in rng.integers(0, 30, ROWS)],
            "part": rng.choice(list("abcde"), ROWS),
            "price": (1000 * area + 40_000 * (city == "Köln") + rng.normal(0, 5000, ROWS)).round(0),
        }
    )


HOMES = _homes()
TABLE = pa.Table.from_pandas(HOMES, preserve_index=False)


def _lite() -> None:
    with closing(sqlite3.connect("homes.db")) as database:
        HOMES.to_sql("homes", database, index=False)


def _duck() -> None:
    import duckdb

    with duckdb.connect("homes.duckdb") as database:
        database.register("given", TABLE)
        database.execute("create table homes as select row_number() over () as number, * from given")


def _pieces() -> None:
    for number, start in enumerate(range(0, ROWS, 100)):
        HOMES[start : start + 100].to_csv(f"piece{number}.csv", index=False)


def _folders() -> None:
    for year in (2020, 2021):
        Path(f"hive/year={year}").mkdir(parents=True)
        first = 0 if year == 2020 else ROWS // 2
        parquet.write_table(TABLE.slice(first, ROWS // 2), f"hive/year={year}/part-0.parquet")
    Path("hive/_SUCCESS").write_text("", encoding="utf-8")


QUERY = "select area, city, sold, agent, part, price from homes order by number"
SOURCES: dict[str, tuple[Callable[[], object], tuple[str, ...]]] = {
    "csv": (lambda: HOMES.to_csv("homes.csv", index=False), ("homes.csv",)),
    "jsonl": (lambda: HOMES.to_json("homes.jsonl", orient="records", lines=True), ("homes.jsonl",)),
    "parquet": (lambda: parquet.write_table(TABLE, "homes.parquet"), ("homes.parquet",)),
    "arrow": (lambda: feather.write_feather(TABLE, "homes.arrow"), ("homes.arrow",)),
    "excel": (lambda: write_excel(Path("homes.xlsx"), TABLE), ("homes.xlsx", "--sheet", "Homes")),
    "sqlite": (_lite, ("homes.db", "--table", "homes")),
    "duckdb": (_duck, ("homes.duckdb", "--query", QUERY)),
    "glob": (_pieces, ("piece*.csv",)),
    "list": (_pieces, ("piece0.csv", "piece1.csv", "piece2.csv")),
}
"""What writes the same rows in the same order, and what names them for `housing describe`."""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder with a cache of its own, and rows to predict."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    HOMES[:NEW].drop(columns="price").assign(year=2020).to_csv("new.csv", index=False)
    yield tmp_path
    for state in tmp_path.glob(".housing/endpoints/*.json"):
        in_process("destroy", f"deployment.endpoint={state.stem}", folder=tmp_path)


def predicted(folder: Path, asked: tuple[str, ...], *, split: Any = BY_TIME, **more: Any) -> list[float]:
    """What the endpoint answers for the new rows, of a run on a described source by this split, with more keys."""
    described = in_process("describe", *asked, "--label", "price", folder=folder)
    assert described.code == 0, described.err
    dataset = yaml.safe_load(described.out) | {"name": "walk", "split": split} | more
    (folder / "conf" / "dataset").mkdir(parents=True, exist_ok=True)
    (folder / "conf" / "dataset" / "mine.yaml").write_text(yaml.safe_dump(dataset, sort_keys=False), encoding="utf-8")
    mine = ("--config-dir", "conf", "dataset=mine")
    ran = in_process("run", *mine, "study.trials=2", folder=folder)
    assert ran.code == 0, ran.err
    answered = in_process("predict", "new.csv", *mine, folder=folder)
    assert answered.code == 0, answered.err
    prices = [float(row["price"]) for row in csv.DictReader(answered.out.splitlines())]
    assert np.abs(np.array(prices) - HOMES["price"][:NEW]).mean() < HOMES["price"].std() / 2
    return prices


@pytest.fixture(scope="module")
def from_csv(tmp_path_factory: pytest.TempPathFactory) -> list[float]:
    folder = tmp_path_factory.mktemp("csv")
    HOMES.to_csv(folder / "homes.csv", index=False)
    HOMES[:NEW].drop(columns="price").to_csv(folder / "new.csv", index=False)
    found = predicted(folder, ("homes.csv",))
    in_process("destroy", "deployment.endpoint=walk-endpoint", folder=folder)
    return found


@pytest.mark.parametrize("kind", SOURCES)
def test_the_same_rows_give_the_same_model_wherever_they_lie(project: Path, kind: str, from_csv: list[float]) -> None:
    if kind == "excel":
        pytest.importorskip("python_calamine")
    write, asked = SOURCES[kind]
    write()
    assert predicted(project, asked) == from_csv


def test_rows_of_postgresql_give_the_same_model(project: Path, from_csv: list[float]) -> None:
    from sqlalchemy import create_engine

    with serving() as address:
        engine = create_engine(address)
        HOMES.to_sql("homes", engine)
        engine.dispose()
        query = QUERY.replace("number", "index")
        assert predicted(project, (address, "--query", query)) == from_csv


def test_objects_in_s3_give_the_same_model(project: Path, rehearsal: Rehearsed, from_csv: list[float]) -> None:
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="walk")
    s3.put_object(Bucket="walk", Key="homes.csv", Body=HOMES.to_csv(index=False).encode())
    assert predicted(project, ("s3://walk/homes.csv",)) == from_csv


def test_a_folder_of_partitions_has_their_columns(project: Path) -> None:
    _folders()
    predicted(project, ("hive",))


def test_parts_that_are_given_as_files_are_kept(project: Path) -> None:
    for name, start, end in (("train", 0, 150), ("validation", 150, 200), ("test", 200, ROWS)):
        HOMES[start:end].to_csv(f"{name}.csv", index=False)
    parts = {"train": "train.csv", "validation": "validation.csv", "test": "test.csv"}
    predicted(project, tuple(parts.values()), split={}, source={"parts": parts})


@pytest.mark.parametrize("rule", SPLITS)
def test_every_split_runs_to_predictions(project: Path, rule: str) -> None:
    HOMES.to_csv("homes.csv", index=False)
    predicted(project, ("homes.csv",), split=SPLITS[rule])
