"""Points and intervals that reports draw, held to scikit-learn's and to what they must cover."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import metrics as sklearn_metrics
from sklearn.calibration import calibration_curve

from housing.promotion.gate import improvement
from housing.tasks import curves
from housing.tasks.base import find, metrics
from housing.tasks.classes import auc_of_levels, confusion
from housing.tasks.interval import draws, interval
from housing.tasks.predictions import Predictions
from housing.tasks.resampling import MOST_DRAWN, row_draws

Rows = tuple[NDArray[np.bool_], NDArray[np.float64]]


@pytest.fixture(params=range(6))
def rows(request: pytest.FixtureRequest) -> Rows:
    """Labels and probabilities; every other time with many ties, 0 and 1 among them."""
    generator = np.random.default_rng(request.param)
    count = int(generator.integers(5, 400))
    positive = generator.random(count) < 0.3
    positive[:2] = (True, False)
    chance = np.clip(generator.random(count) * 0.8 + 0.2 * positive, 0, 1)
    return positive, np.round(chance, 1) if request.param % 2 else chance


def test_roc_is_scikit_learns(rows: Rows) -> None:
    positive, chance = rows
    expected = sklearn_metrics.roc_curve(positive, chance, drop_intermediate=False)
    found = curves.roc(positive, chance)
    assert found[0] == pytest.approx(expected[0])
    assert found[1] == pytest.approx(expected[1])
    assert curves.roc_curve(positive, chance, draws=20).area == pytest.approx(
        sklearn_metrics.roc_auc_score(positive, chance)
    )


def test_precision_over_recall_is_scikit_learns(rows: Rows) -> None:
    positive, chance = rows
    precision, recall, _ = sklearn_metrics.precision_recall_curve(positive, chance)
    found = curves.precision_recall(positive, chance)
    # Its curve begins at the lowest threshold and ends with a point of no row.
    assert found[0] == pytest.approx(recall[:-1][::-1])
    assert found[1] == pytest.approx(precision[:-1][::-1])
    area = sklearn_metrics.average_precision_score(positive, chance)
    assert curves.precision_recall_curve(positive, chance, draws=20).area == pytest.approx(area)


def test_every_threshold_gives_scikit_learns_values(rows: Rows) -> None:
    positive, chance = rows
    found = curves.by_threshold(positive, chance, np.linspace(0, 1, 11))
    for place, threshold in enumerate(found.threshold):
        chosen = chance >= threshold
        asked = {"zero_division": np.nan}
        assert found.recall[place] == pytest.approx(sklearn_metrics.recall_score(positive, chosen))
        assert found.f1[place] == pytest.approx(sklearn_metrics.f1_score(positive, chosen, zero_division=0))
        expected = sklearn_metrics.precision_score(positive, chosen, **asked)
        assert found.precision[place] == pytest.approx(expected, nan_ok=True)


def test_calibration_is_scikit_learns(rows: Rows) -> None:
    positive, chance = rows
    bins = curves.calibration(positive, chance)
    share, mean = calibration_curve(positive, chance, n_bins=10)
    assert [one.share for one in bins] == pytest.approx(share)
    assert [one.chance for one in bins] == pytest.approx(mean)
    assert sum(one.rows for one in bins) == len(positive)
    assert all(one.low <= one.share <= one.high for one in bins)


def test_the_calibration_error_is_the_mean_gap_over_rows() -> None:
    bins = curves.calibration(np.array([True, False, False, False]), np.array([0.9, 0.2, 0.2, 0.2]))
    assert curves.expected_calibration_error(bins) == pytest.approx((0.1 + 3 * 0.2) / 4)


def test_levels_against_the_rest_and_confusion_are_scikit_learns() -> None:
    generator = np.random.default_rng(1)
    label = generator.integers(0, 4, 200).astype(np.float64)
    chances = generator.dirichlet(np.ones(4), 200)
    predictions = find("multiclass").predictions(chances, threshold=0.5)
    expected = [sklearn_metrics.roc_auc_score(label == level, chances[:, level]) for level in range(4)]
    assert auc_of_levels(label, predictions) == pytest.approx(expected)
    assert (
        confusion(label, predictions, levels=4) == sklearn_metrics.confusion_matrix(label, predictions.values)
    ).all()


def test_a_band_holds_its_curve_and_narrows_with_rows() -> None:
    widths = []
    for count in (100, 10_000):
        generator = np.random.default_rng(7)
        positive = generator.random(count) < 0.4
        chance = 1 / (1 + np.exp(-generator.normal(positive * 1.5, 1)))
        found = curves.roc_curve(positive, chance, draws=100)
        own = found.y[np.searchsorted(found.x, found.grid, side="right") - 1]
        assert ((found.low <= own) & (own <= found.high)).mean() > 0.9
        assert found.area_low < found.area < found.area_high
        precision = curves.precision_recall_curve(positive, chance, draws=100)
        assert (precision.low <= precision.high).all()
        widths.append(found.area_high - found.area_low)
    assert widths[1] < widths[0] / 5


def test_an_interval_of_the_mean_is_its_standard_error_s() -> None:
    label = np.random.default_rng(0).normal(0, 1, 400)
    mae = metrics("regression")["mae"]
    ends = interval(mae, label, Predictions(np.zeros(400)), resamples=1000)
    assert ends is not None
    error = np.abs(label).std() / 20
    assert ends == pytest.approx((np.abs(label).mean() - 1.96 * error, np.abs(label).mean() + 1.96 * error), rel=0.02)


@pytest.mark.parametrize("rows", [40_000, 400_000])
def test_intervals_of_very_many_rows_are_as_narrow_as_these_make_them(rows: int) -> None:
    """A draw takes no more than 50,000 rows, and stands for all."""
    assert {len(drawn) for drawn in row_draws(rows, 2, seed=0)} == {min(rows, MOST_DRAWN)}
    generator = np.random.default_rng(0)
    label = generator.normal(0, 1, rows)
    rmse, middle = metrics("regression")["rmse"], float(np.sqrt((label**2).mean()))
    ends = interval(rmse, label, Predictions(np.zeros(rows)), resamples=400)
    error = float((label**2).std()) / (2 * middle * rows**0.5)
    assert ends == pytest.approx((middle - 1.96 * error, middle + 1.96 * error), abs=0.4 * error)
    closer = Predictions(label - 0.99 * generator.normal(0, 1, rows))
    models = {"candidate": closer, "champion": Predictions(np.zeros(rows))}
    better, low, high = improvement("regression", "rmse", label, **models, confidence=0.95, resamples=200, seed=1)
    assert low < better < high < better + 6 / rows**0.5
    positive = label > 0
    curve = curves.roc_curve(positive, np.clip(0.5 + 0.2 * label + generator.normal(0, 0.3, rows), 0, 1), draws=50)
    standard_error = ((1 - curve.area) * curve.area / rows * 2) ** 0.5
    assert curve.area - 4 * standard_error < curve.area_low < curve.area < curve.area_high


def test_draws_without_a_value_do_not_count() -> None:
    label = np.zeros(50)
    predictions = find("binary").predictions(np.linspace(0, 1, 50), threshold=0.5)
    assert interval(metrics("binary")["auc"], label, predictions, resamples=20) is None


def test_a_draw_over_many_cells_is_taken_less_often() -> None:
    assert draws(Predictions(np.zeros(1000))) == 200
    assert draws(Predictions(np.zeros(20_000), np.zeros((20_000, 500), np.float64))) == 20
    assert draws(Predictions(np.zeros(5_000_000))) == 200
