"""Labels as models learn them, and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from housing.data.description import Dataset, Numeric
from housing.data.features import Features, check_features
from housing.data.split_spec import Fractions, Split
from housing.tasks.transforms import ALL, applied, refused, undone


@given(st.sampled_from(ALL), st.lists(st.floats(1e-3, 1e12), min_size=1))
def test_what_is_undone_is_the_label(transform: str, values: list[float]) -> None:
    label = np.array(values)
    assert refused(transform, label) is None
    assert undone(transform, applied(transform, label)) == pytest.approx(label, rel=1e-9)


@given(st.sampled_from(ALL), st.lists(st.floats(-20, 20), min_size=2))
def test_larger_answers_never_mean_less(transform: str, answers: list[float]) -> None:
    assert (np.diff(undone(transform, np.sort(answers))) >= 0).all()


@pytest.mark.parametrize(
    ("low", "transform", "wanted"),
    [(None, "sqrt", "a low of 0 or more"), (-1.0, "sqrt", "a low of 0 or more"), (0.0, "log", "a low above 0")],
)
def test_a_label_that_may_be_too_low_is_refused(low: float | None, transform: str, wanted: str) -> None:
    columns = {"x": Numeric(), "y": Numeric(low=low)}
    dataset = Dataset("d", "d.csv", "y", columns, Split(fractions=Fractions(0.8, 0.2)))
    ((key, value, rule),) = check_features(dataset, Features("f", label_transform=transform))  # type: ignore[arg-type]
    assert (key, value) == ("label_transform", transform)
    assert wanted in rule
    enough = {"x": Numeric(), "y": Numeric(low=0.5)}
    fit = Dataset("d", "d.csv", "y", enough, Split(fractions=Fractions(0.8, 0.2)))
    assert check_features(fit, Features("f", label_transform=transform)) == []  # type: ignore[arg-type]
