from __future__ import annotations

from collections.abc import Iterator

import pytest

from housing.targets.sagemaker.training.runner import SageMakerRunner
from tests.rehearsal.conftest import Served
from tests.targets.sagemaker.conftest import settings_of

SPOT = {"enabled": True, "max_wait_s": 7200}


@pytest.fixture(scope="module")
def runner(rehearsal: Served) -> Iterator[SageMakerRunner]:
    """One for all tests of a module, which submit jobs of their own: its clients take longer to make than a job."""
    made = SageMakerRunner(settings_of(rehearsal))
    yield made
    made.close()
