"""A process that must not outlive us, and what it starts, ends with us, whatever ends us."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from housing.processes import Dependent

# Neither asks nor answers: only the kernel can end it, and what it starts is as deaf.
DEAF = """
import os, signal, sys, time
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
    signal.signal(number, signal.SIG_IGN)
child = os.fork()
if child:
    print(os.getpid(), child, flush=True)
time.sleep(600)
"""
STARTS_DEAF = f"""
import os, sys, time
from housing.processes import Dependent
dependent = Dependent([sys.executable, "-c", {DEAF!r}], env=os.environ)
time.sleep(600)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGHUP, signal.SIGTERM])
def test_all_of_it_ends_when_we_are_ended(how: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", STARTS_DEAF], stdout=subprocess.PIPE, text=True) as ours:
        assert ours.stdout is not None
        pids = [int(word) for word in ours.stdout.readline().split()]
        assert all(map(_runs, pids))
        ours.send_signal(how)
    _wait_until_gone(pids)


def test_all_of_it_ends_when_it_is_closed() -> None:
    dependent = Dependent([sys.executable, "-c", DEAF], env=os.environ, stdout=subprocess.PIPE, text=True)
    with dependent.process.stdout:
        pids = [int(word) for word in dependent.process.stdout.readline().split()]
        dependent.signal(signal.SIGTERM)
        assert all(map(_runs, pids))
        dependent.close()
    _wait_until_gone(pids)


def _wait_until_gone(pids: list[int]) -> None:
    deadline = time.monotonic() + 120
    while any(map(_runs, pids)):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _runs(pid: int) -> bool:
    stat = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(stat) and not stat.startswith("Z")
