"""The columns of a table, before those of the task are added."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from numpy.typing import NDArray

from housing.data.content_digest import digest_of


@dataclass(frozen=True, eq=False)
class Collected:
    """`left_out` counts rows, by the key of the dataset that left them out."""

    columns: Mapping[str, NDArray[Any]]
    source: str
    left_out: Mapping[str, int]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of names and values: the same for the same content in another file format."""
        return digest_of(self.columns, self.left_out)
