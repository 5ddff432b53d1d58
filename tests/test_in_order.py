from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from housing.in_order import in_order


def test_results_come_in_the_order_of_the_items_though_several_are_worked_on_at_once() -> None:
    both = threading.Barrier(2, timeout=120)

    def act(number: int) -> int:
        both.wait()  # broken where nobody else is at work
        return 10 * number

    assert list(in_order(act, range(6), at_once=2)) == [0, 10, 20, 30, 40, 50]


def test_no_more_is_taken_than_is_needed() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    results = in_order(lambda number: number, items(), at_once=3)
    assert next(results) == 0
    assert len(taken) == 4
    results.close()
    assert len(taken) == 4


def test_the_first_failure_ends_it() -> None:
    def act(number: int) -> int:
        if number == 2:
            raise ValueError("two")
        return number

    results = in_order(act, range(5), at_once=2)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ValueError, match="two"):
        next(results)
