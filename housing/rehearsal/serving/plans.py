"""What an endpoint is to serve, decided before anything starts: a configuration, its models, weights and counts.

A plan is JSON and is kept with the endpoint, because configurations and models may be deleted while it serves them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from housing.rehearsal.serving.models import container_of

if TYPE_CHECKING:
    from housing.rehearsal.context import Context
    from housing.rehearsal.store import Record

Plan = dict[str, Any]
"""`config`, its name; `variants`, `shadows`, `capture` and `async` as in the configuration; `models` by name."""


def planned(
    context: Context, config_name: str, *, retained: Mapping[str, Any] | None = None, excluded: Iterable[str] = ()
) -> Plan:
    """The plan of a configuration as it is now; `retained` is the plan in service, kept but for `excluded` properties.

    ApiError when the configuration or one of its models no longer exists.
    """
    config = context.store.get("endpoint-config", config_name)
    variants, shadows = config["ProductionVariants"], config.get("ShadowProductionVariants", [])
    plan = {
        "config": config_name,
        "variants": variants,
        "shadows": shadows,
        "models": {each["ModelName"]: context.store.get("model", each["ModelName"]) for each in variants + shadows},
        "capture": config.get("DataCaptureConfig"),
        "async": config.get("AsyncInferenceConfig"),
    }
    return _retaining(plan, retained, set(excluded)) if retained is not None else plan


def resized(plan: Plan, desired: Iterable[Mapping[str, Any]]) -> Plan:
    """The plan with other weights, counts and concurrencies, as in UpdateEndpointWeightsAndCapacities."""
    by_name = {each["VariantName"]: each for each in desired}
    variants = []
    for variant in plan["variants"]:
        wanted = by_name.get(variant["VariantName"], {})
        changed = dict(variant)
        if "DesiredWeight" in wanted:
            changed["InitialVariantWeight"] = wanted["DesiredWeight"]
        if "DesiredInstanceCount" in wanted:
            changed["InitialInstanceCount"] = wanted["DesiredInstanceCount"]
        if "ServerlessUpdateConfig" in wanted:
            changed["ServerlessConfig"] = variant["ServerlessConfig"] | wanted["ServerlessUpdateConfig"]
        variants.append(changed)
    return {**plan, "variants": variants}


def summaries(plan: Plan, current: Plan | None = None) -> list[Record]:
    """The production variants as DescribeEndpoint shows them: desired by `plan`, current by `current` (or the same)."""
    return [_summary(plan, variant, current or plan) for variant in plan["variants"]]


def shadow_summaries(plan: Plan) -> list[Record] | None:
    return [_summary(plan, variant, plan) for variant in plan["shadows"]] or None


def capture_summary(plan: Plan) -> Record | None:
    capture = plan["capture"]
    if capture is None:
        return None
    enabled = capture.get("EnableCapture", False)
    return {
        "EnableCapture": enabled,
        "CaptureStatus": "Started" if enabled else "Stopped",
        "CurrentSamplingPercentage": capture["InitialSamplingPercentage"],
        "DestinationS3Uri": capture["DestinationS3Uri"],
        "KmsKeyId": capture.get("KmsKeyId", ""),
    }


def _retaining(plan: Plan, retained: Mapping[str, Any], excluded: set[str]) -> Plan:
    before = {variant["VariantName"]: variant for variant in retained["variants"]}
    kept = {"DesiredWeight": "InitialVariantWeight", "DesiredInstanceCount": "InitialInstanceCount"}
    members = [member for name, member in kept.items() if name not in excluded]

    def merged(variant: Record) -> Record:
        old = before.get(variant["VariantName"], {})
        return variant | {member: old[member] for member in members if member in old and member in variant}

    capture = plan["capture"] if "DataCaptureConfig" in excluded else retained["capture"]
    return {**plan, "variants": [merged(variant) for variant in plan["variants"]], "capture": capture}


def _summary(plan: Plan, variant: Record, current: Plan) -> Record:
    name = variant["VariantName"]
    now = next((each for each in current["variants"] if each["VariantName"] == name), variant)
    image = container_of(plan["models"][variant["ModelName"]])["Image"]
    summary = {
        "VariantName": name,
        "DeployedImages": [
            {"SpecifiedImage": image, "ResolvedImage": image, "ResolutionTime": datetime.now(UTC).timestamp()}
        ],
        "CurrentWeight": now["InitialVariantWeight"],
        "DesiredWeight": variant["InitialVariantWeight"],
    }
    if "ServerlessConfig" in variant:
        return summary | {
            "CurrentServerlessConfig": now["ServerlessConfig"],
            "DesiredServerlessConfig": variant["ServerlessConfig"],
        }
    return summary | {
        "CurrentInstanceCount": now["InitialInstanceCount"],
        "DesiredInstanceCount": variant["InitialInstanceCount"],
    }
