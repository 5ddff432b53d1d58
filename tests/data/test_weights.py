from __future__ import annotations

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_sample_weight

from housing.data.weights import training_weights, validation_weights


@pytest.mark.parametrize("levels", [2, 3, 7])
def test_balanced_weights_are_scikit_learns(levels: int) -> None:
    codes = np.random.default_rng(levels).integers(0, levels, 200).astype(float)
    codes[codes == 1] = 0
    assert training_weights("balanced", codes) == pytest.approx(compute_sample_weight("balanced", codes))


def test_rows_that_are_not_fitted_to_count_alike() -> None:
    codes = np.array([0.0, 0, 1])
    assert validation_weights("balanced", codes) == pytest.approx([1, 1, 1])
    assert validation_weights("none", codes) is None
    assert training_weights("none", codes) is None
