"""Overrides as Hydra gets them; `override_reader` makes them from what was typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from housing.config.faults import Path

COMMAND_LINE = "command line"
EACH_ALGORITHM = "each-algorithm"
"""Stands for the folder of a job's own algorithm where a sweep has several: each-algorithm/narrow."""


@dataclass(frozen=True)
class Overrides:
    """`composed` is what Hydra gets; `keys` are the keys that were set, without choices of options; `deleted` are those
    after a `~`.

    `searched` are the tokens with several values for one study, by their name in the search space.
    """

    composed: tuple[str, ...]
    keys: frozenset[Path] = frozenset()
    deleted: tuple[Path, ...] = ()
    searched: Mapping[str, str] = field(default_factory=dict)


def as_typed(composed: str) -> str:
    """An override without the `++` that was added to it."""
    return composed.removeprefix("++")


def written_key(composed: str) -> Path | None:
    """The key that a composed override sets or deletes; None for one that chooses an option."""
    prefixed = composed.startswith(("++", "~"))
    return tuple(composed.lstrip("+~").partition("=")[0].split(".")) if prefixed else None
