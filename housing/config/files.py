"""The YAML files of a configuration: which there are, which one wins, and where in them a key stands."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import yaml  # type: ignore[import-untyped]

import housing
from housing.config.bounds import check_file, text_of
from housing.config.faults import Fault
from housing.errors import ConfigError

NO_TEXT = "is no YAML text in UTF-8"
_HEADER = "# @package"


def conf_dir() -> Path:
    """Our own conf/: inside the package when installed from a wheel, beside it in a checkout."""
    package = Path(housing.__file__).parent
    for folder in (package / "conf", package.parent / "conf"):
        if (folder / "config.yaml").is_file():
            return folder
    raise ConfigError(f"{package}: no conf/config.yaml in it or beside it; install housing again")


@dataclass(frozen=True)
class Files:
    """The folders that hold configuration, the user's before ours: the first one that has a file wins."""

    folders: tuple[Path, ...]

    @classmethod
    def beside(cls, config_dir: Path | None) -> Files:
        """Our files, and a user's folder in front of them; raises ConfigError when that is no folder."""
        ours = conf_dir().resolve()
        if config_dir is None:
            return cls((ours,))
        # Not by Path: it raises where a name is too long, or holds a NUL.
        if not os.path.isdir(config_dir):  # noqa: PTH112
            what = "is a file, not a folder" if os.path.exists(config_dir) else "no such folder"  # noqa: PTH110
            raise ConfigError(f"--config-dir {config_dir}: {what}; it holds your own dataset/, experiment/ and so on")
        theirs = config_dir.resolve()
        return cls((ours,) if theirs == ours else (theirs, ours))

    @property
    def theirs(self) -> Path | None:
        """The user's own folder, where there is one."""
        return self.folders[0] if len(self.folders) > 1 else None

    def groups(self) -> dict[str, list[str]]:
        """Group -> its options; those of nested folders are `<folder>/<name>`."""
        found: dict[str, set[str]] = {}
        for folder in self.folders:
            for file in filter(Path.is_file, folder.glob("*/**/*.yaml")):  # no pipes, no folders
                group, *rest = file.relative_to(folder).with_suffix("").parts
                found.setdefault(group, set()).add("/".join(rest))
        return {group: sorted(options) for group, options in sorted(found.items())}

    def find(self, config: str) -> Path | None:
        """The file of `config` or `<group>/<option>`."""
        candidates = (folder / f"{config}.yaml" for folder in self.folders)
        return next((c for c in candidates if c.is_file()), None)

    def shown(self, file: Path) -> str:
        """How to name a file to the user."""
        ours = self.folders[-1]
        if file.is_relative_to(ours):
            return str(Path("conf") / file.relative_to(ours))
        return str(file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file)


def unreadable(files: Files) -> list[Fault]:
    """A fault for each file that is no YAML mapping, in every folder."""
    found = []
    for folder in files.folders:
        for file in sorted(folder.rglob("*.yaml")):
            fault = _unreadable(file, files.shown(file))
            if fault:
                found.append(fault)
    return found


def _unreadable(file: Path, shown: str) -> Fault | None:
    try:
        text = text_of(file)
        check_file(file)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = text.splitlines()[mark.line] if mark.line < len(text.splitlines()) else ""
        way_out = "indent with spaces, not tabs" if "\t" in line else ""
        where = f"{shown}:{mark.line + 1}"
        return Fault((), f"is no YAML, column {mark.column + 1}: {error.problem}", way_out=way_out, where=where)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        return Fault((), f"{NO_TEXT}: {str(error).splitlines()[0]}", where=shown)
    except OSError as error:
        return Fault((), f"cannot be read: {error.strerror}", where=shown)
    except ValueError as error:
        return Fault((), str(error), where=shown)
    if node is not None and not isinstance(node, yaml.MappingNode):
        return Fault((), "must be a mapping: lines of `key: value`, no `-` before them", where=shown)
    return _repeated(node, shown)


def _repeated(node: yaml.Node, shown: str) -> Fault | None:
    """YAML would let the last of two equal keys win without a word."""
    if isinstance(node, yaml.SequenceNode):
        return next((f for f in (_repeated(item, shown) for item in node.value) if f), None)
    if not isinstance(node, yaml.MappingNode):
        return None
    seen: set[str] = set()
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            return Fault((), "has a list or a mapping for a key", where=f"{shown}:{key.start_mark.line + 1}")
        if key.value in seen:
            return Fault((), f"has {key.value!r} twice", where=f"{shown}:{key.start_mark.line + 1}")
        seen.add(str(key.value))
        below = _repeated(value, shown)
        if below:
            return below
    return None


def line_of(file: Path, path: tuple[str, ...]) -> int | None:
    """Line (from 1) of a key; None when the file does not set it. The file is known to be readable YAML."""
    node = _composed(file, file.stat().st_mtime_ns)
    line = None
    for name in path:
        if not isinstance(node, yaml.MappingNode):
            return None
        pair = next(((key, value) for key, value in node.value if key.value == name), None)
        if pair is None:
            return None
        line, node = pair[0].start_mark.line + 1, pair[1]
    return line


@lru_cache(maxsize=8)
def _composed(file: Path, _changed_ns: int) -> yaml.Node:
    return yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)


def package(file: Path) -> str | None:
    """What the file's `# @package` line says; None when it has none."""
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            break
        if line.replace(" ", "").startswith(_HEADER.replace(" ", "")):
            return line.replace(" ", "").removeprefix(_HEADER.replace(" ", "")).lstrip(":")
    return None
