"""The compiled form of an ensemble: the weighted mean of its members' forms."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from housing.algorithms.compiled import Compiled, to_bytes


@dataclass(frozen=True)
class Part:
    """One member's form, with its weight and columns as in `ensemble.Member`."""

    form: Compiled
    weight: float
    columns: tuple[int, ...] | None


class MeanForm:
    """`predict` averages the parts as their ensemble does."""

    kind: ClassVar[str] = "mean"

    def __init__(self, parts: Sequence[Part], predict: Callable[[NDArray[np.float32]], NDArray[Any]]) -> None:
        self._parts = parts
        self.predict = predict

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
        """See `Compiled`: a line that describes the parts, then their own bytes."""
        contents = [to_bytes(part.form) for part in self._parts]
        about = [
            {"weight": part.weight, "columns": part.columns, "bytes": len(content)}
            for part, content in zip(self._parts, contents, strict=True)
        ]
        return b"%b\n%b" % (json.dumps(about).encode(), b"".join(contents))


def parts_of(content: bytes, read: Callable[[bytes], Compiled]) -> list[Part]:
    """The parts that `MeanForm.to_bytes` wrote; `read` reads the form of each."""
    head, _, rest = content.partition(b"\n")
    parts = []
    for about in json.loads(head):
        own, rest = rest[: about["bytes"]], rest[about["bytes"] :]
        places = about["columns"]
        parts.append(Part(read(own), float(about["weight"]), None if places is None else tuple(places)))
    return parts
