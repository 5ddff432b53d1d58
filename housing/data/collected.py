"""The columns of a table, before the task adds to them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Collected:
    """`left_out` counts rows, by the key of the dataset that left them out."""

    columns: Mapping[str, NDArray[Any]]
    source: str
    left_out: Mapping[str, int]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of names and values: the same for the same content in another file format."""
        found = hashlib.sha256()
        for name, values in self.columns.items():
            if values.dtype == object:
                content = "\0".join(["\1" if value is None else value for value in values]).encode()
            else:
                # One bit pattern for all NaN, and 0 for -0.
                content = np.where(np.isnan(values), np.nan, values + 0.0).astype("<f8").tobytes()
            found.update(f"{name}\0{values.dtype.kind}\0{len(values)}\0{len(content)}\0".encode())
            found.update(content)
        if self.left_out:
            found.update(json.dumps(self.left_out, sort_keys=True).encode())
        return found.hexdigest()
