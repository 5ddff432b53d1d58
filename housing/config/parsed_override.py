"""Parses single overrides.

Importing Hydra's grammar takes longer than all the rest, and simple ones like `algorithm.eta=0.1` do not need it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from housing.config import bounds
from housing.config.faults import Fault
from housing.config.overrides import COMMAND_LINE
from housing.secrets import masked_override
from housing.shell import setting

if TYPE_CHECKING:
    from hydra.errors import HydraException

Form = Literal["value", "list", "choice", "range"]
"""One value; `a,b`; `choice(a,b)`; any other function that yields several."""

_PLAIN = re.compile(
    r"(?P<add>\+\+)?(?P<key>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)="
    r"(?:(?P<int>-?(?:0|[1-9]\d{0,17}))|(?P<float>-?(?:0|[1-9]\d{0,8})\.\d{1,9})|(?P<word>[A-Za-z_]\w*))",
    re.ASCII,
)
_CONSTANTS = {"true": True, "false": False, "null": None}
_OF_GRAMMAR = {"nan", "inf"}
_FORMS: dict[str, Form] = {"ELEMENT": "value", "SIMPLE_CHOICE_SWEEP": "list", "CHOICE_SWEEP": "choice"}

_SHOWN = 40
_DIGITS = re.compile(rf"\d{{{bounds.MOST_DIGITS + 1},}}")
_KEY = re.compile(r"[+~]{0,2}[A-Za-z_][\w/-]*(@[\w.]+)?(\.[\w$-]+)*")


@dataclass(frozen=True)
class ParsedOverride:
    """`token` is the whole override, `key` a value's key or a group's name, `text` the value as written.

    `each` holds the values that it takes in turn: one, unless it lists several; a range is kept as such.
    """

    token: str
    key: str
    text: str
    each: Sequence[Any]
    form: Form = "value"
    package: str | None = None
    deletes: bool = False
    is_hydras: bool = False


class UnreadableOverride(ValueError):
    """`rule` says what must hold, `way_out` what to write instead; `shown` is the beginning of the token."""

    def __init__(self, shown: str, rule: str, way_out: str) -> None:
        super().__init__(f"{shown}: {rule}")
        self.shown, self.rule, self.way_out = shown, rule, way_out


def parsed(token: str) -> ParsedOverride:
    """Parse a token; raises UnreadableOverride."""
    match = _PLAIN.fullmatch(token)
    if match is None or match["key"].partition(".")[0] == "hydra" or (match["word"] or "").lower() in _OF_GRAMMAR:
        return _by_grammar(token)
    key, text = match["key"], token.partition("=")[2]
    if match["word"]:
        return ParsedOverride(token, key, text, [_CONSTANTS.get(text.lower(), text)])
    return ParsedOverride(token, key, text, [int(text) if match["int"] else float(text)])


def _by_grammar(token: str) -> ParsedOverride:
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.core.override_parser.types import ChoiceSweep
    from hydra.errors import HydraException

    try:
        override = OverridesParser.create().parse_override(token)
    except HydraException as error:
        raise UnreadableOverride(token, *_reason(token, error)) from None
    except RecursionError:
        way_out = "put the value into a file of conf/"
        raise UnreadableOverride(_beginning(token), "is nested too deeply", way_out) from None
    value, form = override.value(), override.value_type
    return ParsedOverride(
        token,
        override.key_or_group,
        override.get_value_string() if form else "",
        value.list if isinstance(value, ChoiceSweep) else [value],
        _FORMS.get(form.name, "range") if form else "value",
        override.package,
        override.is_delete(),
        override.is_hydra_override(),
    )


def typed(tokens: Sequence[str], faults: list[Fault]) -> list[ParsedOverride]:
    """The tokens of a command line, parsed; those that cannot be are added to `faults`."""
    found = []
    for token in tokens:
        try:
            found.append(_typed(token))
        except UnreadableOverride as why:
            faults.append(Fault((why.shown,), why.rule, way_out=why.way_out, where=COMMAND_LINE))
    return found


def _typed(token: str) -> ParsedOverride:
    if rule := _beyond_bounds(token):
        raise UnreadableOverride(_beginning(token), rule, "")
    if "=" not in token and not token.startswith("~"):
        raise UnreadableOverride(token, "has no value", f"write {token}=<value>")
    override = parsed(token)
    if not override.key:
        raise UnreadableOverride(token, "has no key", "write <key>=<value>")
    return override


def _beyond_bounds(token: str) -> str | None:
    """The rule that a token breaks by its length or its characters; None when it breaks none."""
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


def _beginning(token: str) -> str:
    """The beginning of a token, for messages; masked before it is cut, since a cut secret would not be recognised."""
    key, equals, value = masked_override(token).partition("=")
    return f"{key[:_SHOWN]}{equals}{value[:_SHOWN]}" + ("..." if len(key) > _SHOWN or len(value) > _SHOWN else "")


def _reason(token: str, error: HydraException) -> tuple[str, str]:
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
