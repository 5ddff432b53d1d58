"""Creates, updates, resizes and deletes endpoints in the background: starts machines, shifts traffic, rolls back.

Each deployment runs in a thread of its own and keeps the endpoint's record up to date. When the rehearsal ends
meanwhile, the record has what was in progress, and `resume` continues it at the next start.
"""

from __future__ import annotations

import contextlib
import logging
import time
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from housing.rehearsal.serving import machines, plans
from housing.rehearsal.serving.machines import NotServing
from housing.rehearsal.serving.metering import Source
from housing.rehearsal.serving.routing import Fleet, RunningVariant, Share, close
from housing.rehearsal.serving.scalable_targets import deregister
from housing.rehearsal.serving.shifting import Shifting, shifting, tripped

if TYPE_CHECKING:
    from housing.rehearsal.serving.hosting import Hosting
    from housing.rehearsal.serving.plans import Plan
    from housing.rehearsal.store import Record

KIND = "endpoint"
_NO_CAPACITY = (
    "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error. "
    "Please retry using a different ML instance type or after some time."
)
_INTERNAL = "Request to service failed. If failure persists after retry, contact customer support."
_POLL_S = 0.1
_LONGEST_REASON = 1024
_log = logging.getLogger(__name__)


class _Ending(Exception):
    """The rehearsal is ending; the record is left unchanged."""


def begin_creation(hosting: Hosting, endpoint: str) -> None:
    hosting.spawn(lambda: _guarded(_create, hosting, endpoint), f"create {endpoint}")


def begin_update(hosting: Hosting, endpoint: str) -> None:
    hosting.spawn(lambda: _guarded(_update, hosting, endpoint), f"update {endpoint}")


def begin_resizing(hosting: Hosting, endpoint: str) -> None:
    hosting.spawn(lambda: _guarded(_resize, hosting, endpoint), f"resize {endpoint}")


def begin_deletion(hosting: Hosting, endpoint: str) -> None:
    hosting.spawn(lambda: _guarded(_delete, hosting, endpoint), f"delete {endpoint}")


def resume(hosting: Hosting) -> None:
    """Restore the endpoints that were in service, and continue what was in progress."""
    for record in hosting.context.store.list(KIND):
        endpoint, status = record["EndpointName"], record["EndpointStatus"]
        if record.get("_serving") and status in ("InService", "Updating", "RollingBack"):
            _restore(hosting, record)
        if status == "Creating":
            begin_creation(hosting, endpoint)
        elif status == "Updating" and record.get("_pending"):
            (begin_update if record["_pending_is_fleet"] else begin_resizing)(hosting, endpoint)
        elif status == "Deleting":
            begin_deletion(hosting, endpoint)


def _create(hosting: Hosting, endpoint: str) -> None:
    plan = hosting.context.store.get(KIND, endpoint)["_pending"]
    try:
        fleet = _start_fleet(hosting, endpoint, plan, operation="CreateEndpoint")
    except NotServing as e:
        hosting.publish()
        _write(hosting, endpoint, EndpointStatus="Failed", FailureReason=_reason(e), _pending=None)
        return
    hosting.router.route(endpoint, [Share(fleet, 1)])
    _write(hosting, endpoint, EndpointStatus="InService", _pending=None, **_in_service(plan))
    hosting.start_periodic_tasks()


def _update(hosting: Hosting, endpoint: str) -> None:
    record = hosting.context.store.get(KIND, endpoint)
    plan, config = record["_pending"], record.get("_deployment_config")
    steps = shifting(config, sum(variant.get("InitialInstanceCount", 0) for variant in plan["variants"]))
    old = hosting.router.fleet(endpoint)
    _show_pending(hosting, endpoint, plan, "Creating")
    try:
        new = _start_fleet(hosting, endpoint, plan, operation="UpdateEndpoint")
    except NotServing as e:
        hosting.publish()
        _roll_back(hosting, endpoint, _reason(e))
        return
    try:
        stopped = _shift(hosting, endpoint, old, new, steps)
    except _Ending:
        close(new)
        raise
    if stopped is not None:
        hosting.router.route(endpoint, [Share(old, 1)] if old else [])
        _roll_back(hosting, endpoint, stopped)
        hosting.retire(new)
        return
    _write(
        hosting,
        endpoint,
        EndpointStatus="InService",
        LastDeploymentConfig=config,
        PendingDeploymentSummary=None,
        _pending=None,
        **_in_service(plan),
    )
    if old is not None:
        hosting.retire(old)
    hosting.start_periodic_tasks()


def _shift(hosting: Hosting, endpoint: str, old: Fleet | None, new: Fleet, steps: Shifting) -> str | None:
    """Shift the traffic; returns why it must be rolled back, or None when all of it has been shifted."""
    now = hosting.context.clock.now
    deadline = now() + steps.timeout_s
    for part in steps.steps:
        _show_pending(hosting, endpoint, new.plan, "ActivatingTraffic")
        hosting.router.route(endpoint, [Share(new, part), *([Share(old, 1 - part)] if old else [])])
        _show_pending(hosting, endpoint, new.plan, "Baking")
        if reason := _bake(hosting, new, steps, min(now() + steps.wait_s, deadline)):
            return reason
        if now() >= deadline and part < 1:
            return f"The update took longer than MaximumExecutionTimeoutInSeconds ({steps.timeout_s})."
    _wait(hosting, steps.termination_s)
    return None


def _bake(hosting: Hosting, fleet: Fleet, steps: Shifting, until: float) -> str | None:
    """Watch the alarms until that time; returns why the update must be rolled back, or None."""
    clock = hosting.context.clock
    since = clock.now()
    while True:
        left = until - clock.now()
        if left <= 0 and steps.alarms:
            # Requests that have arrived by now count, too, however fast the clock is.
            hosting.router.answer_begun(fleet)
            hosting.tick()
        rang = [name for name in steps.alarms if hosting.rang_at.get(name, since) > since]
        if alarms := rang or tripped(hosting.context, steps.alarms):
            return f"The update was rolled back because of alarms in state ALARM: {', '.join(alarms)}."
        if left <= 0:
            return None
        _wait(hosting, min(left, clock.often(_POLL_S) * clock.speed))


def _resize(hosting: Hosting, endpoint: str) -> None:
    """Change the weights and instance counts of the fleet in service."""
    record = hosting.context.store.get(KIND, endpoint)
    plan, before = record["_pending"], record["_serving"]
    fleet = hosting.router.fleet(endpoint)
    if _instances(plan) > _instances(before):
        _wait(hosting, hosting.context.settings.start_s)
        if hosting.context.faults.lacks_capacity("sagemaker:UpdateEndpointWeightsAndCapacities"):
            _write(hosting, endpoint, ProductionVariants=plans.summaries(before))
            _roll_back(hosting, endpoint, _NO_CAPACITY)
            return
    if fleet is not None:
        for variant in plan["variants"]:
            live = fleet.variants[variant["VariantName"]]
            live.most_at_once = variant.get("ServerlessConfig", {}).get("MaxConcurrency")
            hosting.router.resize(
                live, weight=variant["InitialVariantWeight"], instances=variant.get("InitialInstanceCount", 1)
            )
        fleet.plan = plan
    _write(hosting, endpoint, EndpointStatus="InService", _pending=None, **_in_service(plan))


def _delete(hosting: Hosting, endpoint: str) -> None:
    fleets = hosting.router.fleets(endpoint)
    hosting.router.remove(endpoint)
    for fleet in fleets:
        hosting.router.retire(fleet)
    hosting.publish()
    deregister(hosting.context, endpoint)
    hosting.context.store.remove(KIND, endpoint)


def _roll_back(hosting: Hosting, endpoint: str, reason: str) -> None:
    """Put the endpoint back in service as before; EndpointConfigName and FailureReason show that an update failed."""
    _write(hosting, endpoint, EndpointStatus="RollingBack", PendingDeploymentSummary=None)
    _write(hosting, endpoint, EndpointStatus="InService", FailureReason=reason[:_LONGEST_REASON], _pending=None)


def _restore(hosting: Hosting, record: Record) -> None:
    """Start the machines of an endpoint that was in service when the rehearsal ended."""
    endpoint, plan = record["EndpointName"], record["_serving"]
    try:
        fleet = _fleet(hosting, endpoint, plan)
    except NotServing as e:
        hosting.publish()
        _write(hosting, endpoint, EndpointStatus="Failed", FailureReason=_reason(e), _pending=None)
        return
    hosting.router.route(endpoint, [Share(fleet, 1)])
    if record["EndpointStatus"] == "RollingBack":
        _write(hosting, endpoint, EndpointStatus="InService", _pending=None)
    hosting.start_periodic_tasks()


def _start_fleet(hosting: Hosting, endpoint: str, plan: Plan, *, operation: str) -> Fleet:
    _wait(hosting, hosting.context.settings.start_s)
    if hosting.context.faults.lacks_capacity(f"sagemaker:{operation}"):
        raise NotServing(_NO_CAPACITY)
    return _fleet(hosting, endpoint, plan)


def _fleet(hosting: Hosting, endpoint: str, plan: Plan) -> Fleet:
    """Start all variants; if one fails, none is left running."""
    with contextlib.ExitStack() as undo:

        def started(variant: Record) -> RunningVariant:
            made = _variant(hosting, endpoint, plan, variant)
            undo.callback(made.machine.close)
            return made

        variants = {variant["VariantName"]: started(variant) for variant in plan["variants"]}
        shadows = [started(variant) for variant in plan["shadows"]]
        undo.pop_all()
    return Fleet(plan, variants, shadows[0] if shadows else None)


def _variant(hosting: Hosting, endpoint: str, plan: Plan, variant: Record) -> RunningVariant:
    name = variant["VariantName"]
    stream = f"{name}/i-{uuid.uuid4().hex[:17]}"
    log = hosting.logs.stream(f"/aws/sagemaker/Endpoints/{endpoint}", stream)
    try:
        machine = machines.start(hosting.context, plan["models"][variant["ModelName"]], log)
    except NotServing as e:
        raise NotServing(e.reason(f"production variant {name}")) from e
    return RunningVariant(
        name,
        machine,
        Source(endpoint, name, plan["config"]),
        stream,
        weight=variant["InitialVariantWeight"],
        instances=variant.get("InitialInstanceCount", 1),
        most_at_once=variant.get("ServerlessConfig", {}).get("MaxConcurrency"),
    )


def _in_service(plan: Plan) -> dict[str, Any]:
    """What DescribeEndpoint shows of the plan in service."""
    return {
        "EndpointConfigName": plan["config"],
        "ProductionVariants": plans.summaries(plan),
        "ShadowProductionVariants": plans.shadow_summaries(plan),
        "DataCaptureConfig": plans.capture_summary(plan),
        "AsyncInferenceConfig": plan["async"],
        "_serving": plan,
    }


def _show_pending(hosting: Hosting, endpoint: str, plan: Any, status: str) -> None:
    variants = [
        {**summary, "VariantStatus": [{"Status": status, "StartTime": time.time()}]}
        for summary in plans.summaries(plan)
    ]
    summary = {"EndpointConfigName": plan["config"], "ProductionVariants": variants, "StartTime": time.time()}
    _write(hosting, endpoint, PendingDeploymentSummary=summary)


def _write(hosting: Hosting, endpoint: str, **changes: Any) -> None:
    """Change the record; None deletes a member."""
    with hosting.context.store.edit(KIND, endpoint) as record:
        record.update(changes)
        for name in [name for name, value in changes.items() if value is None]:
            del record[name]


def _wait(hosting: Hosting, seconds: float) -> None:
    if hosting.context.clock.wait(hosting.context.ending, seconds):
        raise _Ending


def _guarded(work: Callable[[Hosting, str], None], hosting: Hosting, endpoint: str) -> None:
    """An error of the rehearsal's own must not leave an endpoint in progress for ever."""
    try:
        work(hosting, endpoint)
    except _Ending:
        pass
    except Exception:
        _log.exception("%s: the rehearsal failed", endpoint)
        _write(hosting, endpoint, EndpointStatus="Failed", FailureReason=_INTERNAL, _pending=None)


def _instances(plan: Plan) -> int:
    return sum(variant.get("InitialInstanceCount", 0) for variant in plan["variants"])


def _reason(error: NotServing) -> str:
    return str(error)[:_LONGEST_REASON]
