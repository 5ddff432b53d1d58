"""Rankings: metrics of groups, and how they are drawn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from housing.algorithms.registry import fitting
from housing.tasks.base import find, score
from housing.tasks.predictions import Predictions
from housing.tasks.resampling import draws


def queries(seed: int, rows: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Labels, whose groups are of 2 rows or more, and scores without ties."""
    generator = np.random.default_rng(seed)
    group = np.concatenate([np.arange(6), np.arange(6), generator.integers(0, 6, rows - 12)])
    label = np.column_stack([generator.integers(0, 4, rows), group]).astype(float)
    return label[generator.permutation(rows)], generator.normal(size=rows)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_ndcg_is_scikit_learn_s_with_the_gains_of_the_libraries(seed: int) -> None:
    label, scores = queries(seed)
    found = score("ranking", label, Predictions(scores))
    for cut, name in ((1, "ndcg_at_1"), (5, "ndcg_at_5"), (10, "ndcg_at_10"), (None, "ndcg")):
        values = [
            ndcg_score([2 ** label[rows, 0] - 1], [scores[rows]], k=cut) if label[rows, 0].any() else 1.0
            for rows in (label[:, 1] == group for group in range(6))
        ]
        assert found[name] == pytest.approx(np.mean(values), abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), cut=st.sampled_from([1, 3, 10]))
def test_map_is_the_mean_of_average_precisions(seed: int, cut: int) -> None:
    label, scores = queries(seed)
    values = []
    for rows in (label[:, 1] == group for group in range(6)):
        relevant = (label[rows, 0] > 0)[np.argsort(-scores[rows])]
        hits = [relevant[: place + 1].mean() for place in np.flatnonzero(relevant[:cut])]
        values.append(sum(hits) / min(cut, relevant.sum()) if relevant.any() else 1.0)
    assert score("ranking", label, Predictions(scores))[f"map_at_{cut}"] == pytest.approx(np.mean(values), abs=1e-9)


def test_a_tie_earns_nothing_however_the_rows_lie() -> None:
    label, ties = np.array([[3.0, 0], [0, 0], [0, 0]]), Predictions(np.zeros(3))
    values = {score("ranking", label[list(order)], ties)["ndcg"] for order in ((0, 1, 2), (2, 1, 0), (1, 0, 2))}
    assert len(values) == 1
    assert values.pop() == pytest.approx(np.log2(2) / np.log2(4))


def test_whole_groups_are_drawn_and_one_drawn_twice_is_two() -> None:
    label, scores = queries(1)
    value = find("ranking").metrics["ndcg"].compute
    own = {group: value(label[label[:, 1] == group], Predictions(scores[label[:, 1] == group])) for group in range(6)}
    for drawn, rows in draws(label, 30, seed=4):
        groups = [label[rows[drawn[:, 1] == number], 1] for number in range(6)]
        assert all(len(set(one)) == 1 and len(one) == (label[:, 1] == one[0]).sum() for one in groups)
        assert (label[rows, 0] == drawn[:, 0]).all()
        expected = np.mean([own[int(one[0])] for one in groups])
        assert value(drawn, Predictions(scores[rows])) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("values", "words"),
    [([0.0, 1.5], "whole numbers from 0 to 31; 1 are not, such as 1.5"), ([2.0, 2.0], "is 2 in every row")],
)
def test_labels_that_rank_nothing_are_refused(values: list[float], words: str) -> None:
    assert words in (find("ranking").label_fault(np.array(values)) or "")
    assert find("ranking").label_fault(np.array([0.0, 1.0])) is None


@pytest.mark.parametrize(
    ("algorithm", "settings_of"),
    [
        ("xgboost", {"num_round": 30, "objective": "rank:ndcg", "eval_metric": ("ndcg@5", "ndcg@10")}),
        ("xgboost", {"num_round": 30, "objective": "rank:pairwise", "eval_metric": ("ndcg@5", "ndcg@10")}),
        ("lightgbm", {"num_boost_round": 30, "objective": "lambdarank", "metric": ("ndcg@5", "ndcg@10")}),
    ],
)
def test_libraries_are_told_the_groups_in_whatever_order_rows_lie(algorithm: str, settings_of: dict) -> None:
    generator = np.random.default_rng(3)
    features = generator.normal(size=(400, 3)).astype(np.float32)
    relevance = np.clip(np.round(features[:, 0] + generator.normal(size=400) + 1), 0, 3)
    label = np.column_stack([relevance, generator.integers(0, 20, 400)]).astype(np.float32)
    own = fitting(algorithm)
    fitted = own.fit(settings_of, own.matrix(features, label, settings_of), seed=0)
    outputs = np.asarray(own.load(fitted.model).predict(features), np.float64)
    found = score("ranking", label.astype(float), Predictions(outputs))
    assert fitted.history["train"]["ndcg_at_5_by_row"][-1] == pytest.approx(found["ndcg_at_5"], abs=1e-6)
    assert fitted.history["train"]["ndcg_at_10_by_row"][-1] == pytest.approx(found["ndcg_at_10"], abs=1e-6)
    naive = find("ranking").naive(label, 400, levels=0, metric="ndcg")
    assert found["ndcg_at_10"] > score("ranking", label.astype(float), naive)["ndcg_at_10"] + 0.1
