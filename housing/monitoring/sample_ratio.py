"""Whether requests were shared out as declared: the sample-ratio test of an experiment with several variants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_LEAST_EXPECTED = 5
"""Requests that every variant must have been due before chi-square's approximation holds (Cochran 1954)."""


@dataclass(frozen=True)
class SampleRatio:
    """`seen` are the fractions of all `requests` that each answering variant got, beside those `declared`.

    `p_value` is the chance of so great a distance, or a greater one, where the shares are as declared; None where there
    are too few requests to tell, or a single variant.
    """

    declared: Mapping[str, float]
    seen: Mapping[str, float]
    requests: int
    p_value: float | None

    def is_off(self, chance: float) -> bool:
        """Whether chance explains the distance less often than `chance`."""
        return self.p_value is not None and self.p_value < chance


def sample_ratio(declared: Mapping[str, float], requests: Mapping[str, int]) -> SampleRatio:
    """Exact for two variants, by chi-square for more. `declared` sum to 1; what has none of the traffic is left out.

    A variant without weight answers only those who name it, which says nothing of how the others share.
    """
    shared = {name: share for name, share in declared.items() if share > 0}
    counts = {name: requests.get(name, 0) for name in shared}
    total = sum(counts.values())
    seen = {name: count / total for name, count in counts.items()} if total else {}
    return SampleRatio(declared, seen, total, _p_value(shared, counts, total))


def _p_value(shared: Mapping[str, float], counts: Mapping[str, int], total: int) -> float | None:
    from scipy.stats import binomtest, chisquare

    if len(shared) < 2 or not total:
        return None
    if len(shared) == 2:
        (name, share), _ = shared.items()
        return float(binomtest(counts[name], total, share).pvalue)
    expected = [share * total for share in shared.values()]
    if min(expected) < _LEAST_EXPECTED:
        return None
    return float(chisquare([counts[name] for name in shared], expected).pvalue)
