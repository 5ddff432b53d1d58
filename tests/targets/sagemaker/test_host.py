from __future__ import annotations

from tests.contracts.host import HostContract
from tests.targets.sagemaker.hosting import host, models, rehearsal

__all__ = ["host", "models", "rehearsal"]


class TestSageMakerHost(HostContract):
    pass
