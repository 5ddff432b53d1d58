"""Computes metrics from the model, for targets that log too few of them, or in another unit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from housing.algorithms.base import Model, StagedModel
from housing.algorithms.registry import find
from housing.errors import HousingError
from housing.tasks import base as tasks
from housing.tasks.base import score
from housing.tasks.predictions import Predictions
from housing.tasks.transforms import undone

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from housing.data.channel import Channel
    from housing.training.job import TrainingJob

_JUDGED = "validation"


def scored(job: TrainingJob, channels: Mapping[str, Channel], model: bytes) -> dict[str, list[float]]:
    """`<channel>_<metric>` after each round of the model, in the label's unit and as trained on, as in `fit`.

    For a model without access to earlier rounds only the last is known: one value each.
    """
    algorithm = find(job.algorithm)
    loaded = algorithm.load(model)
    names = algorithm.metrics(job.hyperparameters)
    history: dict[str, list[float]] = {}
    for channel_name, channel in channels.items():
        for outputs in _stages(loaded, channel.features):
            for suffix, transform in _scales(job).items():
                label, predictions = _judged(job, channel, outputs, transform)
                for name, value in _values(job, names, label, predictions).items():
                    history.setdefault(f"{channel_name}_{name}{suffix}", []).append(value)
    return history


def kept_metrics(job: TrainingJob, channels: Mapping[str, Channel], model: bytes) -> dict[str, float]:
    """`validation_<metric>` of the finished model, for every metric of the task; empty without that channel.

    Also empty for a model that can run only in its own container.
    """
    if not model or _JUDGED not in channels:
        return {}
    channel = channels[_JUDGED]
    try:
        outputs = outputs_of(find(job.algorithm).load(model), channel)
        label, predictions = _judged(job, channel, outputs, job.label_transform)
    except (ValueError, HousingError):
        return {}
    return {f"{_JUDGED}_{name}": value for name, value in score(job.task, label, predictions).items()}


def outputs_of(model: Model, channel: Channel) -> NDArray[Any]:
    """A model's outputs for a channel's rows, in batches if they are on disk."""
    import numpy as np

    if channel.stored is None:
        return model.predict(channel.features)
    found = [model.predict(batch) for batch in channel.batches()]
    return np.concatenate(found) if found else model.predict(channel.features)


def _scales(job: TrainingJob) -> dict[str, str]:
    """The suffix of a metric's name -> the transformation that is undone for it."""
    return {"": "none"} if job.label_transform == "none" else {"": job.label_transform, "_trained": "none"}


def _judged(
    job: TrainingJob, channel: Channel, outputs: NDArray[np.floating], transform: str
) -> tuple[NDArray[np.float64], Predictions]:
    import numpy as np

    label, found = channel.label.astype(np.float64), np.asarray(outputs).astype(np.float64)
    label, found = undone(transform, label), undone(transform, found)
    # The default threshold: only promoted models have their own.
    predictions = job.asked.predictions(found, threshold=tasks.DEFAULT_THRESHOLD)
    # Weights of levels apply only to fits; weights of rows also to metrics.
    of_rows = channel.name == _JUDGED or not job.levels
    return label, predictions.weighed(channel.weights if of_rows else None)


def _values(
    job: TrainingJob, names: Sequence[str], label: NDArray[np.float64], predictions: Predictions
) -> dict[str, float]:
    import numpy as np

    known = tasks.metrics(job.task)
    with np.errstate(all="ignore"):  # on the scale of training, a label may be 0
        found = {name: float(known[name].compute(label, predictions)) for name in names if name in known}
        return found or score(job.task, label, predictions)


def _stages(model: Model, features: NDArray[np.float32]) -> Iterator[NDArray[np.floating]]:
    if isinstance(model, StagedModel):
        with suppress(ValueError):
            yield from model.staged(features)
            return
    yield model.predict(features)
