"""A search among algorithms: ranges are nested under the name of their algorithm, and apply where it is chosen.

algorithm: {type: categorical, choices: [xgboost, linear]}
linear:
  alpha: {type: float, low: 0.001, high: 1, log: true}    # the space calls it linear.alpha
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from housing.algorithms.base import ForTask
from housing.algorithms.registry import find
from housing.config.column_rules import takes
from housing.config.keys import BUILT_IN
from housing.config.schema import CHOOSABLE
from housing.data.description import Dataset
from housing.data.features import Features
from housing.targets import registry as targets
from housing.tuning.space import ALGORITHM, Categorical, SearchSpace


def flattened(raw: Any, configured: object) -> Any:
    """The ranges by full name, each with its condition; those outside of any algorithm are the `configured` one's."""
    if not isinstance(raw, Mapping) or ALGORITHM not in raw:
        return raw
    flat: dict[Any, Any] = {}
    for name, entry in raw.items():
        if name in CHOOSABLE:
            flat[name] = entry
        elif isinstance(entry, Mapping) and not isinstance(entry.get("type"), str) and _holds_ranges(entry):
            flat |= {f"{name}.{own}": _conditional(distribution, name) for own, distribution in entry.items()}
        else:
            flat[f"{configured}.{name}"] = _conditional(entry, configured)
    return flat


def _holds_ranges(entry: Mapping[Any, Any]) -> bool:
    return all(isinstance(below, Mapping) for below in entry.values())


def _conditional(distribution: Any, owner: object) -> Any:
    if not isinstance(distribution, Mapping):
        return distribution
    condition = distribution.get("only_if")
    if condition is None:
        return {**distribution, "only_if": {"parameter": ALGORITHM, "is_in": [owner]}}
    if isinstance(condition, Mapping) and isinstance(condition.get("parameter"), str):
        # Its parent parameter exists only where the algorithm is chosen, and so does this one.
        return {**distribution, "only_if": {**condition, "parameter": f"{owner}.{condition['parameter']}"}}
    return distribution


def without_unusable(space: SearchSpace, dataset: Dataset, features: Features | None, runner: Any) -> SearchSpace:
    """The space without algorithms that cannot be used here.

    They are not installed, are for other tasks, are not trained by the target, or do not support what features ask for.

    The ranges of algorithms that are not among the choices are removed, too.
    """
    chosen = space.get(ALGORITHM)
    if not isinstance(chosen, Categorical):
        return space
    left_out = [
        name for name in chosen.choices if name in BUILT_IN and not _is_usable(str(name), dataset, features, runner)
    ]
    kept = tuple(name for name in chosen.choices if name not in left_out)
    unchosen = {*BUILT_IN} - {*chosen.choices} | {*left_out}
    ranges = {name: d for name, d in space.items() if "." not in name or name.partition(".")[0] not in unchosen}
    return {**ranges, ALGORITHM: replace(chosen, choices=kept or chosen.choices)}


def _is_usable(name: str, dataset: Dataset, features: Features | None, runner: Any) -> bool:
    algorithm = find(name)
    if algorithm.missing_library() is not None or not algorithm.serves(dataset.task_name):
        return False
    if not algorithm.tasks.get(dataset.task_name, ForTask()).predicts_all(dataset.quantiles or ()):
        return False
    if features is not None and not takes(name, features, dataset, runner):
        return False
    return runner is None or not list(targets.find(runner.name).supports(runner, name, None, {}))
