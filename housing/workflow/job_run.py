"""Open runs: of jobs, and parents of others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from housing.tracking import schema
from housing.tracking.run_record import RunRecord


class JobsLeftRunning(KeyboardInterrupt):
    """Raised after Ctrl-C, when the answer was to leave the jobs running."""


@dataclass(frozen=True)
class OpenRun:
    """An open parent run; what is added to `metrics`, `tags` and `params` is logged when it ends."""

    run_id: str
    metrics: dict[str, float]
    tags: dict[str, str]
    params: dict[str, Any]


@dataclass
class JobRun:
    """The run of one job, or of the few jobs of one trial, while they run.

    `run_id` is None until the run is written: at the end if jobs end with this process, else just before the first
    one is submitted. `handles` are those of its jobs so far; the first `earlier` of them are from a command that has
    ended, and are resumed in order.
    """

    record: RunRecord
    handles: list[str] = field(default_factory=list)
    earlier: list[str] = field(default_factory=list)

    @property
    def run_id(self) -> str | None:
        """The run's id, once it is in the record."""
        return self.record.into

    @property
    def tags(self) -> Mapping[str, str]:
        """The run's tags, whether or not it has been written."""
        return self.record.tags

    @property
    def handle_tag(self) -> dict[str, str]:
        """The handles as a tag; empty if jobs have none."""
        return {schema.JOB: " ".join(self.handles)} if self.handles else {}
