"""Compares a script's requirements file with the installed packages."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

from housing.algorithms.own_code import Program
from housing.algorithms.script import requirement_lines


def unmet_requirements(code: Path, program: Program) -> list[str]:
    """The requirements in the script's folder that are not met, each with the installed version, if any.

    SageMaker's containers would install them; lines that only pip understands (options, files) are ignored.
    """
    from packaging.requirements import InvalidRequirement, Requirement

    if program.requirements is None:
        return []
    unmet = []
    for line in requirement_lines((code / program.requirements).read_text(encoding="utf-8")):
        try:
            wanted = Requirement(line)
        except InvalidRequirement:
            continue
        if wanted.marker is not None and not wanted.marker.evaluate():
            continue
        try:
            version = metadata.version(wanted.name)
        except metadata.PackageNotFoundError:
            unmet.append(line)
        else:
            if not wanted.specifier.contains(version, prereleases=True):
                unmet.append(f"{line} (installed: {version})")
    return unmet
