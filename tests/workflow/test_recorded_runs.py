"""The record is listed, filtered, taken elsewhere; runs are deleted with what lies below them, and come back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import housing
from housing.cli.dispatch import main
from housing.tracking.run_record import RunRecord
from housing.tracking.runs import Runs

Command = Callable[..., dict[str, object]]


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runs:
    """A study with two trials, and a job of its own."""
    monkeypatch.chdir(tmp_path)
    runs = Runs.open("sqlite:///mlflow.db", "housing")
    study = runs.start(RunRecord("tune-a", kind="study"))
    for number, mae in enumerate((20.0, 30.0)):
        child = runs.start(RunRecord(f"t0{number} eta=0.{number}", parent=study, params={"eta": number / 10}))
        runs.finish(child, metrics={"validation_mae": mae})
    runs.finish(study)
    alone = runs.start(RunRecord("train"))
    runs.finish(alone, metrics={"validation_mae": 10.0})
    return runs


def names(runs: Runs) -> set[str]:
    return {run.name for run in runs.matching("")}


def ran(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> dict[str, object]:
    assert main([*arguments, "--json"]) == code
    answered: dict[str, object] = json.loads(capsys.readouterr().out)
    return answered


def test_runs_are_a_frame(record: Runs) -> None:
    frame = housing.runs().frame()
    assert sorted(frame["name"]) == ["t00 eta=0.0", "t01 eta=0.1", "train", "tune-a"]
    assert frame["started"].is_monotonic_decreasing  # newest first; some of them began in the same millisecond
    assert str(frame["started"].dt.tz) == "UTC"
    better = housing.runs("metrics.validation_mae < 25 and params.eta LIKE '%'").frame()
    assert list(better["name"]) == ["t00 eta=0.0"]
    assert "t00" in housing.runs()._repr_html_()


@pytest.mark.parametrize("suffix", ["csv", "parquet", "json"])
def test_runs_are_taken_elsewhere(record: Runs, capsys: pytest.CaptureFixture[str], suffix: str) -> None:
    ran(capsys, "runs", "--export", f"runs.{suffix}")
    read = {"csv": pd.read_csv, "parquet": pd.read_parquet, "json": pd.read_json}[suffix]
    frame = read(f"runs.{suffix}")
    assert sorted(frame["name"]) == sorted(names(record))
    assert frame["metrics.validation_mae"].sum() == 60


def test_a_study_is_deleted_with_its_trials_and_comes_back(record: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    ran(capsys, "runs", "tune-a", "--delete")
    assert names(record) == {"train"}
    ran(capsys, "runs", "tune-a", "--restore")
    assert len(names(record)) == 4
    ran(capsys, "runs", "t01", "--delete")
    assert ran(capsys, "runs", "t01", "--restore")["restored"]


def test_runs_are_deleted_by_a_filter(record: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    ran(capsys, "runs", "--filter", "metrics.validation_mae > 25", "--delete")
    assert names(record) == {"train", "tune-a", "t00 eta=0.0"}


def test_a_run_at_work_stays(record: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    record.start(RunRecord("busy"))
    told = ran(capsys, "runs", "train", "busy", "--delete", code=1)
    assert "is still running" in str(told["message"])
    assert {"train", "busy"} < names(record)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--delete",), "name the runs, or say which with --filter"),
        (("--restore",), "name the runs"),
        (("train", "--delete", "--restore"), "choose one"),
        (("train", "--filter", "x"), "replaces named runs"),
        (("--export", "runs.xlsx"), "must end in one of .csv, .parquet, .json"),
        (("--export", "no/runs.csv"), "there is no folder no"),
        (("nobody", "--restore"), "no deleted run matches"),
        (("--filter", "nonsense"), "cannot search its runs"),
    ],
)
def test_mistakes_change_nothing(
    record: Runs, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], told: str
) -> None:
    assert main(["runs", *arguments]) in (1, 3)
    assert told in capsys.readouterr().err
    assert len(names(record)) == 4
