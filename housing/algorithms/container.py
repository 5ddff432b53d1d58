"""A container image of the user's: it trains and answers at a place that runs images, and nowhere else."""

from __future__ import annotations

from typing import ClassVar, NoReturn

from housing.algorithms.base import Algorithm, Capabilities, Hyperparameters


class Container(Algorithm):
    """A configuration declares the hyperparameters of its image; all that its model needs is in the image."""

    hyperparameters: ClassVar[Hyperparameters] = {}
    capabilities: ClassVar[Capabilities] = Capabilities(any_task=True)
    model_format: ClassVar[str] = "tar.gz"

    def load(self, _model: bytes) -> NoReturn:
        """Raises ValueError: nobody but the image can read its model."""
        raise ValueError("not a model that can be loaded here: only the container image that wrote it can read it")


ALGORITHM = Container()
