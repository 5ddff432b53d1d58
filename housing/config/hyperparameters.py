"""Checks values and distributions of hyperparameters against what the algorithm declares for each."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from housing.algorithms import registry as algorithms
from housing.algorithms.base import Hyperparameter, Hyperparameters
from housing.algorithms.own_code import Program
from housing.config import keys
from housing.config.faults import Fault, Path, did_you_mean, some_of
from housing.config.files import Files
from housing.config.own_code import read_code, read_declared
from housing.config.schema import CHOOSABLE, Algorithm, BagOver
from housing.nearest import nearest
from housing.tuning.space import Categorical, Distribution, Float, SearchSpace, partition

NO_SUCH_HYPERPARAMETER = "has no such hyperparameter"

_OPEN_END = 1e-12
"""A `low` below this stands for "more than 0"."""


def read_algorithm(raw: Any, path: Path, faults: list[Fault]) -> Algorithm | None:
    """The algorithm from its flat group (`name`, then hyperparameters), wrong values left out; None when it does not
    exist.
    """
    if not isinstance(raw, Mapping):
        faults.append(Fault(path, "must be a mapping: `name`, then hyperparameters", raw))
        return None
    if any(section in raw for section in keys.SECTIONS):
        return _own_algorithm(raw, path, faults)
    name = raw.get("name")
    if name not in keys.BUILT_IN:
        rule = f"no such algorithm; available: {some_of(keys.BUILT_IN)}, and whatever has a script or a container"
        faults.append(Fault((*path, "name"), rule, name, did_you_mean(nearest(str(name), keys.BUILT_IN))))
        return None
    algorithm = algorithms.find(name)
    if install := algorithm.missing_library():
        faults.append(Fault((*path, "name"), f"needs {algorithm.library}, which is not installed", name, install))
    has = algorithm.capabilities
    # The task fills them in.
    left_open = {key: None for key in (has.loss, has.round_metrics) if key in raw and raw[key] is None}
    never = {has.early_stopping} if raw.get(has.early_stopping, 0) is None else set()
    given = {key: value for key, value in raw.items() if key not in {*left_open, *never, *keys.BAG}}
    values = _values(given, algorithm.hyperparameters, name, path, faults)
    values = {str(key): left_open.get(key, values.get(key)) for key in raw if key in left_open or key in values}
    faults.extend(
        Fault((*path, key), f"{name} needs it, and nothing sets it") for key in algorithm.required if key not in raw
    )
    bag, bag_over = _read_bag(raw, path, faults)
    return Algorithm(name, values, bag=bag, bag_over=bag_over)


def _read_bag(raw: Mapping[Any, Any], path: Path, faults: list[Fault]) -> tuple[int, BagOver]:
    bag, over = raw.get("bag", 1), raw.get("bag_over", "seeds")
    broken = rule_broken(keys.BAG["bag"], bag)
    if broken:
        faults.append(Fault((*path, "bag"), broken, bag))
    if wrong := rule_broken(keys.BAG["bag_over"], over):
        faults.append(Fault((*path, "bag_over"), wrong, over))
    elif over == "folds" and bag == 1:
        rule = "says what each of several models leaves out, but algorithm.bag makes only one"
        faults.append(Fault((*path, "bag_over"), rule, over, "set algorithm.bag=5, too"))
    return (1 if broken else bag), ("folds" if over == "folds" else "seeds")


def _own_algorithm(raw: Mapping[Any, Any], path: Path, faults: list[Fault]) -> Algorithm | None:
    name = raw.get("name")
    if not isinstance(name, str) or not name or name in keys.BUILT_IN:
        rule = f"must be a name that no built-in algorithm has ({some_of(keys.BUILT_IN)})"
        faults.append(Fault((*path, "name"), rule, name))
        name = "it"
    before = len(faults)
    code = read_code(raw, path, faults)
    declared = read_declared(raw, path, faults)
    place = (*path, keys.DECLARED)
    for key, rules in declared.items():
        if rules.default is not None and (broken := rule_broken(rules, rules.default)):
            faults.append(Fault((*place, key, "default"), broken, rules.default))
    if code is not None and code.rounds is not None and code.rounds not in declared:
        section = "script" if isinstance(code, Program) else "container"
        meant = did_you_mean(nearest(code.rounds, declared))
        faults.append(Fault((*path, section, "rounds"), "must be a declared hyperparameter", code.rounds, meant))
    known = {key for key in raw if key in ("name", keys.DECLARED, *keys.SECTIONS)}
    typed = _values({key: value for key, value in raw.items() if key not in known}, declared, name, path, faults)
    if len(faults) > before and code is None:
        return None
    defaults = {key: _normal(rules, rules.default) for key, rules in declared.items() if rules.default is not None}
    return Algorithm(name, defaults | typed, code, declared)


def _values(
    raw: Mapping[Any, Any], table: Hyperparameters, algorithm: str, path: Path, faults: list[Fault]
) -> dict[str, Any]:
    values = {}
    for key, value in raw.items():
        if key == "name":
            continue
        rules = table.get(key)
        broken = rule_broken(rules, value) if rules else f"{algorithm} {NO_SUCH_HYPERPARAMETER}"
        if broken:
            way_out = _left_out(path, key) if rules and value is None else ""
            faults.append(Fault((*path, str(key)), broken, value, way_out))
        elif rules:
            values[str(key)] = _normal(rules, value)
    return values


def _left_out(path: Path, key: Any) -> str:
    return f"to leave it out, write ~{'.'.join((*path, str(key)))}, or nothing where no file sets it"


def rule_broken(rules: Hyperparameter, value: Any) -> str | None:
    """The rule that a value breaks; None when it breaks none."""
    if not rules.many:
        return _rule_of_one(rules, value)
    if not isinstance(value, list | tuple):
        return f"must be a list: [{value}]"
    if not value or len({str(v) for v in value}) < len(value):
        return "must name at least one, and none twice"
    return next((rule for rule in (_rule_of_one(rules, v) for v in value) if rule), None)


def space_faults(space: SearchSpace, algorithm: Algorithm, path: Path) -> list[Fault]:
    """Faults of distributions beyond what the algorithm allows, of hyperparameters that cannot be tuned, and of unknown
    options.
    """
    table = algorithm.table
    known = keys.searchable(table)
    hyperparameters, groups = partition(space, groups=CHOOSABLE)
    faults = [fault for name, distribution in groups.items() for fault in _choice_faults(name, distribution, path)]
    chosen = groups.get("algorithm")
    among = [str(choice) for choice in chosen.choices] if isinstance(chosen, Categorical) else []
    for whole_name, distribution in hyperparameters.items():
        owner, _, name = whole_name.rpartition(".")
        place = (*path, *filter(None, (owner,)), name)
        if owner and owner not in among:
            meant = nearest(owner, among)
            way_out = did_you_mean(".".join((*path, meant))) if meant else f"available: {some_of(among)}"
            faults.append(Fault((*path, owner), "is none of the algorithms that are searched", way_out=way_out))
            continue
        if owner not in ("", algorithm.name):
            continue  # it is checked where that algorithm is chosen
        rules = table.get(name)
        if rules is None:
            other = algorithm.aliases.get(name)
            meant = other if other in known else nearest(name, known)
            way_out = did_you_mean(".".join((*place[:-1], meant))) if meant else f"it can tune {some_of(known, 40)}"
            faults.append(Fault(place, f"{algorithm.name} {NO_SUCH_HYPERPARAMETER}", way_out=way_out))
        elif not rules.tunable:
            faults.append(Fault(place, "cannot be tuned", way_out=f"set algorithm.{name} instead"))
        else:
            faults.extend(_distribution_faults(distribution, rules, place))
    return faults


def _choice_faults(group: str, distribution: Distribution, path: Path) -> list[Fault]:
    if not isinstance(distribution, Categorical):
        rule = f"must be categorical: choices are options of {group}/"
        return [Fault((*path, group, "type"), rule, distribution.type)]
    return [
        Fault((*path, group, "choices"), f"must be names of options of {group}/", choice)
        for choice in distribution.choices
        if not isinstance(choice, str)
    ]


def option_faults(space: SearchSpace, files: Files, path: Path) -> list[Fault]:
    """Faults of choices over groups whose options have no file."""
    faults = []
    _, groups = partition(space, groups=CHOOSABLE)
    for group, distribution in groups.items():
        known = files.groups[group]
        for choice in distribution.choices if isinstance(distribution, Categorical) else ():
            if choice not in known:
                rule = f"no such option; available: {some_of(known)}"
                way_out = did_you_mean(nearest(str(choice), known))
                faults.append(Fault((*path, group, "choices"), rule, choice, way_out))
    return faults


def _distribution_faults(distribution: Distribution, rules: Hyperparameter, place: Path) -> list[Fault]:
    if isinstance(distribution, Categorical):
        broken = ((choice, rule_broken(rules, choice)) for choice in distribution.choices)
        return [Fault((*place, "choices"), rule, choice) for choice, rule in broken if rule]
    if rules.kind in ("text", "bool"):
        return [Fault((*place, "type"), "must be categorical: this one is not a number", distribution.type)]
    if isinstance(distribution, Float) and rules.kind == "int":
        return [Fault((*place, "type"), "must be int: this one takes whole numbers", "float", "write type: int")]
    bounds = (("low", distribution.low), ("high", distribution.high))
    outside = ((end, value, rule_broken(rules, value)) for end, value in bounds)
    return [Fault((*place, end), rule, value) for end, value, rule in outside if rule]


def _rule_of_one(rules: Hyperparameter, value: Any) -> str | None:
    if rules.kind == "bool":
        return None if isinstance(value, bool) else "must be true or false"
    if rules.kind == "text":
        options = rules.choices or ()
        if not isinstance(value, str):
            return f"must be one of {some_of(options)}"
        if options and value not in options:
            meant = nearest(value, options)
            return f"must be one of {some_of(options)}" + (f"; did you mean {meant}?" if meant else "")
        return None
    number = isinstance(value, int) if rules.kind == "int" else isinstance(value, int | float)
    fits = (
        number
        and not isinstance(value, bool)
        and math.isfinite(value)
        and (rules.low is None or value >= rules.low)
        and (rules.high is None or value <= rules.high)
    )
    return None if fits else f"must be a {'whole ' if rules.kind == 'int' else ''}number{_range(rules)}"


def _range(rules: Hyperparameter) -> str:
    low, high = _shown(rules.low), _shown(rules.high)
    if rules.low is None:
        return "" if rules.high is None else f", {high} or less"
    if 0 < rules.low < _OPEN_END:
        return " more than 0" if rules.high is None else f" more than 0, {high} or less"
    return f", {low} or more" if rules.high is None else f" in [{low}, {high}]"


def _shown(bound: float | None) -> str:
    return "" if bound is None else str(bound) if isinstance(bound, int) else f"{bound:g}"


def _normal(rules: Hyperparameter, value: Any) -> Any:
    """The same form for equal values: 1 and 1.0 are the same learning rate."""
    if rules.many:
        return tuple(value)
    return float(value) if rules.kind == "float" else value
