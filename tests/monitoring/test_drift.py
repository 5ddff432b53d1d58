"""How far captured rows are from those of training."""

from __future__ import annotations

import numpy as np
import pytest

from housing.monitoring.drift import index_by_chance, stability_index


def test_histograms_that_agree_have_no_distance() -> None:
    assert stability_index([10, 20, 30], [10, 20, 30]) == 0


def test_a_bin_that_empties_gives_a_large_but_finite_index() -> None:
    assert 1 < stability_index([500, 500], [1000, 0]) < 10


def test_two_samples_of_one_distribution_pass_the_index_by_chance_as_often_as_it_says() -> None:
    generator = np.random.default_rng(0)
    limit = index_by_chance(10, 1000, 200, chance=0.05)
    passed = sum(
        stability_index(generator.multinomial(1000, [0.1] * 10), generator.multinomial(200, [0.1] * 10)) > limit
        for _ in range(2000)
    )
    assert passed / 2000 == pytest.approx(0.05, abs=0.02)
