"""SageMaker's description of an endpoint -> the deployment that it serves, to be compared with the wanted one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from housing.deployment.spec import (
    INSTANCE_TYPE,
    Alarm,
    Asynchronous,
    Autoscaling,
    Capture,
    Deployment,
    Interface,
    Serverless,
    Update,
    Variant,
)
from housing.targets.sagemaker.hosting.requests import (
    ALARM_TAG,
    DIGEST_VARIABLE,
    INTERFACE_VARIABLE,
    MODEL_VARIABLE,
    UPDATE_TAG,
)

Answer = Mapping[str, Any]


def deployment(
    endpoint: Answer,
    config: Answer | None,
    models: Mapping[str, Answer],
    *,
    scaling: Mapping[str, Autoscaling],
    alarms: Mapping[str, Alarm],
    tags: Mapping[str, str],
) -> Deployment:
    """From DescribeEndpoint, DescribeEndpointConfig and DescribeModel by model name, whoever made the last change.

    A model that housing did not make is shown as `sagemaker:<its name>`, which no plan can want.
    """
    configured = by_variant(config or {})
    interfaces = [i for i in (_environment(m).get(INTERFACE_VARIABLE) for m in models.values()) if i]
    interface = cast(Interface, interfaces[0] if interfaces else "raw")
    # An endpoint that was never in service has variants only in its configuration.
    serving = endpoint if endpoint.get("ProductionVariants") else config or {}
    variants = {
        live["VariantName"]: _variant(
            live,
            configured.get(live["VariantName"], {}),
            models,
            interface=interface,
            scaling=scaling.get(live["VariantName"]),
            shadow=shadow,
        )
        for key, shadow in _KINDS.items()
        for live in serving.get(key, ())
    }
    capture = endpoint.get("DataCaptureConfig", {})
    queue = endpoint.get("AsyncInferenceConfig") or (config or {}).get("AsyncInferenceConfig")
    return Deployment(
        endpoint["EndpointName"],
        variants,
        interface=interface,
        capture=Capture(capture["CurrentSamplingPercentage"]) if capture.get("EnableCapture") else None,
        asynchronous=Asynchronous(queue.get("ClientConfig", {}).get("MaxConcurrentInvocationsPerInstance", 1000))
        if queue
        else None,
        update=read_update(tags, alarms),
    )


def variants(endpoint: Answer) -> list[str]:
    """The names of the live variants, shadows last."""
    return list(by_variant(endpoint))


def by_variant(answer: Answer) -> dict[str, Answer]:
    """The members of an endpoint, or a configuration, about each of its variants, shadows last."""
    return {variant["VariantName"]: variant for key in _KINDS for variant in answer.get(key, ())}


def read_update(tags: Mapping[str, str], alarms: Mapping[str, Alarm]) -> Update:
    """From an endpoint's tags; the default where they were removed or are invalid."""
    values = dict(pair.partition("=")[::2] for pair in tags.get(UPDATE_TAG, "").split())
    existing = [value for key, value in sorted(tags.items()) if key.startswith(ALARM_TAG) and value]
    try:
        return Update(
            strategy=cast(Any, values["strategy"]),
            step_percent=int(values["step_percent"]),
            wait_s=int(values["wait_s"]),
            bake_s=int(values["bake_s"]),
            alarms=alarms,
            existing_alarms=tuple(existing),
        )
    except (KeyError, ValueError):
        return Update(alarms=alarms, existing_alarms=tuple(existing))


def served(model: Answer) -> dict[str, str]:
    """What a model serves: its version, the digest of its files, its interface, archive and image."""
    container = model.get("PrimaryContainer", {})
    environment = _environment(model)
    return {
        "model": environment.get(MODEL_VARIABLE, foreign(model.get("ModelName", "?"))),
        "digest": environment.get(DIGEST_VARIABLE, ""),
        "interface": environment.get(INTERFACE_VARIABLE, "encoded"),
        "archive": container.get("ModelDataUrl", ""),
        "image": container.get("Image", ""),
    }


def foreign(model_name: str) -> str:
    """How a model that housing did not make is shown."""
    return f"sagemaker:{model_name}"


_KINDS = {"ProductionVariants": False, "ShadowProductionVariants": True}


def _variant(
    live: Answer,
    configured: Answer,
    models: Mapping[str, Answer],
    *,
    interface: str,
    scaling: Autoscaling | None,
    shadow: bool,
) -> Variant:
    name = configured.get("ModelName", "?")
    about = served(models.get(name, {"ModelName": name}))
    # All variants of a deployment have one interface: a variant with another was not deployed by us.
    model = about["model"] if about["interface"] == interface else foreign(name)
    function = live.get("CurrentServerlessConfig") or configured.get("ServerlessConfig")
    if function:
        serverless = Serverless(function["MemorySizeInMB"], function["MaxConcurrency"])
        return Variant(model, weight=_weight(live), serverless=serverless)
    return Variant(
        model,
        weight=_weight(live),
        instances=max(1, _first(live, "DesiredInstanceCount", "CurrentInstanceCount", "InitialInstanceCount")),
        instance_type=configured.get("InstanceType", INSTANCE_TYPE),
        autoscaling=scaling,
        shadow=shadow,
    )


def _weight(live: Answer) -> float:
    """SageMaker stores 32-bit floats: 0.9 may come back as 0.8999999761581421, and is rounded to 0.9."""
    return float(str(np.float32(_first(live, "DesiredWeight", "CurrentWeight", "InitialVariantWeight"))))


def _first(live: Answer, *keys: str) -> Any:
    """The value of the first key that is present; 1, SageMaker's default, if none is."""
    return next((live[key] for key in keys if key in live), 1)


def _environment(model: Answer) -> Mapping[str, str]:
    environment: Mapping[str, str] = model.get("PrimaryContainer", {}).get("Environment", {})
    return environment
