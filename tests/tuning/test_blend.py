"""The weights of an ensemble's members."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from housing.tuning.blend import chosen

ROWS = 120


def absolute_error(label: NDArray[np.float64]) -> object:
    return lambda mean, places: float(np.abs(mean - label[places]).mean())


@pytest.fixture
def noisy() -> tuple[NDArray[np.float64], list[NDArray[np.float64]]]:
    """A label, and five answers with errors of their own, the best first."""
    draw = np.random.default_rng(0)
    label = draw.normal(size=ROWS)
    return label, [label + draw.normal(size=ROWS) * (1 + model / 4) for model in range(5)]


@pytest.mark.parametrize("samples", [1, 12])
def test_weights_sum_to_one_and_are_of_at_most_so_many(samples: int, noisy: tuple[NDArray[np.float64], list]) -> None:
    label, answers = noisy
    weights = chosen(answers, absolute_error(label), most=3, samples=samples)
    assert sum(weights) == pytest.approx(1)
    assert 2 <= sum(weight > 0 for weight in weights) <= 3


def test_independent_errors_are_averaged_and_the_same_seed_gives_the_same_weights(
    noisy: tuple[NDArray[np.float64], list],
) -> None:
    label, answers = noisy
    cost = absolute_error(label)
    weights = chosen(answers, cost, most=5, samples=12, seed=3)
    assert cost(np.tensordot(weights, answers, 1), np.arange(ROWS)) < 0.8 * cost(answers[0], np.arange(ROWS))
    assert weights == chosen(answers, cost, most=5, samples=12, seed=3)
    assert weights[0] == max(weights), "the best has the most weight"


@pytest.mark.parametrize("samples", [1, 12])
def test_it_is_never_worse_than_the_first_alone(samples: int) -> None:
    draw = np.random.default_rng(1)
    for seed in range(20):
        label = draw.normal(size=30)
        answers = sorted(
            (label + draw.normal(size=30) * draw.random() * 3 for _ in range(4)), key=lambda a: np.abs(a - label).mean()
        )
        cost = absolute_error(label)
        everywhere = np.arange(30)
        weights = chosen(answers, cost, most=2, samples=samples, seed=seed)
        assert cost(np.tensordot(weights, answers, 1), everywhere) <= cost(answers[0], everywhere)


@pytest.mark.parametrize("samples", [1, 12])
def test_a_model_that_only_adds_noise_has_no_weight(samples: int) -> None:
    draw = np.random.default_rng(2)
    label = draw.normal(size=ROWS)
    answers = [label + 0.01 * draw.normal(size=ROWS), draw.normal(size=ROWS) * 50]
    assert chosen(answers, absolute_error(label), most=2, samples=samples) == [1.0, 0.0]


@pytest.mark.parametrize("samples", [1, 12])
def test_a_sample_without_a_value_of_the_metric_does_not_end_it(samples: int) -> None:
    """Such as the area under a curve, of rows that are all of one level."""
    label = np.zeros(ROWS)
    label[0] = 1
    answers = [np.linspace(1, 0, ROWS), np.linspace(0, 1, ROWS)]

    def cost(mean: NDArray[np.float64], places: NDArray[np.int64]) -> float:
        positive = label[places] == 1
        return np.inf if not positive.any() else float((mean[~positive] >= mean[positive].min()).mean())

    assert chosen(answers, cost, most=2, samples=samples)[0] > 0.5
