"""Which keys a configuration may have, derived from the typed classes; and corrections of mistyped ones."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from housing.algorithms import registry as algorithms
from housing.algorithms.base import Hyperparameter, Hyperparameters
from housing.algorithms.own_code import Image
from housing.config.faults import Path
from housing.config.schema import CHOOSABLE, Experiment, Script
from housing.nearest import nearest
from housing.targets import registry as targets

DECLARED = "hyperparameters"
SECTIONS: Mapping[str, type[Any]] = {"script": Script, "container": Image}
"""The sections of a user's own algorithm besides its name and values: its declarations and its code."""

BAG: Mapping[str, Hyperparameter] = {
    "bag": Hyperparameter("int", "so many models are fitted, and the mean of their answers is the model", low=1),
    "bag_over": Hyperparameter(
        "text",
        "what they differ by: seeds, or the fold of rows that each leaves out",
        choices=("seeds", "folds"),
    ),
}
"""The keys of a built-in algorithm besides its name and hyperparameters."""

BUILT_IN = [name for name in algorithms.names() if name not in algorithms.OWN_CODE]
"""The names of algorithms other than the user's own code."""

Tree = dict[str, Any]
"""Key -> the tree below it, empty for a plain value."""


def legal(raw: Mapping[str, Any]) -> Tree:
    """Every key that this configuration may have. Of open mappings (columns, variants), the keys that are present."""
    hints = type_hints(Experiment)
    tree: Tree = {name: _below(kind, raw.get(name)) for name, kind in hints.items()}
    table = hyperparameters(raw)
    own = _own_code(raw)
    tree["algorithm"] = {"name": {}, **own, **{name: {} for name in (*(() if own else BAG), *table)}}
    tree["search_space"] = {name: {} for name in searchable(table)} | tree["search_space"]
    for slot in ("runner", "host"):
        settings = settings_of(raw, slot)
        tree[slot] = _below(settings, None) if settings else {}
    return tree | {"experiment": {}, "target": {}}


def is_text(path: Path, raw: Mapping[str, Any]) -> bool:
    """Whether the value there must be text (or null), such as a name, an id or an address."""
    kinds: list[Any] = [Experiment]
    match path:
        case ("algorithm", name):
            rules = BAG.get(name) or hyperparameters(raw).get(name)
            return name == "name" or (rules is not None and rules.kind == "text")
        case ("algorithm", section, *names):
            kinds = [SECTIONS[section]] if section in SECTIONS else []
        case ("runner" | "host" as slot, *names):
            chosen = settings_of(raw, slot)
            kinds = [chosen] if chosen else [targets.find(each).Settings for each in targets.names(slot)]
        case names:
            pass
    for name in names:
        kinds = [below for kind in kinds for below in _inside(kind, name)]
    members = {member for kind in kinds for member in _members(kind)}
    return str in members and not members & {int, float, bool}


def _inside(kind: Any, name: str) -> Iterator[Any]:
    """The types that the value of field `name` may have, in a value of type `kind`."""
    for member in _members(kind):
        if is_dataclass(member) and isinstance(member, type) and name in type_hints(member):
            yield type_hints(member)[name]
        elif get_origin(member) in (Mapping, Sequence, tuple, list):
            yield get_args(member)[-1] if get_origin(member) is Mapping else get_args(member)[0]


def _members(kind: Any) -> Iterator[Any]:
    if get_origin(kind) in (Union, types.UnionType):
        for member in get_args(kind):
            yield from _members(member)
    elif get_origin(kind) is Literal:
        yield from {type(value) for value in get_args(kind)}
    else:
        yield kind


def corrected(path: Path, tree: Tree, aliases: Mapping[str, str] | None = None) -> Path | None:
    """The legal path that was probably meant; None for a legal path, and where none is similar.

    `aliases` are other libraries' names of hyperparameters.
    """
    if aliases and path[-1] in aliases and len(path) <= 2 and path[0] in ("algorithm", "search_space", path[-1]):
        group = path[0] if len(path) == 2 else "algorithm"
        return group, aliases[path[-1]]
    right: list[str] = []
    node = tree
    for name in path:
        if node and name not in node:
            meant = nearest(name, node) or _with_word(name, node)
            if meant is None:
                # Inside an existing group, another group's key is suggested only for an exact match.
                return _elsewhere(path[-1], tree, alike=not right)
            name = meant  # noqa: PLW2901
        right.append(name)
        node = node.get(name, {})
    return tuple(right) if tuple(right) != path else None


def _with_word(name: str, node: Tree) -> str | None:
    """The only key that has `name` as one of its words: `role_arn` for `role`."""
    found = [key for key in node if name.casefold() in key.split("_")]
    return found[0] if len(found) == 1 else None


def hyperparameters(raw: Mapping[str, Any]) -> Hyperparameters:
    """The hyperparameters of the chosen algorithm; empty when it does not exist."""
    algorithm = raw.get("algorithm")
    if not isinstance(algorithm, Mapping):
        return {}
    if isinstance(declared := algorithm.get(DECLARED), Mapping):
        return {str(name): _roughly(entry) for name, entry in declared.items()}
    name = algorithm.get("name")
    return algorithms.find(name).hyperparameters if name in BUILT_IN else {}


def aliases(raw: Mapping[str, Any]) -> Mapping[str, str]:
    """Aliases of the chosen algorithm's hyperparameters in other libraries and APIs."""
    algorithm = raw.get("algorithm")
    name = algorithm.get("name") if isinstance(algorithm, Mapping) else None
    found: Mapping[str, str] = algorithms.find(name).aliases if name in BUILT_IN else {}
    return found


def searchable(table: Hyperparameters) -> list[str]:
    """The names that a search space may have: groups to choose from, and tunable hyperparameters."""
    return [*CHOOSABLE, *(name for name, rules in table.items() if rules.tunable)]


def settings_of(raw: Mapping[str, Any], slot: str) -> type[Any] | None:
    """The settings class of the target in a slot (`runner`, `host`); None when there is no such target."""
    values = raw.get(slot)
    name = values.get("name") if isinstance(values, Mapping) else None
    if not isinstance(name, str) or name not in targets.names(slot):
        return None
    settings: type[Any] = targets.find(name).Settings
    return settings


@cache
def type_hints(kind: type[Any]) -> dict[str, Any]:
    """A dataclass's fields with their types."""
    return get_type_hints(kind)


def tag(union: Any) -> tuple[str, dict[str, type[Any]]] | None:
    """For a union of dataclasses told apart by a Literal field: the field, and its values with their classes."""
    members: list[Any] = [m for m in get_args(union) if is_dataclass(m)]
    if len(members) < 2:
        return None
    for name in [f.name for f in fields(members[0])]:
        hints = [type_hints(member).get(name) for member in members]
        if all(get_origin(hint) is Literal and len(get_args(hint)) == 1 for hint in hints):
            return name, {get_args(hint)[0]: member for hint, member in zip(hints, members, strict=True)}
    return None


def required(kind: type[Any]) -> list[str]:
    """Names of a dataclass's fields that have no default."""
    return [f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING]


def requires_values(key: str) -> bool:
    """Whether a top-level key is a group of which some values have no default."""
    kind = type_hints(Experiment).get(key)
    return isinstance(kind, type) and is_dataclass(kind) and bool(required(kind))


def _roughly(entry: Any) -> Hyperparameter:
    """A declared hyperparameter, not checked yet, as far as its kind and tunability can be read."""
    values = entry if isinstance(entry, Mapping) else {}
    return Hyperparameter(values.get("kind", "float"), tunable=values.get("tunable") is not False)


def _own_code(raw: Mapping[str, Any]) -> Tree:
    """The sections of a user's own algorithm; empty for a built-in one."""
    algorithm = raw.get("algorithm")
    sections = {name: kind for name, kind in SECTIONS.items() if isinstance(algorithm, Mapping) and name in algorithm}
    if not sections:
        return {}
    declared = _below(Mapping[str, Hyperparameter], algorithm.get(DECLARED) if algorithm else None)
    return {DECLARED: declared, **{name: _below(kind, None) for name, kind in sections.items()}}


def _below(kind: Any, value: Any) -> Tree:
    if get_origin(kind) in (Union, types.UnionType):
        return _below_union(kind, value)
    if get_origin(kind) is Mapping:
        entries = value if isinstance(value, Mapping) else {}
        return {str(name): _below(get_args(kind)[1], entry) for name, entry in entries.items()}
    if is_dataclass(kind) and isinstance(kind, type):
        values = value if isinstance(value, Mapping) else {}
        return {name: _below(hint, values.get(name)) for name, hint in type_hints(kind).items()}
    return {}


def _below_union(kind: Any, value: Any) -> Tree:
    found = tag(kind)
    if found and isinstance(value, Mapping):
        name, members = found
        member = members.get(str(value.get(name)))
        if member:
            return _below(member, value)
    merged: Tree = {}
    for member in get_args(kind):
        merged |= _below(member, value)
    return merged


def _elsewhere(name: str, tree: Tree, *, alike: bool) -> Path | None:
    """`max_depth` -> `algorithm.max_depth`: the only place two levels down that has the name, or a name like it."""
    # A search space repeats the algorithm's names; a bare name means the algorithm's value.
    places = list(_paths({group: below for group, below in tree.items() if group != "search_space"}))
    for wanted in (name, nearest(name, {p[-1] for p in places}) if alike else None):
        found = [p for p in places if p[-1] == wanted]
        if len(found) == 1:
            return found[0]
    return None


def _paths(tree: Tree) -> Iterator[Path]:
    for group, below in tree.items():
        for name in below:
            yield group, name
