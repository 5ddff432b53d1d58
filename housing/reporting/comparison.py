"""Runs side by side: which fields differ, and which are equal. Pure computation."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from housing.training.metrics import Direction, known_direction

Kind = Literal["configuration", "metrics", "origin"]
KINDS: tuple[Kind, ...] = ("configuration", "metrics", "origin")
"""Kinds of fields: what was configured; its results; the data, code and libraries behind it."""

Value = float | str | None

_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")
_WORDS = ("true", "false", "null")
_UNJUDGED = ("rounds_kept", "best_round", "training_seconds", "billed_seconds")


@dataclass(frozen=True)
class Compared:
    """One run. `split` is the digest of how its rows were split, None where the record does not say."""

    id: str
    name: str
    split: str | None
    configuration: Mapping[str, Value]
    metrics: Mapping[str, Value]
    origin: Mapping[str, Value]


@dataclass(frozen=True)
class Field:
    """A field with a value for each run, None where a run has none; `best` are the indices of the best values."""

    kind: Kind
    name: str
    values: tuple[Value, ...]
    best: frozenset[int] = frozenset()

    @property
    def differs(self) -> bool:
        return len(set(self.values)) > 1


@dataclass(frozen=True)
class Comparison:
    """`handles` are short names, different for every run, in the order of `runs`."""

    runs: tuple[Compared, ...]
    handles: tuple[str, ...]
    fields: tuple[Field, ...]

    @property
    def differing(self) -> list[Field]:
        return [field for field in self.fields if field.differs]

    @property
    def equal(self) -> list[Field]:
        return [field for field in self.fields if not field.differs]

    @property
    def incomparable(self) -> str | None:
        """Why the metrics cannot be compared with each other, in words; None when they can."""
        groups: dict[str | None, list[str]] = {}
        for run, handle in zip(self.runs, self.handles, strict=True):
            groups.setdefault(run.split, []).append(handle)
        if len(groups) < 2:
            return None
        told = "; ".join(
            f"{', '.join(handles)} {'on split ' + split[:12] if split else 'on rows that the record does not name'}"
            for split, handles in groups.items()
        )
        return (
            "not comparable: these runs were judged on different rows, so their metrics do not say which model is "
            f"better ({told})"
        )


def compare(runs: Sequence[Compared], directions: Mapping[str, Direction] | None = None) -> Comparison:
    """Every field that any of the runs has: configuration, then metrics, then origin, each in the order met.

    `directions` are those of metrics that only a user's script defines.
    """
    fields = []
    for kind in KINDS:
        mappings: list[Mapping[str, Value]] = [getattr(run, kind) for run in runs]
        for name in dict.fromkeys(name for mapping in mappings for name in mapping):
            values = tuple(mapping.get(name) for mapping in mappings)
            fields.append(
                Field(kind, name, values, _best(name, values, directions) if kind == "metrics" else frozenset())
            )
    return Comparison(tuple(runs), _handles(runs), tuple(fields))


def value_of(text: str) -> Value:
    """A parameter parsed from MLflow's text; whole numbers keep all of their digits."""
    if text in _WORDS or _NUMBER.fullmatch(text):
        value: Value = json.loads(text)
        return value
    return text


def typed(value: Value) -> Any:
    """A value for JSON output: a list or mapping that was recorded as JSON text is parsed."""
    if not isinstance(value, str) or value[:1] not in ("[", "{"):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _best(name: str, values: Sequence[Value], directions: Mapping[str, Direction] | None) -> frozenset[int]:
    """The indices of the best values; none for a metric without a direction or on training rows, or where all are
    equal.
    """
    if name.startswith("train_"):
        return frozenset()  # the best value on training rows may be that of the model that overfits most
    numbers = [v for v in values if isinstance(v, float) and not math.isnan(v)]
    towards = known_direction(name, directions or {})
    if name in _UNJUDGED or towards is None or len(set(numbers)) < 2:
        return frozenset()
    best = min(numbers) if towards == "minimize" else max(numbers)
    return frozenset(place for place, value in enumerate(values) if value == best)


def _handles(runs: Sequence[Compared]) -> tuple[str, ...]:
    """The first word of each name (`t03` of `t03 eta=0.10`), with the id's beginning where runs share it."""
    first = [run.name.split(" ", 1)[0] for run in runs]
    return tuple(
        word if first.count(word) == 1 else f"{word} {run.id[:4]}" for word, run in zip(first, runs, strict=True)
    )
