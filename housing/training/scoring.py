"""A model's history, computed from the model: for places that log too little of it, or in another unit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from housing.algorithms.base import Model, StagedModel, find
from housing.training.metrics import METRICS, score

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from housing.data.channel import Channel
    from housing.training.job import TrainingJob


def scored(job: TrainingJob, channels: Mapping[str, Channel], model: bytes) -> dict[str, list[float]]:
    """`<channel>_<metric>` after each round that is in the model, in the label's unit, as `fit` gives it.

    Where a model cannot tell its earlier rounds, only the last is known: one value each.
    """
    import numpy as np

    algorithm = find(job.algorithm)
    loaded = algorithm.load(model)
    undo = np.asarray if job.label_transform == "none" else np.exp
    names = algorithm.metrics(job.hyperparameters)
    history: dict[str, list[float]] = {}
    for channel_name, channel in channels.items():
        label = undo(channel.label.astype(np.float64))
        for prediction in _stages(loaded, channel.features):
            undone = undo(prediction.astype(np.float64))
            values = {name: METRICS[name].compute(label, undone) for name in names} or score(label, undone)
            for name, value in values.items():
                history.setdefault(f"{channel_name}_{name}", []).append(value)
    return history


def _stages(model: Model, features: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    if isinstance(model, StagedModel):
        with suppress(ValueError):
            yield from model.staged(features)
            return
    yield model.predict(features)
