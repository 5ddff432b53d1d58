"""A composed configuration -> an `Experiment`, or every fault in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, fields, replace
from typing import Any

from housing.config import keys, structure
from housing.config.agreement import disagreements
from housing.config.algorithm_space import flattened, without_unusable
from housing.config.column_rules import may_stay_on_disk
from housing.config.faults import Fault, Path, did_you_mean, some_of
from housing.config.hyperparameters import NO_SUCH_HYPERPARAMETER, read_algorithm
from housing.config.schema import Algorithm, Experiment
from housing.config.task_defaults import with_task_defaults
from housing.data.description import Dataset
from housing.nearest import nearest
from housing.targets import registry as targets
from housing.tuning.space import ALGORITHM, SearchSpace

_OPEN = (
    *(
        ("search_space",),
        ("dataset", "columns"),
        ("features", "derived"),
        ("features", "columns"),
        ("features", "monotone"),
    ),
    ("deployment", "variants"),
)
"""Mappings whose keys are the user's own names, so that a wrong entry can be left out."""

_LARGEST_EXACT = 2**53 - 1
_MOST_NAMES = 40

_READERS = {
    "dataset": structure.read_dataset,
    "algorithm": read_algorithm,
}


def experiment_of(raw: Mapping[str, Any], faults: list[Fault]) -> Experiment | None:
    """Check every group, then across groups; None when faults were added."""
    before = len(faults)
    parts: dict[str, Any] = {}
    for field in fields(Experiment):
        if field.name in raw:
            parts[field.name] = _part(field.name, raw, faults)
        elif field.default is MISSING and field.default_factory is MISSING:
            faults.append(Fault((field.name,), structure.REQUIRED))
    faults.extend(Fault((str(key),), structure.UNKNOWN, value) for key, value in raw.items() if key not in _NAMES)
    parts = with_task_defaults(parts, faults)
    match parts:
        case {"search_space": dict() as space, "dataset": Dataset() as dataset, "runner": runner}:
            parts["search_space"] = without_unusable(space, dataset, parts.get("features"), runner)
    match parts:
        case {"algorithm": Algorithm() as algorithm, "dataset": Dataset() as dataset, "search_space": space}:
            parts["dataset"] = _with_storage(dataset, algorithm, space or {}, parts.get("runner"))
    faults.extend(disagreements(parts))
    faults.extend(_inexact(raw, ()))
    faults[before:] = _explained(_told_once(faults[before:]), raw)
    return None if len(faults) > before else Experiment(**parts)


def _with_storage(dataset: Dataset, algorithm: Algorithm, space: SearchSpace, runner: Any) -> Dataset:
    """The dataset, with `storage: auto` replaced by memory where rows cannot stay on disk."""
    may_stay = ALGORITHM not in space and may_stay_on_disk(dataset, algorithm, space, runner)
    return dataset if may_stay or dataset.storage != "auto" else replace(dataset, storage="memory")


_NAMES = {field.name for field in fields(Experiment)}


def _part(name: str, raw: Mapping[str, Any], faults: list[Fault]) -> Any:
    path = (name,)
    if name in ("runner", "host"):
        return _target(name, raw, faults)
    if name == "search_space":
        algorithm = raw.get("algorithm")
        configured = algorithm.get("name") if isinstance(algorithm, Mapping) else None
        return structure.read_search_space(flattened(raw[name], configured), path, faults)
    if name in _READERS:
        return _READERS[name](raw[name], path, faults)
    return structure.read(keys.type_hints(Experiment)[name], raw[name], path, faults)


def _target(slot: str, raw: Mapping[str, Any], faults: list[Fault]) -> Any:
    settings = keys.settings_of(raw, slot)
    if settings:
        return structure.read(settings, raw[slot], (slot,), faults)
    values = raw[slot]
    known = targets.names(slot)
    if not isinstance(values, Mapping):
        faults.append(Fault((slot,), "must be a mapping", values, f"choose a target by target@{slot}=<name>"))
    else:
        name = values.get("name")
        rule = f"no such target; available: {some_of(known)}"
        faults.append(Fault((slot, "name"), rule, name, did_you_mean(nearest(str(name), known))))
    return None


def _told_once(faults: list[Fault]) -> list[Fault]:
    """The faults, without those of `runner` and `host` that repeat one of a group they share, such as `rehearsal`."""
    own = {(fault.path, fault.rule) for fault in faults}
    return [f for f in faults if f.path[0] not in ("runner", "host") or (f.path[1:], f.rule) not in own]


def _explained(faults: list[Fault], raw: Mapping[str, Any]) -> list[Fault]:
    """The faults, with the nearest legal key added to each that is about an unknown key."""
    if not faults:
        return []
    tree, aliases = keys.legal(raw), keys.aliases(raw)
    return [_with_way_out(fault, tree, aliases) for fault in faults]


def _inexact(value: Any, path: Path) -> Iterator[Fault]:
    """Faults of whole numbers too large for JSON, and so for MLflow, Optuna and SageMaker."""
    if isinstance(value, Mapping | list):
        entries = value.items() if isinstance(value, Mapping) else enumerate(value)
        for key, below in entries:
            yield from _inexact(below, (*path, str(key)))
    elif isinstance(value, int) and abs(value) > _LARGEST_EXACT:
        rule = f"must lie within {_LARGEST_EXACT:,} of 0, as every record keeps it to the last digit"
        yield Fault(path, rule, value, "a name made of digits must be quoted")


def _with_way_out(fault: Fault, tree: keys.Tree, aliases: Mapping[str, str]) -> Fault:
    if fault.way_out:
        return fault
    if fault.value is None and fault.path[:-1] in _OPEN:
        name = ".".join(fault.path)
        return replace(fault, way_out=f"to leave it out, write ~{name}, or nothing where no file sets it")
    if fault.rule.startswith(structure.REQUIRED) and len(fault.path) > 2:
        # A mistyped name in an open mapping, such as variants, creates a new, incomplete entry.
        *above, name, missing = fault.path
        meant = nearest(name, _at(above, tree))
        return replace(fault, way_out=did_you_mean(".".join([*above, meant, missing]) if meant else None))
    if not fault.rule.endswith((structure.UNKNOWN, NO_SUCH_HYPERPARAMETER)):
        return fault
    path, value = _whole(fault)
    meant_path = keys.corrected(path, tree, aliases)
    known = next(filter(None, (_at(path[:depth], tree) for depth in range(len(path) - 1, -1, -1))), tree)
    way_out = did_you_mean(".".join(meant_path)) if meant_path else f"available: {some_of(known, _MOST_NAMES)}"
    return replace(fault, path=path, value=value, way_out=way_out)


def _whole(fault: Fault) -> tuple[Path, Any]:
    """The path and value as typed: a mistyped group holds a mapping with the keys meant for the right one."""
    path, value = fault.path, fault.value
    while isinstance(value, Mapping) and len(value) == 1:
        name, value = next(iter(value.items()))
        path = (*path, str(name))
    return path, value


def _at(path: Sequence[str], tree: keys.Tree) -> keys.Tree:
    for name in path:
        tree = tree.get(name, {})
    return tree
