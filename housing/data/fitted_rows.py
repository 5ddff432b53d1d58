"""The rows that an encoder was fitted to, as a model is fitted to them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from housing.data.description import Dataset
from housing.data.encoder import Encoder
from housing.data.level_statistics import out_of_fold
from housing.data.more_inputs import LevelNumbers
from housing.data.ordering import whole_groups
from housing.data.table import Table
from housing.data.weights import column_weights


def fitted_to(encoder: Encoder, rows: Table, dataset: Dataset) -> NDArray[np.float32]:
    """`encoder.transform` of the rows that it was fitted to, without letting a row see its own label.

    What a level's mean label is to a row comes from other rows only, or the model would trust it too much.
    """
    matrix = encoder.transform(rows)
    means = [one for one in encoder.inputs if isinstance(one, LevelNumbers) and one.way == "target"]
    if not means:
        return matrix
    label, weights = encoder.learnable_label(rows, dataset), column_weights(rows, dataset)
    groups = whole_groups(rows, dataset, np.arange(rows.rows))
    for one in means:
        start = encoder.place_of(one.column)
        found = out_of_fold(one, rows[one.column].tolist(), label=label, weights=weights, groups=groups)
        matrix[:, start : start + found.shape[1]] = found
    return matrix
