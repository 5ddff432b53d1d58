from __future__ import annotations

import numpy as np
import pytest

from housing.errors import DataError
from housing.training.metrics import METRICS, direction, score, undefined


def test_values_of_a_worked_example() -> None:
    values = score([100, 200], [110, 180])
    assert values["mae"] == 15
    assert values["rmse"] == pytest.approx(np.sqrt(250))
    assert values["mape"] == pytest.approx(0.1)
    assert values["rmsle"] == pytest.approx(np.sqrt((np.log(101 / 111) ** 2 + np.log(201 / 181) ** 2) / 2))


def test_a_metric_that_the_labels_do_not_define_is_left_out() -> None:
    assert "mape" not in score([0, 1], [0, 1])
    assert "rmsle" not in score([-2, 1], [0, 1])
    assert undefined("mape", [0, 1]) == "divides by the label, which is 0 in 1 of 2 rows"
    assert undefined("rmsle", [-2, 1]) == "takes the logarithm of 1 + label, and 1 of 2 labels are -1 or less"
    assert undefined("mae", [0, -2]) is None


@pytest.mark.parametrize(
    ("label", "prediction"), [([], []), ([1], [1, 2]), ([1, np.nan], [1, 1]), ([1, 1], [1, np.inf]), ([[1]], [[1]])]
)
def test_what_cannot_be_scored_is_refused(label: list, prediction: list) -> None:
    with pytest.raises(DataError, match="cannot score"):
        score(label, prediction)


@pytest.mark.parametrize("metric", METRICS)
def test_a_perfect_prediction_is_never_worse(metric: str) -> None:
    label = np.array([1.0, 2.0, 3.0])
    assert score(label, label)[metric] <= score(label, label + 0.5)[metric]
    assert direction(f"validation_{metric}") == "minimize"
