"""Hydra itself: its search path, what it composes from overrides, and its errors in our own words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra._internal.core_plugins.file_config_source import FileConfigSource
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.plugins import Plugins
from hydra.errors import MissingConfigException
from hydra.plugins.config_source import ConfigResult
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import DictConfig, OmegaConf

from housing.config import faults as report
from housing.config.faults import Fault, did_you_mean, some_of
from housing.config.files import (
    CONFIG,
    GLOBAL,
    NEEDS_GLOBAL,
    NO_TEXT,
    Files,
    check_file,
    invalid_yaml,
    no_mapping,
    package,
    text_of,
    unreadable,
)
from housing.config.keys import requires_values
from housing.config.overrides import COMMAND_LINE, Overrides
from housing.config.yaml_files import yaml_files
from housing.errors import ConfigError
from housing.nearest import nearest


def by_hydra(overrides: Overrides, files: Files) -> DictConfig:
    with initialized_hydra(files):
        if overrides.deleted:
            base = hydra_compose(CONFIG, [o for o in overrides.composed if not o.startswith("~")])
            _refuse_missing(overrides.deleted, base)
        cfg: DictConfig = hydra_compose(CONFIG, list(overrides.composed), return_hydra_config=True)
        return cfg


def without_hydra(overrides: Overrides, files: Files) -> tuple[DictConfig, dict[Any, Any]]:
    """What Hydra composes, without its own `hydra` part, which is slow to copy; and its choices.

    These map what can stand before `=` to the option chosen. Raises ConfigError.
    """
    with translated(files):
        cfg = by_hydra(overrides, files)
    choices = OmegaConf.to_container(cfg.hydra.runtime.choices)
    assert isinstance(choices, dict)
    OmegaConf.set_struct(cfg, False)
    del cfg["hydra"]
    return cfg, choices


@contextmanager
def initialized_hydra(files: Files) -> Iterator[None]:
    """Initialise Hydra, so that it can compose from these files."""
    *before, ours = files.folders
    Plugins.instance().register(_UsersFolder)
    Plugins.instance().register(_BoundedFiles)
    token = _users_folders.set(tuple(before))
    try:
        with initialize_config_dir(str(ours), job_name="housing", version_base="1.3"):
            yield
    finally:
        _users_folders.reset(token)


_users_folders: ContextVar[tuple[Path, ...]] = ContextVar("users_folders", default=())


class _UsersFolder(SearchPathPlugin):  # type: ignore[misc]
    """Puts the user's folder before ours: with Hydra's own --config-dir, ours would hide a file of the same name."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        for folder in _users_folders.get():
            search_path.prepend("housing", f"{_BoundedFiles.scheme()}://{folder}")


class _BoundedFiles(FileConfigSource):  # type: ignore[misc]
    """The user's folder; refuses a file that is no configuration before Hydra parses it."""

    @staticmethod
    def scheme() -> str:
        return "bounded"

    def load_config(self, config_path: str) -> ConfigResult:
        _refuse_unfit(Path(self.path, self._normalize_file_name(config_path)), config_path.partition("/")[0])
        return super().load_config(config_path)


def _refuse_unfit(file: Path, group: str) -> None:
    """Raises ConfigError for a file beyond the bounds, one that is no mapping, or an empty one of a group with keys
    that it needs.
    """
    if not file.exists():
        return
    where = str(file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file)
    try:
        check_file(file)
        fault = no_mapping(file, where, may_be_empty=not requires_values(group))
    except ValueError as error:
        fault = Fault((), str(error), where=where)
    if fault:
        raise report.error([fault], lambda _: COMMAND_LINE)


def _refuse_missing(deleted: Sequence[report.Path], base: DictConfig) -> None:
    """Raises ConfigError with a fault for every `~key` that does not exist."""
    plain = OmegaConf.to_container(base, resolve=False)
    found = []
    for path in deleted:
        node: Any = plain
        for depth, name in enumerate(path):
            if not isinstance(node, dict) or name not in node:
                meant = nearest(name, map(str, node)) if isinstance(node, dict) else None
                way_out = did_you_mean("~" + ".".join([*path[:depth], meant, *path[depth + 1 :]])) if meant else ""
                found.append(Fault(("~" + ".".join(path),), "nothing to delete", way_out=way_out, where=COMMAND_LINE))
                break
            node = node[name]
    if found:
        raise report.error(found, lambda _: COMMAND_LINE)


@contextmanager
def translated(files: Files) -> Iterator[None]:
    """Hydra's errors, and those of YAML and OmegaConf below it, as ConfigError."""
    try:
        yield
    except ConfigError:
        raise
    except Exception as error:
        found = unreadable(files)
        if broken := _file_of(error, files):
            # Other files may be broken as well, but they are not in use.
            found = [fault for fault in found if str(fault.where).partition(":")[0] == files.shown(broken)]
        elif isinstance(error, UnicodeDecodeError):
            found = [fault for fault in found if fault.rule.startswith(NO_TEXT)]
        elif not isinstance(error, yaml.YAMLError):
            found = []
        if broken and not found and isinstance(error, yaml.MarkedYAMLError):
            found = [invalid_yaml(error, text_of(broken), files.shown(broken))]
        raise report.error(
            found or [_unnamed(str(error), files) or _vendor_fault(error, files)], lambda _: COMMAND_LINE
        ) from error


def _file_of(error: Exception, files: Files) -> Path | None:
    """The file that could not be parsed, where the error names it."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    name = mark.name if mark is not None else getattr(error, "name", None)
    file = Path(name) if isinstance(name, str) else None
    return file if file is not None and any(file.is_relative_to(folder) for folder in files.folders) else None


def _vendor_fault(error: Exception, files: Files) -> Fault:
    text = str(error) or str(error.__cause__ or type(error).__name__)
    inside = re.match(r"In '([^']+)':? ?", text)
    file = files.find(inside[1]) if inside else None
    where = files.shown(file) if file else COMMAND_LINE
    if file and file.parent.name == "experiment" and package(file) != GLOBAL:
        return Fault((), NEEDS_GLOBAL, where=where)
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        group, _, option = str(error.missing_cfg_file).rpartition("/")
        options = files.groups.get(group, [])
        way_out = did_you_mean(nearest(option, options)) or (f"available: {some_of(options)}" if options else "")
        where = _chooser(group, option, files) or where
        return Fault((), f"there is no {error.missing_cfg_file}.yaml", way_out=way_out, where=where)
    override = re.search(r"Could not override '([^']+)'", text)
    if override and file:
        known = files.groups
        way_out = did_you_mean(nearest(override[1], known)) or f"available: {some_of(known)}"
        return Fault((), f"overrides {override[1]}, which nothing chooses", way_out=way_out, where=where)
    merged = re.match(r"Error merging override \+\+([^=]+)=", text)
    if merged:
        return Fault(
            tuple(merged[1].split(".")), "a key above it holds a plain value, so nothing fits below", where=where
        )
    if "override must be a string or a list. Got NoneType" in text:
        rule = "a group is given null, where it takes the name of an option"
        return Fault((), rule, way_out="to go without one, write ~ and the group: ~search_space", where=where)
    first = next((line for line in text[inside.end() if inside else 0 :].splitlines() if line.strip()), text)
    return Fault((), f"Hydra cannot compose this: {first}", where=where)


def _unnamed(text: str, files: Files) -> Fault | None:
    """The fault of a group that has not one option, where others are found by its name (`${algorithm}/quick`)."""
    referred = re.match(r"Error resolving interpolation '\$\{(\w+)\}/", text)
    options = files.groups.get(referred[1], []) if referred else []
    if not referred or not options:
        return None
    way_out = f"write {referred[1]}=<option>; available: {some_of(options)}"
    return Fault((referred[1],), "must be one option, by whose name others are found", way_out=way_out)


def _chooser(group: str, option: str, files: Files) -> str | None:
    """The file and line that chooses an option, which Hydra's errors do not name."""
    choice = re.compile(rf"/?{re.escape(group)}\s*:\s*{re.escape(option)}\b")
    for folder in files.folders:
        for file in yaml_files(folder):
            for number, line in enumerate(_lines(file), 1):
                if choice.search(line):
                    return f"{files.shown(file)}:{number}"
    return None


def _lines(file: Path) -> list[str]:
    try:
        return text_of(file).splitlines()
    except (OSError, ValueError):  # an unreadable file is reported elsewhere
        return []
