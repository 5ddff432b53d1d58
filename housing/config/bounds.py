"""How large and how deep a configuration may be, declared once: more is a mistake, or made to keep a machine busy.

Every bound is far above what an experiment needs, and what stays within all of them is composed in seconds.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from housing.config.faults import Fault
from housing.config.faults import Path as Key

MOST_BYTES = 1_000_000
"""Of a file. Five thousand columns of a dataset, described at length, are half of it."""
MOST_VALUES = 10_000
"""Of a file, aliases written out: composing one takes OmegaConf a millisecond, and ten aliases of ten are a billion."""
DEEPEST = 30
"""Brackets, or levels of YAML, within each other; conf/ needs seven. Parsers recurse, and Python ends at a thousand."""
MOST_DIGITS = 300
"""Of one number: no more fit into a floating-point number."""
LONGEST_OVERRIDE = 4_000
"""Characters: Hydra's grammar takes a second for a list of that length, and four times that for twice as much."""
MOST_RESOLVED = 50_000
"""Values, or hundreds of characters, when all interpolations are worked out: five of five of five grow like aliases."""
MOST_INTERPOLATIONS = 500
"""Of a file: each is read by OmegaConf's grammar, several times and for some milliseconds."""
LONGEST_CHAIN = 20
"""References that lead to the next reference; each takes OmegaConf a dozen calls within each other."""

_TOO_DEEP = f"is more than {DEEPEST} levels deep"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NUMBER = re.compile(rf"[-+]?\d[\da-fA-FxXoO_.:]{{{MOST_DIGITS},}}")
_DIGITS = re.compile(rf"\d{{{MOST_DIGITS + 1},}}")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_INTERPOLATION = re.compile(r"\$\{[^}]*")
_REFERENCE = re.compile(r"\.*[A-Za-z_][\w.\[\]]*")
_KINDS = ((stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket"), (stat.S_ISDIR, "a folder"))


def text_of(file: Path) -> str:
    """A YAML file's text; raises ValueError with the rule that it breaks, OSError and UnicodeDecodeError."""
    found = file.stat()
    if not stat.S_ISREG(found.st_mode):
        what = next((name for is_one, name in _KINDS if is_one(found.st_mode)), "a device")
        raise ValueError(f"is {what}, not a file")
    if found.st_size > MOST_BYTES:
        raise ValueError(f"has {found.st_size:,} bytes; a file of the configuration has at most {MOST_BYTES:,}")
    return file.read_text(encoding="utf-8")


def check_file(file: Path) -> None:
    """Raises ValueError, as `text_of`; what is no YAML at all, or cannot be read, is left to whoever loads it."""
    try:
        text = text_of(file)
        if (count := text.count("${")) > MOST_INTERPOLATIONS:
            raise ValueError(f"has {count:,} interpolations; at most {MOST_INTERPOLATIONS}")
        _check_events(text)
    except (OSError, UnicodeDecodeError):
        return
    except yaml.YAMLError as error:
        # libyaml gives up at a thousand levels before it tells of the first.
        if "nesting depth" in str(error):
            raise ValueError(_TOO_DEEP) from None


def override_rule(token: str) -> str | None:
    """The rule that something typed breaks; None when it breaks none."""
    if control := _CONTROL.search(token):
        return _control_rule(control[0])
    if len(token) > LONGEST_OVERRIDE:
        return f"has {len(token):,} characters, the most is {LONGEST_OVERRIDE:,}; put the value into a file of conf/"
    if digits := _DIGITS.search(token):
        return _digits_rule(digits[0])
    depth = deepest = 0
    for character in token:
        depth += (character in "[{(") - (character in "]})")
        deepest = max(deepest, depth)
    return f"has {deepest} brackets within each other, the most is {DEEPEST}" if deepest > DEEPEST else None


def value_faults(plain: Any, path: Key = ()) -> Iterator[Fault]:
    """What no text may hold, anywhere among composed values."""
    if isinstance(plain, Mapping):
        for key, value in plain.items():
            if control := _CONTROL.search(str(key)):
                yield Fault(path, f"has a key that {_control_rule(control[0])}")
            else:
                yield from value_faults(value, (*path, str(key)))
    elif isinstance(plain, list):
        for number, value in enumerate(plain):
            yield from value_faults(value, (*path, str(number)))
    elif isinstance(plain, str) and (control := _CONTROL.search(plain)):
        yield Fault(path, _control_rule(control[0]), plain[:100])


def interpolation_fault(plain: Mapping[Any, Any]) -> Fault | None:
    """Whether working out what refers to something else would end, and soon; `plain` is not resolved yet."""
    sizes = _Sizes(plain)
    try:
        size, _ = sizes.of(())
    except _Endless as endless:
        return Fault(endless.path, endless.rule)
    if size > MOST_RESOLVED:
        largest = max(sizes.interpolated, key=lambda key: sizes.interpolated[key], default=())
        return Fault(largest, f"becomes too large when its interpolations are worked out ({_round(size)} values)")
    return None


class _Endless(Exception):
    def __init__(self, path: Key, rule: str) -> None:
        super().__init__(rule)
        self.path, self.rule = path, rule


class _Sizes:
    """What each value comes to with its interpolations worked out: 1, and 1 for every hundred characters."""

    def __init__(self, plain: Mapping[Any, Any]) -> None:
        self._plain = plain
        self._known: dict[Key, tuple[int, int]] = {}
        self._entered: set[Key] = set()
        self.interpolated: dict[Key, int] = {}

    def of(self, path: Key) -> tuple[int, int]:
        """The size, and how many references lead to the next one behind it."""
        if path in self._known:
            return self._known[path]
        if path in self._entered:
            raise _Endless(path, "refers to itself")
        self._entered.add(path)
        node = self._at(path)
        below: list[tuple[int, int]] = []
        size, step = 1, 0
        if isinstance(node, Mapping):
            below = [self.of((*path, str(key))) for key in node]
        elif isinstance(node, list):
            below = [self.of((*path, str(number))) for number in range(len(node))]
        elif isinstance(node, str):
            size += len(node) // 100
            if "${" in node:
                below, step = [self.of(target) for target in self._targets(node, path)], 1
        size += sum(each for each, _ in below)
        chain = step + max((each for _, each in below), default=0)
        if chain > LONGEST_CHAIN:
            raise _Endless(path, f"is behind more than {LONGEST_CHAIN} references, each of which leads to the next")
        if step:
            self.interpolated[path] = size
        self._entered.discard(path)
        self._known[path] = size, chain
        return size, chain

    def _targets(self, text: str, path: Key) -> Iterator[Key]:
        for inside in _INTERPOLATION.findall(text):
            for reference in _REFERENCE.findall(inside):
                name = reference.lstrip(".")
                dots = len(reference) - len(name)
                base = path[: len(path) - dots] if dots else ()
                key = (*base, *(part for part in re.split(r"[.\[\]]+", name) if part))
                # A word that leads nowhere is a resolver's name, or a fault that OmegaConf tells better.
                if self._at(key) is not None and key != path[: len(key)]:
                    yield key
                elif key == path:
                    raise _Endless(path, "refers to itself")

    def _at(self, path: Key) -> Any:
        node: Any = self._plain
        for name in path:
            if isinstance(node, Mapping):
                node = node.get(name) if name in node else next((v for k, v in node.items() if str(k) == name), None)
            elif isinstance(node, list) and name.isdecimal() and int(name) < len(node):
                node = node[int(name)]
            else:
                return None
        return node


def _check_events(text: str) -> None:
    """Depth, digits and the number of values, with every alias counted as what it stands for."""
    sizes: dict[str, int] = {}
    counts, anchors = [0], [""]
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            counts.append(1)
            anchors.append(event.anchor or "")
            if len(counts) > DEEPEST + 1:
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
                raise ValueError(f"line {event.start_mark.line + 1}: {_digits_rule(event.value)}")
        if counts[-1] > 2 * MOST_VALUES:  # keys are scalars, too
            raise ValueError(
                f"has {_round(counts[-1] // 2)} values or more, aliases written out; at most {MOST_VALUES:,}"
            )


def _control_rule(character: str) -> str:
    return f"holds the control character U+{ord(character):04X}, which is no part of a text; take it out"


def _digits_rule(number: str) -> str:
    return f"a number has {len(number):,} digits; at most {MOST_DIGITS}"


def _round(count: int) -> str:
    return f"{count:,}" if count < 10**9 else f"about 10^{len(str(count)) - 1}"
