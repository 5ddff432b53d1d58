"""What tests of SageMaker share: a rehearsal over HTTP for each module, and settings of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from housing.targets.sagemaker.settings import Settings
from housing.testing.host import GOOD, OTHER
from housing.testing.models import price_bundle
from housing.training.artifact import write_bundle
from tests.rehearsal.conftest import ROLE, Served, rehearsal

__all__ = ["rehearsal"]


def settings_of(rehearsal: Served, **own: Any) -> Settings:
    return Settings(**{"endpoint_url": rehearsal.url, "region": "us-east-1", "role_arn": ROLE, "poll_s": 0.05, **own})


@pytest.fixture
def rehearse(rehearsal: Served) -> Iterator[Callable[..., None]]:
    """Sets how the rehearsal behaves during one test: `rehearse(fail_jobs=1)`."""
    yield rehearsal.use
    rehearsal.use()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """boto3 tries again at once."""
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    folder = tmp_path_factory.mktemp("models")
    write_bundle(folder / "1", price_bundle())
    write_bundle(folder / "2", price_bundle(rounds=10))
    return {GOOD: folder / "1", OTHER: folder / "2"}
