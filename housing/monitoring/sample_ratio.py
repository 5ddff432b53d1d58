"""Whether traffic was split as declared: the sample ratio test of an A/B experiment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_LEAST_EXPECTED = 5
"""Expected requests that every variant needs for the chi-square approximation to hold (Cochran 1954)."""


@dataclass(frozen=True)
class SampleRatio:
    """`seen` are the fractions of all `requests` that each answering variant got, beside those `declared`.

    `p_value` is the probability of so large a deviation, or a larger one, if the shares are as declared; None where
    there are too few requests, or a single variant.
    """

    declared: Mapping[str, float]
    seen: Mapping[str, float]
    requests: int
    p_value: float | None

    def is_off(self, chance: float) -> bool:
        """Whether `p_value` is below `chance`."""
        return self.p_value is not None and self.p_value < chance


def sample_ratio(declared: Mapping[str, float], requests: Mapping[str, int]) -> SampleRatio:
    """An exact test for two variants, chi-square for more. `declared` sums to 1; variants without traffic are left out.

    A variant of weight 0 answers only requests that name it, which say nothing about the split.
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
