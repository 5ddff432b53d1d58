"""Slices on which a model errs more than on the other rows are found, and those of chance are not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from housing.tasks import base as tasks
from housing.tasks.predictions import Predictions
from housing.training import slices
from housing.training.slices import LEAST_ROWS, slices_of

ROWS = 600
GENERATOR = np.random.default_rng(5)
COLUMNS: dict[str, Any] = {
    "kind": GENERATOR.choice(["flat", "house", "boat"], ROWS, p=[0.5, 0.49, 0.01]).astype(object),
    "size": np.where(GENERATOR.random(ROWS) < 0.1, np.nan, GENERATOR.uniform(20, 200, ROWS)),
    "rooms": GENERATOR.integers(1, 4, ROWS).astype(float),
    "name": np.array([f"n{i}" for i in range(ROWS)], dtype=object),
}
TRUE = GENERATOR.uniform(0, 100, ROWS)
NOISE = GENERATOR.normal(0, 1, ROWS)


def found(errors: Any, metric: str = "mae", weights: Any = None) -> slices.Slices:
    predictions = Predictions(TRUE + errors).weighed(weights)
    return slices_of(COLUMNS.items(), TRUE, predictions, metric=tasks.metrics("regression")[metric], seed=0)


@pytest.mark.parametrize("metric", ["mae", "rmse", "medae", "r2"])
def test_rows_on_which_it_errs_more_are_found_first(metric: str) -> None:
    is_bad = COLUMNS["kind"] == "house"
    worst = found(np.where(is_bad, 4 * NOISE, NOISE), metric)
    first = worst.found[0]
    assert (first.column, first.name, first.rows, first.is_clear) == ("kind", "house", int(is_bad.sum()), True)
    assert first.low < first.value < first.high
    own = tasks.metrics("regression")[metric]
    rows = np.flatnonzero(~is_bad)
    assert first.rest == pytest.approx(own.compute(TRUE[rows], Predictions((TRUE + NOISE)[rows])))


def test_chance_is_no_finding_and_few_rows_are_not_judged() -> None:
    same = found(NOISE)
    assert not same.clear
    assert {(one.column, one.name) for one in same.found} >= {("kind", "flat"), ("size", "(missing)"), ("rooms", "2")}
    assert all(one.rows >= LEAST_ROWS for one in same.found)
    assert "boat" not in {one.name for one in same.found}  # six rows
    assert same.small == 1
    assert not [one for one in same.found if one.column == "name"]
    ranges = [one for one in same.found if one.column == "size" and one.name != "(missing)"]
    assert len(ranges) == 4
    assert sum(one.rows for one in ranges) == np.isfinite(COLUMNS["size"]).sum()


def test_rows_count_as_they_weigh() -> None:
    weights = np.where(NOISE > 1, 0.0, 1.0)
    light = next(one for one in found(NOISE, weights=weights).found if one.name == "flat")
    rows = np.flatnonzero((COLUMNS["kind"] == "flat") & (weights > 0))
    assert light.value == pytest.approx(abs(NOISE[rows]).mean())


@pytest.mark.parametrize("task", tasks.names())
def test_a_metric_is_the_mean_of_what_its_rows_give(task: str) -> None:
    label = np.array([0.0, 1.0, 1.0, 0.0])
    chances = np.array([[0.9, 0.1], [0.4, 0.6], [0.7, 0.3], [0.2, 0.8]])
    answers = Predictions(np.array([0.0, 1.0, 0.0, 1.0]), chances, weights=np.array([1.0, 2.0, 1.0, 3.0]))
    for name, metric in tasks.metrics(task).items():
        if metric.of_rows is not None:
            mean = answers.mean(metric.of_rows(label, answers))
            assert metric.compute(label, answers) == pytest.approx(mean**0.5 if metric.is_root else mean), name
