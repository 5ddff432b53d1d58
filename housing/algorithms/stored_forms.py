"""Compiled forms, read from a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from housing.algorithms import ensemble, kernel, linear
from housing.algorithms.compiled import Compiled
from housing.algorithms.mean_form import parts_of
from housing.algorithms.trees import TreeTables

FORMAT = 2
"""Version of the bytes; changes whenever a form would predict differently."""


def from_bytes(content: bytes) -> Compiled:
    """The form that `compiled.to_bytes` wrote; raises ValueError for any other bytes."""
    kind, _, rest = content.partition(b"\n")
    if kind not in _READ:
        raise ValueError("not a compiled model")
    try:
        return _READ[kind](rest)
    except (KeyError, TypeError, IndexError) as e:
        raise ValueError(f"not a compiled model: {type(e).__name__}") from e


_READ: Mapping[bytes, Callable[[bytes], Compiled]] = {
    b"trees": TreeTables.from_bytes,
    b"linear": linear.ALGORITHM.compiled,
    b"kernel": kernel.ALGORITHM.compiled,
    b"mean": lambda content: ensemble.mean_form(parts_of(content, from_bytes)),
}
