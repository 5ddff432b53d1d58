"""Requests to the variants of an endpoint since their test began, and whether the shares are as declared."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from housing.monitoring.ab_test import failure_share
from housing.monitoring.sample_ratio import SampleRatio, sample_ratio
from housing.targets.base import EndpointStatus
from housing.workflow.outcome import OutputTable

_MUCH_LATER_S = 1.0


@dataclass(frozen=True)
class VariantTraffic:
    """Requests, each with any number of rows. `since_s` is when the test began, in seconds since 1970."""

    since_s: float | None
    counted_since_s: float | None
    requests: Mapping[str, int]
    failures: Mapping[str, int]
    ratio: SampleRatio


def variant_traffic(status: EndpointStatus) -> VariantTraffic:
    """The traffic of the endpoint's current variants with their current models and weights."""
    change = status.test
    requests = change.requests if change else status.invocations
    failures = change.failures if change else status.failures
    ratio = sample_ratio(status.deployment.shares(), requests)
    return VariantTraffic(
        change.since_s if change else None, change.counted_since_s if change else None, requests, failures, ratio
    )


def traffic(status: EndpointStatus, found: VariantTraffic, *, confidence: float) -> OutputTable:
    """One row for each variant. Latencies are those of the latest calls, even from before the test."""
    rows = []
    for name, variant in status.deployment.variants.items():
        count, failed = found.requests.get(name, 0), found.failures.get(name, 0)
        failure = failure_share(failed, count, confidence=confidence)
        between = f"{failure.low:.2%} to {failure.high:.2%}" if failure else "-"
        latency = status.latency_ms.get(name)
        declared = f"{found.ratio.declared[name]:.1%}" if name in found.ratio.declared else "shadow"
        seen = f"{found.ratio.seen[name]:.1%}" if name in found.ratio.seen else "-"
        row = [name, variant.model, declared, seen, count, failed, between, round(latency, 1) if latency else "-"]
        rows.append(row)
    interval = f"failed, {confidence:.0%}"
    columns = ("variant", "model", "declared", "seen", "requests", "failed", interval, "latency ms")
    since = f" since {moment(found.since_s)}" if found.since_s else ""
    return OutputTable(f"{status.endpoint}, requests{since}", columns, rows, spare=("latency ms", "model"))


def remarks(found: VariantTraffic, *, chance: float) -> list[str]:
    """Whether the shares are as declared, and since when requests are counted."""
    lines = []
    since, counted = found.since_s, found.counted_since_s
    if since is not None:
        lines.append(f"what came before {moment(since)}, when these variants, models and weights began, is left out")
    if since is not None and counted is not None and counted > since + _MUCH_LATER_S:
        lines.append(f"requests are counted since {moment(counted)}")
    ratio = found.ratio
    if ratio.is_off(chance):
        shares = ", ".join(
            f"{name} {share:.1%} (declared {ratio.declared[name]:.1%})" for name, share in ratio.seen.items()
        )
        lines.append(
            f"{ratio.requests:,} requests are not shared out as declared: {shares}; p = {ratio.p_value:.1g}. Find out "
            "why before you trust a comparison: requests that name their variant count, too"
        )
    elif ratio.p_value is not None:
        requests = "1 request is" if ratio.requests == 1 else f"{ratio.requests:,} requests are"
        lines.append(f"{requests} shared out as declared; p = {ratio.p_value:.2g}")
    return lines


def moment(seconds: float) -> str:
    """Seconds since 1970 as text, in UTC."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))
