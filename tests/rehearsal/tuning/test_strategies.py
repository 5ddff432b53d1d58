from __future__ import annotations

import math
import statistics
from collections.abc import Mapping

import pytest

from housing.rehearsal.responses import ApiError
from housing.rehearsal.tuning.execution import falls_behind, is_below_median
from housing.rehearsal.tuning.parameter_ranges import Space, space
from housing.rehearsal.tuning.strategies import Observation, Propose, at_random, bayesian, in_a_grid

RANGES = {
    "ContinuousParameterRanges": [
        {"Name": "rate", "MinValue": "0.001", "MaxValue": "1", "ScalingType": "Logarithmic"},
        {"Name": "share", "MinValue": "0", "MaxValue": "1"},
    ],
    "IntegerParameterRanges": [{"Name": "depth", "MinValue": "1", "MaxValue": "10"}],
}


def _cost(values: Mapping[str, str]) -> float:
    rate, share, depth = math.log10(float(values["rate"])), float(values["share"]), int(values["depth"])
    return (rate + 1.7) ** 2 + 4 * (share - 0.6) ** 2 + 0.05 * (depth - 4) ** 2


def _best(sides: Space, propose: Propose, seed: int, jobs: int, parallel: int) -> float:
    seen: list[Observation] = []
    while len(seen) < jobs:
        batch = list(seen)
        for _ in range(min(parallel, jobs - len(seen))):
            point = propose(sides, batch, seed)
            assert point is not None
            batch.append(Observation(point, None))
        seen = [Observation(one.point, _cost(sides.values(one.point))) for one in batch]
    return min(one.value for one in seen if one.value is not None)


@pytest.mark.slow
def test_bayesian_search_beats_random_search() -> None:
    sides, seeds = space(RANGES), range(6)

    random = [_best(sides, at_random, seed, 18, 3) for seed in seeds]
    learned = [_best(sides, bayesian, seed, 18, 3) for seed in seeds]

    assert sum(ours < theirs for ours, theirs in zip(learned, random, strict=True)) >= 5
    assert statistics.median(learned) < statistics.median(random) / 2


def test_the_same_seed_proposes_the_same_points() -> None:
    sides = space(RANGES)
    seen = [Observation((0.1 * n, 0.2, 0.3), float(n)) for n in range(6)]

    for propose in (at_random, bayesian):
        assert propose(sides, seen, 7) == propose(sides, seen, 7)
        assert propose(sides, seen, 7) != propose(sides, seen, 8)


def test_a_grid_has_every_combination_once() -> None:
    sides = space(
        {"CategoricalParameterRanges": [{"Name": "a", "Values": ["x", "y", "z"]}, {"Name": "b", "Values": ["1", "2"]}]}
    )
    seen: list[Observation] = []
    while (point := in_a_grid(sides, seen, 0)) is not None:
        seen.append(Observation(point, None))

    values = [tuple(sides.values(one.point).values()) for one in seen]
    assert values == [("x", "1"), ("x", "2"), ("y", "1"), ("y", "2"), ("z", "1"), ("z", "2")]


@pytest.mark.parametrize(
    ("scaling", "low", "high", "middle"),
    [("Linear", "0", "10", 5.0), ("Logarithmic", "0.001", "10", 0.1), ("ReverseLogarithmic", "0.9", "0.999", 0.99)],
)
def test_scalings_put_the_middle_where_they_should(scaling: str, low: str, high: str, middle: float) -> None:
    side = {"Name": "p", "MinValue": low, "MaxValue": high, "ScalingType": scaling}
    sides = space({"ContinuousParameterRanges": [side]})

    assert float(sides.values((0.5,))["p"]) == pytest.approx(middle)
    assert float(sides.values((0.0,))["p"]) == pytest.approx(float(low))
    assert float(sides.values((1.0,))["p"]) == pytest.approx(float(high))
    assert sides.point({"p": str(middle)}) == pytest.approx((0.5,))


def test_integers_are_equally_likely_at_the_ends() -> None:
    side = {"Name": "p", "MinValue": "1", "MaxValue": "4", "ScalingType": "Linear"}
    sides = space({"IntegerParameterRanges": [side]})

    drawn = [sides.values(((n + 0.5) / 400,))["p"] for n in range(400)]

    assert {value: drawn.count(value) for value in drawn} == {"1": 100, "2": 100, "3": 100, "4": 100}


@pytest.mark.parametrize(
    ("kind", "side", "words"),
    [
        ("Continuous", {"MinValue": "1", "MaxValue": "1"}, "must be less than"),
        ("Continuous", {"MinValue": "a", "MaxValue": "1"}, "must be a number"),
        ("Integer", {"MinValue": "1", "MaxValue": "2.5"}, "must be an integer"),
        ("Continuous", {"MinValue": "0", "MaxValue": "1", "ScalingType": "Logarithmic"}, "greater than 0"),
        ("Continuous", {"MinValue": "0", "MaxValue": "1", "ScalingType": "ReverseLogarithmic"}, r"within \[0, 1\)"),
    ],
)
def test_a_range_that_cannot_be_is_refused(kind: str, side: dict[str, str], words: str) -> None:
    with pytest.raises(ApiError, match=words):
        space({f"{kind}ParameterRanges": [{"Name": "p", **side}]})


def test_a_job_worse_than_the_median_is_stopped_early() -> None:
    others = [[10.0, 8.0, 6.0, 5.0], [12.0, 9.0, 8.0, 7.0], [9.0, 7.0, 5.0, 4.0]]

    assert is_below_median([20.0, 15.0, 12.0], others)
    assert not is_below_median([20.0, 15.0, 5.0], others)
    assert not is_below_median([20.0, 15.0], others)
    assert not is_below_median([20.0, 15.0, 12.0], others[:2])


def test_hyperband_keeps_the_best_third_of_a_rung() -> None:
    limits = {"MinResource": 1, "MaxResource": 9}
    others = [[1.0, 1.0, 1.0], [2.0, 2.0, 2.0]]

    assert falls_behind([3.0], others, limits)
    assert not falls_behind([0.5], others, limits)
    assert not falls_behind([3.0], others[:1], limits)
    assert falls_behind([0.5, 0.5, 3.0], others, limits)
    assert falls_behind([0.1] * 10, others, limits)
