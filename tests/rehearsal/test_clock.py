"""AWS's time in the rehearsal."""

from __future__ import annotations

import threading
import time

import pytest

from housing.rehearsal.clock import Clock


def test_minutes_of_waiting_pass_at_once_and_are_minutes_by_the_clock() -> None:
    clock, begun = Clock(1000), time.monotonic()
    assert not clock.wait(threading.Event(), 60)
    here = time.monotonic() - begun
    assert here >= 0.06
    assert clock.now() >= 60


def test_a_wait_ends_when_its_event_is_set() -> None:
    over = threading.Event()
    over.set()
    assert Clock(0.001).wait(over, 3600)


def test_another_speed_counts_from_the_moment_on() -> None:
    clock = Clock(1000)
    clock.wait(threading.Event(), 30)
    before = clock.now()
    clock.run_at(0.001)
    time.sleep(0.01)
    assert clock.now() == pytest.approx(before, abs=clock.here(0.001))
    assert clock.now() >= before
