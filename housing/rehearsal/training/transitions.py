"""The secondary statuses of a training job, and the ways in which it is ended from outside."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from housing.rehearsal.store import Record

STOPPED = ("Stopped", "Training job stopped")
OUT_OF_TIME = ("MaxRuntimeExceeded", "Training job runtime exceeded MaxRuntimeInSeconds provided")
OUT_OF_PATIENCE = ("MaxWaitTimeExceeded", "Training job wait time exceeded MaxWaitTimeInSeconds provided")


def transition(record: Record, status: str, message: str) -> None:
    """Set another secondary status."""
    now = time.time()
    transitions = record["SecondaryStatusTransitions"]
    if transitions and "EndTime" not in transitions[-1]:
        transitions[-1]["EndTime"] = now
    record["SecondaryStatus"] = status
    transitions.append({"Status": status, "StartTime": now, "StatusMessage": message})
    if status in ("Completed", "Failed", "Stopped", "MaxRuntimeExceeded", "MaxWaitTimeExceeded"):
        transitions[-1]["EndTime"] = now


class Ended(Exception):
    """The job was ended from outside: it was stopped, or ran out of time."""

    def __init__(self, status: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
