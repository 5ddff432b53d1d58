"""Endpoints: the calls, and which of them AWS refuses when; what they set off is in deployments.py."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from housing.rehearsal.answers import ApiError, refused
from housing.rehearsal.api import listing
from housing.rehearsal.api.operations import operation
from housing.rehearsal.serving import deployments, plans, shifting
from housing.rehearsal.serving.deployments import KIND
from housing.rehearsal.serving.scalable_targets import registered

if TYPE_CHECKING:
    from housing.rehearsal.serving.plans import Plan
    from housing.rehearsal.store import Record
    from housing.rehearsal.world import World


@operation("CreateEndpoint")
def create_endpoint(world: World, request: dict[str, Any]) -> dict[str, Any]:
    name, config = request["EndpointName"], request["EndpointConfigName"]
    plan = plans.planned(world, config)
    shifting.check(world, request.get("DeploymentConfig"), plan["variants"])
    record = {
        "EndpointConfigName": config,
        "EndpointStatus": "Creating",
        "Tags": request.get("Tags", []),
        "_pending": plan,
    }
    made = world.store.create(KIND, name, record)
    deployments.begin_creation(world, name)
    return {"EndpointArn": made["EndpointArn"]}


@operation("DescribeEndpoint")
def describe_endpoint(world: World, request: dict[str, Any]) -> dict[str, Any]:
    return listing.describe(world, KIND, request)


@operation("ListEndpoints")
def list_endpoints(world: World, request: dict[str, Any]) -> dict[str, Any]:
    return listing.summaries(world, KIND, request, member="Endpoints")


@operation("UpdateEndpoint")
def update_endpoint(world: World, request: dict[str, Any]) -> dict[str, Any]:
    """The new fleet has the new configuration's weights and counts, unless the endpoint's own are to be retained."""
    name = request["EndpointName"]
    scaled = {variant for _, variant in registered(world, name)}
    with world.store.edit(KIND, name) as record:
        _check_changeable(record)
        world.store.get("endpoint-config", record["EndpointConfigName"])
        serving = record["_serving"]
        plan = plans.planned(
            world,
            request["EndpointConfigName"],
            retained=serving if request.get("RetainAllVariantProperties") else None,
            excluded=(each["VariantPropertyType"] for each in request.get("ExcludeRetainedVariantProperties", ())),
        )
        _check_same_mode(serving, plan)
        _check_scaled(scaled, serving, plan)
        config = request.get("DeploymentConfig")
        if request.get("RetainDeploymentConfig"):
            if config is not None:
                raise refused("DeploymentConfig and RetainDeploymentConfig cannot both be specified.")
            config = record.get("LastDeploymentConfig")
        shifting.check(world, config, plan["variants"])
        record.pop("FailureReason", None)
        record |= {"EndpointStatus": "Updating", "_pending": plan, "_pending_is_fleet": True}
        record["_deployment_config"] = config
        arn = record["EndpointArn"]
    deployments.begin_update(world, name)
    return {"EndpointArn": arn}


@operation("UpdateEndpointWeightsAndCapacities")
def update_weights_and_capacities(world: World, request: dict[str, Any]) -> dict[str, Any]:
    name, desired = request["EndpointName"], request["DesiredWeightsAndCapacities"]
    with world.store.edit(KIND, name) as record:
        _check_changeable(record)
        serving = record["_serving"]
        _check_desired(world, record, serving, desired)
        plan = plans.resized(serving, desired)
        record.pop("FailureReason", None)
        record |= {
            "EndpointStatus": "Updating",
            "ProductionVariants": plans.summaries(plan, serving),
            "_pending": plan,
            "_pending_is_fleet": False,
        }
        arn = record["EndpointArn"]
    deployments.begin_resizing(world, name)
    return {"EndpointArn": arn}


@operation("DeleteEndpoint")
def delete_endpoint(world: World, request: dict[str, Any]) -> None:
    name = request["EndpointName"]
    with world.store.edit(KIND, name) as record:
        if record["EndpointStatus"] not in ("InService", "Failed", "OutOfService"):
            raise _in_progress(record)
        record["EndpointStatus"] = "Deleting"
    deployments.begin_deletion(world, name)


def _check_changeable(record: Record) -> None:
    if record["EndpointStatus"] == "Failed":
        raise refused(f'Cannot update endpoint "{record["EndpointArn"]}" in status Failed; it can only be deleted.')
    if record["EndpointStatus"] != "InService":
        raise _in_progress(record)


def _in_progress(record: Record) -> ApiError:
    return refused(f'Cannot update in-progress endpoint "{record["EndpointArn"]}".')


def _check_same_mode(serving: Plan, plan: Plan) -> None:
    if (serving["async"] is None) != (plan["async"] is None):
        raise refused("An endpoint cannot be updated from real-time to asynchronous inference, or back.")
    before, after = (any("ServerlessConfig" in v for v in one["variants"]) for one in (serving, plan))
    if after and not before:
        raise refused("An instance-based, real-time endpoint cannot be converted to a serverless endpoint.")


def _check_scaled(scaled: Iterable[str], serving: Plan, plan: Plan) -> None:
    """A variant that scales must stay, on the same type of machine."""
    before = {each["VariantName"]: each.get("InstanceType") for each in serving["variants"]}
    after = {each["VariantName"]: each.get("InstanceType") for each in plan["variants"]}
    if changed := [name for name in sorted(scaled) if name in before and after.get(name) != before[name]]:
        names = ", ".join(f'"{name}"' for name in changed)
        raise refused(
            f"The variant(s) {names} must be deregistered as scalable targets with AWS Auto Scaling before they can "
            "be removed or have their instance type updated."
        )


def _check_desired(world: World, record: Record, serving: Plan, desired: list[Mapping[str, Any]]) -> None:
    variants = {each["VariantName"]: each for each in serving["variants"]}
    names = [each["VariantName"] for each in desired]
    if unknown := [name for name in names if name not in variants]:
        quoted = ", ".join(f'"{name}"' for name in unknown)
        config = world.arn("endpoint-config", record["EndpointConfigName"])
        raise refused(f'The variant name(s) {quoted} is/are not present within endpoint configuration "{config}".')
    if len(set(names)) < len(names):
        raise refused("Each variant can be named only once in DesiredWeightsAndCapacities.")
    for each in desired:
        serverless = "ServerlessConfig" in variants[each["VariantName"]]
        if serverless and "DesiredInstanceCount" in each:
            raise refused(f"Variant {each['VariantName']} is serverless and has no instances.")
        if not serverless and "ServerlessUpdateConfig" in each:
            raise refused(f"Variant {each['VariantName']} is not serverless.")
        if each.get("DesiredInstanceCount") == 0 and serving["async"] is None:
            raise refused(f"Variant {each['VariantName']}: DesiredInstanceCount must be 1 or more.")
