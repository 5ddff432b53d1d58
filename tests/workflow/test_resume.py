"""A study goes on where it stopped: whatever stopped it, every trial is there once."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.workflow.conftest import Housing
from tests.workflow.processes import Recorded, run, start, studies

NINE = ("tune", "study.name=nine", "study.trials=9", "study.parallel=3", "algorithm.num_round=20")


def study(folder: Path) -> Recorded:
    (only,) = studies(folder / "mlflow.db")
    return only


def printed(folder: Path) -> str:
    return (folder / "out.txt").read_text(encoding="utf-8")


def assert_nine(folder: Path) -> None:
    """Nine finished trials, each once, none running; the study itself is whole."""
    whole = study(folder)
    assert whole.numbers == list(range(9))
    assert "RUNNING" not in whole.statuses
    assert whole.status == "FINISHED"
    ranks = [child.tags["housing.rank"] for child in whole.children if child.status == "FINISHED"]
    assert sorted(ranks) == [f"{rank:03d}" for rank in range(1, 10)]
    assert whole.tags["housing.best"]
    assert list(folder.glob(".mlflow.db.*.lock")) == []


@pytest.fixture(scope="module")
def whole_s(tmp_path_factory: pytest.TempPathFactory) -> float:
    """Seconds of a study that nobody stops."""
    folder = tmp_path_factory.mktemp("whole")
    run("train", folder=folder)  # the record, and the processes that others are forked from
    started = time.monotonic()
    assert run(*NINE, folder=folder) == 0
    return time.monotonic() - started


@pytest.mark.slow
@pytest.mark.parametrize(("sent", "seed"), [(signal.SIGKILL, 1), (signal.SIGKILL, 2), (signal.SIGINT, 4)])
def test_stopped_at_random_moments_and_begun_again_it_has_each_trial_once(
    tmp_path: Path, whole_s: float, sent: signal.Signals, seed: int
) -> None:
    moments = random.Random(seed)
    for _ in range(3):
        process = start(*again(tmp_path), folder=tmp_path)
        process.join(moments.uniform(0.2, 0.95) * whole_s)
        if process.exitcode is None:
            assert process.pid is not None
            os.kill(process.pid, sent)
        process.join()
        if process.exitcode == 0:
            break
    else:
        assert run(*again(tmp_path), folder=tmp_path) == 0, printed(tmp_path)
    assert_nine(tmp_path)


def again(folder: Path) -> tuple[str, ...]:
    """The command that begins the study, or continues it."""
    begun = studies(folder / "mlflow.db")
    return ("tune", f"study.resume={begun[0].name}") if begun else NINE


def test_a_finished_study_is_extended(project: Path, housing: Housing) -> None:
    assert housing("tune", "study.trials=2").code == 0
    name = study(project).name
    again = housing("tune", f"study.resume={name}", "study.trials=4", "--json")
    assert again.code == 0, again.err
    assert again.data["trials"] == 4
    by_the_name_it_was_given = housing("tune", "study.resume=walkthrough", "study.trials=5", "--json")
    assert by_the_name_it_was_given.code == 0, by_the_name_it_was_given.err
    assert study(project).numbers == [0, 1, 2, 3, 4]


def test_it_goes_on_with_the_overrides_it_was_begun_with(project: Path, housing: Housing) -> None:
    assert housing("tune", "study.trials=2", "study=random", "algorithm.num_round=3").code == 0
    first = study(project)
    answer = housing("tune", f"study.resume={first.id[:8]}", "study.trials=3", "--json")
    assert answer.code == 0, answer.err
    assert study(project).name == first.name
    assert study(project).numbers == [0, 1, 2]


def test_another_search_is_refused_with_what_differs(project: Path, housing: Housing) -> None:
    assert housing("tune", "study.trials=1").code == 0
    for override, told in {
        "search_space.max_depth.high=9": "search_space.max_depth.high: 10 then, 9 now",
        "dataset.split.seed=5": "digest.configured.split",
    }.items():
        answer = housing("tune", f"study.resume={study(project).name}", override)
        assert answer.code == 3
        assert told in answer.err
    assert study(project).status == "FINISHED"


def test_what_is_no_study_is_named(project: Path, housing: Housing) -> None:
    assert housing("train", "--json").code == 0
    answer = housing("tune", "study.resume=train")
    assert answer.code == 3
    assert "is not a study but a job" in answer.err
    assert "not in" in housing("tune", "study.resume=nothing").err
    assert housing("tune", "-m", "study.resume=train", "seed=0,1").code == 3


@pytest.mark.slow
def test_of_two_processes_one_works_and_the_other_says_who_does(tmp_path: Path) -> None:
    first = start(*NINE, "algorithm.num_round=150", "algorithm.early_stopping_rounds=150", folder=tmp_path)
    until(lambda: bool(list(tmp_path.glob(".mlflow.db.*.lock"))) and bool(study(tmp_path).numbers))
    assert run("tune", f"study.resume={study(tmp_path).name}", folder=tmp_path) == 1
    assert f"process {first.pid} on" in printed(tmp_path)
    first.join()
    assert first.exitcode == 0
    assert_nine(tmp_path)


def test_a_reused_trial_is_recorded_and_not_trained(project: Path, housing: Housing) -> None:
    assert housing("tune", "study.trials=3").code == 0
    again = housing("tune", "study.trials=4", "study.reuse=true")
    assert again.code == 0, again.err
    assert again.out.count("reused") == 3
    earlier, later = studies(project / "mlflow.db")
    assert later.numbers == [0, 1, 2, 3]
    sources = {child.tags["mlflow.parentRunId"] for child in earlier.children}
    assert sources == {earlier.id}
    reused = [child for child in later.children if "housing.reused_from" in child.tags]
    assert [child.name for child in reused] == [child.name for child in earlier.children]
    assert [child.tags["housing.values"] for child in reused] == [
        child.tags["housing.values"] for child in earlier.children
    ]


def test_it_starts_from_the_best_of_an_earlier_study(project: Path, housing: Housing) -> None:
    best = housing("tune", "study.trials=3", "study.name=first", "--json").data["best"]
    alone = ("study.trials=1", "study.configured_first=false")
    later = housing("tune", *alone, "study=random", "study.start_from=first", "--json")
    assert later.code == 0, later.err
    assert later.data["best"]["eta"] == best["eta"]
    assert later.data["best"]["max_depth"] == best["max_depth"]


def until(condition: Callable[[], bool], *, within_s: float = 300) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
