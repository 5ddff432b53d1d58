"""Code of the user's that trains: a script with its folder, or a container image."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from housing.tasks.base import Direction

_METRIC_NAME = re.compile(r"(train|validation)_[a-z]\w*")


def metric_faults(patterns: Mapping[str, str], directions: Mapping[str, str]) -> list[str]:
    """Faults in metric names, in the regular expressions that find their values, and in directions; each begins with
    its key.
    """
    found = [
        f"directions.{name}: must be one of the metrics, {', '.join(patterns)}"
        for name in directions
        if name not in patterns
    ]
    for name, pattern in patterns.items():
        if not _METRIC_NAME.fullmatch(name):
            found.append(f"metrics.{name}: must be named train_<metric> or validation_<metric>")
        try:
            if re.compile(pattern).groups < 1:
                found.append(f"metrics.{name}: must have the number in brackets, such as mae: ([0-9.]+), got {pattern}")
        except re.error as e:
            found.append(f"metrics.{name}: must be a regular expression: {e}")
    return found


@dataclass(frozen=True)
class Program:
    """A training script of the user's, with its folder.

    `archive` is that folder as a gzipped tar, the same bytes for the same files; `entry_point` and `requirements` are
    paths in it. `framework` with its versions names the image that runs it on SageMaker. `metrics` maps a metric's name
    to the regular expression that finds its value, in the first group, in a line that the script prints; `directions`
    says whether to minimise or maximise those that housing does not know. `rounds` is the hyperparameter that sets how
    often the script prints them. A process on this machine may take `timeout_s`.
    """

    entry_point: str
    archive: bytes = field(repr=False)
    framework: str
    framework_version: str
    py_version: str
    metrics: Mapping[str, str]
    requirements: str | None = None
    rounds: str | None = None
    timeout_s: float | None = None
    directions: Mapping[str, Direction] = field(default_factory=dict)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the archive."""
        return hashlib.sha256(self.archive).hexdigest()


@dataclass(frozen=True)
class Image:
    """A container image of the user's, which reads and writes /opt/ml as SageMaker asks of it.

    `metrics`, `directions` and `rounds` are as in `Program`. `entry_point` and `arguments` replace the image's own
    where they are given.
    """

    image: str
    metrics: Mapping[str, str] = field(default_factory=dict)
    entry_point: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    rounds: str | None = None
    directions: Mapping[str, Direction] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if faults := metric_faults(self.metrics, self.directions):
            raise ValueError("; ".join(faults))
