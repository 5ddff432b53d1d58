"""What features ask of an algorithm beside numbers: levels as such, and answers that rise or fall with a column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from housing.algorithms.base import ColumnRule, find
from housing.config.faults import Fault, some_of
from housing.config.keys import BUILT_IN
from housing.config.schema import Algorithm
from housing.data.description import Dataset
from housing.data.features import Features, native_keys
from housing.targets import base as targets
from housing.tuning.space import Categorical, SearchSpace

_WHAT: Mapping[ColumnRule, str] = {
    "categorical_inputs": "levels as such",
    "monotone": "columns with which answers only rise or fall",
}


def column_faults(
    features: Features, dataset: Dataset, algorithm: Algorithm, space: SearchSpace, runner: Any
) -> Iterator[Fault]:
    """What the algorithm, some of its hyperparameters, or the place where it trains cannot keep."""
    for key, asked in _asked(features, dataset):
        path, value = ("features", *key.split(".")), _value(features, key)
        others = "one_hot or target" if asked == "categorical_inputs" else ""
        instead = f"say {others} instead" if others else "leave it out"
        if algorithm.code is not None or not _has(algorithm.name, asked):
            able = [f"algorithm={name}" for name in BUILT_IN if _has(name, asked)]
            rule = f"{algorithm.name} takes no {_WHAT[asked]}"
            yield Fault(path, rule, value, f"{instead}, or choose {some_of(able)}")
            continue
        if conflict := _conflict(algorithm, space, asked):
            yield Fault(path, f"{algorithm.name} takes no {_WHAT[asked]} with {conflict}", value, instead)
        if runner is not None and not targets.keeps(runner.name, asked, algorithm.kind):
            rule = f"where {algorithm.name} trains at target {runner.name}, it is not told of {_WHAT[asked]}"
            yield Fault(path, rule, value, f"{instead}, or train here: target@runner=local")


def takes(name: str, features: Features, dataset: Dataset, runner: Any) -> bool:
    """Whether a built-in algorithm can be asked for what the features ask, for some hyperparameters."""
    return all(
        _has(name, asked) and (runner is None or targets.keeps(runner.name, asked, name))
        for _, asked in _asked(features, dataset)
    )


def _asked(features: Features, dataset: Dataset) -> Iterator[tuple[str, ColumnRule]]:
    for key in native_keys(dataset, features):
        yield key, "categorical_inputs"
    if features.monotone:
        yield "monotone", "monotone"


def _has(name: str, asked: ColumnRule) -> bool:
    return bool(getattr(find(name).capabilities, asked))


def _conflict(algorithm: Algorithm, space: SearchSpace, asked: ColumnRule) -> str | None:
    """A hyperparameter, given or searched, that excludes it."""
    for name, values in find(algorithm.kind).capabilities.not_with.get(asked, {}).items():
        if algorithm.hyperparameters.get(name) in values:
            return f"{name} {algorithm.hyperparameters[name]}"
        searched = space.get(name)
        if isinstance(searched, Categorical) and (found := [one for one in searched.choices if one in values]):
            return f"{name} {found[0]}, which is searched"
    return None


def _value(features: Features, key: str) -> object:
    if key.startswith("columns."):
        return features.columns[key.split(".")[1]].nominal
    found = getattr(features, key)
    return dict(found) if isinstance(found, Mapping) else found
