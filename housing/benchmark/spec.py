"""A benchmark as declared: which entrants, on which tables, in which folds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

CONFIGURED = "configured"
"""The name of the entrant where none is declared: the configuration of the command line."""

_NAME_LENGTH = 60


@dataclass(frozen=True)
class Entrant:
    """A procedure that gets an outer part's training rows and returns one model: `housing run` with these `overrides`.

    Without `search` it is one fit of the configured point to all those rows, without early stopping: a plain library.
    Where the module that it `needs` is not installed, it is named and left out.
    """

    overrides: tuple[str, ...] = ()
    search: bool = True
    needs: str | None = None


@dataclass(frozen=True)
class BenchmarkTable:
    """A file of an installed package (`ISLP/data/Auto.csv`), or any path that ends in `.csv`, and its label.

    It is described as `housing describe` does; `overrides` say what that cannot know, such as names of rows.
    """

    source: str
    label: str
    overrides: tuple[str, ...] = ()


@dataclass(frozen=True)
class Benchmark:
    """Every row outside of the dataset's own test part is once in an outer part, for each of `seeds`; there are `folds`
    of them. An entrant tunes and stops early on the other rows only, and its model is scored on the outer part once.

    Without `tables` the configured dataset is the only one. `parallel` are outer parts at work at once, each in a
    process of its own where there is more than one; trials inside then run one after another.
    """

    name: str = "benchmark"
    folds: int = 5
    seeds: tuple[int, ...] = (0, 1)
    parallel: int = 1
    entrants: Mapping[str, Entrant] = field(default_factory=lambda: {CONFIGURED: Entrant()})
    tables: Mapping[str, BenchmarkTable] = field(default_factory=dict)

    def __post_init__(self) -> None:
        faults = [
            f"{key}: must be {least} or more, got {getattr(self, key)}"
            for key, least in (("folds", 2), ("parallel", 1))
            if getattr(self, key) < least
        ]
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            faults.append(f"seeds: needs one seed, or several different ones, got {list(self.seeds)}")
        if not self.entrants:
            faults.append("entrants: needs at least one, such as {mine: {overrides: [study.trials=9]}}")
        long = [name for name in (*self.entrants, *self.tables) if not 0 < len(name) <= _NAME_LENGTH]
        if long:
            faults.append(f"entrants, tables: a name has 1 to {_NAME_LENGTH} characters, got {long[0]!r}")
        if faults:
            raise ValueError("; ".join(faults))
