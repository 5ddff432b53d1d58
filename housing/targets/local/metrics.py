"""Metrics of a server's endpoints, in Prometheus's format: `GET /metrics`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from housing.targets.local.request_counts import BUCKETS_S, RequestCounts

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_ABOUT = {
    "housing_requests_total": ("counter", "Answered requests by outcome: ok, refused (4xx) or failed (5xx)."),
    "housing_request_duration_seconds": ("histogram", "Seconds from a request's arrival to its answer."),
    "housing_instances": ("gauge", "Instances that have loaded their model."),
    "housing_variant_weight": ("gauge", "Declared weight of a variant."),
}


class Exposition:
    """Samples of several endpoints, grouped by name, as the format requires."""

    def __init__(self) -> None:
        self._samples: dict[str, list[str]] = {name: [] for name in _ABOUT}

    def add(
        self, endpoint: str, variant: str, model: str, *, weight: float, instances: int, counts: RequestCounts
    ) -> None:
        """Add the samples of one variant."""
        labels = {"endpoint": endpoint, "variant": variant}
        ok = counts.invocations - counts.failures
        outcomes = {"ok": ok, "refused": counts.failures - counts.server_errors, "failed": counts.server_errors}
        for outcome, count in outcomes.items():
            self._add("housing_requests_total", "", labels | {"outcome": outcome}, count)
        name, total = "housing_request_duration_seconds", 0
        for bound, count in zip((*BUCKETS_S, None), counts.buckets, strict=True):
            total += count
            self._add(name, "_bucket", labels | {"le": "+Inf" if bound is None else f"{bound:g}"}, total)
        self._add(name, "_sum", labels, counts.seconds)
        self._add(name, "_count", labels, total)
        self._add("housing_instances", "", labels | {"model": model}, instances)
        self._add("housing_variant_weight", "", labels | {"model": model}, weight)

    def text(self) -> str:
        """The page in text format."""
        return "".join(line for name in _ABOUT for line in self._family(name))

    def _family(self, name: str) -> Iterable[str]:
        kind, about = _ABOUT[name]
        return (f"# HELP {name} {about}\n", f"# TYPE {name} {kind}\n", *self._samples[name])

    def _add(self, name: str, suffix: str, labels: Mapping[str, str], value: float) -> None:
        told = ",".join(f'{key}="{_escaped(label)}"' for key, label in labels.items())
        self._samples[name].append(f"{name}{suffix}{{{told}}} {value!r}\n")


def _escaped(label: str) -> str:
    return label.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
