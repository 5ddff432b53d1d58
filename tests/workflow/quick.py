"""Commands at the walkthrough's point: its twenty rounds a job are quick, where the defaults take hundreds."""

from __future__ import annotations

from collections.abc import Sequence

POINT = ("hyperparameters=walkthrough", "search_space=walkthrough", "study=walkthrough")
_TRAINING = ("train", "tune", "run")
_AS_TYPED = ("experiment=", "study.resume=", "--cfg", "--help")


def quick(arguments: Sequence[str]) -> tuple[str, ...]:
    """The command with `POINT` before its own words, which win; as it is where it trains nothing or names its own."""
    command, *words = arguments
    several = any(word.startswith("algorithm=") and "," in word for word in words)  # the point is of one algorithm
    if command not in _TRAINING or several or any(word.startswith(_AS_TYPED) for word in words):
        return tuple(arguments)
    return (command, *POINT, *words)
