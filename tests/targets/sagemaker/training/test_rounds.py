from __future__ import annotations

from collections.abc import Iterable, Mapping

import pytest

from housing.targets.sagemaker.built_in.xgboost.log import LoggedRounds
from housing.targets.sagemaker.training.printed_rounds import PrintedRounds


def line(number: int, mae: float = 1.0) -> str:
    return f"[{number}]#011train-mae:{mae:.5f}#011train-rmse:2.00000#011validation-mae:{mae + 1:.5f}"


def numbers(rounds: LoggedRounds, lines: Iterable[str]) -> list[int]:
    return [number for each in lines for number, _ in rounds.read(each)]


def test_a_line_of_the_container_is_a_round() -> None:
    rounds = LoggedRounds(metrics={"mae": "mae"})
    assert rounds.read("[0]#011train-rmse:7.5#011train-mae:5.25#011validation-mae:inf") == [
        (0, {"train_mae": 5.25, "validation_mae": float("inf")})
    ]
    assert rounds.read("[1]\ttrain-mae:5.00000\tvalidation-mae:6.00000\n") == [
        (1, {"train_mae": 5.0, "validation_mae": 6.0})
    ]
    assert rounds.history() == {"train_mae": [5.25, 5.0], "validation_mae": [float("inf"), 6.0]}


@pytest.mark.parametrize(
    "other",
    [
        "[2026-11-23 12:00:00.000 ip-10-0-0-1:7 INFO utils.py:27] train-mae:1",
        "INFO:sagemaker-xgboost-container:Train matrix has 1168 rows and 79 columns",
        "[3]",
        "",
        "x [0]#011train-mae:1.0",
    ],
)
def test_other_lines_are_no_rounds(other: str) -> None:
    assert LoggedRounds(metrics={"mae": "mae"}).read(other) == []


def test_a_job_that_begins_anew_tells_each_round_once() -> None:
    rounds = LoggedRounds(metrics={"mae": "mae"})
    assert numbers(rounds, map(line, range(4))) == [0, 1, 2, 3]
    rounds.begin()
    assert numbers(rounds, map(line, range(6))) == [4, 5]
    assert len(rounds.history()["train_mae"]) == 6


@pytest.mark.parametrize("first", [0, 3])
def test_a_job_that_goes_on_is_counted_on_from_where_it_says(first: int) -> None:
    """The real container numbers its rounds from 0 after each start; another would number them on."""
    rounds = LoggedRounds(metrics={"mae": "mae"})
    assert numbers(rounds, map(line, range(5))) == [0, 1, 2, 3, 4]
    rounds.begin()
    assert rounds.read("INFO:root:Resuming from iteration 3") == []
    assert numbers(rounds, (line(first + i, mae=9.0) for i in range(4))) == [5, 6]
    history = rounds.history()["train_mae"]
    assert history == [1.0, 1.0, 1.0, 1.0, 1.0, 9.0, 9.0]


def test_a_history_with_a_hole_is_none() -> None:
    rounds = LoggedRounds(metrics={"mae": "mae"})
    assert numbers(rounds, [line(0), line(2)]) == [0, 2]
    assert rounds.history() == {}
    assert rounds.newest == 2


def test_what_a_script_prints_is_told_once_too() -> None:
    printed = PrintedRounds({"validation_mae": r"mae=(\S+)"}, ["train", "validation"])
    told: list[tuple[int, Mapping[str, float]]] = []
    for text in ("mae=3", "hello", "mae=2"):
        told += printed.read(text)
    printed.begin()
    for text in ("mae=3", "mae=2", "mae=1"):
        told += printed.read(text)
    assert [number for number, _ in told] == [0, 1, 2]
    assert printed.history() == {"validation_mae": [3.0, 2.0, 1.0]}


def test_a_metric_has_our_name_whatever_the_container_calls_it() -> None:
    rounds = LoggedRounds(metrics={"mlogloss": "log_loss"})
    (found,) = rounds.read("[0]#011train-merror:0.25#011train-mlogloss:0.53583#011validation-mlogloss:0.6")
    assert found == (0, {"train_log_loss": 0.53583, "validation_log_loss": 0.6})
