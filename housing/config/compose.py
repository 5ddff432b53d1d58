"""conf/ and overrides -> one plain configuration, composed by Hydra."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from housing.config import faults as report
from housing.config import interpolated, keys
from housing.config.bases import Base
from housing.config.faults import Fault, did_you_mean, some_of
from housing.config.files import CONFIG, GLOBAL, NEEDS_GLOBAL, Files, line_of, package
from housing.config.overrides import COMMAND_LINE, Overrides
from housing.data.features import FROM_DESCRIPTION
from housing.nearest import nearest
from housing.secrets import masked_values, remember

_POINT = "hyperparameters"
"""The group of named sets of hyperparameters; their values are merged into `algorithm`."""


@dataclass(frozen=True)
class Composed:
    """One composed configuration, not checked yet.

    `cfg` is what Hydra composed, `raw` is plain and resolved. `chosen` maps a top-level key to the file chosen for it.
    `faults` were found while composing; `unresolved` are the paths of interpolations that could not be resolved.
    Composing `overrides` again gives the same.
    """

    cfg: DictConfig
    raw: Mapping[str, Any]
    files: Files
    chosen: Mapping[str, Path]
    overrides: Overrides
    faults: tuple[Fault, ...]
    unresolved: frozenset[report.Path]

    @cached_property
    def yaml(self) -> str:
        """The YAML as Hydra shows it: interpolations unresolved, secrets masked."""
        return _shown(self.cfg)

    def where(self, path: report.Path) -> str:
        """The file and line, or the command line, that sets a key."""
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
        """The path of a key inside a group's file, whose package is the group's name."""
        is_point = path[:1] == ("algorithm",) and file == self.chosen.get(_POINT)
        return path[1:] if path and (is_point or self.chosen.get(path[0]) == file) else path


def completed(base: Base, files: Files, overrides: Overrides) -> Composed:
    """What Hydra composed, as plain values; changes `base.cfg`."""
    cfg, chosen = base.cfg, {}
    plain = _with_automatic(cfg)
    for slot, option in base.choices.items():
        group, _, place = str(slot).partition("@")
        file = files.find(f"{group}/{option}")
        if file and not group.startswith("hydra/"):
            chosen[group if group == _POINT else place or group] = file  # a point is merged with its algorithm's file
    found = _absent_faults(base.choices, files) + _package_faults(chosen, files)
    found += interpolated.password_faults(plain)
    if fault := interpolated.endless_fault(plain):
        found.append(fault)
        raw, unresolved = {str(key): value for key, value in plain.items()}, interpolated.EVERYWHERE
    else:
        if overrides.searched:
            _add_searched(cfg, overrides.searched, found)
        raw, unresolved = interpolated.resolved(cfg, found)
    remember(plain)
    remember(raw)
    return Composed(cfg, raw, files, chosen, overrides, tuple(found), unresolved)


def _with_automatic(cfg: DictConfig) -> dict[Any, Any]:
    """Plain, unresolved values, after `features=auto` has been filled in."""
    plain = OmegaConf.to_container(cfg, resolve=False)
    assert isinstance(plain, dict)
    features = plain.get("features")
    if not isinstance(features, dict) or features.get(FROM_DESCRIPTION) is not True:
        return plain
    from housing.config import automatic

    automatic.fill(cfg, plain)
    filled = OmegaConf.to_container(cfg, resolve=False)
    assert isinstance(filled, dict)
    return filled


def hydra_yaml(overrides: Overrides, files: Files, *, everything: bool) -> str:
    """Hydra's own configuration, or everything: what `--cfg hydra` and `--cfg all` show."""
    from housing.config.by_hydra import by_hydra, translated

    with translated(files):
        cfg = by_hydra(overrides, files)
    remember(OmegaConf.to_container(cfg, resolve=False))
    return _shown(cfg if everything else OmegaConf.masked_copy(cfg, ["hydra"]))


def _shown(cfg: DictConfig) -> str:
    plain = OmegaConf.to_container(cfg, resolve=False)
    masked = masked_values(plain)
    text: str = OmegaConf.to_yaml(cfg if masked == plain else OmegaConf.create(masked))
    return text


def _package_faults(chosen: Mapping[str, Path], files: Files) -> list[Fault]:
    """Faults of files whose `# @package` line puts their values in another place than where they are read."""
    found = []
    for key, file in chosen.items():
        header = package(file)
        if key == "experiment" and header != GLOBAL:
            found.append(Fault((key,), NEEDS_GLOBAL, where=files.shown(file)))
        elif key != "experiment" and header not in (None, key):
            rule = f"`# @package {header}` sends the values away from {key}"
            found.append(Fault((key,), rule, way_out="leave the line out", where=files.shown(file)))
    return found


def _absent_faults(choices: Mapping[Any, Any], files: Files) -> list[Fault]:
    """Faults of options without a file in groups where Hydra ignores that; an algorithm's default one may be absent."""
    found = []
    algorithm = choices.get("algorithm")
    optional = {"search_space": ("quick", "walkthrough"), f"{_POINT}@algorithm": ("walkthrough", "best")}
    for slot, names in optional.items():
        group, option = slot.partition("@")[0], choices.get(slot)
        if option not in (None, *(f"{algorithm}/{name}" for name in names)) and files.find(f"{group}/{option}") is None:
            options = files.groups.get(group, [])
            way_out = did_you_mean(nearest(str(option), options)) or f"available: {some_of(options)}"
            found.append(Fault((group,), f"there is no {group}/{option}.yaml", way_out=way_out))
    return found


def _add_searched(cfg: DictConfig, searched: Mapping[str, str], faults: list[Fault]) -> None:
    """Put overrides in Hydra's sweep syntax into the search space, each replacing the whole entry."""
    from hydra.core.override_parser.overrides_parser import OverridesParser

    from housing.config.searched import entry

    table = keys.hyperparameters(cfg)
    for name, token in searched.items():
        sweep = OverridesParser.create().parse_override(token).value()
        try:
            value = entry(sweep, whole=name in table and table[name].kind == "int")
        except ValueError as error:
            faults.append(Fault((token,), str(error), where=COMMAND_LINE))
        else:
            OmegaConf.update(cfg, f"search_space.{name}", dict(value), merge=False, force_add=True)
