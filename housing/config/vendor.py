"""Errors of Hydra, and of OmegaConf and YAML below it, in our own words; translated once, here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml  # type: ignore[import-untyped]

from housing.config import faults as report
from housing.config.faults import Fault, did_you_mean, some_of
from housing.config.files import NO_TEXT, Files, package, text_of, unreadable
from housing.config.overrides import COMMAND_LINE
from housing.errors import ConfigError
from housing.nearest import nearest

GLOBAL = "_global_"
NEEDS_GLOBAL = "the first line of an experiment must be `# @package _global_`"


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
            # Others may be broken as well, but nobody chose those.
            found = [fault for fault in found if str(fault.where).partition(":")[0] == files.shown(broken)]
        elif isinstance(error, UnicodeDecodeError):
            found = [fault for fault in found if fault.rule.startswith(NO_TEXT)]
        elif not isinstance(error, yaml.YAMLError):
            found = []
        raise report.error(found or [_vendor_fault(error, files)], lambda _: COMMAND_LINE) from error


def _file_of(error: Exception, files: Files) -> Path | None:
    """The file that YAML could not read, as far as it says."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    name = mark.name if mark is not None else getattr(error, "name", None)
    file = Path(name) if isinstance(name, str) else None
    return file if file is not None and any(file.is_relative_to(folder) for folder in files.folders) else None


def _vendor_fault(error: Exception, files: Files) -> Fault:
    from hydra.errors import MissingConfigException

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


def _chooser(group: str, option: str, files: Files) -> str | None:
    """The file and line that chooses an option, which Hydra does not tell."""
    choice = re.compile(rf"/?{re.escape(group)}\s*:\s*{re.escape(option)}\b")
    for folder in files.folders:
        for file in sorted(folder.rglob("*.yaml")):
            for number, line in enumerate(_lines(file), 1):
                if choice.search(line):
                    return f"{files.shown(file)}:{number}"
    return None


def _lines(file: Path) -> list[str]:
    try:
        return text_of(file).splitlines()
    except (OSError, ValueError):  # somebody else's trouble
        return []
