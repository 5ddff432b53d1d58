"""Serve on Amazon SageMaker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from housing.deployment.plan import Action
from housing.deployment.spec import Deployment
from housing.targets.base import EndpointStatus, Prediction

if TYPE_CHECKING:
    from housing.targets.sagemaker import Settings


class SageMakerHost:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def endpoints(self) -> Sequence[str]:
        raise NotImplementedError

    def check(self, wanted: Deployment) -> None:
        raise NotImplementedError

    def current(self, endpoint: str) -> Deployment | None:
        raise NotImplementedError

    def apply(self, action: Action, models: Mapping[str, Path]) -> None:
        raise NotImplementedError

    def hold(self, purpose: str) -> AbstractContextManager[None]:
        raise NotImplementedError

    def predict(self, endpoint: str, rows: str, variant: str | None = None) -> Prediction:
        raise NotImplementedError

    def status(self, endpoint: str) -> EndpointStatus | None:
        raise NotImplementedError
