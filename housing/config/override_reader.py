"""Interprets the overrides of a command before Hydra sees them.

For a mistyped key Hydra advises adding a `+`, and would then train with the default. Here every key is added to the
configuration (`++`), where the strict check finds it and names the right one.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from housing.config.faults import Fault, Path, did_you_mean, some_of
from housing.config.files import Files
from housing.config.keys import is_text
from housing.config.overrides import COMMAND_LINE, EACH_ALGORITHM, Overrides
from housing.config.parsed_override import ParsedOverride
from housing.config.schema import CHOOSABLE
from housing.nearest import nearest
from housing.shell import hydra_text, setting

_HELD_TOGETHER = re.compile(r"['\"\[{(\\]")
_CALL = re.compile(r"(sort|shuffle|choice|glob|range|tag)\s*\(")


def read(
    typed: Sequence[ParsedOverride],
    files: Files,
    faults: list[Fault],
    *,
    sweep: bool,
    search: bool = False,
) -> Overrides:
    """The overrides for Hydra; adds to `faults`.

    Several values for a key mean several jobs with `sweep`, and a search space's entry with `search`.
    """
    algorithm = next((each.text for each in reversed(typed) if each.token.startswith("algorithm=")), "")
    reader = _Reader(files.groups, files.slots, faults, sweep, search, algorithm or files.slots.get("algorithm", ""))
    composed: list[str] = []
    for override in typed:
        before = len(faults)
        texts = reader.read(override)
        composed += texts if len(faults) == before else []
    return Overrides(tuple(composed), frozenset(reader.keys), tuple(reader.deleted), reader.searched)


@dataclass
class _Reader:
    groups: Mapping[str, Sequence[str]]
    slots: Mapping[str, str]
    faults: list[Fault]
    sweep: bool
    search: bool
    algorithm: str

    def __post_init__(self) -> None:
        self.keys: set[Path] = set()
        self.deleted: list[Path] = []
        self.searched: dict[str, str] = {}

    def read(self, override: ParsedOverride) -> list[str]:
        if override.is_hydras:
            return self._hydra(override)
        if override.form != "value" and not self.sweep:
            self._several(override)
            return []
        if override.package is not None or override.key in self.groups:
            return self._group(override)
        path = tuple(override.key.split("."))
        if override.deletes:
            self.keys.add(path)
            self.deleted.append(path)
            return [override.token]
        return [self._value(path, override)]

    def _value(self, path: Path, override: ParsedOverride) -> str:
        """The override that sets the value, quoted where text is wanted: an id may look like 1e5, or begin with 0."""
        self.keys.update(_leaves(path, override.each))
        key, written = override.key, override.token.partition("=")[2].strip()
        if any(isinstance(one, bool | int | float) for one in override.each) and is_text(path, {}):
            if override.form == "value":
                return f"++{setting(key, written)}"
            if override.form == "list" and not _HELD_TOGETHER.search(written):
                return f"++{key}=" + ",".join(hydra_text(one.strip()) for one in written.split(","))
        return f"++{key}={written}"

    def _several(self, override: ParsedOverride) -> None:
        """Several values without -m: an entry of the search space where there is a study, else a fault."""
        from housing.config.searched import searched_name

        token, listed = override.token, override.form == "list"
        key, _, value = token.partition("=")
        name = searched_name(override.key, override.package)
        if self.search and name is not None and not listed:
            self.searched[name] = token
            self.keys.add(("search_space", name))
        elif name is not None and listed and self.search:
            way_out = (
                f"write {shlex.quote(f'{key}=choice({value})')} to search among them, or add -m for a study with each"
            )
            self._fault(token, "several values for one run", way_out)
        elif listed:
            self._fault(
                token,
                "several values for one run",
                f"add -m to run each of them, or write {shlex.quote(f'{key}=[{value}]')}",
            )
        elif name is not None:
            self._fault(token, "is for a study", "`housing tune` searches it; give this command one value")
        else:
            rule = f"cannot be searched; a study searches algorithm.<hyperparameter> and {' and '.join(CHOOSABLE)}"
            self._fault(token, rule, "add -m to run each of the values")

    def _hydra(self, override: ParsedOverride) -> list[str]:
        if override.key == "hydra.searchpath":
            self._fault(override.token, "is set by housing", "give your own folder by --config-dir")
            return []
        return [override.token]

    def _group(self, override: ParsedOverride) -> list[str]:
        slot = override.key + (f"@{override.package}" if override.package else "")
        matching = [slot] if slot in self.slots else [s for s in self.slots if s.partition("@")[0] == slot]
        if not matching:
            meant = nearest(slot, self.slots)
            way_out = did_you_mean(meant) or f"available: {some_of(self.slots)}"
            self._fault(override.token, f"nothing is chosen by {slot}", way_out)
            return []
        place = override.package or override.key
        if override.deletes:
            self.keys.add((place,))
            return [override.token]
        if any(isinstance(one, dict) for one in override.each):
            # A mapping sets keys rather than choosing an option.
            self.keys.update(_leaves((place,), override.each))
            return [f"++{place}={override.token.partition('=')[2]}"]
        values = self._options(override)
        return [f"{slot}={values}" for slot in matching]

    def _options(self, override: ParsedOverride) -> str:
        """The value with short names completed: a search space may be named without its algorithm's folder."""
        text = override.text
        if override.form == "choice" and all(isinstance(one, str) for one in override.each):
            text = ",".join(override.each)
        elif override.form in ("choice", "range") or _CALL.match(text):
            return text
        typed = [part.strip() for part in text.strip("[]").split(",")]
        whole = [self._option(override.token, override.key, option.strip("'\"")) for option in typed]
        if whole == typed and all(isinstance(one, str) for one in override.each):
            return text
        joined = ",".join(option if option == "null" or "${" in option else hydra_text(option) for option in whole)
        return f"[{joined}]" if text.startswith("[") else joined

    def _option(self, token: str, group: str, option: str) -> str:
        options = self.groups[group]
        if option in options or option == "null" or "${" in option:
            return option
        nested = [name for name in options if name.rpartition("/")[2] == option]
        if nested and not self.sweep:
            return f"${{algorithm}}/{option}"
        if nested:
            # Hydra escapes interpolations in a sweep, so the algorithm must be known before composing.
            several = re.search(r"[,(]", self.algorithm)
            return f"{EACH_ALGORITHM if several else self.algorithm}/{option}"
        names = {name.rpartition("/")[2] for name in options} | {name for name in options if "/" in option}
        meant = nearest(option, names)
        self._fault(token, f"no such option; available: {some_of(names)}", did_you_mean(meant), key=(group,))
        return option

    def _fault(self, token: str, rule: str, way_out: str, key: Path = ()) -> None:
        self.faults.append(Fault((token, *key[1:]), rule, way_out=way_out, where=COMMAND_LINE))


def _leaves(path: Path, each: Sequence[Any]) -> Iterator[Path]:
    """The keys that any of the values sets; a mapping sets those nested in it."""
    for value in each:
        if isinstance(value, Mapping) and value:
            for name, below in value.items():
                yield from _leaves((*path, str(name)), [below])
        else:
            yield path
