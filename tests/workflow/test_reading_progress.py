"""How far the reading of a large source is, in words."""

from __future__ import annotations

import math
from typing import Any

import pytest

from housing.workflow import reading_progress
from housing.workflow.reading_progress import ReadingProgress


class Steps:
    """Keeps what is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def step(self, name: str, text: str) -> None:
        assert name == "reading"
        self.told.append(text)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(reading_progress.time, "monotonic", lambda: now[0])
    return now


def test_the_time_left_is_that_of_the_rows_and_not_of_what_went_before(clock: list[float]) -> None:
    steps: Any = Steps()
    told = ReadingProgress(steps)
    for second, share in ((20, 0.01), (22, 0.05), (25.5, 0.12), (31, 0.23), (69.5, 1)):
        clock[0] = second
        told(f"{share:.0%} of the rows", share)
    assert steps.told == [
        "1% of the rows, 1%",
        "12% of the rows, 12%, about 44 s left",
        "23% of the rows, 23%, about 38 s left",
    ]


def test_a_source_of_unknown_length_has_rows_alone(clock: list[float]) -> None:
    steps: Any = Steps()
    told = ReadingProgress(steps)
    for second in (0.5, 2):
        clock[0] = second
        told("7 rows", math.nan)
    assert steps.told == ["7 rows"]
