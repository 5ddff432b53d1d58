"""What tests of hosting share: a rehearsal over HTTP, hosts of it, and models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from housing.targets.sagemaker import Settings
from housing.targets.sagemaker.host import SageMakerHost
from housing.training.artifact import write_bundle
from tests.contracts.host import GOOD, OTHER, destroy
from tests.models import price_bundle
from tests.rehearsal.conftest import ROLE, Served


def settings_of(rehearsal: Served, **own: Any) -> Settings:
    return Settings(**{"endpoint_url": rehearsal.url, "region": "us-east-1", "role_arn": ROLE, "poll_s": 0.05, **own})


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = Served(tmp_path_factory.mktemp("rehearsal"))
    yield served
    served.close()


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    folder = tmp_path_factory.mktemp("models")
    write_bundle(folder / "1", price_bundle())
    write_bundle(folder / "2", price_bundle(rounds=10))
    return {GOOD: folder / "1", OTHER: folder / "2"}


@pytest.fixture
def host(rehearsal: Served) -> Iterator[SageMakerHost]:
    host = SageMakerHost(settings_of(rehearsal))
    yield host
    for endpoint in host.endpoints():
        destroy(host, endpoint)
