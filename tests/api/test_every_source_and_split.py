"""Every kind of source and every way to split, from where a table lies to the predictions of what was trained on it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import pytest
import yaml
from pyarrow import parquet

import housing as library
from housing.testing.pytest_plugin import Rehearsed
from tests.data.homes import HOMES, TABLE, WRITTEN

pytestmark = pytest.mark.slow

COLUMNS = {
    "area": {"kind": "numeric"},
    "rooms": {"kind": "numeric", "missing": "unknown"},
    "city": {"kind": "nominal", "levels": ["Bad Ems", "Köln", "Ulm"]},
    "pool": {"kind": "boolean"},
    "sold": {"kind": "date", "format": "%Y-%m-%d"},
    "price": {"kind": "numeric"},
}
FRACTIONS = {"train": 0.6, "validation": 0.2, "test": 0.2}
SPLITS: dict[str, dict[str, Any]] = {
    "random": {"fractions": FRACTIONS},
    "by_time": {"fractions": FRACTIONS, "by_time": {"column": "sold"}},
    "by_group": {"fractions": FRACTIONS, "by_group": "sold"},
    "stratify": {"fractions": FRACTIONS, "stratify": "city"},
    "by_column": {
        "by_column": {"column": "rooms", "validation": ["1"], "test": ["2"], "train": ["0", "3", "4", "5", None]}
    },
}
HALVES = (HOMES[:25], HOMES[25:])


def _halves(folder: Path) -> list[str]:
    for name, half in zip("ab", HALVES, strict=True):
        half.to_csv(folder / f"{name}.csv", index=False)
    return [str(folder / "a.csv"), str(folder / "b.csv")]


def _hive(folder: Path) -> str:
    for number, rows in enumerate((slice(0, 25), slice(25, None))):
        (folder / f"half={number}").mkdir()
        parquet.write_table(TABLE[rows], folder / f"half={number}" / "part-0.parquet")
    (folder / "_SUCCESS").touch()
    return str(folder)


def _object(folder: Path) -> str:
    import boto3

    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="tables")
    s3.upload_file(WRITTEN["parquet"](folder), "tables", "homes.parquet")
    return "s3://tables/homes.parquet"


def _parts(folder: Path) -> dict[str, Any]:
    first, second = _halves(folder)
    shutil.copy(second, folder / "validation.csv")
    HOMES[40:].to_csv(folder / "test.csv", index=False)
    return {"parts": {"train": first, "validation": str(folder / "validation.csv"), "test": str(folder / "test.csv")}}


SOURCES: dict[str, tuple[str, Callable[[Path], Any]]] = {
    "csv": ("csv", WRITTEN["csv"]),
    "list": ("csv", _halves),
    "pattern": ("csv", lambda folder: (_halves(folder), str(folder / "*.csv"))[1]),
    "hive": ("parquet", _hive),
    "parquet": ("parquet", WRITTEN["parquet"]),
    "jsonl": ("jsonl", WRITTEN["jsonl.gz"]),
    "arrow": ("arrow", WRITTEN["feather"]),
    "sqlite": ("csv", lambda folder: {"sql": {"url": f"sqlite:///{WRITTEN['sqlite'](folder)}", "table": "homes"}}),
    "duckdb": ("csv", lambda folder: {"sql": {"url": f"duckdb:///{WRITTEN['duckdb'](folder)}", "table": "homes"}}),
    "excel": ("excel", WRITTEN["excel"]),
    "s3": ("parquet", _object),
    "parts": ("csv", _parts),
}


def _description(kind: str, folder: Path, split: dict[str, Any]) -> str:
    form, source = SOURCES[kind]
    folder.mkdir()
    document: dict[str, Any] = {
        "name": kind,
        "source": source(folder),
        "format": form,
        "label": "price",
        "missing_values": [""],
        "split": split if kind != "parts" else {},
        "columns": {**COLUMNS, **({"half": {"kind": "ignored"}} if kind == "hive" else {})},
    }
    if kind == "excel":
        document["sheet"] = "Homes"
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True)


def _predictions(kind: str) -> list[float]:
    """Of the model that is trained and promoted, for the rows as a client has them."""
    one = library.compose(
        f"dataset={kind}",
        "hyperparameters=walkthrough",
        "algorithm.num_round=3",
        "gate.beats=null",
        f"tracking.model={kind}",
        f"name={kind}",
        config_dir="conf",
    )
    trained = one.train()
    promoted = one.override(f"candidate={trained.run_id}").promote()
    assert promoted.data["version"]
    model = mlflow.pyfunc.load_model(f"models:/{kind}/1")
    return [float(value) for value in model.predict(HOMES.drop(columns="price"))]


def test_every_source_and_every_split_lead_to_predictions(
    project: Path, rehearsal: Rehearsed, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("python_calamine")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{project}/mlflow.db")
    (project / "conf" / "dataset").mkdir(parents=True)
    found: dict[str, dict[str, list[float]]] = {name: {} for name in SPLITS}
    for number, kind in enumerate(SOURCES):
        split = list(SPLITS)[number % len(SPLITS)]
        text = _description(kind, project / kind, SPLITS[split])
        (project / "conf" / "dataset" / f"{kind}.yaml").write_text(text)
        predictions = _predictions(kind)
        assert len(set(predictions)) > 3, kind
        if kind != "parts":
            found[split][kind] = predictions
    for split, by_source in found.items():
        (first, wanted), *others = by_source.items()
        assert others, split
        for kind, predictions in others:
            assert predictions == wanted, f"{split}: {kind} and {first}"
