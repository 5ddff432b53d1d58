"""A record that version 0.1.0 wrote: a `run`, a multirun, and a study that was killed in its seventh trial of sixty."""

from __future__ import annotations

import sqlite3
import tarfile
from pathlib import Path

import pytest

from tests.workflow.processes import run, studies

STORE = Path(__file__).parents[1] / "data" / "stores" / "0.1.0.tar.xz"
HERE = ("--config-dir", "conf", "dataset=houses")
STUDY = "tune-cut-2151"
_ADDRESSES = {
    "runs": ("artifact_uri",),
    "logged_models": ("artifact_location",),
    "experiments": ("artifact_location",),
    "model_versions": ("source", "storage_location"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Unpacked; MLflow keeps whole paths, so they are those of this folder now."""
    folder = tmp_path_factory.mktemp("old")
    with tarfile.open(STORE) as archive:
        archive.extractall(folder, filter="data")
    with sqlite3.connect(folder / "mlflow.db") as database:
        for table, columns in _ADDRESSES.items():
            for column in columns:
                database.execute(f"UPDATE {table} SET {column} = replace({column}, '/folder', ?)", (str(folder),))
    for described in folder.glob("mlruns/*/models/*/artifacts/MLmodel"):
        described.write_text(described.read_text().replace("/folder", str(folder)))
    return folder


def told(folder: Path, *arguments: str) -> str:
    """What a command prints; it must succeed."""
    out = folder / "told.txt"
    out.unlink(missing_ok=True)
    code = run(*arguments, *HERE, folder=folder, out=out)
    text = out.read_text()
    assert code == 0, text
    return text


def test_its_best_jobs_are_compared(folder: Path) -> None:
    text = told(folder, "compare")
    assert "validation_mae" in text
    assert "max_depth" in text


def test_its_study_goes_on_with_the_trials_that_it_has(folder: Path) -> None:
    told(folder, "tune", f"study.resume={STUDY}", "study.trials=8")
    (study,) = (each for each in studies(folder / "mlflow.db") if each.name == STUDY)
    assert study.status == "FINISHED"
    assert study.numbers == list(range(8))


def test_its_best_job_is_promoted_beside_its_champion(folder: Path) -> None:
    assert "version" in told(folder, "promote", "gate.against_champion=nothing")


def test_its_version_has_a_lineage_and_answers(folder: Path) -> None:
    told(folder, "deploy", "deployment.variants.champion.model=models:/houses/1")
    try:
        lineage = told(folder, "lineage", "houses-endpoint")
        assert "final from t01 eta=0.49 max_depth=5" in lineage
        assert "champion" in told(folder, "predict", "houses.csv")
    finally:
        told(folder, "destroy")
