"""Times to an event: concordance, and what libraries make of censored rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from housing.algorithms.registry import fitting
from housing.tasks.base import find, score
from housing.tasks.predictions import Predictions


def pairs_in_order(label: np.ndarray, risk: np.ndarray) -> float:
    """Harrell's C by its definition, pair by pair."""
    found = pairs = 0.0
    for time, own in zip(label, risk, strict=True):
        for other, others in zip(label, risk, strict=True):
            if time > 0 and (time < abs(other) or (time == -other)):
                pairs += 1
                found += 1 if own > others else 0.5 if own == others else 0
    return found / pairs


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), times=st.integers(2, 30), risks=st.integers(1, 30))
def test_concordance_is_the_share_of_pairs_in_the_right_order(seed: int, times: int, risks: int) -> None:
    generator = np.random.default_rng(seed)
    label = generator.integers(1, times + 1, 40) * generator.choice([1.0, -1.0], 40)
    label[:2] = 1, -times
    risk = generator.integers(0, risks, 40).astype(float)
    expected = pairs_in_order(label, risk)
    assert score("survival", label, Predictions(risk))["concordance"] == pytest.approx(expected, abs=1e-9)
    assert score("survival_time", label, Predictions(-risk))["concordance"] == pytest.approx(expected, abs=1e-9)


def test_a_part_without_a_pair_has_no_concordance() -> None:
    censored = np.array([-1.0, -2.0])
    assert score("survival", censored, Predictions(np.zeros(2))) == {}
    assert "there is none among 2" in (find("survival").metrics["concordance"].undefined(censored) or "")
    assert "no row's event was seen" in (find("survival").label_fault(censored) or "")


@pytest.mark.parametrize(("task", "objective"), [("survival", "survival:cox"), ("survival_time", "survival:aft")])
@pytest.mark.parametrize("tree_method", ["hist", "exact"])
def test_censored_rows_teach_that_they_lasted_longer(task: str, objective: str, tree_method: str) -> None:
    generator = np.random.default_rng(2)
    features = generator.normal(size=(400, 3)).astype(np.float32)
    time = generator.exponential(np.exp(-2 * features[:, 0])) + 0.01
    until = generator.exponential(1.0, 400) + 0.01
    label = np.where(time < until, time, -until).astype(np.float32)
    own = fitting("xgboost")
    values = {"num_round": 40, "max_depth": 2, "objective": objective, "tree_method": tree_method}
    fitted = own.fit(values, own.matrix(features, label, values), seed=0)
    found = np.asarray(own.load(fitted.model).predict(features), np.float64)
    unseen = np.where(task == "survival", 1.0, -1.0) * found
    assert pairs_in_order(time[:150], unseen[:150]) > 0.75
    assert score(task, label.astype(float), Predictions(found))["concordance"] > 0.8


def test_what_knows_nothing_of_rows_is_right_half_of_the_time() -> None:
    label = np.array([1.0, -2, 3, 4])
    for task in ("survival", "survival_time"):
        naive = find(task).naive(label, 4, levels=0, metric="concordance")
        assert score(task, label, naive)["concordance"] == 0.5
