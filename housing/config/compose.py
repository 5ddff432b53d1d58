"""conf/ and overrides -> one plain configuration, by Hydra; its errors in our own words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from housing.config import bounds, keys
from housing.config import faults as report
from housing.config.by_hydra import CONFIG, by_hydra, without_hydra
from housing.config.faults import Fault, did_you_mean, some_of
from housing.config.files import Files, line_of, package
from housing.config.interpolated import with_numbers
from housing.config.overrides import COMMAND_LINE, Overrides
from housing.config.searched import entry
from housing.config.vendor import GLOBAL, NEEDS_GLOBAL
from housing.nearest import nearest
from housing.secrets import masked_values, remember

_POINT = "hyperparameters"
"""The group of named points; their values go to `algorithm`, beside those of its own file."""

_EVERYWHERE: frozenset[report.Path] = frozenset({()})
"""Where nothing can be held against the schema, because something has to be mended before."""


@dataclass(frozen=True)
class Composed:
    """One configuration, not checked yet.

    `raw` is plain and resolved; `yaml` is unresolved, as Hydra shows it, and its secrets are masked.
    `chosen` maps a top-level key to the file chosen for it. `faults` were found on the way here; `unresolved` are the
    places of interpolations that lead nowhere. Composing `overrides` again gives the same.
    """

    raw: Mapping[str, Any]
    yaml: str
    files: Files
    chosen: Mapping[str, Path]
    overrides: Overrides
    faults: tuple[Fault, ...]
    unresolved: frozenset[report.Path]

    def where(self, path: report.Path) -> str:
        """The file and line, or the command line, that is responsible for a key."""
        if any(path[: len(key)] == key for key in self.overrides.keys):
            return COMMAND_LINE
        group = path[0] if path else ""
        point = self.chosen.get(_POINT) if group == "algorithm" else None
        files = (self.chosen.get("experiment"), point, self.chosen.get(group), self.files.find(CONFIG))
        for length in range(len(path), 0, -1):
            typed = any(key[:length] == path[:length] for key in self.overrides.keys)
            for file in filter(None, files):
                place = self._inside(file, path[:length])
                line = line_of(file, place)
                if line or not place:
                    shown = self.files.shown(file) + (f":{line}" if line else "")
                    return f"{shown}, {COMMAND_LINE}" if typed and length == len(path) else shown
            if typed:
                return COMMAND_LINE
        return self.files.shown(self.files.folders[-1] / f"{CONFIG}.yaml")

    def _inside(self, file: Path, path: report.Path) -> report.Path:
        """A file of a group has the group's name for its package."""
        is_point = path[:1] == ("algorithm",) and file == self.chosen.get(_POINT)
        return path[1:] if path and (is_point or self.chosen.get(path[0]) == file) else path


def compose(overrides: Overrides, files: Files) -> Composed:
    """Composes once; raises ConfigError for what leaves nothing to check (unreadable YAML, a missing file)."""
    cfg = by_hydra(overrides, files)
    choices = OmegaConf.to_container(cfg.hydra.runtime.choices)
    assert isinstance(choices, dict)
    return composed(without_hydra(cfg), choices, files, overrides)


def composed(cfg: DictConfig, choices: Mapping[Any, Any], files: Files, overrides: Overrides) -> Composed:
    """What Hydra composed, as plain values. `choices` maps what can stand before `=` to the option chosen."""
    chosen = {}
    for slot, option in choices.items():
        group, _, place = str(slot).partition("@")
        file = files.find(f"{group}/{option}")
        if file and not group.startswith("hydra/"):
            chosen[group if group == _POINT else place or group] = file  # a point stands beside its algorithm's file
    found = _package_faults(chosen, files) + _absent_faults(choices, files)
    plain = OmegaConf.to_container(cfg, resolve=False)
    assert isinstance(plain, dict)
    remember(plain)
    if fault := bounds.interpolation_fault(plain):
        return Composed(
            {str(key): value for key, value in plain.items()},
            _shown(cfg),
            files,
            chosen,
            overrides,
            (*found, fault),
            _EVERYWHERE,
        )
    _add_searched(cfg, overrides.searched, found)
    raw, unresolved = _resolved(cfg, found)
    if control := list(bounds.value_faults(raw)):
        return Composed(raw, _shown(cfg), files, chosen, overrides, (*found, *control), _EVERYWHERE)
    remember(raw)
    return Composed(raw, _shown(cfg), files, chosen, overrides, tuple(found), unresolved)


def hydra_yaml(overrides: Overrides, files: Files, *, everything: bool) -> str:
    """Hydra's own configuration, or everything: what `--cfg hydra` and `--cfg all` show."""
    cfg = by_hydra(overrides, files)
    remember(OmegaConf.to_container(cfg, resolve=False))
    return _shown(cfg if everything else OmegaConf.masked_copy(cfg, ["hydra"]))


def _shown(cfg: DictConfig) -> str:
    plain = OmegaConf.to_container(cfg, resolve=False)
    masked = masked_values(plain)
    text: str = OmegaConf.to_yaml(cfg if masked == plain else OmegaConf.create(masked))
    return text


def _package_faults(chosen: Mapping[str, Path], files: Files) -> list[Fault]:
    """A file whose `# @package` line sends its values somewhere else than where they are looked for."""
    found = []
    for key, file in chosen.items():
        header = package(file)
        where = files.shown(file)
        if key == "experiment" and header != GLOBAL:
            found.append(Fault((key,), NEEDS_GLOBAL, where=where))
        elif key != "experiment" and header not in (None, key):
            rule = f"`# @package {header}` sends the values away from {key}"
            found.append(Fault((key,), rule, way_out="leave the line out", where=where))
    return found


def _absent_faults(choices: Mapping[Any, Any], files: Files) -> list[Fault]:
    """Options without a file, in groups where Hydra lets that pass; the default one of an algorithm may be absent."""
    found = []
    algorithm = choices.get("algorithm")
    optional = {"search_space": ("quick", "walkthrough"), f"{_POINT}@algorithm": ("walkthrough", "best")}
    for slot, names in optional.items():
        group, option = slot.partition("@")[0], choices.get(slot)
        if option not in (None, *(f"{algorithm}/{name}" for name in names)) and files.find(f"{group}/{option}") is None:
            options = files.groups().get(group, [])
            way_out = did_you_mean(nearest(str(option), options)) or f"there is {some_of(options)}"
            found.append(Fault((group,), f"there is no {group}/{option}.yaml", way_out=way_out))
    return found


def _add_searched(cfg: DictConfig, searched: Mapping[str, str], faults: list[Fault]) -> None:
    """Puts what was typed in Hydra's sweep syntax into the search space, whole: nothing is left of an entry before."""
    table = keys.hyperparameters(cfg) if searched else {}
    for name, token in searched.items():
        sweep = OverridesParser.create().parse_override(token).value()
        try:
            value = entry(sweep, whole=name in table and table[name].kind == "int")
        except ValueError as error:
            faults.append(Fault((token,), str(error), where=COMMAND_LINE))
        else:
            OmegaConf.update(cfg, f"search_space.{name}", dict(value), merge=False, force_add=True)


def _resolved(cfg: DictConfig, faults: list[Fault]) -> tuple[dict[str, Any], frozenset[report.Path]]:
    """Plain values with interpolations worked out, and the places of those that could not be."""
    try:
        plain = OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException:
        plain = OmegaConf.to_container(cfg, resolve=False)
    else:
        return with_numbers(cfg, plain), frozenset()
    assert isinstance(plain, dict)
    unresolved: set[report.Path] = set()
    _resolve_each(cfg, plain, (), faults, unresolved)
    return with_numbers(cfg, plain), frozenset(unresolved)


def _resolve_each(node: Any, plain: Any, path: report.Path, faults: list[Fault], unresolved: set[report.Path]) -> None:
    for key in range(len(node)) if isinstance(node, ListConfig) else list(node):
        place = (*path, str(key))
        try:
            value = node[key]
        except OmegaConfBaseException as error:
            unresolved.add(place)
            text = str(plain[key])
            named = re.search(r"'([^']+)' not found", str(error))
            # What only refers to a broken value is not broken itself.
            if named is None or named[1] in text:
                faults.append(Fault(place, _interpolation_rule(text, error, named), plain[key]))
            continue
        if not isinstance(value, DictConfig | ListConfig):
            plain[key] = value
        elif isinstance(plain[key], dict | list):
            _resolve_each(value, plain[key], place, faults, unresolved)
        else:
            plain[key] = OmegaConf.to_container(value)


def _interpolation_rule(text: str, error: Exception, named: re.Match[str] | None) -> str:
    if text == "???":
        return "has no value yet"
    if named and "oc.env" in text:
        return f"the environment variable {named[1]} is not set"
    if named:
        return f"refers to {named[1]}, which does not exist"
    return f"cannot be worked out: {str(error).splitlines()[0]}"
