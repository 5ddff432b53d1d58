"""Variants that Application Auto Scaling scales."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from housing.rehearsal.context import Context
    from housing.rehearsal.store import Record

NAMESPACE = "sagemaker"
DIMENSION = "sagemaker:variant:DesiredInstanceCount"


def registered(context: Context, endpoint: str | None = None) -> dict[tuple[str, str], Record]:
    """Scalable targets by endpoint and variant: all, or those of one endpoint."""
    pages = context.client("application-autoscaling").get_paginator("describe_scalable_targets")
    found = {}
    for page in pages.paginate(ServiceNamespace=NAMESPACE, ScalableDimension=DIMENSION):
        for target in page["ScalableTargets"]:
            _, of, _, variant = (target["ResourceId"].split("/") + [""] * 4)[:4]
            if endpoint in (None, of):
                found[of, variant] = target
    return found


def deregister(context: Context, endpoint: str) -> None:
    """As AWS does when an endpoint is deleted."""
    for target in registered(context, endpoint).values():
        context.client("application-autoscaling").deregister_scalable_target(
            ServiceNamespace=NAMESPACE, ResourceId=target["ResourceId"], ScalableDimension=DIMENSION
        )
