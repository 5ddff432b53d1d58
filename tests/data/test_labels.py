from __future__ import annotations

import pytest

from housing.data.labels import regression_of_classes


@pytest.mark.parametrize(
    ("values", "essential"),
    [
        ([0.0, 1.0] * 10, "the label has 2 values, 0 and 1, and task: regression asks how much"),
        ([-1.0, 1.0, 1.0] * 10, "2 values, -1 and 1"),
        ([0.5, 1.5] * 10, "2 values, 0.5 and 1.5"),
        ([0.0, 1.0, 2.0] * 10, "3 values, 0, 1 and 2"),
    ],
)
def test_few_values_are_said_to_be_fitted_as_numbers(values: list[float], essential: str) -> None:
    assert essential in regression_of_classes(values)


@pytest.mark.parametrize(
    "values", [[], [3.0] * 9, [1.0, 2.0], [float(i) for i in range(40)] * 4, [0.5, 1.5, 2.25] * 10]
)
def test_measures_are_not_taken_for_classes(values: list[float]) -> None:
    assert regression_of_classes(values) == ""
