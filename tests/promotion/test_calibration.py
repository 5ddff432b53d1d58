"""Calibrations against scikit-learn's, and what they do to probabilities that say too much."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator

from housing.data.calibration import Calibration, log_odds, read
from housing.errors import DataError
from housing.promotion.calibration import fit
from housing.tasks.base import find, score

LEVELS = ("a", "b", "c")


class Answers(ClassifierMixin, BaseEstimator):
    """A classifier that scikit-learn calibrates: its decision is what it is given."""

    def fit(self, _: Any, y: Any) -> Answers:
        self.classes_ = np.unique(y)
        return self

    def decision_function(self, x: Any) -> Any:
        return x[:, 0] if x.shape[1] == 1 else x

    def predict(self, x: Any) -> Any:
        return (x[:, 0] > 0) * 1.0 if x.shape[1] == 1 else x.argmax(axis=1) * 1.0


def overconfident(levels: int, rows: int = 1200, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Codes of levels, and probabilities that are three times too sure."""
    generator = np.random.default_rng(seed)
    scores = generator.normal(size=(rows, levels))
    true = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    label = (true.cumsum(axis=1) < generator.uniform(size=(rows, 1))).sum(axis=1).clip(0, levels - 1).astype(float)
    said = np.exp(3 * scores) / np.exp(3 * scores).sum(axis=1, keepdims=True)
    return label, said[:, 1] if levels == 2 else said


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
@pytest.mark.parametrize("levels", [2, 3])
@pytest.mark.parametrize("weighed", [False, True])
@pytest.mark.filterwarnings("ignore:Since FrozenEstimator")  # weights are for the calibration alone
def test_probabilities_are_scikit_learns(method: Literal["sigmoid", "isotonic"], levels: int, weighed: bool) -> None:
    label, outputs = overconfident(levels)
    weights = np.random.default_rng(9).choice([0.5, 1, 4], len(label)) if weighed else None
    ours = fit(method, label, outputs, levels=LEVELS[:levels], rows="rows", weights=weights)
    odds = log_odds(outputs).reshape(len(label), -1)
    theirs = CalibratedClassifierCV(FrozenEstimator(Answers().fit(odds, label)), method=method)
    theirs.fit(odds, label, sample_weight=weights)
    others = overconfident(levels, seed=1)[1]
    expected = theirs.predict_proba(log_odds(others).reshape(len(label), -1))
    found = ours.apply(others)
    assert found == pytest.approx(expected[:, 1] if levels == 2 else expected, abs=2e-5)


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
@pytest.mark.parametrize(("levels", "task"), [(2, "binary"), (3, "multiclass")])
def test_other_rows_are_told_what_is_true_of_them(
    method: Literal["sigmoid", "isotonic"], levels: int, task: str
) -> None:
    calibration = fit(method, *overconfident(levels), levels=LEVELS[:levels], rows="rows")
    label, outputs = overconfident(levels, seed=2)
    asked = find(task)
    before = score(task, label, asked.predictions(outputs, threshold=0.5))
    after = score(task, label, asked.predictions(calibration.apply(outputs), threshold=0.5))
    for metric in ("log_loss", "brier", "ece"):
        assert after[metric] < before[metric]
    assert after["ece"] < 0.5 * before["ece"]


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_it_reads_back_as_it_was(method: Literal["sigmoid", "isotonic"]) -> None:
    calibration = fit(method, *overconfident(3), levels=LEVELS, rows="rows")
    assert read(calibration.document(), "here", outputs=3) == calibration
    with pytest.raises(DataError, match="here: must have a method and 1 curves"):
        read(calibration.document(), "here", outputs=1)


@pytest.mark.parametrize(
    "document",
    [
        {"method": "platt", "curves": [{"slope": 1.0, "intercept": 0.0}]},
        {"method": "sigmoid", "curves": [{"slope": 1.0}]},
        {"method": "sigmoid", "curves": [{"slope": None, "intercept": 0.0}]},
        {"method": "isotonic", "curves": [{"log_odds": [0.0, 1.0], "probabilities": [0.5]}]},
        {"method": "isotonic", "curves": [{"log_odds": [], "probabilities": []}]},
    ],
)
def test_what_is_no_calibration_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(DataError, match="here: "):
        read(document, "here", outputs=1)


def test_levels_without_overlap_have_a_curve_with_an_end() -> None:
    label = np.array([0.0] * 10 + [1.0] * 10)
    calibration = fit("sigmoid", label, np.where(label == 1, 0.9, 0.1), levels=LEVELS[:2], rows="rows")
    low, high = calibration.apply(np.array([0.1, 0.9]))
    assert 0.01 < low < 0.2
    assert 0.8 < high < 0.99


def test_rows_that_lack_a_level_teach_nothing_about_it() -> None:
    label, outputs = overconfident(3)
    with pytest.raises(DataError, match=r"none of the .* rows of validation has 'c'; say calibration=none"):
        fit("isotonic", label[label != 2], outputs[label != 2], levels=LEVELS, rows="rows of validation")


def test_where_no_level_is_left_any_chance_all_have_the_same() -> None:
    curve = {"log_odds": [0.0], "probabilities": [0.0]}
    calibration = read({"method": "isotonic", "curves": [curve] * 3}, "here", outputs=3)
    assert isinstance(calibration, Calibration)
    assert calibration.apply(np.array([[0.2, 0.3, 0.5]])) == pytest.approx(np.full((1, 3), 1 / 3))
