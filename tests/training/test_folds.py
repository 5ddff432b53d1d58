from __future__ import annotations

import pytest

from housing.training.folds import mean_result, values_of_fits
from housing.training.job import TrainingResult


def fold(*history: float, best_round: int, seconds: float = 1.0) -> TrainingResult:
    """A job with one metric."""
    return TrainingResult(
        history={"validation_mae": history},
        metrics={"validation_mae": history[best_round]},
        best_round=best_round,
        model=b"trees",
        model_format="ubj",
        seconds=seconds,
        started_at_ms=1000,
    )


def test_a_fold_counts_by_the_round_it_kept() -> None:
    whole = mean_result([fold(9, 5, 7, best_round=1), fold(9, 8, 7, 3, best_round=3, seconds=2)])
    assert whole.metrics == pytest.approx(
        {
            "validation_mae": 4,
            "validation_mae_sd": 1,
            "validation_mae_fold_0": 5,
            "validation_mae_fold_1": 3,
        }
    )
    assert (whole.best_round, whole.seconds, whole.model) == (2, 3, b"")
    assert whole.history["validation_mae"] == [9, 6.5, 7]


def test_the_values_of_the_fits_can_be_read_back_from_a_mean() -> None:
    whole = mean_result([fold(9, 5, best_round=1), fold(3, best_round=0)], each="repeat")
    assert whole.metrics["validation_mae_repeat_1"] == 3
    assert values_of_fits(whole.metrics, "validation_mae") == (5, 3)
    assert values_of_fits(fold(3, best_round=0).metrics, "validation_mae") == ()


def test_one_fold_alone_has_no_spread() -> None:
    assert mean_result([fold(2, best_round=0)]).metrics["validation_mae_sd"] == 0
