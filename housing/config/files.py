"""The YAML files of a configuration: which exist, which one wins, and on which line a key is."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import yaml  # type: ignore[import-untyped]

import housing
from housing.config import bounds
from housing.config import faults as report
from housing.config.faults import Fault
from housing.config.yaml_files import yaml_files
from housing.errors import ConfigError

NO_TEXT = "is not YAML text in UTF-8"
CONFIG = "config"
"""The primary file, from which everything is composed."""

GLOBAL = "_global_"
NEEDS_GLOBAL = "the first line of an experiment must be `# @package _global_`"

_HEADER = "# @package"
_OPTIONAL = "optional "
_NO_MAPPING = "must be a mapping: lines of `key: value`, no `-` before them"
_NULL = "tag:yaml.org,2002:null"
_BEGINS_WITH_KEY = re.compile(r"^[\"'\w][^#\n]*:", re.MULTILINE)
_TOO_DEEP = f"is more than {bounds.DEEPEST} levels deep"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NUMBER = re.compile(rf"[-+]?\d[\da-fA-FxXoO_.:]{{{bounds.MOST_DIGITS},}}")
_KINDS = ((stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket"), (stat.S_ISDIR, "a folder"))


def conf_dir() -> Path:
    """Our own conf/: inside the package when installed from a wheel, next to it in a checkout."""
    package = Path(housing.__file__).parent
    for folder in (package / "conf", package.parent / "conf"):
        if (folder / "config.yaml").is_file():
            return folder
    raise ConfigError(f"{package}: no conf/config.yaml in it or beside it; install housing again")


@dataclass(frozen=True)
class Files:
    """The folders that hold configuration, the user's before ours: the first one that has a file wins.

    `groups` maps a group to its options, those of nested folders as `<folder>/<name>`. `slots` maps what can stand
    before `=` to choose an option (`dataset`, `target@runner`) to the default one.
    """

    folders: tuple[Path, ...]
    groups: Mapping[str, Sequence[str]]
    slots: Mapping[str, str]

    @classmethod
    def beside(cls, config_dir: Path | None) -> Files:
        """The user's folder, then ours. Raises ConfigError when `config_dir` is not a folder, or config.yaml cannot be
        read.
        """
        ours = conf_dir().resolve()
        if config_dir is None:
            return cls._of(ours)
        # Path would raise where a name is too long, or contains a NUL.
        if not os.path.isdir(config_dir):  # noqa: PTH112
            what = "is a file, not a folder" if os.path.exists(config_dir) else "no such folder"  # noqa: PTH110
            raise ConfigError(
                f"--config-dir {config_dir}: {what}; it must contain your own dataset/, experiment/ and so on"
            )
        theirs = config_dir.resolve()
        return cls._of(ours) if theirs == ours else cls._of(theirs, ours)

    @classmethod
    def _of(cls, *folders: Path) -> Files:
        files = cls(folders, _groups(folders), {})
        return replace(files, slots=_slots(files))

    @property
    def theirs(self) -> Path | None:
        """The user's own folder, where there is one."""
        return self.folders[0] if len(self.folders) > 1 else None

    def find(self, config: str) -> Path | None:
        """The file of `config` or `<group>/<option>`."""
        candidates = (folder / f"{config}.yaml" for folder in self.folders)
        return next((c for c in candidates if c.is_file()), None)

    def shown(self, file: Path) -> str:
        """A file's path as shown to the user."""
        ours = self.folders[-1]
        if file.is_relative_to(ours):
            return str(Path("conf") / file.relative_to(ours))
        return str(file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file)


def _groups(folders: Sequence[Path]) -> dict[str, list[str]]:
    found: dict[str, set[str]] = {}
    for folder in folders:
        for file in filter(Path.is_file, yaml_files(folder)):  # not pipes or folders
            group, *rest = file.relative_to(folder).with_suffix("").parts
            if rest:
                found.setdefault(group, set()).add("/".join(rest))
    return {group: sorted(options) for group, options in sorted(found.items())}


def _slots(files: Files) -> dict[str, str]:
    """The slots of config.yaml's defaults list. Raises ConfigError when it cannot be read."""
    file = files.find(CONFIG) or files.folders[-1] / f"{CONFIG}.yaml"
    if fault := _unreadable(file, files.shown(file)):
        raise report.error([fault], str)
    plain = yaml.load(text_of(file), Loader=_LOADER)
    entries = plain.get("defaults") if isinstance(plain, dict) else None
    choices = {
        str(key).removeprefix(_OPTIONAL): str(value)
        for entry in entries or ()
        if isinstance(entry, dict)
        for key, value in entry.items()
    }
    return {key: value for key, value in choices.items() if not key.startswith("override ")}


def text_of(file: Path) -> str:
    """A YAML file's text; raises ValueError with the bound that it exceeds, OSError or UnicodeDecodeError."""
    found = file.stat()
    if not stat.S_ISREG(found.st_mode):
        what = next((name for is_one, name in _KINDS if is_one(found.st_mode)), "a device")
        raise ValueError(f"is {what}, not a file")
    if found.st_size > bounds.MOST_BYTES:
        raise ValueError(f"has {found.st_size:,} bytes; a file of the configuration has at most {bounds.MOST_BYTES:,}")
    return file.read_text(encoding="utf-8")


def check_file(file: Path) -> None:
    """Raises ValueError as `text_of` does; invalid YAML and unreadable files are reported when they are loaded."""
    try:
        text = text_of(file)
        if (count := text.count("${")) > bounds.MOST_INTERPOLATIONS:
            raise ValueError(f"has {count:,} interpolations; at most {bounds.MOST_INTERPOLATIONS}")
        _check_events(text)
    except (OSError, UnicodeDecodeError):
        return
    except yaml.YAMLError as error:
        # libyaml gives up at a thousand levels before it yields the first event.
        if "nesting depth" in str(error):
            raise ValueError(_TOO_DEEP) from None


def unreadable(files: Files) -> list[Fault]:
    """A fault for each file, in every folder, that is not a YAML mapping."""
    found = []
    for folder in files.folders:
        for file in yaml_files(folder):
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
        return invalid_yaml(error, text, shown)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        return Fault((), f"{NO_TEXT}: {str(error).splitlines()[0]}", where=shown)
    except OSError as error:
        return Fault((), f"cannot be read: {error.strerror}", where=shown)
    except ValueError as error:
        return Fault((), str(error), where=shown)
    if node is not None and not isinstance(node, yaml.MappingNode):
        return Fault((), _NO_MAPPING, where=shown)
    return _repeated(node, shown)


def invalid_yaml(error: yaml.MarkedYAMLError, text: str, shown: str) -> Fault:
    """The fault of a file's `text` that made YAML's parser give up, at its line."""
    mark, lines = error.problem_mark, text.splitlines()
    way_out = "indent with spaces, not tabs" if mark.line < len(lines) and "\t" in lines[mark.line] else ""
    if isinstance(error, yaml.constructor.ConstructorError) and "tag" in error.problem:
        way_out = "write plain values, without !tags"
    where = f"{shown}:{mark.line + 1}"
    return Fault((), f"is not valid YAML, column {mark.column + 1}: {error.problem}", way_out=way_out, where=where)


def no_mapping(file: Path, shown: str, *, may_be_empty: bool) -> Fault | None:
    """A fault of a file that is not a mapping of keys to values, or has none where it must; None for invalid YAML."""
    try:
        if _BEGINS_WITH_KEY.search(text_of(file)):
            return None
        node = _composed(file, file.stat().st_mtime_ns)
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return None
    is_empty = node is None or (isinstance(node, yaml.ScalarNode) and node.tag == _NULL) or not node.value
    if is_empty:
        way_out = "`housing describe` writes one" if file.parent.name == "dataset" else ""
        return None if may_be_empty else Fault((), "is empty", way_out=way_out, where=shown)
    return None if isinstance(node, yaml.MappingNode) else Fault((), _NO_MAPPING, where=shown)


def _check_events(text: str) -> None:
    """Check depth, digits and the number of values, with aliases counted as what they expand to."""
    sizes: dict[str, int] = {}
    counts, anchors = [0], [""]
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            counts.append(1)
            anchors.append(event.anchor or "")
            if len(counts) > bounds.DEEPEST + 1:
                raise ValueError(f"line {event.start_mark.line + 1}: {_TOO_DEEP}")
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, size = anchors.pop(), counts.pop()
            sizes |= {anchor: size} if anchor else {}
            counts[-1] += size
        elif isinstance(event, yaml.AliasEvent):
            counts[-1] += sizes.get(event.anchor, 1)
        elif isinstance(event, yaml.ScalarEvent):
            counts[-1] += 1
            if event.anchor:
                sizes[event.anchor] = 1
            if event.implicit[0] and _NUMBER.match(event.value):
                raise ValueError(f"line {event.start_mark.line + 1}: {bounds.digits_rule(event.value)}")
        if counts[-1] > 2 * bounds.MOST_VALUES:  # keys are scalars, too
            rounded = bounds.rounded(counts[-1] // 2)
            raise ValueError(f"has {rounded} values or more, aliases written out; at most {bounds.MOST_VALUES:,}")


def _repeated(node: yaml.Node, shown: str) -> Fault | None:
    """A fault for a repeated key, of which YAML would silently take the last."""
    if isinstance(node, yaml.SequenceNode):
        return next((f for f in (_repeated(item, shown) for item in node.value) if f), None)
    if not isinstance(node, yaml.MappingNode):
        return None
    seen: set[str] = set()
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            return Fault((), "has a list or a mapping as a key", where=f"{shown}:{key.start_mark.line + 1}")
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
