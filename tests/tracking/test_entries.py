from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from housing.processes import is_dead, process_tag
from housing.tracking.entries import batches, cut, flatten
from housing.tracking.names import group_name, job_name, run_name, study_name, trial_name


def test_nested_values_become_dotted_names_with_readable_values() -> None:
    values = {"a": {"b": {"c": 1}, "d": True}, "e": [1, "x"], "f": None, "g": "text", "h": {}, "i": 0.1}

    assert flatten(values) == {
        "a.b.c": "1",
        "a.d": "true",
        "e": '[1, "x"]',
        "f": "null",
        "g": "text",
        "h": "{}",
        "i": "0.1",
    }


def test_batches_cover_everything_in_order() -> None:
    assert list(batches([1, 2, 3, 4, 5], 2)) == [[1, 2], [3, 4], [5]]
    assert list(batches([], 2)) == []


def test_long_text_is_cut_to_the_limit_and_says_so() -> None:
    assert cut("x" * 100, 100) == "x" * 100
    assert len(cut("x" * 101, 100)) == 100
    assert cut("x" * 101, 100).endswith("config.yaml)")


def test_names_are_for_people() -> None:
    assert trial_name(3, {"eta": 0.1, "max_depth": 5}) == "t03 eta=0.10 max_depth=5"
    assert trial_name(3, {"eta": 0.00123}, trials=1000) == "t003 eta=0.0012"
    assert job_name("train", {"booster": "dart", "flag": True}) == "train booster=dart flag=True"
    assert len(job_name("train", {f"name{i}": i for i in range(100)})) == 200


@pytest.mark.parametrize(
    ("named", "of", "start"),
    [(study_name, "a", "tune-a-"), (run_name, "a", "run-a-"), (group_name, "train", "train-multirun-")],
)
def test_names_of_parents_end_in_four_hex_digits(named: Callable[[str], str], of: str, start: str) -> None:
    name = named(of)
    assert name.startswith(start)
    assert len(bytes.fromhex(name.removeprefix(start))) == 2


def test_a_process_is_dead_only_when_that_is_sure() -> None:
    code = "import sys; from housing.processes import process_tag; print(process_tag())"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    mine = process_tag()
    host, boot, namespace, pid, started = mine.split()

    assert is_dead(ended)
    assert is_dead(f"{host} another-boot {namespace} {pid} {started}")
    assert is_dead(f"{host} {boot} {namespace} {pid} 1")
    assert not is_dead(mine)
    assert not is_dead(f"elsewhere {boot} {namespace} {pid} 1")
    assert not is_dead(f"{host} {boot} pid:[1] {pid} 1")
    assert not is_dead("")
    assert not is_dead("what somebody else wrote")


def test_a_zombie_is_dead() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    host, boot, namespace, _, _ = process_tag().split()
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)

    assert is_dead(f"{host} {boot} {namespace} {pid} 1")
    os.waitpid(pid, 0)
