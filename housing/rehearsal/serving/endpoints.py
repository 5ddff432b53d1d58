"""The operations on endpoints, and what AWS refuses; deployments.py carries them out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from housing.rehearsal.api import listing
from housing.rehearsal.responses import ApiError, refused
from housing.rehearsal.serving import deployments, plans, shifting
from housing.rehearsal.serving.deployments import KIND
from housing.rehearsal.serving.scalable_targets import registered

if TYPE_CHECKING:
    from housing.rehearsal.context import Context
    from housing.rehearsal.serving.hosting import Hosting
    from housing.rehearsal.serving.plans import Plan
    from housing.rehearsal.store import Record


def create_endpoint(hosting: Hosting, request: dict[str, Any]) -> dict[str, Any]:
    name, config = request["EndpointName"], request["EndpointConfigName"]
    plan = plans.planned(hosting.context, config)
    shifting.check(hosting.context, request.get("DeploymentConfig"), plan["variants"])
    record = {
        "EndpointConfigName": config,
        "EndpointStatus": "Creating",
        "Tags": request.get("Tags", []),
        "_pending": plan,
    }
    made = hosting.context.store.create(KIND, name, record)
    deployments.begin_creation(hosting, name)
    return {"EndpointArn": made["EndpointArn"]}


def describe_endpoint(hosting: Hosting, request: dict[str, Any]) -> dict[str, Any]:
    return listing.describe(hosting.context, KIND, request)


def list_endpoints(hosting: Hosting, request: dict[str, Any]) -> dict[str, Any]:
    return listing.summaries(hosting.context, KIND, request, member="Endpoints")


def update_endpoint(hosting: Hosting, request: dict[str, Any]) -> dict[str, Any]:
    """Deploy a new configuration, with its weights and instance counts unless the endpoint's are to be retained."""
    name = request["EndpointName"]
    scaled = {variant for _, variant in registered(hosting.context, name)}
    with hosting.context.store.edit(KIND, name) as record:
        _check_changeable(record)
        hosting.context.store.get("endpoint-config", record["EndpointConfigName"])
        serving = record["_serving"]
        plan = plans.planned(
            hosting.context,
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
        shifting.check(hosting.context, config, plan["variants"])
        record.pop("FailureReason", None)
        record |= {"EndpointStatus": "Updating", "_pending": plan, "_pending_is_fleet": True}
        record["_deployment_config"] = config
        arn = record["EndpointArn"]
    deployments.begin_update(hosting, name)
    return {"EndpointArn": arn}


def update_weights_and_capacities(hosting: Hosting, request: dict[str, Any]) -> dict[str, Any]:
    name, desired = request["EndpointName"], request["DesiredWeightsAndCapacities"]
    with hosting.context.store.edit(KIND, name) as record:
        _check_changeable(record)
        serving = record["_serving"]
        _check_desired(hosting.context, record, serving, desired)
        plan = plans.resized(serving, desired)
        record.pop("FailureReason", None)
        record |= {
            "EndpointStatus": "Updating",
            "ProductionVariants": plans.summaries(plan, serving),
            "_pending": plan,
            "_pending_is_fleet": False,
        }
        arn = record["EndpointArn"]
    deployments.begin_resizing(hosting, name)
    return {"EndpointArn": arn}


def delete_endpoint(hosting: Hosting, request: dict[str, Any]) -> None:
    name = request["EndpointName"]
    with hosting.context.store.edit(KIND, name) as record:
        if record["EndpointStatus"] not in ("InService", "Failed", "OutOfService"):
            raise _in_progress(record)
        record["EndpointStatus"] = "Deleting"
    deployments.begin_deletion(hosting, name)


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
    """ApiError unless variants with a scalable target keep their name and instance type."""
    before = {each["VariantName"]: each.get("InstanceType") for each in serving["variants"]}
    after = {each["VariantName"]: each.get("InstanceType") for each in plan["variants"]}
    if changed := [name for name in sorted(scaled) if name in before and after.get(name) != before[name]]:
        names = ", ".join(f'"{name}"' for name in changed)
        raise refused(
            f"The variant(s) {names} must be deregistered as scalable targets with AWS Auto Scaling before they can "
            "be removed or have their instance type updated."
        )


def _check_desired(context: Context, record: Record, serving: Plan, desired: list[Mapping[str, Any]]) -> None:
    variants = {each["VariantName"]: each for each in serving["variants"]}
    names = [each["VariantName"] for each in desired]
    if unknown := [name for name in names if name not in variants]:
        quoted = ", ".join(f'"{name}"' for name in unknown)
        config = context.arn("endpoint-config", record["EndpointConfigName"])
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


OPERATIONS = {
    "CreateEndpoint": create_endpoint,
    "DescribeEndpoint": describe_endpoint,
    "ListEndpoints": list_endpoints,
    "UpdateEndpoint": update_endpoint,
    "UpdateEndpointWeightsAndCapacities": update_weights_and_capacities,
    "DeleteEndpoint": delete_endpoint,
}
