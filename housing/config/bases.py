"""What Hydra composes from files and choices, cached: configurations that differ only in values share it.

It is cached in this process, and in the user's cache folder for the next command. There the key covers all that the
result depends on: the texts of the files, the choices, the environment variables that both name, and the composing
code. Secrets and the values of overrides are not stored.
"""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import re
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

import housing
from housing.config.files import Files
from housing.config.overrides import Overrides
from housing.config.parsed_override import parsed
from housing.config.yaml_files import yaml_files
from housing.files import cache_folder, write
from housing.secrets import masked_values

_VARIABLE = re.compile(r"oc\.env\s*:([^,}]*)")
_OTHER_FOLDERS = "searchpath"
_LARGEST_BYTES = 1 << 20
_MOST_KEPT = 200
_MOST_KNOWN = 128


@dataclass(frozen=True)
class Base:
    """What Hydra composed, without its own `hydra` part; `choices` maps what can be left of `=` to the option
    chosen.
    """

    cfg: DictConfig
    choices: dict[Any, Any]


def composed_by_hydra(overrides: Overrides, files: Files) -> Base:
    """The configuration with all overrides applied; a copy that the caller may change.

    Raises ConfigError for what leaves nothing to check (unreadable YAML, a missing file).
    """
    base = _base_of(overrides, files)
    cfg = base.cfg
    try:
        for token in overrides.composed:
            if _is_value(token):
                # The same that Hydra does for `++` after composing.
                override = parsed(token)
                OmegaConf.update(cfg, override.key, override.each[0], merge=True, force_add=True)
            elif _is_deletion(token, overrides):
                _delete(cfg, token)
    except (OmegaConfBaseException, LookupError):
        return _composed(overrides, files)  # lets Hydra say what is wrong with it
    return base


def _delete(cfg: DictConfig, token: str) -> None:
    """Apply a `~key`; raises LookupError where that must be left to Hydra."""
    place, _, name = token.removeprefix("~").rpartition(".")
    node = OmegaConf.select(cfg, place) if place else cfg
    if not isinstance(node, DictConfig) or name not in node:
        raise LookupError(token)
    with open_dict(node):
        del node[name]


def _base_of(overrides: Overrides, files: Files) -> Base:
    """The base without overrides of values."""
    choosing = [o for o in overrides.composed if not _is_value(o) and not _is_deletion(o, overrides)]
    return _KNOWN.get(replace(overrides, composed=tuple(choosing), deleted=()), files)


def _is_deletion(token: str, overrides: Overrides) -> bool:
    """Whether the override deletes one of our keys, rather than an option."""
    return token.startswith("~") and tuple(token[1:].partition("=")[0].split(".")) in overrides.deleted


def _is_value(token: str) -> bool:
    """Whether the override sets one of our values, rather than choosing an option or configuring Hydra."""
    return token.startswith("++") and not token.startswith("++hydra.")


class _Known:
    """The latest bases, valid as long as no file and no variable that one names changes. Thread-safe."""

    def __init__(self) -> None:
        # Reading a copy of its bytes takes a quarter of the time of copying OmegaConf's objects.
        self._bases: OrderedDict[Any, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, overrides: Overrides, files: Files) -> Base:
        """A copy that the caller may change."""
        contents = _contents(files)
        names = _names(overrides.composed, files.folders, contents)
        with self._lock:
            if names is None:
                return _composed(overrides, files)
            key = (overrides.composed, files.folders, contents, *map(os.environ.get, names))
            if key not in self._bases:
                self._bases[key] = pickle.dumps(_fetched(overrides, files))
                while len(self._bases) > _MOST_KNOWN:
                    self._bases.popitem(last=False)
            self._bases.move_to_end(key)
            kept = self._bases[key]
        base: Base = pickle.loads(kept)
        return base


_KNOWN = _Known()

_Contents = tuple[tuple[str, int, int, int], ...]


def _contents(files: Files) -> _Contents:
    """Path, size and times of every configuration file."""
    found = []
    for folder in files.folders:
        for file in yaml_files(folder):
            with suppress(OSError):  # a broken link is reported elsewhere
                about = file.stat()
                found.append((str(file), about.st_ino, about.st_size, about.st_mtime_ns))
    return tuple(found)


@lru_cache(maxsize=_MOST_KNOWN)
def _names(choices: tuple[str, ...], folders: tuple[Path, ...], _contents: _Contents) -> tuple[str, ...] | None:
    return _variables([*choices, *dict(_texts(folders)).values()])


def _fetched(overrides: Overrides, files: Files) -> Base:
    """The base from the user's cache, else composed and cached: Hydra takes half a second for it."""
    key = _key(overrides, files)
    if key is None:
        return _composed(overrides, files)
    kept = cache_folder() / "composed" / f"{key}.json"
    with suppress(OSError, ValueError, TypeError, LookupError):
        found = json.loads(kept.read_bytes())
        return Base(OmegaConf.create(found["cfg"]), found["choices"])
    base = _composed(overrides, files)
    _keep(base, kept)
    return base


def _composed(overrides: Overrides, files: Files) -> Base:
    from housing.config.by_hydra import without_hydra

    return Base(*without_hydra(overrides, files))


def _key(overrides: Overrides, files: Files) -> str | None:
    """SHA-256 of all that the result depends on; None where that cannot be determined."""
    texts = dict(_texts(files.folders))
    variables = _variables([*overrides.composed, *texts.values()])
    if variables is None or sum(map(len, texts.values())) > _LARGEST_BYTES:
        return None
    depends_on = (
        [housing.__version__, *(metadata.version(name) for name in ("hydra-core", "omegaconf"))],
        [Path(__file__).with_name(name).read_text() for name in ("bases.py", "by_hydra.py")],
        list(overrides.composed),
        list(texts.items()),
        {name: os.environ.get(name) for name in variables},
    )
    return hashlib.sha256(json.dumps(depends_on).encode()).hexdigest()


def _variables(texts: Iterable[str]) -> tuple[str, ...] | None:
    """The environment variables that files and choices name, sorted; None where more than these decides: a name is
    itself computed, or a file leads to folders of which we know nothing.
    """
    joined = "\n".join(texts)
    names = {name.strip(" \n\\'\"") for name in _VARIABLE.findall(joined)}
    is_all = _OTHER_FOLDERS not in joined and all(re.fullmatch(r"\w+", name) for name in names)
    return tuple(sorted(names)) if is_all else None


def _texts(folders: Iterable[Path]) -> Iterator[tuple[str, str]]:
    """The text of every file, by its folder and relative path."""
    for number, folder in enumerate(folders):
        for file in yaml_files(folder):
            if not file.is_file() or file.stat().st_size > _LARGEST_BYTES:
                continue
            with suppress(OSError):
                yield f"{number}/{file.relative_to(folder)}", file.read_text(encoding="utf-8", errors="surrogateescape")


def _keep(base: Base, file: Path) -> None:
    """Cache a base unless it holds secrets or would not survive the round trip. A cache that cannot be written is
    ignored.
    """
    plain = {"cfg": OmegaConf.to_container(base.cfg, resolve=False), "choices": base.choices}
    text = json.dumps(plain)
    again = json.loads(text)
    if again != plain or OmegaConf.to_container(OmegaConf.create(again["cfg"]), resolve=False) != plain["cfg"]:
        return
    if masked_values(plain["cfg"]) != plain["cfg"]:
        return
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        write(file, text, mode=0o600)
        kept = sorted(file.parent.glob("*.json"), key=lambda each: each.stat().st_mtime, reverse=True)
        for old in kept[_MOST_KEPT:]:
            old.unlink()
