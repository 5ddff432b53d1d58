"""A container image of the user's: it trains and predicts only on a target that runs images."""

from __future__ import annotations

from typing import ClassVar, NoReturn

from housing.algorithms.base import Algorithm, Capabilities, Hyperparameters


class Container(Algorithm):
    """The configuration declares the image's hyperparameters; the image holds all that its model needs."""

    hyperparameters: ClassVar[Hyperparameters] = {}
    capabilities: ClassVar[Capabilities] = Capabilities(any_task=True)
    model_format: ClassVar[str] = "tar.gz"

    def load(self, _model: bytes) -> NoReturn:
        """Raises ValueError: only the image can read its model."""
        raise ValueError("not a model that can be loaded here: only the container image that wrote it can read it")


ALGORITHM = Container()
