"""What happens to an endpoint after a call has been answered: machines start, traffic moves, or all goes back.

Each runs in a thread of its own and writes the endpoint's record as it goes. When the rehearsal ends meanwhile, the
record says what was under way, and `resume` takes it up at the next start.
"""

from __future__ import annotations

import contextlib
import logging
import time
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from housing.rehearsal.api.operations import on_start
from housing.rehearsal.serving import machines, plans
from housing.rehearsal.serving.hosting import hosting
from housing.rehearsal.serving.machines import NotServing
from housing.rehearsal.serving.metering import Source
from housing.rehearsal.serving.scalable_targets import deregister
from housing.rehearsal.serving.shifting import Shifting, shifting, tripped
from housing.rehearsal.serving.traffic import Fleet, Share, Variant, close

if TYPE_CHECKING:
    from housing.rehearsal.serving.plans import Plan
    from housing.rehearsal.store import Record
    from housing.rehearsal.world import World

KIND = "endpoint"
_NO_CAPACITY = (
    "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error. "
    "Please retry using a different ML instance type or after some time."
)
_OUR_FAULT = "Request to service failed. If failure persists after retry, contact customer support."
_LOOK_EVERY_S = 0.1
_LONGEST_REASON = 1024
_log = logging.getLogger(__name__)


class _Ended(Exception):
    """The rehearsal ends; the record stays as it is."""


def begin_creation(world: World, endpoint: str) -> None:
    hosting(world).spawn(lambda: _quietly(_create, world, endpoint), f"create {endpoint}")


def begin_update(world: World, endpoint: str) -> None:
    hosting(world).spawn(lambda: _quietly(_update, world, endpoint), f"update {endpoint}")


def begin_resizing(world: World, endpoint: str) -> None:
    hosting(world).spawn(lambda: _quietly(_resize, world, endpoint), f"resize {endpoint}")


def begin_deletion(world: World, endpoint: str) -> None:
    hosting(world).spawn(lambda: _quietly(_delete, world, endpoint), f"delete {endpoint}")


@on_start
def resume(world: World) -> None:
    """Bring endpoints back that were in service, and go on with what was under way."""
    for record in world.store.list(KIND):
        endpoint, status = record["EndpointName"], record["EndpointStatus"]
        if record.get("_serving") and status in ("InService", "Updating", "RollingBack"):
            _restore(world, record)
        if status == "Creating":
            begin_creation(world, endpoint)
        elif status == "Updating" and record.get("_pending"):
            (begin_update if record["_pending_is_fleet"] else begin_resizing)(world, endpoint)
        elif status == "Deleting":
            begin_deletion(world, endpoint)


def _create(world: World, endpoint: str) -> None:
    host = hosting(world)
    plan = world.store.get(KIND, endpoint)["_pending"]
    try:
        fleet = _stand_up(world, endpoint, plan, operation="CreateEndpoint")
    except NotServing as e:
        host.publish()
        _write(world, endpoint, EndpointStatus="Failed", FailureReason=_reason(e), _pending=None)
        return
    host.traffic.route(endpoint, [Share(fleet, 1)])
    _write(world, endpoint, EndpointStatus="InService", _pending=None, **_in_service(plan))
    host.tend()


def _update(world: World, endpoint: str) -> None:
    host = hosting(world)
    record = world.store.get(KIND, endpoint)
    plan, config = record["_pending"], record.get("_deployment_config")
    steps = shifting(config, sum(variant.get("InitialInstanceCount", 0) for variant in plan["variants"]))
    old = host.traffic.fleet(endpoint)
    _show_pending(world, endpoint, plan, "Creating")
    try:
        new = _stand_up(world, endpoint, plan, operation="UpdateEndpoint")
    except NotServing as e:
        host.publish()
        _roll_back(world, endpoint, _reason(e))
        return
    try:
        stopped = _shift(world, endpoint, old, new, steps)
    except _Ended:
        close(new)
        raise
    if stopped is not None:
        host.traffic.route(endpoint, [Share(old, 1)] if old else [])
        _roll_back(world, endpoint, stopped)
        host.retire(new)
        return
    _write(
        world,
        endpoint,
        EndpointStatus="InService",
        LastDeploymentConfig=config,
        PendingDeploymentSummary=None,
        _pending=None,
        **_in_service(plan),
    )
    if old is not None:
        host.retire(old)
    host.tend()


def _shift(world: World, endpoint: str, old: Fleet | None, new: Fleet, steps: Shifting) -> str | None:
    """Move the traffic; why it must all go back, or None when it has arrived."""
    traffic = hosting(world).traffic
    deadline = time.monotonic() + steps.timeout_s
    for part in steps.steps:
        _show_pending(world, endpoint, new.plan, "ActivatingTraffic")
        traffic.route(endpoint, [Share(new, part), *([Share(old, 1 - part)] if old else [])])
        _show_pending(world, endpoint, new.plan, "Baking")
        if reason := _bake(world, steps, min(time.monotonic() + steps.wait_s, deadline)):
            return reason
        if time.monotonic() >= deadline and part < 1:
            return f"The update took longer than MaximumExecutionTimeoutInSeconds ({steps.timeout_s})."
    _wait(world, steps.termination_s)
    return None


def _bake(world: World, steps: Shifting, until: float) -> str | None:
    """Watch the alarms for a while."""
    while True:
        if alarms := tripped(world, steps.alarms):
            return f"The update was rolled back because of alarms in state ALARM: {', '.join(alarms)}."
        left = until - time.monotonic()
        if left <= 0:
            return None
        _wait(world, min(left, _LOOK_EVERY_S))


def _resize(world: World, endpoint: str) -> None:
    """Other weights and counts for the fleet that is in service."""
    host = hosting(world)
    record = world.store.get(KIND, endpoint)
    plan, before = record["_pending"], record["_serving"]
    fleet = host.traffic.fleet(endpoint)
    if _instances(plan) > _instances(before):
        _wait(world, world.settings.start_s)
        if world.faults.lacks_capacity("sagemaker:UpdateEndpointWeightsAndCapacities"):
            _write(world, endpoint, ProductionVariants=plans.summaries(before))
            _roll_back(world, endpoint, _NO_CAPACITY)
            return
    if fleet is not None:
        for variant in plan["variants"]:
            live = fleet.variants[variant["VariantName"]]
            live.most_at_once = variant.get("ServerlessConfig", {}).get("MaxConcurrency")
            host.traffic.resize(
                live, weight=variant["InitialVariantWeight"], instances=variant.get("InitialInstanceCount", 1)
            )
        fleet.plan = plan
    _write(world, endpoint, EndpointStatus="InService", _pending=None, **_in_service(plan))


def _delete(world: World, endpoint: str) -> None:
    host = hosting(world)
    fleets = host.traffic.fleets(endpoint)
    host.traffic.remove(endpoint)
    for fleet in fleets:
        host.traffic.retire(fleet)
    host.publish()
    deregister(world, endpoint)
    world.store.remove(KIND, endpoint)


def _roll_back(world: World, endpoint: str, reason: str) -> None:
    """In service again as before; that an update failed shows in the configuration's name and in FailureReason."""
    _write(world, endpoint, EndpointStatus="RollingBack", PendingDeploymentSummary=None)
    _write(world, endpoint, EndpointStatus="InService", FailureReason=reason[:_LONGEST_REASON], _pending=None)


def _restore(world: World, record: Record) -> None:
    """The machines of an endpoint that was up when the rehearsal ended."""
    endpoint, plan = record["EndpointName"], record["_serving"]
    host = hosting(world)
    try:
        fleet = _fleet(world, endpoint, plan)
    except NotServing as e:
        host.publish()
        _write(world, endpoint, EndpointStatus="Failed", FailureReason=_reason(e), _pending=None)
        return
    host.traffic.route(endpoint, [Share(fleet, 1)])
    if record["EndpointStatus"] == "RollingBack":
        _write(world, endpoint, EndpointStatus="InService", _pending=None)
    host.tend()


def _stand_up(world: World, endpoint: str, plan: Plan, *, operation: str) -> Fleet:
    _wait(world, world.settings.start_s)
    if world.faults.lacks_capacity(f"sagemaker:{operation}"):
        raise NotServing(_NO_CAPACITY)
    return _fleet(world, endpoint, plan)


def _fleet(world: World, endpoint: str, plan: Plan) -> Fleet:
    """Started as a whole or not at all."""
    with contextlib.ExitStack() as undo:

        def started(variant: Record) -> Variant:
            made = _variant(world, endpoint, plan, variant)
            undo.callback(made.machine.close)
            return made

        variants = {variant["VariantName"]: started(variant) for variant in plan["variants"]}
        shadows = [started(variant) for variant in plan["shadows"]]
        undo.pop_all()
    return Fleet(plan, variants, shadows[0] if shadows else None)


def _variant(world: World, endpoint: str, plan: Plan, variant: Record) -> Variant:
    name = variant["VariantName"]
    stream = f"{name}/i-{uuid.uuid4().hex[:17]}"
    log = hosting(world).logs.stream(f"/aws/sagemaker/Endpoints/{endpoint}", stream)
    try:
        machine = machines.start(world, plan["models"][variant["ModelName"]], log)
    except NotServing as e:
        raise NotServing(e.reason(f"production variant {name}")) from e
    return Variant(
        name,
        machine,
        Source(endpoint, name, plan["config"]),
        stream,
        weight=variant["InitialVariantWeight"],
        instances=variant.get("InitialInstanceCount", 1),
        most_at_once=variant.get("ServerlessConfig", {}).get("MaxConcurrency"),
    )


def _in_service(plan: Plan) -> dict[str, Any]:
    """What DescribeEndpoint shows of a plan that is served."""
    return {
        "EndpointConfigName": plan["config"],
        "ProductionVariants": plans.summaries(plan),
        "ShadowProductionVariants": plans.shadow_summaries(plan),
        "DataCaptureConfig": plans.capture_summary(plan),
        "AsyncInferenceConfig": plan["async"],
        "_serving": plan,
    }


def _show_pending(world: World, endpoint: str, plan: Any, status: str) -> None:
    variants = [
        {**summary, "VariantStatus": [{"Status": status, "StartTime": time.time()}]}
        for summary in plans.summaries(plan)
    ]
    summary = {"EndpointConfigName": plan["config"], "ProductionVariants": variants, "StartTime": time.time()}
    _write(world, endpoint, PendingDeploymentSummary=summary)


def _write(world: World, endpoint: str, **changes: Any) -> None:
    """Change the record; None takes a member away."""
    with world.store.edit(KIND, endpoint) as record:
        record.update(changes)
        for name in [name for name, value in changes.items() if value is None]:
            del record[name]


def _wait(world: World, seconds: float) -> None:
    if world.ending.wait(seconds):
        raise _Ended


def _quietly(work: Callable[[World, str], None], world: World, endpoint: str) -> None:
    """A failure of ours must not leave an endpoint under way for ever."""
    try:
        work(world, endpoint)
    except _Ended:
        pass
    except Exception:
        _log.exception("%s: the rehearsal failed", endpoint)
        _write(world, endpoint, EndpointStatus="Failed", FailureReason=_OUR_FAULT, _pending=None)


def _instances(plan: Plan) -> int:
    return sum(variant.get("InitialInstanceCount", 0) for variant in plan["variants"])


def _reason(error: NotServing) -> str:
    return str(error)[:_LONGEST_REASON]
