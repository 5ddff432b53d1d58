"""What features and data may require of an algorithm: native levels, monotone columns, rows that stay on disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from housing.algorithms.base import DataRule
from housing.algorithms.registry import find
from housing.config.faults import Fault, Path, some_of
from housing.config.keys import BUILT_IN
from housing.config.schema import Algorithm
from housing.data.by_blocks import refused
from housing.data.description import Dataset
from housing.data.features import Features, native_keys
from housing.targets import registry as targets
from housing.tuning.space import Categorical, SearchSpace

_STORAGE = ("dataset", "storage")

_WHAT: Mapping[DataRule, str] = {
    "categorical_inputs": "levels as such",
    "monotone": "columns with which answers only rise or fall",
    "batches": "rows from disk, a batch after the other",
    "collective": "parts of the rows in several processes",
}
_INSTEAD: Mapping[DataRule, str] = {
    "categorical_inputs": "say one_hot or target instead",
    "monotone": "leave it out",
    "batches": "say memory, or auto",
    "collective": "let one worker train it (runner.workers: 1)",
}


def column_faults(
    features: Features, dataset: Dataset, algorithm: Algorithm, space: SearchSpace, runner: Any
) -> Iterator[Fault]:
    """Faults where the algorithm, some of its hyperparameters, or the target does not support what features ask for."""
    if dataset.storage == "disk" and (why := refused(dataset)):
        yield Fault(_STORAGE, f"rows that stay on disk come block by block, and {why}", "disk", _INSTEAD["batches"])
    if dataset.storage == "disk" and algorithm.bag > 1:
        rule = f"each of the {algorithm.bag} models of a bag takes different training rows, which are copied in memory"
        yield Fault(_STORAGE, rule, "disk", f"{_INSTEAD['batches']}, or leave algorithm.bag out")
    for path, asked in _asked(features, dataset):
        value, instead = _value(features, dataset, path), _INSTEAD[asked]
        if algorithm.code is not None or not _has(algorithm.name, asked):
            able = [f"algorithm={name}" for name in BUILT_IN if _has(name, asked)]
            rule = f"{algorithm.name} takes no {_WHAT[asked]}"
            yield Fault(path, rule, value, f"{instead}, or choose {some_of(able)}")
            continue
        if conflict := _conflict(algorithm, space, asked):
            yield Fault(path, f"{algorithm.name} takes no {_WHAT[asked]} with {conflict}", value, instead)
        if runner is not None and not targets.keeps(runner.name, asked, algorithm.kind):
            cannot = f"it is not given {_WHAT[asked]}" if asked != "batches" else "it is sent all rows at once"
            rule = f"where {algorithm.name} trains at target {runner.name}, {cannot}"
            yield Fault(path, rule, value, f"{instead}, or train here: target@runner=local")


def takes(name: str, features: Features, dataset: Dataset, runner: Any) -> bool:
    """Whether a built-in algorithm supports what the features ask for, at least with some hyperparameters."""
    return all(
        _has(name, asked) and (runner is None or targets.keeps(runner.name, asked, name))
        for _, asked in _asked(features, dataset)
    )


def may_stay_on_disk(dataset: Dataset, algorithm: Algorithm, space: SearchSpace, runner: Any) -> bool:
    """Whether the algorithm can read rows from disk, however many they are."""
    if algorithm.code is not None or algorithm.bag > 1 or refused(dataset) or not _has(algorithm.name, "batches"):
        return False
    if runner is not None and not targets.keeps(runner.name, "batches", algorithm.kind):
        return False
    return _conflict(algorithm, space, "batches") is None


def _asked(features: Features, dataset: Dataset) -> Iterator[tuple[Path, DataRule]]:
    for key in native_keys(dataset, features):
        yield ("features", *key.split(".")), "categorical_inputs"
    if features.monotone:
        yield ("features", "monotone"), "monotone"
    if dataset.storage == "disk":
        yield _STORAGE, "batches"


def _has(name: str, asked: DataRule) -> bool:
    return bool(getattr(find(name).capabilities, asked))


def _conflict(algorithm: Algorithm, space: SearchSpace, asked: DataRule) -> str | None:
    """A hyperparameter, fixed or searched, that excludes the rule asked for; None where there is none."""
    for name, values in find(algorithm.kind).capabilities.not_with.get(asked, {}).items():
        if algorithm.hyperparameters.get(name) in values:
            return f"{name} {algorithm.hyperparameters[name]}"
        searched = space.get(name)
        if isinstance(searched, Categorical) and (found := [one for one in searched.choices if one in values]):
            return f"{name} {found[0]}, which is searched"
    return None


def _value(features: Features, dataset: Dataset, path: Path) -> object:
    if path == _STORAGE:
        return dataset.storage
    if path[1] == "columns":
        return features.columns[path[2]].nominal
    found = getattr(features, path[1])
    return dict(found) if isinstance(found, Mapping) else found
