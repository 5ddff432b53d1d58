from __future__ import annotations

from housing.targets.local.metrics import Exposition
from housing.targets.local.request_counts import BUCKETS_S, RequestCounts


def test_requests_latencies_and_instances_are_told_as_prometheus_reads_them() -> None:
    counts = RequestCounts()
    for seconds in (0.0005, 0.004, 0.004, 20.0):
        counts.record(seconds, failed=False)
    counts.record(0.004, failed=True, refused=True)
    counts.record(0.3, failed=True)
    page = Exposition()
    for variant in ("champion", 'odd "one"'):
        page.add("house", variant, "models:/price/1", weight=9.0, instances=2, counts=counts)
    lines = page.text().splitlines()
    one = 'endpoint="house",variant="champion"'
    for wanted in (
        f'housing_requests_total{{{one},outcome="ok"}} 4',
        f'housing_requests_total{{{one},outcome="refused"}} 1',
        f'housing_requests_total{{{one},outcome="failed"}} 1',
        f'housing_request_duration_seconds_bucket{{{one},le="0.001"}} 1',
        f'housing_request_duration_seconds_bucket{{{one},le="0.005"}} 4',
        f'housing_request_duration_seconds_bucket{{{one},le="10"}} 5',
        f'housing_request_duration_seconds_bucket{{{one},le="+Inf"}} 6',
        f"housing_request_duration_seconds_count{{{one}}} 6",
        f'housing_instances{{{one},model="models:/price/1"}} 2',
        "# TYPE housing_request_duration_seconds histogram",
    ):
        assert wanted in lines
    assert any('variant="odd \\"one\\""' in line for line in lines)
    # Each family is one block, whatever adds to it.
    kinds = [line.split("{")[0].removesuffix("_bucket") for line in lines if not line.startswith("#")]
    assert [kind for kind, before in zip(kinds, ["", *kinds], strict=False) if kind != before].count(
        "housing_instances"
    ) == 1
    assert len(counts.buckets) == len(BUCKETS_S) + 1


def test_the_99th_percentile_is_of_the_latest_answers() -> None:
    counts = RequestCounts()
    assert counts.p99_latency_ms() is None
    for number in range(1000):
        counts.record(number / 1000, failed=False)
    assert counts.p99_latency_ms() == 990.0
