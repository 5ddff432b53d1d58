"""SageMaker's own model monitoring, which is not supported: lists are empty, so that clients can continue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from housing.rehearsal.context import Context


def list_schedules(context: Context, request: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG001
    return {"MonitoringScheduleSummaries": []}


OPERATIONS = {
    "ListMonitoringSchedules": list_schedules,
}
