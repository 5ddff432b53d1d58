"""`features=auto`: choices made from a dataset's description, and from what the algorithm and the target support.

No row is read for it, so `--cfg job` shows the result: YAML that can be kept as a features file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

from omegaconf import DictConfig, OmegaConf

from housing.algorithms.registry import find
from housing.config.keys import BUILT_IN
from housing.data.features import FROM_DESCRIPTION, MOST_ONE_HOT
from housing.errors import HousingError
from housing.targets import registry as targets
from housing.tasks import base as tasks

_WIDE = 10
"""From this ratio of highest to lowest value on, a label gets a logarithmic transform."""

_MOST_DATES = 3


def fill(cfg: DictConfig, plain: Mapping[Any, Any]) -> None:
    """Put the choices into `cfg.features`; what is set there already stays. `plain` holds the values of `cfg`."""
    features, dataset = plain["features"], plain.get("dataset")
    columns = dataset.get("columns") if isinstance(dataset, dict) else None
    if not isinstance(dataset, dict) or not isinstance(columns, dict):
        return
    described = {str(name): one for name, one in columns.items() if isinstance(one, dict)}
    inputs = {name: one for name, one in described.items() if name != dataset.get("label")}
    chosen: dict[str, Any] = {
        "nominal": "one_hot",
        "ordinal": "rank",
        "label_transform": _transform(dataset, described.get(str(dataset.get("label")), {})),
        "columns": dict(_native(inputs)) if _is_told_of_levels(plain) else {},
        "derived": dict(_elapsed(inputs)),
    }
    del cfg["features"][FROM_DESCRIPTION]
    for key, value in chosen.items():
        own = features.get(key)
        OmegaConf.update(cfg, f"features.{key}", _joined(value, own), merge=False, force_add=True)


def _joined(value: Any, own: Any) -> Any:
    if isinstance(value, dict) and isinstance(own, dict):
        return {**value, **own}
    return value if own is None else own


def _transform(dataset: Mapping[str, Any], label: Mapping[str, Any]) -> str:
    """The label transform: log where the declared range is above 0 and wide (`_WIDE`) or open, else none."""
    low, high = label.get("low"), label.get("high")
    try:
        able: tuple[str, ...] = tasks.find(str(dataset.get("task") or tasks.DEFAULT)).transforms
    except (ModuleNotFoundError, HousingError):
        return "none"
    if label.get("kind") != "numeric" or "log" not in able or not isinstance(low, int | float) or low <= 0:
        return "none"
    return "log" if not isinstance(high, int | float) or high >= _WIDE * low else "none"


def _is_told_of_levels(plain: Mapping[Any, Any]) -> bool:
    """Whether the algorithm is known and handles levels natively, and the target passes them on."""
    algorithm, runner, space = (plain.get(key) for key in ("algorithm", "runner", "search_space"))
    name = algorithm.get("name") if isinstance(algorithm, dict) else None
    if name not in BUILT_IN or (isinstance(space, dict) and "algorithm" in space):
        return False
    has = find(name).capabilities
    assert isinstance(algorithm, dict)
    if not has.categorical_inputs or any(
        algorithm.get(key) in values for key, values in has.not_with.get("categorical_inputs", {}).items()
    ):
        return False
    target = runner.get("name") if isinstance(runner, dict) else None
    return target is None or (target in targets.names("runner") and targets.keeps(target, "categorical_inputs", name))


def _native(inputs: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, dict[str, str]]]:
    """Columns with few, declared levels, as native ones; with more or unknown levels the mean label may tell more."""
    for name, one in inputs.items():
        levels = one.get("levels")
        if one.get("kind") == "nominal" and isinstance(levels, list) and 2 < len(levels) <= MOST_ONE_HOT:
            yield name, {"nominal": "native"}


def _elapsed(inputs: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    dates = [name for name, one in inputs.items() if one.get("kind") == "date"]
    for one, other in combinations(dates[:_MOST_DATES], 2):
        name = f"{one}_since_{other}"
        if name not in inputs:
            yield name, {"operation": "elapsed_days", "columns": [one, other]}
