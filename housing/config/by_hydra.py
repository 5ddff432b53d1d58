"""Hydra itself: the files that it may read, the folders that it looks in, and what it composes of overrides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra._internal.core_plugins.file_config_source import FileConfigSource
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.plugins import Plugins
from hydra.plugins.config_source import ConfigResult
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import DictConfig, OmegaConf

from housing.config import faults as report
from housing.config.faults import Fault, did_you_mean
from housing.config.files import CONFIG, Files, check_file
from housing.config.overrides import COMMAND_LINE, Overrides
from housing.nearest import nearest


def by_hydra(overrides: Overrides, files: Files) -> DictConfig:
    with initialized_hydra(files):
        if overrides.deleted:
            base = hydra_compose(CONFIG, [o for o in overrides.composed if not o.startswith("~")])
            _refuse_missing(overrides.deleted, base)
        cfg: DictConfig = hydra_compose(CONFIG, list(overrides.composed), return_hydra_config=True)
        return cfg


def without_hydra(cfg: DictConfig) -> DictConfig:
    """The same object without Hydra's own part: to copy one takes as long as to read several files."""
    OmegaConf.set_struct(cfg, False)
    del cfg["hydra"]
    return cfg


@contextmanager
def initialized_hydra(files: Files) -> Iterator[None]:
    """Hydra, ready to compose from these files."""
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
    """Puts the user's folder in front of ours: Hydra's own --config-dir would let ours hide a file of the same name."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        for folder in _users_folders.get():
            search_path.prepend("housing", f"{_BoundedFiles.scheme()}://{folder}")


class _BoundedFiles(FileConfigSource):  # type: ignore[misc]
    """The user's folder: a file beyond the bounds is refused before anything reads it, and no other is looked at."""

    @staticmethod
    def scheme() -> str:
        return "bounded"

    def load_config(self, config_path: str) -> ConfigResult:
        _refuse_beyond_bounds(Path(self.path, self._normalize_file_name(config_path)))
        return super().load_config(config_path)


def _refuse_beyond_bounds(file: Path) -> None:
    if not file.exists():
        return
    try:
        check_file(file)
    except ValueError as error:
        where = str(file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file)
        raise report.error([Fault((), str(error), where=where)], lambda _: COMMAND_LINE) from None


def _refuse_missing(deleted: Sequence[report.Path], base: DictConfig) -> None:
    """Raises ConfigError for every `~key` that is not there to be deleted."""
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
