"""What was typed after the command: overrides in Hydra's language, understood before Hydra sees them.

Hydra answers a mistyped key with the advice to add a `+`, and then trains with the default. Here every key is written
to the configuration (`++`), where the strict check finds it and names the right one.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from housing.config import bounds
from housing.config.faults import Fault, Path, did_you_mean, some_of
from housing.config.files import Files
from housing.config.keys import is_text
from housing.config.overrides import COMMAND_LINE, EACH_ALGORITHM, Overrides
from housing.config.plain_override import PlainOverride, plain_override
from housing.config.schema import CHOOSABLE
from housing.nearest import nearest
from housing.secrets import masked_override
from housing.shell import hydra_text, setting

if TYPE_CHECKING:
    from hydra.core.override_parser.types import ChoiceSweep, Override
    from hydra.errors import HydraException

_SHOWN = 40
_HELD_TOGETHER = re.compile(r"['\"\[{(\\]")
_CALL = re.compile(r"(sort|shuffle|choice|glob|range|tag)\s*\(")
_DIGITS = re.compile(rf"\d{{{bounds.MOST_DIGITS + 1},}}")
_KEY = re.compile(r"[+~]{0,2}[A-Za-z_][\w/-]*(@[\w.]+)?(\.[\w$-]+)*")


def read(
    tokens: Sequence[str],
    files: Files,
    faults: list[Fault],
    *,
    sweep: bool,
    search: bool = False,
) -> Overrides:
    """Reads every token; what is wrong is added to `faults`.

    Several values for a key are those of several jobs where `sweep` allows it, and of one study where `search` does.
    """
    algorithm = next((t.partition("=")[2] for t in reversed(tokens) if t.startswith("algorithm=")), "")
    reader = _Reader(files.groups, files.slots, faults, sweep, search, algorithm or files.slots.get("algorithm", ""))
    composed: list[str] = []
    for token in tokens:
        before = len(faults)
        texts = reader.read(token)
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

    def read(self, token: str) -> list[str]:
        override = self._parsed(token)
        if override is None:
            return []
        if not isinstance(override, PlainOverride):
            if override.is_hydra_override():
                return self._hydra(token, override)
            if override.is_sweep_override() and not self.sweep:
                self._several(token, override)
                return []
        if override.package is not None or override.key_or_group in self.groups:
            return self._group(token, override)
        path = tuple(override.key_or_group.split("."))
        if override.is_delete():
            self.keys.add(path)
            self.deleted.append(path)
            return [token]
        return [self._value(path, token, override)]

    def _value(self, path: Path, token: str, override: Override | PlainOverride) -> str:
        """What writes the value, with digits as text where text is wanted: an id may read as 1e5, or begin with 0."""
        each, sweep = _each(override), _choices(override)
        self.keys.update(_leaves(path, each))
        key, typed = ".".join(path), token.partition("=")[2].strip()
        if any(isinstance(one, bool | int | float) for one in each) and is_text(path, {}):
            if sweep is None:
                return f"++{setting(key, typed)}"
            if sweep.simple_form and not _HELD_TOGETHER.search(typed):
                return f"++{key}=" + ",".join(hydra_text(one.strip()) for one in typed.split(","))
        return f"++{key}={typed}"

    def _parsed(self, token: str) -> Override | PlainOverride | None:
        """None, and a fault, for what is no override here."""
        if rule := _beyond_bounds(token):
            self._fault(_beginning(token), rule, "")
            return None
        if "=" not in token and not token.startswith("~"):
            self._fault(token, "has no value", f"write {token}=<value>")
            return None
        return plain_override(token) or self._by_grammar(token)

    def _by_grammar(self, token: str) -> Override | None:
        from hydra.core.override_parser.overrides_parser import OverridesParser
        from hydra.errors import HydraException

        try:
            override = OverridesParser.create().parse_override(token)
        except HydraException as error:
            self._fault(token, *_unreadable(token, error))
            return None
        except RecursionError:
            self._fault(_beginning(token), "is nested too deeply", "put the value into a file of conf/")
            return None
        if not override.key_or_group:
            self._fault(token, "has no key", "write <key>=<value>")
            return None
        return override

    def _several(self, token: str, override: Override) -> None:
        """Several values without -m: a part of the search space where there is a study, else a mistake."""
        from hydra.core.override_parser.types import ValueType

        from housing.config.searched import searched_name

        key, _, value = token.partition("=")
        name = searched_name(override)
        listed = override.value_type == ValueType.SIMPLE_CHOICE_SWEEP
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

    def _hydra(self, token: str, override: Override) -> list[str]:
        if override.key_or_group == "hydra.searchpath":
            self._fault(token, "is set by housing", "give your own folder by --config-dir")
            return []
        return [token]

    def _group(self, token: str, override: Override | PlainOverride) -> list[str]:
        slot = override.key_or_group + (f"@{override.package}" if override.package else "")
        matching = [slot] if slot in self.slots else [s for s in self.slots if s.partition("@")[0] == slot]
        if not matching:
            meant = nearest(slot, self.slots)
            way_out = did_you_mean(meant) or f"available: {some_of(self.slots)}"
            self._fault(token, f"nothing is chosen by {slot}", way_out)
            return []
        place = override.package or override.key_or_group
        if override.is_delete():
            self.keys.add((place,))
            return [token]
        if any(isinstance(one, dict) for one in _each(override)):
            # A mapping chooses no option: it is a set of keys.
            self.keys.update(_leaves((place,), _each(override)))
            return [f"++{place}={token.partition('=')[2]}"]
        values = self._options(token, override, override.key_or_group)
        return [f"{slot}={values}" for slot in matching]

    def _options(self, token: str, override: Override | PlainOverride, group: str) -> str:
        """The value with short names made whole: a search space may be called without its algorithm."""
        text: str = override.get_value_string()
        sweep = _choices(override)
        if sweep is not None and not sweep.simple_form and all(isinstance(v, str) for v in sweep.list):
            text = ",".join(sweep.list)
        elif not _is_listed(override) or _CALL.match(text):
            return text
        chosen = [part.strip() for part in text.strip("[]").split(",")]
        whole = [self._option(token, group, option.strip("'\"")) for option in chosen]
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
            # Hydra escapes interpolations in a sweep, so the algorithm must be known before it composes.
            several = re.search(r"[,(]", self.algorithm)
            return f"{EACH_ALGORITHM if several else self.algorithm}/{option}"
        names = {name.rpartition("/")[2] for name in options} | {name for name in options if "/" in option}
        meant = nearest(option, names)
        self._fault(token, f"no such option; available: {some_of(names)}", did_you_mean(meant), key=(group,))
        return option

    def _fault(self, token: str, rule: str, way_out: str, key: Path = ()) -> None:
        self.faults.append(Fault((token, *key[1:]), rule, way_out=way_out, where=COMMAND_LINE))


def _beyond_bounds(token: str) -> str | None:
    """The rule that a token breaks by its size or its characters; None when it breaks none."""
    if control := bounds.CONTROL.search(token):
        return bounds.control_rule(control[0])
    if len(token) > bounds.LONGEST_OVERRIDE:
        most = f"the most is {bounds.LONGEST_OVERRIDE:,}; put the value into a file of conf/"
        return f"has {len(token):,} characters, {most}"
    if digits := _DIGITS.search(token):
        return bounds.digits_rule(digits[0])
    depth = deepest = 0
    for character in token:
        depth += (character in "[{(") - (character in "]})")
        deepest = max(deepest, depth)
    return (
        f"has {deepest} brackets within each other, the most is {bounds.DEEPEST}" if deepest > bounds.DEEPEST else None
    )


def _choices(override: Override | PlainOverride) -> ChoiceSweep | None:
    """The values of `a,b` and `choice(a,b)`; None for one value, and for other sweeps."""
    if isinstance(override, PlainOverride):
        return None
    from hydra.core.override_parser.types import ChoiceSweep

    value = override.value()
    return value if isinstance(value, ChoiceSweep) else None


def _each(override: Override | PlainOverride) -> Sequence[Any]:
    """Every value that it writes in turn."""
    sweep = _choices(override)
    return [override.value()] if sweep is None else sweep.list


def _is_listed(override: Override | PlainOverride) -> bool:
    """Whether it is a value as it stands, or several with commas between them."""
    if isinstance(override, PlainOverride):
        return True
    from hydra.core.override_parser.types import ValueType

    return override.value_type in (ValueType.ELEMENT, ValueType.SIMPLE_CHOICE_SWEEP)


def _leaves(path: Path, each: Sequence[Any]) -> Iterator[Path]:
    """The keys that any of the values writes: a mapping writes those below it."""
    for value in each:
        if isinstance(value, Mapping) and value:
            for name, below in value.items():
                yield from _leaves((*path, str(name)), [below])
        else:
            yield path


def _beginning(token: str) -> str:
    """Enough of a token to know it by, without a secret that its end would have told."""
    key, equals, value = masked_override(token).partition("=")
    return f"{key[:_SHOWN]}{equals}{value[:_SHOWN]}" + ("..." if len(key) > _SHOWN or len(value) > _SHOWN else "")


def _unreadable(token: str, error: HydraException) -> tuple[str, str]:
    """Why Hydra's grammar refuses a token, and what to do about it."""
    key, _, value = token.partition("=")
    from housing.config.searched import FORMS

    if call := re.search(r"while evaluating '(.*)'", str(error)):
        return f"{call[1]} makes no sense", f"write {FORMS}"
    if not _KEY.fullmatch(key):
        return f"{key!r} is not a key", "a key is made of names and dots: algorithm.eta=0.1"
    unquoted = re.sub(r"\\.|'[^']*'|\"[^\"]*\"", "", value)
    if "'" in unquoted or '"' in unquoted or any(unquoted.count(a) != unquoted.count(b) for a, b in ("[]", "{}", "()")):
        return "a bracket or a quote is left open", "close it, or put the whole value in quotes"
    return (
        "the value has a character with a meaning of its own",
        f"put it in quotes, twice: {shlex.quote(setting(key, value))}",
    )
