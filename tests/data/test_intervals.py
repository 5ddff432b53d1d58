"""Scores of held-out rows -> what holds the truth of a new one, and the same read from JSON."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from housing.data import intervals
from housing.data.encoder import Encoder
from housing.data.inputs import Levels, Number
from housing.data.intervals import MOST_SCORES, Intervals, Scale, Scores, kept, read, scores_of
from housing.errors import DataError
from housing.tasks.predictions import Predictions

NINE = Scores(9, tuple(float(number) for number in range(1, 10)))


def encoder(**changes: object) -> Encoder:
    inputs = (Number("size", "unknown"), Levels("kind", "unknown", ("flat", "house"), "one_hot"))
    plain = Encoder("price", "USD", "none", ("",), inputs, {})
    return replace(plain, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(("coverage", "bound"), [(0.5, 5.0), (0.81, 9.0), (0.8, 8.0), (0.9, 9.0), (0.91, None)])
def test_the_bound_is_the_score_that_enough_of_one_more_row_do_not_pass(coverage: float, bound: float | None) -> None:
    assert NINE.bound(coverage) == bound


def test_of_many_scores_evenly_spaced_ones_are_kept_which_never_answer_with_less() -> None:
    every = np.random.default_rng(0).normal(size=5003)
    found, whole = kept(every), Scores(5003, tuple(np.sort(every).tolist()))
    assert len(found.values) == MOST_SCORES
    for coverage in (0.5, 0.8, 0.9, 0.95, 0.99, 0.9998):
        exact = whole.bound(coverage)
        assert exact is not None
        assert found.bound(coverage) >= exact  # type: ignore[operator]
        assert (every <= found.bound(coverage)).mean() < coverage + 2 / MOST_SCORES


def test_a_range_of_a_logarithm_is_a_factor_and_never_below_the_least_label() -> None:
    about = Intervals(0.9, Scores(9, tuple(np.log([2.0] * 9).tolist())))
    found = about.of(Predictions(np.array([100.0])), transform="log")
    assert (found.low, found.high) == (pytest.approx([50.0]), pytest.approx([200.0]))
    low = Intervals(0.9, NINE, least=0.0).of(Predictions(np.array([2.0]))).low
    assert low == pytest.approx([0.0])


def test_each_level_goes_by_its_own_scores_and_one_that_has_none_by_those_of_all() -> None:
    found = Intervals(0.5, NINE, by="kind", groups={"flat": Scores(3, (10.0, 20.0, 30.0))})
    ranges = found.of(Predictions(np.zeros(3)), groups=["flat", "house", "never seen"])
    assert ranges.high is not None
    assert ranges.high.tolist() == [20.0, 5.0, 5.0]
    with pytest.raises(DataError, match="intervals go by kind, which encoded rows do not name"):
        found.of(Predictions(np.zeros(3)))
    # Three rows cannot tell of 0.9, and nine can.
    wide = found.of(Predictions(np.zeros(1)), groups=["flat"], coverage=0.9).high
    assert wide is not None
    assert wide.tolist() == [9.0]
    with pytest.raises(DataError, match=r"more held-out rows than the 9 .* ask for 0\.9 or less"):
        found.of(Predictions(np.zeros(1)), groups=["house"], coverage=0.95)


def test_a_set_of_levels_always_has_the_chosen_one() -> None:
    chances = np.array([[0.5, 0.3, 0.2], [0.05, 0.9, 0.05], [0.4, 0.35, 0.25]])
    found = Intervals(0.8, Scores(9, (0.4,) * 9)).of(Predictions(np.array([0.0, 1.0, 0.0]), chances))
    assert found.documents(["a", "b", "c"]) == [
        {"coverage": 0.8, "levels": ["a"]},
        {"coverage": 0.8, "levels": ["b"]},
        {"coverage": 0.8, "levels": ["a"]},
    ]
    assert found.hold(np.array([0.0, 0.0, 2.0])).tolist() == [True, False, False]


def test_quantiles_are_moved_outwards_or_inwards_together() -> None:
    quantiles = {0.1: np.array([10.0, 10.0]), 0.9: np.array([20.0, 20.0])}
    answered = Predictions(np.array([15.0, 15.0]), quantiles=quantiles)
    assert scores_of(np.array([9.0, 16.0]), answered).tolist() == [1.0, -4.0]
    inwards = Intervals(0.5, Scores(3, (-4.0, -4.0, -4.0))).of(answered)
    assert (inwards.low, inwards.high) == (pytest.approx([14.0, 14.0]), pytest.approx([16.0, 16.0]))


def test_an_encoder_keeps_its_intervals_as_json_and_one_without_is_written_as_before() -> None:
    scale = Scale(0.1, (1.0, 0.0, 0.0, 5.0), (0.5, 0.0, 0.25, 0.1), -3.0, 3.0)
    about = Intervals(0.9, NINE, 0.0, scale, "kind", {"flat": Scores(1, (3.5,))})
    told = encoder(intervals=about).to_json()
    assert Encoder.from_json(told).intervals == about
    assert "intervals" not in encoder().to_json()
    assert json.loads(encoder().to_json())["version"] == 1


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"scores": {"rows": 2, "values": [2.0, 1.0]}}, "rising"),
        ({"scores": {"rows": 1, "values": []}}, "at least one"),
        ({"scale": {"intercept": 0, "means": [1], "weights": [], "low": 0, "high": 0}}, "as many means as weights"),
        ({"coverage": "much"}, "much"),
        ({"more": 1}, "must have"),
    ],
)
def test_what_is_no_interval_is_refused(change: dict[str, object], fault: str) -> None:
    with pytest.raises(DataError, match=fault):
        read({**Intervals(0.9, NINE).document(), **change}, "encoder.intervals")


def test_a_scale_takes_a_missing_cell_for_the_mean_and_stays_within_what_it_has_seen() -> None:
    scale = Scale(0.0, (10.0, 0.0), (1.0, 0.0), -1.0, 1.0)
    found = scale.of(np.array([[10.5], [np.nan], [99.0]], np.float32), np.zeros(3))
    assert np.log(found).tolist() == pytest.approx([0.5, 0.0, 1.0])
    assert intervals.Intervals(0.5, NINE, scale=scale).of(
        Predictions(np.zeros(1)), matrix=np.array([[99.0]], np.float32)
    ).sizes == pytest.approx([2 * 5 * np.e])


def test_an_encoder_s_ranges_are_in_its_label_s_unit_by_the_level_and_the_size_of_each_row() -> None:
    large = Scale(0.0, (0.0, 0.0, 0.0, 0.0), (0.1, 0.0, 0.0, 0.0), -9.0, 9.0)
    asked = Intervals(0.5, NINE, scale=large, by="kind", groups={"flat": Scores(3, (1.0, 2.0, 3.0))})
    sure = encoder(label_transform="log", intervals=asked)
    rows = {"size": [0.0, 10.0, 10.0], "kind": ["flat", "flat", "house"]}
    matrix = sure.transform(rows)
    found = sure.ranges(sure.decode(np.zeros(3)), rows, matrix)
    assert found.high == pytest.approx(np.exp([2.0, 2.0 * np.e, 5.0 * np.e]))
    assert (found.coverage, sure.ranges(sure.decode(np.zeros(3)), rows, matrix, coverage=0.75).coverage) == (0.5, 0.75)
    with pytest.raises(DataError, match="encoded rows do not name"):
        sure.ranges(sure.decode(np.zeros(3)), None, matrix)


def test_an_encoder_tells_encoded_rows_and_records_by_the_columns_that_it_requires() -> None:
    assert encoder().is_encoded("1,0,1\n")
    assert not encoder().is_encoded("size,kind\n1,flat\n")
    records = [{"size": 2.0, "kind": "flat", "note": "x"}]
    assert encoder().rows_from_records(records) == {"size": [2.0], "kind": ["flat"]}
