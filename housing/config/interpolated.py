"""Resolves interpolations: refuses those that would not end, and converts numbers that they yield as text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from housing.config import bounds, keys
from housing.config.faults import Fault, Path

_INTERPOLATION = re.compile(r"\$\{[^}]*")
_REFERENCE = re.compile(r"\.*[A-Za-z_][\w.\[\]]*")


EVERYWHERE: frozenset[Path] = frozenset({()})
"""Stands for all paths: nothing can be checked against the schema until something else is mended."""


def endless_fault(plain: Mapping[Any, Any]) -> Fault | None:
    """The fault of interpolations that would not end, or take too long; `plain` is not resolved yet. None where there
    is none.
    """
    sizes = _Sizes(plain)
    try:
        size, _ = sizes.of(())
    except _Endless as endless:
        return Fault(endless.path, endless.rule)
    if size > bounds.MOST_RESOLVED:
        largest = max(sizes.interpolated, key=lambda key: sizes.interpolated[key], default=())
        return Fault(largest, f"becomes too large when its interpolations are resolved ({bounds.rounded(size)} values)")
    return None


def resolved(cfg: DictConfig, faults: list[Fault]) -> tuple[dict[str, Any], frozenset[Path]]:
    """Plain, resolved values, and the paths of interpolations that could not be resolved; adds to `faults`."""
    try:
        plain = OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException:
        plain = OmegaConf.to_container(cfg, resolve=False)
        assert isinstance(plain, dict)
        unresolved: set[Path] = set()
        _resolve_each(cfg, plain, (), faults, unresolved)
    else:
        unresolved = set()
    control = list(_control_faults(plain))
    faults += control
    return _with_numbers(cfg, plain), EVERYWHERE if control else frozenset(unresolved)


def _resolve_each(node: Any, plain: Any, path: Path, faults: list[Fault], unresolved: set[Path]) -> None:
    for key in range(len(node)) if isinstance(node, ListConfig) else list(node):
        place = (*path, str(key))
        try:
            value = node[key]
        except OmegaConfBaseException as error:
            unresolved.add(place)
            text = str(plain[key])
            named = re.search(r"'([^']+)' not found", str(error))
            # A value that merely refers to a broken one is not at fault.
            if named is None or named[1] in text:
                faults.append(Fault(place, _interpolation_rule(text, error, named), plain[key]))
            continue
        if not isinstance(value, DictConfig | ListConfig):
            plain[key] = value
        elif isinstance(plain[key], dict | list):
            _resolve_each(value, plain[key], place, faults, unresolved)
        else:
            plain[key] = OmegaConf.to_container(value)


def password_faults(plain: Mapping[Any, Any]) -> Iterator[Fault]:
    """Faults of passwords written in the configuration itself; `plain` values are not resolved.

    There anybody who can read the files could read it, and version control would keep it.
    """
    path = ("dataset", "source", "sql", "url")
    value: Any = plain
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    if isinstance(value, str) and re.match(r"[a-z0-9_+]+://[^/@$]*:[^/@$]+@", value):
        way_out = "set an environment variable to the address, and write url: ${oc.env:DATABASE_URL}"
        yield Fault(path, "must not hold a password", "***", way_out)


def _interpolation_rule(text: str, error: Exception, named: re.Match[str] | None) -> str:
    if text == "???":
        return "has no value yet"
    if named and "oc.env" in text:
        return f"the environment variable {named[1]} is not set"
    if named:
        return f"refers to {named[1]}, which does not exist"
    return f"cannot be worked out: {str(error).splitlines()[0]}"


def _control_faults(plain: Any, path: Path = ()) -> Iterator[Fault]:
    """Faults of characters that no text may contain, anywhere among composed values."""
    if isinstance(plain, Mapping):
        for key, value in plain.items():
            if control := bounds.CONTROL.search(str(key)):
                yield Fault(path, f"has a key that {bounds.control_rule(control[0])}")
            else:
                yield from _control_faults(value, (*path, str(key)))
    elif isinstance(plain, list):
        for number, value in enumerate(plain):
            yield from _control_faults(value, (*path, str(number)))
    elif isinstance(plain, str) and (control := bounds.CONTROL.search(plain)):
        yield Fault(path, bounds.control_rule(control[0]), plain[:100])


def _with_numbers(cfg: DictConfig, plain: Any) -> dict[str, Any]:
    """`plain`, the values of `cfg`, with texts from interpolations such as `${oc.env:ETA}` as numbers, except where
    text is wanted.
    """
    raw = {str(key): value for key, value in plain.items()}
    for path, written in _interpolated(cfg, ()):
        *above, last = path
        holder: Any = raw
        for name in above:
            holder = holder[int(name) if isinstance(holder, list) else name]
        key: Any = int(last) if isinstance(holder, list) else last
        # An unresolved interpolation is kept as written.
        if isinstance(holder[key], str) and holder[key] != written and not keys.is_text(path, raw):
            holder[key] = _number(holder[key])
    return raw


def _interpolated(node: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """The path of each value that is an interpolation, with its text."""
    if node._is_none() or node._is_missing():
        return
    if node._is_interpolation():
        yield path, str(node._value())
    elif isinstance(node, DictConfig | ListConfig):
        names: list[Any] = list(range(len(node))) if isinstance(node, ListConfig) else list(node)
        for name in names:
            yield from _interpolated(node._get_node(name), (*path, str(name)))


def _number(text: str) -> str | int | float | bool:
    if re.fullmatch(r"[+-]?\d+", text, re.ASCII):
        return int(text)
    if re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text, re.ASCII):
        return float(text)
    return {"true": True, "false": False}.get(text.casefold(), text)


class _Endless(Exception):
    def __init__(self, path: Path, rule: str) -> None:
        super().__init__(rule)
        self.path, self.rule = path, rule


class _Sizes:
    """The size of each value after resolving: 1, plus 1 for every hundred characters."""

    def __init__(self, plain: Mapping[Any, Any]) -> None:
        self._plain = plain
        self._known: dict[Path, tuple[int, int]] = {}
        self._entered: set[Path] = set()
        self.interpolated: dict[Path, int] = {}

    def of(self, path: Path) -> tuple[int, int]:
        """The size of the value at a path, and the length of its chain of references."""
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
        if chain > bounds.LONGEST_CHAIN:
            raise _Endless(
                path, f"is behind more than {bounds.LONGEST_CHAIN} references, each of which leads to the next"
            )
        if step:
            self.interpolated[path] = size
        self._entered.discard(path)
        self._known[path] = size, chain
        return size, chain

    def _targets(self, text: str, path: Path) -> Iterator[Path]:
        for inside in _INTERPOLATION.findall(text):
            for reference in _REFERENCE.findall(inside):
                name = reference.lstrip(".")
                dots = len(reference) - len(name)
                base = path[: len(path) - dots] if dots else ()
                key = (*base, *(part for part in re.split(r"[.\[\]]+", name) if part))
                # A word that is no key is a resolver's name, or a fault that OmegaConf reports better.
                if self._at(key) is not None and key != path[: len(key)]:
                    yield key
                elif key == path:
                    raise _Endless(path, "refers to itself")

    def _at(self, path: Path) -> Any:
        node: Any = self._plain
        for name in path:
            if isinstance(node, Mapping):
                node = node.get(name) if name in node else next((v for k, v in node.items() if str(k) == name), None)
            elif isinstance(node, list) and name.isdecimal() and int(name) < len(node):
                node = node[int(name)]
            else:
                return None
        return node
