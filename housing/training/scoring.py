"""A model's history, computed from the model: for places that log too little of it, or in another unit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from housing.algorithms.base import find
from housing.training.metrics import METRICS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from housing.data.channel import Channel
    from housing.training.job import TrainingJob


def scored(job: TrainingJob, channels: Mapping[str, Channel], model: bytes) -> dict[str, list[float]]:
    """`<channel>_<metric>` after each round that is in the model, in the label's unit, as `fit` gives it.

    Only XGBoost's models are read. Of dart's only the last round is known: one value each.
    """
    import numpy as np

    loaded = find("xgboost").load(model)
    undo = np.asarray if job.label_transform == "none" else np.exp
    wanted = job.hyperparameters.get("eval_metric", ())
    names = [wanted] if isinstance(wanted, str) else list(wanted)  # type: ignore[arg-type]
    history: dict[str, list[float]] = {}
    for channel_name, channel in channels.items():
        label = undo(channel.label.astype(np.float64))
        for prediction in _stages(loaded, channel.features):
            undone = undo(prediction.astype(np.float64))
            for name in names:
                value = float(METRICS[str(name)].compute(label, undone))
                history.setdefault(f"{channel_name}_{name}", []).append(value)
    return history


def _stages(model: Any, features: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    try:
        yield from model.staged(features)
    except ValueError:
        yield model.predict(features)
