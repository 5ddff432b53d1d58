"""A model's history, computed from the model: for places that log too little of it, or in another unit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from housing.algorithms.base import Model, StagedModel, find
from housing.training.metrics import METRICS, score

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from housing.data.channel import Channel
    from housing.training.job import TrainingJob


def scored(job: TrainingJob, channels: Mapping[str, Channel], model: bytes) -> dict[str, list[float]]:
    """`<channel>_<metric>` after each round that is in the model, in the label's unit and as trained on, as in `fit`.

    Where a model cannot tell its earlier rounds, only the last is known: one value each.
    """
    import numpy as np

    algorithm = find(job.algorithm)
    loaded = algorithm.load(model)
    scales: dict[str, Any] = {"": np.asarray} if job.label_transform == "none" else {"": np.exp, "_trained": np.asarray}
    names = algorithm.metrics(job.hyperparameters)
    history: dict[str, list[float]] = {}
    for channel_name, channel in channels.items():
        for prediction in _stages(loaded, channel.features):
            for suffix, scaled in scales.items():
                for name, value in _values(
                    names, scaled(channel.label.astype(np.float64)), scaled(prediction.astype(np.float64))
                ).items():
                    history.setdefault(f"{channel_name}_{name}{suffix}", []).append(value)
    return history


def _values(names: Sequence[str], label: NDArray[np.float64], answer: NDArray[np.float64]) -> dict[str, float]:
    import numpy as np

    with np.errstate(all="ignore"):  # as trained on, a label may be 0
        return {name: float(METRICS[name].compute(label, answer)) for name in names} or score(label, answer)


def _stages(model: Model, features: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    if isinstance(model, StagedModel):
        with suppress(ValueError):
            yield from model.staged(features)
            return
    yield model.predict(features)
