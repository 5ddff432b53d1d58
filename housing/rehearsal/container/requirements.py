"""Checks a script's requirements.txt against the installed packages; nothing is ever installed.

The folder of `shims` is put first on a container's paths, and replaces `pip`.
"""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement


def problem(file: Path) -> str | None:
    """What is missing, and what to do about it; None when everything is installed."""
    missing = []
    for line in file.read_text(encoding="utf-8").splitlines():
        wanted = line.partition("#")[0].strip()
        if not wanted or wanted.startswith("-"):
            continue
        try:
            requirement = Requirement(wanted)
        except InvalidRequirement:
            missing.append(f"{wanted}: cannot be understood")
            continue
        if requirement.marker and not requirement.marker.evaluate():
            continue
        if requirement.url is not None:
            missing.append(f"{wanted}: would be fetched from there")
            continue
        try:
            here = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            missing.append(f"{wanted}: is not installed")
            continue
        if not requirement.specifier.contains(here, prereleases=True):
            missing.append(f"{wanted}: {here} is installed")
    if not missing:
        return None
    told = "; ".join(missing)
    return f"{file.name}: {told}. The rehearsal installs nothing: install it beside housing, or leave it out."


def shims(folder: Path) -> Path:
    """Fill the folder with a `pip` that checks instead of installing; returns it."""
    (folder / "pip").mkdir(parents=True, exist_ok=True)
    (folder / "pip/__init__.py").touch()
    (folder / "pip/__main__.py").write_text(f"from {__name__} import main\n\nmain()\n", encoding="utf-8")
    for name, command in (("python", ""), ("python3", ""), ("pip3", "-m pip ")):
        (folder / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {command}"$@"\n', encoding="utf-8")
        (folder / name).chmod(0o755)
    return folder


def main() -> None:
    """`pip install -r <file>`, without the installing; ends the process."""
    arguments = sys.argv[1:]
    if arguments[:1] != ["install"] or "-r" not in arguments:
        sys.exit(f"pip {' '.join(arguments)}: the rehearsal installs nothing; it checks requirements files only.")
    found = problem(Path(arguments[arguments.index("-r") + 1]))
    if found:
        sys.exit(found)
    print("All requirements are satisfied already.")  # noqa: T201
