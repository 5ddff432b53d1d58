"""Runs while they are at work: those of jobs, and those that are the parents of others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from housing.tracking import schema
from housing.tracking.run_record import RunRecord


class JobsLeftRunning(KeyboardInterrupt):
    """Ctrl-C, and the answer to leave the jobs running."""


@dataclass(frozen=True)
class OpenRun:
    """A parent run at work; what is put into `metrics`, `tags` and `params` is logged when it ends."""

    run_id: str
    metrics: dict[str, float]
    tags: dict[str, str]
    params: dict[str, Any]


@dataclass
class JobRun:
    """The run of one job, or of the few jobs of one trial, while they are at work.

    Its record has no run yet (`run_id` is None) until all is known where jobs end with this process, else until the
    first is about to be submitted. `handles` are those of its jobs so far; `earlier` of them are of a command that has
    ended, and are taken up again, in their order.
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
        """What the run is, or would be, described with."""
        return self.record.tags

    @property
    def handle_tag(self) -> dict[str, str]:
        """The handles, for the record; empty where jobs have none."""
        return {schema.JOB: " ".join(self.handles)} if self.handles else {}
