"""A model's compiled form: answers a few rows with numpy alone, within the process that has the request.

Trees are tables (`trees`), a linear model is its own coefficients, and what is made of others is the mean of theirs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from housing.algorithms import ensemble, linear
from housing.algorithms.trees import TreeTables

FORMAT = 2
"""Of the bytes; another where a form answers otherwise."""

_COEFFICIENTS_A_STEP = 8


class Compiled(Protocol):
    """For one thread at a time. `width` is how many columns it reads; None where any number may."""

    @property
    def width(self) -> int | None:
        """How many columns it reads; None where it reads some of however many."""

    @property
    def steps(self) -> int:
        """What a row costs: how many nodes of trees it passes at most."""

    def predict(self, features: NDArray[np.float32], /) -> NDArray[Any]:
        """See `housing.algorithms.base.Model`: for a few rows."""

    def splits(self) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """Columns, and values at which an answer changes: where it is to be compared."""

    def to_bytes(self) -> bytes:
        """For `from_bytes`; no pickle."""


class LinearForm:
    """A linear model as it is."""

    def __init__(self, model: bytes) -> None:
        self._bytes = model
        self._model = linear.ALGORITHM.load(model)
        self.predict = self._model.predict

    @property
    def width(self) -> int:
        """See `Compiled`."""
        return int(self._model.weights.shape[1])

    @property
    def steps(self) -> int:
        """See `Compiled`."""
        return max(1, self._model.weights.size // _COEFFICIENTS_A_STEP)

    def splits(self) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """None: it answers alike everywhere."""
        return np.zeros(0, np.intp), np.zeros(0, np.float32)

    def to_bytes(self) -> bytes:
        """See `Compiled`."""
        return self._bytes


@dataclass(frozen=True)
class Part:
    """One of several, as `ensemble.Member` has it."""

    form: Compiled
    weight: float
    columns: tuple[int, ...] | None


class MeanForm:
    """The mean of other forms, as `ensemble.Model` takes it."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = parts
        members = [ensemble.Member("", b"", "", part.weight, part.columns) for part in parts]
        self.predict = ensemble.Model([(p.form, member) for p, member in zip(parts, members, strict=True)]).predict

    @property
    def width(self) -> int | None:
        """See `Compiled`."""
        return next((part.form.width for part in self._parts if part.columns is None), None)

    @property
    def steps(self) -> int:
        """See `Compiled`."""
        return sum(part.form.steps for part in self._parts)

    def splits(self) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """See `Compiled`."""
        found = [(part.columns, *part.form.splits()) for part in self._parts]
        columns = [of if places is None else np.array(places, np.intp)[of] for places, of, _ in found]
        return np.concatenate(columns), np.concatenate([values for *_, values in found])

    def to_bytes(self) -> bytes:
        """See `Compiled`: a line about the parts, and then theirs."""
        contents = [to_bytes(part.form) for part in self._parts]
        about = [
            {"weight": part.weight, "columns": part.columns, "bytes": len(content)}
            for part, content in zip(self._parts, contents, strict=True)
        ]
        return b"%b\n%b" % (json.dumps(about).encode(), b"".join(contents))

    @classmethod
    def from_bytes(cls, content: bytes) -> MeanForm:
        """The reverse of `to_bytes`."""
        head, _, rest = content.partition(b"\n")
        parts = []
        for about in json.loads(head):
            own, rest = rest[: about["bytes"]], rest[about["bytes"] :]
            places = about["columns"]
            parts.append(Part(from_bytes(own), float(about["weight"]), None if places is None else tuple(places)))
        return cls(parts)


_KINDS: Mapping[bytes, tuple[type, Callable[[bytes], Compiled]]] = {
    b"trees": (TreeTables, TreeTables.from_bytes),
    b"linear": (LinearForm, LinearForm),
    b"mean": (MeanForm, MeanForm.from_bytes),
}


def to_bytes(form: Compiled) -> bytes:
    """Of a form of whichever kind."""
    kind = next(kind for kind, (of, _) in _KINDS.items() if isinstance(form, of))
    return b"%b\n%b" % (kind, form.to_bytes())


def from_bytes(content: bytes) -> Compiled:
    """Raises ValueError where these are not the bytes of `to_bytes`."""
    kind, _, rest = content.partition(b"\n")
    if kind not in _KINDS:
        raise ValueError("not a compiled model")
    try:
        return _KINDS[kind][1](rest)
    except (KeyError, TypeError, IndexError) as e:
        raise ValueError(f"not a compiled model: {type(e).__name__}") from e


def mean_of(model: bytes, compiled: Callable[[str, bytes], Compiled | None]) -> MeanForm:
    """Of a model made of others. Raises ValueError where one of them has no compiled form."""
    parts = []
    for member in ensemble.unpack(model):
        form = compiled(member.algorithm, member.model)
        if form is None:
            raise ValueError(f"a member, of {member.algorithm}, which has no compiled form")
        parts.append(Part(form, member.weight, member.columns))
    return MeanForm(parts)
