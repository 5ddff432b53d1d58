"""Overrides that need no grammar, such as `algorithm.eta=0.1`: importing Hydra's takes longer than all the rest."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_PLAIN = re.compile(
    r"(?P<add>\+\+)?(?P<key>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)="
    r"(?:(?P<int>-?(?:0|[1-9]\d{0,17}))|(?P<float>-?(?:0|[1-9]\d{0,8})\.\d{1,9})|(?P<word>[A-Za-z_]\w*))",
    re.ASCII,
)
_CONSTANTS = {"true": True, "false": False, "null": None}
_OF_GRAMMAR = {"nan", "inf"}


@dataclass(frozen=True)
class PlainOverride:
    """A number, a word, or one of true, false and null; it is asked as Hydra's own `Override` is."""

    key_or_group: str
    text: str
    plain: int | float | str | bool | None
    package: None = None

    def value(self) -> Any:
        """As Python has it."""
        return self.plain

    def get_value_string(self) -> str:
        """As it was typed."""
        return self.text

    def is_delete(self) -> bool:
        """It never takes a key away."""
        return False


def plain_override(token: str) -> PlainOverride | None:
    """What it says; None for a token that Hydra must read."""
    match = _PLAIN.fullmatch(token)
    if match is None or match["key"].partition(".")[0] == "hydra":
        return None
    key, text = match["key"], token.partition("=")[2]
    if match["int"]:
        return PlainOverride(key, text, int(text))
    if match["float"]:
        return PlainOverride(key, text, float(text))
    word = text.lower()
    return None if word in _OF_GRAMMAR else PlainOverride(key, text, _CONSTANTS.get(word, text))
