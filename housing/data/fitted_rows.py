"""Encodes the rows that an encoder was fitted to, for fitting a model."""

from __future__ import annotations

from itertools import chain

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
    """`encoder.transform` of the rows that it was fitted to, without leaking a row's own label into its features.

    A row's mean label by level is computed from other rows only (out of fold); otherwise the model would overfit to it.
    """
    matrix = encoded(encoder, rows)
    for start, found in means_of_others(encoder, rows, dataset).items():
        matrix[:, start : start + found.shape[1]] = found
    return matrix


def encoded(encoder: Encoder, rows: Table) -> NDArray[np.float32]:
    """`encoder.transform` of a table, block by block where it is large."""
    blocks = rows.blocks(encoder.required)
    first = next(blocks, None)
    if first is None or first.rows == rows.rows:
        return encoder.transform(rows)
    matrix = np.empty((rows.rows, len(encoder.columns)), np.float32)
    done = 0
    for block in chain([first], blocks):
        matrix[done : done + block.rows] = encoder.transform(block)
        done += block.rows
    return matrix


def means_of_others(encoder: Encoder, rows: Table, dataset: Dataset) -> dict[int, NDArray[np.float64]]:
    """Out-of-fold values, (rows, columns), for encoded columns that are means of the label, by their first index."""
    means = [one for one in encoder.inputs if isinstance(one, LevelNumbers) and one.way == "target"]
    if not means:
        return {}
    label, weights = encoder.learnable_label(rows, dataset), column_weights(rows, dataset)
    groups = whole_groups(rows, dataset, np.arange(rows.rows))
    return {
        encoder.place_of(one.column): out_of_fold(
            one, rows[one.column].tolist(), label=label, weights=weights, groups=groups
        )
        for one in means
    }
