"""Configurations that differ in values alone: Hydra reads the files once for each choice of options."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from housing.config import kept
from housing.config.files import Files
from housing.config.overrides import Overrides
from housing.config.plain_override import PlainOverride, plain_override
from housing.config.vendor import translated

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override

_MOST = 32


@dataclass(frozen=True)
class Base:
    """What Hydra composed, apart from its own part; `choices` maps what can stand before `=` to the option chosen."""

    cfg: DictConfig
    choices: dict[Any, Any]


def composed_by_hydra(overrides: Overrides, files: Files) -> Base:
    """All overrides at work, on an object that nobody else has.

    Raises ConfigError for what leaves nothing to check (unreadable YAML, a missing file).
    """
    base = _base_of(overrides, files)
    cfg = deepcopy(base.cfg)
    try:
        for override in overrides.composed:
            if _is_value(override):
                # What Hydra does for `++` once it has composed.
                parsed = _parsed(override)
                OmegaConf.update(cfg, parsed.key_or_group, parsed.value(), merge=True, force_add=True)
            elif _is_deletion(override, overrides):
                _delete(cfg, override)
    except (OmegaConfBaseException, LookupError):
        return _composed(overrides, files)  # Hydra's own words for what is wrong with it
    return replace(base, cfg=cfg)


def _delete(cfg: DictConfig, override: str) -> None:
    """Raises LookupError where only Hydra knows what is meant."""
    place, _, name = override.removeprefix("~").rpartition(".")
    node = OmegaConf.select(cfg, place) if place else cfg
    if not isinstance(node, DictConfig) or name not in node:
        raise LookupError(override)
    with open_dict(node):
        del node[name]


def _parsed(override: str) -> PlainOverride | Override:
    if (plain := plain_override(override)) is not None:
        return plain
    from hydra.core.override_parser.overrides_parser import OverridesParser

    return OverridesParser.create().parse_override(override)


def _base_of(overrides: Overrides, files: Files) -> Base:
    """The same without values of keys: to be read, not to be changed."""
    choosing = [o for o in overrides.composed if not _is_value(o) and not _is_deletion(o, overrides)]
    return _KNOWN.get(replace(overrides, composed=tuple(choosing), deleted=()), files)


def _is_deletion(override: str, overrides: Overrides) -> bool:
    """Whether it takes a key of ours away, rather than an option."""
    return override.startswith("~") and tuple(override[1:].partition("=")[0].split(".")) in overrides.deleted


def _is_value(override: str) -> bool:
    """Whether it writes a value of ours, rather than choosing an option or telling Hydra something."""
    return override.startswith("++") and not override.startswith("++hydra.")


def _composed(overrides: Overrides, files: Files) -> Base:
    from housing.config.by_hydra import by_hydra, without_hydra

    with translated(files):
        cfg = by_hydra(overrides, files)
    choices = OmegaConf.to_container(cfg.hydra.runtime.choices)
    assert isinstance(choices, dict)
    return Base(without_hydra(cfg), choices)


def _fetched(overrides: Overrides, files: Files) -> Base:
    """As an earlier command has kept it, else composed and kept: Hydra takes half a second for it."""
    key = kept.key(overrides, files)
    found = kept.fetch(key) if key is not None else None
    if found is not None:
        return Base(OmegaConf.create(found.cfg), found.choices)
    base = _composed(overrides, files)
    if key is not None:
        kept.keep(key, kept.Kept(kept.plain(base.cfg), base.choices))
    return base


class _Known:
    """The latest bases, as long as no file and no variable of the environment has changed. For any thread."""

    def __init__(self) -> None:
        self._bases: OrderedDict[Any, Base] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, overrides: Overrides, files: Files) -> Base:
        key = (overrides.composed, files.folders, _contents(files), _environment())
        with self._lock:
            if key not in self._bases:
                self._bases[key] = _fetched(overrides, files)
                while len(self._bases) > _MOST:
                    self._bases.popitem(last=False)
            self._bases.move_to_end(key)
            return self._bases[key]


_KNOWN = _Known()


def _contents(files: Files) -> tuple[tuple[str, int, int, int], ...]:
    """What changes when a file of the configuration does."""
    found = []
    for folder in files.folders:
        for file in folder.rglob("*.yaml"):
            with suppress(OSError):  # a link that leads nowhere is somebody else's trouble
                about = file.stat()
                found.append((str(file), about.st_ino, about.st_size, about.st_mtime_ns))
    return tuple(sorted(found))


def _environment() -> frozenset[tuple[str, str]]:
    """A defaults list may name a variable, and Hydra's part tells where the command works."""
    return frozenset({*os.environ.items(), ("", str(Path.cwd()))})
