"""The user's own code in the configuration: a script with its folder, or an image; and its declarations."""

from __future__ import annotations

import os
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import housing.algorithms
from housing.algorithms.base import Hyperparameter, Hyperparameters
from housing.algorithms.own_code import Image, Program
from housing.algorithms.script import pack
from housing.config import faults as report
from housing.config import structure
from housing.config.faults import Fault, did_you_mean, some_of
from housing.config.keys import DECLARED, SECTIONS
from housing.config.schema import Script
from housing.nearest import nearest

_PACKAGE = "package:"
_LARGEST_MB = 20
_MOST_FILES = 10_000


def read_code(raw: Mapping[Any, Any], path: report.Path, faults: list[Fault]) -> Program | Image | None:
    """The section `script` or `container`; None when it is wrong, or when there is neither."""
    given = [section for section in SECTIONS if section in raw]
    if len(given) > 1:
        faults.append(Fault(path, "has a script and a container; an algorithm is one of them"))
    elif given == ["script"]:
        place = (*path, "script")
        script: Script | None = structure.read(Script, raw["script"], place, faults)
        return _program(script, place, faults) if script is not None else None
    elif given == ["container"]:
        image: Image | None = structure.read(Image, raw["container"], (*path, "container"), faults)
        return image
    return None


def read_declared(raw: Mapping[Any, Any], path: report.Path, faults: list[Fault]) -> Hyperparameters:
    """The hyperparameters that a user's own algorithm declares, by name; wrong ones are left out."""
    place = (*path, DECLARED)
    entries = raw.get(DECLARED)
    if entries is None:
        return {}
    if not isinstance(entries, Mapping):
        faults.append(Fault(place, "must be a mapping: a hyperparameter's name, then its kind and range", entries))
        return {}
    declared: dict[str, Hyperparameter] = {}
    for name, entry in entries.items():
        if name in ("name", DECLARED, *SECTIONS):
            faults.append(Fault((*place, str(name)), "needs another name: this key has a meaning here"))
        elif (read := structure.read(Hyperparameter, entry, (*place, str(name)), faults)) is not None:
            declared[str(name)] = read
    return declared


def _program(script: Script, path: report.Path, faults: list[Fault]) -> Program | None:
    before = len(faults)
    files = _source(script.source_dir, (*path, "source_dir"), faults)
    if files is None:
        return None
    for key, name in (("entry_point", script.entry_point), ("requirements", script.requirements)):
        if name is not None and name not in files:
            way_out = did_you_mean(nearest(name, files)) or f"available: {some_of(sorted(files))}"
            faults.append(Fault((*path, key), f"no such file in {script.source_dir}", name, way_out))
    if script.entry_point in files:
        faults += _syntax_faults(files[script.entry_point], script.entry_point, (*path, "entry_point"))
    if len(faults) > before:
        return None
    return Program(
        entry_point=script.entry_point,
        archive=pack(files),
        framework=script.framework,
        framework_version=script.framework_version,
        py_version=script.py_version,
        metrics=dict(script.metrics),
        requirements=script.requirements,
        rounds=script.rounds,
        timeout_s=script.timeout_s,
        directions=dict(script.directions),
    )


def _source(source_dir: str, path: report.Path, faults: list[Fault]) -> dict[str, bytes] | None:
    """The folder's files, content by path, without hidden files and bytecode; None, and a fault, where it cannot be
    read.
    """
    folder = Path(source_dir).expanduser()
    if source_dir.startswith(_PACKAGE):
        shipped = Path(housing.algorithms.__path__[0], "scripts")
        folder = shipped / source_dir.removeprefix(_PACKAGE)
    if not os.path.isdir(folder):  # noqa: PTH112 - a Path raises where a name is too long
        way_out = "a folder is relative to the working folder"
        if source_dir.startswith(_PACKAGE):
            way_out = f"housing ships {some_of(sorted(entry.name for entry in shipped.iterdir()))}"
        faults.append(Fault(path, "no such folder", source_dir, way_out))
        return None
    there = list(islice(folder.rglob("*"), _MOST_FILES + 1))
    if len(there) > _MOST_FILES:
        rule = f"holds more than {_MOST_FILES:,} files, and goes with every job"
        faults.append(Fault(path, rule, source_dir, "give the script its own folder"))
        return None
    names = [
        name
        for name in sorted(file.relative_to(folder) for file in there if file.is_file())
        if not any(part.startswith(".") or part == "__pycache__" for part in name.parts)
    ]
    megabytes = sum((folder / name).stat().st_size for name in names) / 1e6
    if megabytes > _LARGEST_MB:
        rule = f"holds {megabytes:,.0f} MB, and goes with every job: at most {_LARGEST_MB} MB"
        faults.append(Fault(path, rule, source_dir, "give the script its own folder"))
        return None
    return {name.as_posix(): (folder / name).read_bytes() for name in names}


def _syntax_faults(source: bytes, name: str, path: report.Path) -> list[Fault]:
    try:
        compile(source, name, "exec", dont_inherit=True)
    except (RecursionError, MemoryError):
        return [Fault(path, "is not valid Python: it is nested too deeply", name)]
    except (SyntaxError, ValueError) as e:
        line = f", line {e.lineno}" if isinstance(e, SyntaxError) and e.lineno else ""
        return [Fault(path, f"is not valid Python{line}: {e.msg if isinstance(e, SyntaxError) else e}", name)]
    return []
