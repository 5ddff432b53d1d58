"""What regression says of labels that look as if another task was meant."""

from __future__ import annotations

import numpy as np
import pytest

from housing.tasks.base import find

REGRESSION = find("regression")


@pytest.mark.parametrize(
    ("values", "essential"),
    [
        ([0.0, 1.0] * 10, "the label has 2 values, 0 and 1, and task: regression asks how much"),
        ([0.0, 1.0] * 10, "task: binary asks which of them (describe --task writes it), task: count asks how many"),
        ([-1.0, 1.0, 1.0] * 10, "2 values, -1 and 1"),
        ([0.5, 1.5] * 10, "2 values, 0.5 and 1.5"),
        ([0.0, 1.0, 2.0] * 10, "3 values, 0, 1 and 2"),
        ([0.0, 1.0, 2.0] * 10, "task: multiclass asks which of them"),
    ],
)
def test_few_values_are_said_to_be_fitted_as_numbers(values: list[float], essential: str) -> None:
    assert essential in REGRESSION.label_remark(np.array(values))


def test_a_task_that_could_not_be_asked_is_not_suggested() -> None:
    assert "count" not in REGRESSION.label_remark(np.array([-1.0, 1.0] * 10))


@pytest.mark.parametrize(
    "values", [[], [3.0] * 9, [1.0, 2.0], [float(i) for i in range(40)] * 4, [0.5, 1.5, 2.25] * 10]
)
def test_measures_are_not_taken_for_classes(values: list[float]) -> None:
    assert REGRESSION.label_remark(np.array(values)) == ""
