"""A split by a set of levels is answered by splits by thresholds, for every number and for none."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from housing.algorithms import level_splits
from housing.algorithms.trees import Rule, tables

WITHIN, BESIDE = 1.0, 0.0
RULE = Rule("none", 1, (0.0,))


@given(levels=st.sets(st.integers(0, 70)), missing_within=st.booleans(), reads_below_zero=st.booleans())
@settings(max_examples=60, deadline=None)
def test_each_number_goes_where_its_level_does(levels: set[int], missing_within: bool, reads_below_zero: bool) -> None:
    zero_from = float(np.nextafter(np.float32(-1), np.float32(0))) if reads_below_zero else 0.0
    borders = level_splits.ranges(levels, zero_from=zero_from)
    first, *others = level_splits.nodes(0, borders, within=1, beside=2, missing_within=missing_within, free=3)
    form = tables([[first, WITHIN, BESIDE, *others]], [0], RULE, 1)
    whole = np.arange(-3, 75, dtype=np.float32)
    beside = [
        np.nextafter(whole, np.float32(np.inf)),
        np.nextafter(whole, np.float32(-np.inf)),
        whole + np.float32(0.5),
    ]
    numbers = np.concatenate([whole, *beside])
    read = np.where((numbers < 0) & (not reads_below_zero), -1, np.trunc(numbers))
    assert np.array_equal(form.predict(numbers[:, None]), np.isin(read, list(levels)).astype(np.float32))
    assert form.predict(np.array([[np.nan]], np.float32)) == [float(missing_within)]
