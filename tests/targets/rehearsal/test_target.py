from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from housing.rehearsal.process import look, stop
from housing.targets.rehearsal.settings import Rehearsal, Settings
from housing.targets.rehearsal.target import open_runner
from housing.testing.runner import HYPERPARAMETERS, channel
from housing.training.job import TrainingJob


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "SAGEMAKER_ROLE_ARN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_REGION", "mars-north-1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    folder = str(tmp_path / "rehearsal")
    yield Settings(rehearsal=Rehearsal(folder=folder))
    stop(folder)


def test_a_job_needs_no_account_and_no_network(settings: Settings) -> None:
    runner = open_runner(settings)
    staged = {"train": runner.stage(channel("train", 1))}
    result = runner.submit(TrainingJob("job", "xgboost", HYPERPARAMETERS, staged, seed=0)).result()
    assert result.best_round == 11
    assert result.details["sagemaker.region"] == "us-east-1"
    assert look(settings.rehearsal.folder) is not None
    runner.close()


def test_two_rehearsals_are_two_places(settings: Settings, tmp_path: Path) -> None:
    other = Settings(rehearsal=Rehearsal(folder=str(tmp_path / "other")))
    here, there = open_runner(settings), open_runner(other)
    try:
        job = TrainingJob("job", "xgboost", HYPERPARAMETERS, {}, seed=0, handle=here.handle(), tags={"t": "1"})
        here.submit(TrainingJob(**vars(job) | {"channels": {"train": here.stage(channel("train", 1))}})).result()
        assert [each.handle for each in here.find({"t": "1"})] == [job.handle]  # type: ignore[attr-defined]
        assert there.find({"t": "1"}) == []  # type: ignore[attr-defined]
    finally:
        stop(other.rehearsal.folder)
