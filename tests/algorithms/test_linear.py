from __future__ import annotations

import json
from typing import Any, ClassVar

import numpy as np
import pytest
from sklearn.linear_model import ElasticNet, LogisticRegression

from housing.algorithms.base import Fitted
from housing.algorithms.registry import fitting
from housing.testing.algorithm import AlgorithmContract, table

linear = fitting("linear")


class TestContract(AlgorithmContract):
    name = "linear"
    hyperparameters: ClassVar[dict[str, Any]] = {"alpha": 0.01, "l1_ratio": 0.5}


def _fit(features: Any, label: Any, *, weights: Any = None, **hyperparameters: Any) -> Fitted:
    matrix = linear.matrix(features, label, hyperparameters, weights=weights)
    return linear.fit(hyperparameters, matrix, seed=0)


def _levels(count: int) -> tuple[Any, Any]:
    features, label = table(1, missing=False)
    return features, np.digitize(label, np.quantile(label, np.arange(1, count) / count)).astype(np.float32)


def test_it_is_scikit_learn_s_on_standardised_columns_and_label() -> None:
    features, label = table(1, missing=False)
    standardised = (features - features.mean(0)) / features.std(0)
    model = ElasticNet(alpha=0.05, l1_ratio=0.5).fit(standardised, (label - label.mean()) / label.std())
    expected = model.predict(standardised) * label.std() + label.mean()
    ours = linear.load(_fit(features, label, alpha=0.05, l1_ratio=0.5).model).predict(features)
    assert ours == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5])
def test_the_unit_of_the_label_does_not_matter(l1_ratio: float) -> None:
    features, label = table(1)
    one, other = (
        linear.load(_fit(features, label * unit, alpha=0.1, l1_ratio=l1_ratio).model).predict(features) / unit
        for unit in (1, 1000)
    )
    assert one == pytest.approx(other, rel=1e-4)


@pytest.mark.parametrize("levels", [2, 3, 5])
def test_probabilities_are_scikit_learn_s(levels: int) -> None:
    features, label = _levels(levels)
    standardised = (features - features.mean(0)) / features.std(0)
    model = LogisticRegression(C=1 / (0.01 * len(label))).fit(standardised, label.astype(int))
    expected = model.predict_proba(standardised)
    more = {"num_class": levels} if levels > 2 else {}
    ours = linear.load(_fit(features, label, alpha=0.01, objective="logistic", **more).model).predict(features)
    assert ours == pytest.approx(expected[:, 1] if levels == 2 else expected, abs=1e-3)


@pytest.mark.parametrize("there", [[0, 2], [0, 1, 3]])
def test_a_level_without_a_training_row_is_improbable_and_keeps_its_place(there: list[int]) -> None:
    features, label = _levels(4)
    rows = np.isin(label, there)
    fitted = _fit(features[rows], label[rows], alpha=0.01, objective="logistic", num_class=4)
    chances = linear.load(fitted.model).predict(features)
    assert chances.shape == (len(features), 4)
    assert chances.sum(axis=1) == pytest.approx(1)
    assert chances[:, [level for level in range(4) if level not in there]].max() < 1e-6
    assert (chances[rows].argmax(axis=1) == label[rows]).mean() > 0.7


def test_a_row_that_weighs_twice_counts_as_two_rows() -> None:
    features, label = _levels(2)
    twice = np.concatenate([features, features[:50]]), np.concatenate([label, label[:50]])
    weights = np.ones(len(label), dtype=np.float32)
    weights[:50] = 2
    weighed = linear.load(_fit(features, label, weights=weights, alpha=1e-6, objective="logistic").model)
    repeated = linear.load(_fit(*twice, alpha=1e-6, objective="logistic").model)
    assert weighed.predict(features) == pytest.approx(repeated.predict(features), abs=0.02)


def test_a_column_of_missing_or_equal_values_is_no_obstacle() -> None:
    features, label = table(1)
    features[:, 2], features[:, 3] = np.nan, 7
    answers = linear.load(_fit(features, label).model).predict(features)
    assert np.isfinite(answers).all()


def test_a_fit_without_a_penalty_takes_a_strong_one_of_noise_and_a_weak_one_of_a_law() -> None:
    draw = np.random.default_rng(0)
    features = draw.normal(size=(60, 20)).astype(np.float32)
    law = (features[:, 0] - 2 * features[:, 1]).astype(np.float32)
    noise = draw.normal(size=60).astype(np.float32)
    for more, of in (({}, np.asarray), ({"objective": "logistic"}, lambda label: (label > 0).astype(np.float32))):
        strong, weak = (json.loads(_fit(features, of(label), **more).model)["alpha"] for label in (noise, law))
        assert weak < strong


@pytest.mark.parametrize("rows", [2, 3, 7])
@pytest.mark.parametrize("more", [{}, {"objective": "logistic"}, {"objective": "logistic", "num_class": 3}])
def test_a_penalty_is_chosen_however_few_the_rows_and_levels_are(rows: int, more: dict[str, Any]) -> None:
    features, _ = table(1, missing=False)
    label = (np.arange(rows) % 2).astype(np.float32)
    answers = linear.load(_fit(features[:rows], label, **more).model).predict(features)
    assert np.isfinite(answers).all()


def test_rows_that_weigh_nothing_choose_no_penalty() -> None:
    features, label = _levels(2)
    weights = np.ones(len(label), dtype=np.float32)
    weights[100:] = 0
    spoilt = np.where(weights > 0, label, 1 - label)
    one, other = (_fit(features, each, weights=weights, objective="logistic") for each in (label, spoilt))
    assert json.loads(one.model)["alpha"] == json.loads(other.model)["alpha"]


def test_a_far_value_counts_as_one_at_the_clip() -> None:
    features, label = table(1, missing=False)
    model = linear.load(_fit(features, label, alpha=0.01, clip=2).model)
    far, further = features[:20].copy(), features[:20].copy()
    far[:, 0] = features[:, 0].mean() + 3 * features[:, 0].std()
    further[:, 0] = features[:, 0].mean() + 300 * features[:, 0].std()
    assert model.predict(far) == pytest.approx(model.predict(further))
    told = model.contributions(further)
    assert told.values.sum(axis=2)[:, 0] + told.base[:, 0] == pytest.approx(model.predict(further))


@pytest.mark.parametrize(("far_out", "clip"), [(lambda x: np.tanh(x / 4) * 4, 4.0), (lambda x: x, None)])
def test_a_fit_without_a_penalty_clips_where_that_answers_better(far_out: Any, clip: float | None) -> None:
    draw = np.random.default_rng(0)
    features = draw.standard_t(1.5, size=(300, 3)).astype(np.float32)
    scaled = (features - features.mean(0)) / features.std(0)
    label = (far_out(scaled * 3).sum(axis=1) if clip else scaled.sum(axis=1)).astype(np.float32)
    assert json.loads(_fit(features, label).model)["clip"] == clip


def test_huber_forgets_a_few_wild_labels() -> None:
    features, _ = table(1, missing=False)
    label = (features[:, 0] * 2 + features[:, 1]).astype(np.float32)
    wild = label.copy()
    wild[:5] += 1000
    robust, plain = (
        linear.load(_fit(features, wild, alpha=1e-4, objective=objective).model).predict(features)
        for objective in ("huber", "elastic_net")
    )
    assert np.abs(robust - label).mean() < 0.1 * np.abs(plain - label).mean()


def test_a_model_of_an_earlier_version_answers_as_it_did() -> None:
    features, label = table(1, missing=False)
    fitted = _fit(features, label, alpha=0.01)
    before = {name: value for name, value in json.loads(fitted.model).items() if name not in ("alpha", "clip")}
    answers = linear.load(json.dumps(before).encode()).predict(features)
    assert np.array_equal(answers, linear.load(fitted.model).predict(features))
