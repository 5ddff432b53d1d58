from __future__ import annotations

from collections.abc import Iterator

import pytest

from housing.targets.sagemaker.hosting.host import SageMakerHost
from housing.testing.host import destroy
from tests.rehearsal.conftest import Served
from tests.targets.sagemaker.conftest import settings_of


@pytest.fixture
def host(rehearsal: Served) -> Iterator[SageMakerHost]:
    host = SageMakerHost(settings_of(rehearsal))
    yield host
    for endpoint in host.endpoints():
        destroy(host, endpoint)
