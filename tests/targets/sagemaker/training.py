"""What tests of training share: a rehearsal over HTTP, runners of it, and jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from housing.targets.sagemaker import Settings
from housing.targets.sagemaker.runner import SageMakerRunner
from tests.rehearsal.conftest import ROLE, Served

SPOT = {"enabled": True, "max_wait_s": 7200}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    rehearsal = Served(tmp_path_factory.mktemp("rehearsal"))
    yield rehearsal
    rehearsal.close()


@pytest.fixture
def rehearse(served: Served) -> Iterator[Callable[..., None]]:
    """Sets how the rehearsal behaves during one test: `rehearse(fail_jobs=1)`."""
    yield served.use
    served.use()


def settings_of(served: Served, **own: Any) -> Settings:
    return Settings(**{"endpoint_url": served.url, "region": "us-east-1", "role_arn": ROLE, "poll_s": 0.05, **own})


@pytest.fixture
def runner(served: Served) -> Iterator[SageMakerRunner]:
    made = SageMakerRunner(settings_of(served))
    yield made
    made.close()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """boto3 tries again at once."""
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
