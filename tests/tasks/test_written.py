"""Answers that were written once are the same text again, whether or not anybody reads them between."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from housing.tasks.written import WrittenNumbers, read_answer


@given(numbers=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_numbers_are_those_that_were_written_digit_by_digit(numbers: list[float]) -> None:
    found, beside = read_answer(json.dumps({"predictions": numbers}).encode())
    assert isinstance(found, WrittenNumbers)
    assert found.lines(",champion") == "".join(f"{one!r},champion\n" for one in numbers)
    assert (len(found), list(found), found[0], found[1:], found == numbers) == (
        (len(numbers), numbers, numbers[0], numbers[1:], True)
    )
    assert not beside


@pytest.mark.parametrize("predictions", [[1.5, float("nan")], [float("inf"), 2.0], []])
def test_what_json_has_no_number_for_is_read_as_ever(predictions: list[float]) -> None:
    found, _ = read_answer(json.dumps({"predictions": predictions}).encode())
    assert isinstance(found, list)
    assert repr(found) == repr(predictions)


def test_levels_come_with_what_stands_beside_them() -> None:
    one = {"prediction": "RL", "probabilities": {"RL": 0.75, "RM": 0.25}}
    assert read_answer(json.dumps({"predictions": [one]}).encode()) == (
        ["RL"],
        {"probabilities": [one["probabilities"]]},
    )
    with pytest.raises(KeyError):
        read_answer(b'{"message": "nothing"}')
