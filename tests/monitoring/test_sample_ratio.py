"""The sample-ratio test: what chance explains, and what it does not."""

from __future__ import annotations

import numpy as np
import pytest

from housing.monitoring.sample_ratio import sample_ratio

TENTH = {"champion": 0.9, "challenger": 0.1}
THREE = {"a": 0.5, "b": 0.3, "c": 0.2}


def test_shares_seen_stand_beside_those_declared() -> None:
    found = sample_ratio(TENTH, {"champion": 880, "challenger": 120})
    assert found.seen == {"champion": 0.88, "challenger": 0.12}
    assert found.declared == TENTH
    assert found.requests == 1000
    assert not found.is_off(0.001)


def test_half_of_the_traffic_is_not_a_tenth() -> None:
    found = sample_ratio(TENTH, {"champion": 50, "challenger": 50})
    assert found.p_value is not None
    assert found.p_value < 1e-15
    assert found.is_off(0.001)


@pytest.mark.parametrize("declared", [TENTH, THREE])
def test_what_is_shared_out_as_declared_is_rarely_called_otherwise(declared: dict[str, float]) -> None:
    generator = np.random.default_rng(7)
    draws = generator.multinomial(400, list(declared.values()), size=2000)
    different, times = np.unique(draws, axis=0, return_counts=True)
    off = [sample_ratio(declared, dict(zip(declared, map(int, one), strict=True))).is_off(0.05) for one in different]
    assert 0.01 < np.average(off, weights=times) < 0.07


def test_few_requests_tell_nothing() -> None:
    assert sample_ratio({"only": 1.0}, {"only": 500}).p_value is None
    assert sample_ratio(TENTH, {}).p_value is None
    assert sample_ratio(THREE, {"a": 3, "b": 3, "c": 3}).p_value is None
    assert not sample_ratio(TENTH, {"champion": 3, "challenger": 1}).is_off(0.001)


def test_who_has_no_weight_and_is_asked_by_name_is_left_out() -> None:
    found = sample_ratio({**TENTH, "silent": 0.0}, {"champion": 90, "challenger": 10, "silent": 400})
    assert found.requests == 100
    assert "silent" not in found.seen
