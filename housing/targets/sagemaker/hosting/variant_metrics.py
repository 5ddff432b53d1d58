"""Requests, failures and latency of an endpoint, by variant, as CloudWatch counts them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from housing.targets.base import SinceChange
from housing.targets.sagemaker.hosting.alarms import NAMESPACE
from housing.targets.sagemaker.refusals import translated

if TYPE_CHECKING:
    from housing.targets.sagemaker.clients import Clients

_LONGEST = timedelta(days=14)  # metrics with a period of a minute are kept for 15 days
_HOUR = timedelta(hours=1)
_MINUTE = timedelta(minutes=1)
_MICROSECONDS_A_MS = 1000


@dataclass(frozen=True)
class VariantMetrics:
    """Metrics of one variant since it was created, at most of the last 14 days."""

    invocations: int
    failures: int
    latency_ms: float | None
    invocations_last_day: int
    server_errors: int = 0


def variant_metrics(
    clients: Clients, endpoint: str, variants: Sequence[str], *, since: datetime
) -> dict[str, VariantMetrics]:
    """Metrics by variant. They reach CloudWatch about a minute late."""
    now = datetime.now(UTC)
    start = max(since, now - _LONGEST)
    sums = {"invocations": "Invocations", "refused": "Invocation4XXErrors", "failed": "Invocation5XXErrors"}
    queries = [
        _query(f"{key}{index}", endpoint, variant, metric, statistic)
        for index, variant in enumerate(variants)
        for key, metric, statistic in (
            *((k, m, "Sum") for k, m in sums.items()),
            ("latency", "ModelLatency", "Average"),
        )
    ]
    found: dict[str, dict[datetime, float]] = {query["Id"]: {} for query in queries}
    with translated("cloudwatch"):
        pages = clients("cloudwatch").get_paginator("get_metric_data")
        # The current hour counts, too.
        for page in pages.paginate(MetricDataQueries=queries, StartTime=start, EndTime=now + _HOUR):
            for result in page["MetricDataResults"]:
                found[result["Id"]] |= dict(zip(result["Timestamps"], result["Values"], strict=True))
    day_ago = now - timedelta(days=1)
    return {
        variant: _metrics({key: found[f"{key}{index}"] for key in (*sums, "latency")}, day_ago)
        for index, variant in enumerate(variants)
    }


def requests_since_change(
    clients: Clients, endpoint: str, variants: Sequence[str], *, changed: datetime
) -> SinceChange:
    """By whole minutes, as CloudWatch counts; without the minute of the change, which has earlier requests, too."""
    now = datetime.now(UTC)
    start = max(changed.replace(second=0, microsecond=0) + _MINUTE, now - _LONGEST)
    if start > now:
        nothing = dict.fromkeys(variants, 0)
        return SinceChange(changed.timestamp(), start.timestamp(), nothing, nothing)
    metrics = ("Invocations", "Invocation4XXErrors", "Invocation5XXErrors")
    queries = [
        _query(f"m{index}x{number}", endpoint, variant, metric, "Sum", period_s=60)
        for index, variant in enumerate(variants)
        for number, metric in enumerate(metrics)
    ]
    sums = {query["Id"]: 0.0 for query in queries}
    with translated("cloudwatch"):
        pages = clients("cloudwatch").get_paginator("get_metric_data")
        for page in pages.paginate(MetricDataQueries=queries, StartTime=start, EndTime=now + _MINUTE):
            for result in page["MetricDataResults"]:
                sums[result["Id"]] += sum(result["Values"])
    requests = {variant: int(sums[f"m{index}x0"]) for index, variant in enumerate(variants)}
    failures = {variant: int(sums[f"m{index}x1"] + sums[f"m{index}x2"]) for index, variant in enumerate(variants)}
    return SinceChange(changed.timestamp(), start.timestamp(), requests, failures)


def _metrics(found: dict[str, dict[datetime, float]], day_ago: datetime) -> VariantMetrics:
    calls = found["invocations"]
    total = sum(calls.values())
    # The mean over all calls: each hour's mean is weighted by its calls.
    weighed = sum(mean * calls.get(hour, 0) for hour, mean in found["latency"].items())
    return VariantMetrics(
        invocations=int(total),
        failures=int(sum(found["refused"].values()) + sum(found["failed"].values())),
        latency_ms=weighed / total / _MICROSECONDS_A_MS if total else None,
        server_errors=int(sum(found["failed"].values())),
        invocations_last_day=int(sum(count for hour, count in calls.items() if hour >= day_ago)),
    )


def _query(
    identity: str, endpoint: str, variant: str, metric: str, statistic: str, *, period_s: int = 3600
) -> dict[str, Any]:
    dimensions = [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": variant}]
    return {
        "Id": identity,
        "MetricStat": {
            "Metric": {"Namespace": NAMESPACE, "MetricName": metric, "Dimensions": dimensions},
            "Period": period_s,
            "Stat": statistic,
        },
    }
