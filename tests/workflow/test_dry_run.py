"""`--dry-run`: jobs are listed, and nothing is trained or written."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workflow.conftest import Housing


def test_a_multirun_is_listed_with_what_is_known_and_nothing_is_recorded(housing: Housing, project: Path) -> None:
    before = housing("train", "-m", "algorithm.eta=0.1,0.3", "--dry-run", "--json")
    assert before.code == 0, before.err
    assert [job["name"] for job in before.data["jobs"]] == ["algorithm.eta=0.1", "algorithm.eta=0.3"]
    assert {job["known"] for job in before.data["jobs"]} == {None}
    assert before.data["expected_seconds"] is None
    assert not (project / "mlflow.db").exists()

    assert housing("train", "algorithm.eta=0.3").code == 0
    recorded = len(housing("runs", "--json").data["runs"])
    after = housing("train", "-m", "algorithm.eta=0.1,0.3", "--dry-run", "--json")
    assert [bool(job["known"]) for job in after.data["jobs"]] == [False, True]
    assert after.data["expected_seconds"] > 0
    assert len(housing("runs", "--json").data["runs"]) == recorded


@pytest.mark.parametrize(("sampler", "listed"), [("tpe", 3), ("random", 7)])
def test_a_study_lists_the_trials_that_no_other_decides(housing: Housing, sampler: str, listed: int) -> None:
    words = (f"study.sampler={sampler}", "study.trials=7", "study.configured_first=true")
    answer = housing("tune", *words, "--dry-run", "--json")
    assert answer.code == 0, answer.err
    assert answer.data["total"] == 7
    assert len(answer.data["jobs"]) == listed
    assert answer.data["jobs"][0]["name"] == "t00 eta=0.50 max_depth=5"


def test_a_study_has_no_more_jobs_than_its_space_has_points(housing: Housing) -> None:
    words = ("study=zip", "~search_space", "algorithm.eta=choice(0.3,0.1)", "algorithm.max_depth=choice(2,3)")
    answer = housing("tune", *words, "--dry-run", "--json")
    assert answer.code == 0, answer.err
    names = [job["name"] for job in answer.data["jobs"]]
    assert names == ["t00 eta=0.50 max_depth=5", "t01 eta=0.30 max_depth=2", "t02 eta=0.10 max_depth=3"]
    assert answer.data["total"] == 3


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("-m", "seed=0,1"), "leave out -m"),
        (("study.resume=tune-walkthrough-0000",), "study.resume"),
    ],
)
def test_what_has_no_list_of_jobs_is_refused(housing: Housing, words: tuple[str, ...], told: str) -> None:
    answer = housing("tune", *words, "--dry-run")
    assert answer.code == 3
    assert told in answer.err
