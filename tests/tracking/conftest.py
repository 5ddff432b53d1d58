from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from housing.tracking.runs import Runs
from housing.training.job import TrainingResult


@pytest.fixture(scope="session", autouse=True)
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One migrated template for all tests of this process, away from the user's own cache."""
    patch = pytest.MonkeyPatch()
    patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    yield
    patch.undo()


@pytest.fixture
def uri(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'mlflow.db'}"


@pytest.fixture
def runs(uri: str) -> Runs:
    return Runs.open(uri, "walkthrough")


def result_of(validation: list[float], *, best_round: int | None = None, model: bytes = b"model") -> TrainingResult:
    """A job whose validation error went so; the training error is half of it."""
    best = validation.index(min(validation)) if best_round is None else best_round
    history = {"validation_mae": validation, "train_mae": [value / 2 for value in validation]}
    return TrainingResult(
        history=history,
        metrics={name: values[best] for name, values in history.items()},
        best_round=best,
        model=model,
        model_format="ubj",
        seconds=0.5,
        started_at_ms=1_700_000_000_000,
    )
