from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from housing.reporting.scales import Scale, readable, spanning, without_outliers

NUMBERS = st.floats(min_value=-1e9, max_value=1e9)


@given(NUMBERS, NUMBERS)
def test_ticks_lie_within_the_scale_in_order(one: float, other: float) -> None:
    scale = spanning([one, other], start=0, end=100)
    ticks = scale.ticks()
    assert ticks == sorted(set(ticks))
    assert all(-1 <= scale(tick) <= 101 for tick in ticks)


@given(st.floats(min_value=1e-6, max_value=1), st.floats(min_value=1.5, max_value=1e4))
def test_a_log_scale_is_even_in_ratios(low: float, factor: float) -> None:
    scale = Scale(low, low * factor**2, 0, 100, log=True)
    assert scale(low * factor) == pytest.approx(50)


def test_ticks_are_round_numbers() -> None:
    assert Scale(14_873, 18_921, 0, 100).ticks() == [15_000, 16_000, 17_000, 18_000]
    assert Scale(0.01, 0.5, 0, 100, log=True).ticks(3) == [0.01, 0.1]
    assert Scale(3, 3, 0, 100).ticks() == [3]


def test_a_bad_tail_is_left_out_and_a_good_one_never() -> None:
    assert without_outliers([10, 11, 12, 13, 900], lower_is_better=True) == [10, 11, 12, 13]
    assert without_outliers([10, 900, 901, 902, 903], lower_is_better=True) == [10, 900, 901, 902, 903]
    assert without_outliers([1, 90, 91, 92, 93], lower_is_better=False) == [93, 92, 91, 90]


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), (16_097.9, "16,098"), (1234.5, "1,234"), (0.30000001, "0.3"), (5, "5"), ("plain", "plain")],
)
def test_numbers_read_well(value: object, text: str) -> None:
    assert readable(value) == text
