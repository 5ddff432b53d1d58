from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from housing.lazy import Lazy


def test_it_is_made_when_first_asked_for_and_once_for_all_threads() -> None:
    calls: list[int] = []
    begun = threading.Barrier(4)
    value = Lazy(lambda: calls.append(1) or object())
    assert not value.is_made

    def ask(_: int) -> object:
        begun.wait(300)
        return value.get()

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(ask, range(4)))
    assert len({id(each) for each in found}) == 1
    assert (calls, value.is_made) == ([1], True)


def test_what_fails_is_not_made_and_is_tried_again() -> None:
    answers = iter([ValueError("away"), "there"])

    def make() -> str:
        answer = next(answers)
        if isinstance(answer, ValueError):
            raise answer
        return str(answer)

    value = Lazy(make)
    with pytest.raises(ValueError, match="away"):
        value.get()
    assert not value.is_made
    assert value.get() == "there"


def test_a_value_that_is_given_is_made_already() -> None:
    value = Lazy.of(None)
    assert value.is_made
    assert value.get() is None
