from __future__ import annotations

import io
from itertools import permutations
from typing import Any, ClassVar

import numpy as np
import pytest
from sklearn.kernel_ridge import KernelRidge

from housing.algorithms.base import Fitted
from housing.algorithms.compiled import to_bytes
from housing.algorithms.registry import fitting
from housing.algorithms.stored_forms import from_bytes
from housing.testing.algorithm import AlgorithmContract, table

kernel = fitting("kernel")


class TestContract(AlgorithmContract):
    name = "kernel"
    hyperparameters: ClassVar[dict[str, Any]] = {"alpha": 0.1, "gamma": 0.3, "n_components": 50}


def _fit(features: Any, label: Any, *, weights: Any = None, **hyperparameters: Any) -> Fitted:
    matrix = kernel.matrix(features, label, hyperparameters, weights=weights)
    return kernel.fit(hyperparameters, matrix, seed=0)


def _answers(features: Any, label: Any, rows: Any = None, **more: Any) -> Any:
    return kernel.load(_fit(features, label, **more).model).predict(features if rows is None else rows)


def _levels(count: int) -> tuple[Any, Any]:
    features, label = table(1, missing=False)
    return features, np.digitize(label, np.quantile(label, np.arange(1, count) / count)).astype(np.float32)


def _chosen(fitted: Fitted, name: str) -> float:
    return float(np.load(io.BytesIO(fitted.model))[name])


def test_compared_with_every_row_it_is_scikit_learn_s_kernel_ridge() -> None:
    features, label = table(1, missing=False)
    values = ((features - features.mean(0)) / features.std(0)).clip(-4, 4)
    wanted = (label - label.mean()) / label.std()
    # The kernel, and the two other parts that add up with it: the columns, of variance 0.1 together, and a constant.
    rbf = np.exp(-0.3 / 6 * ((values[:, None] - values) ** 2).sum(axis=2))
    whole = rbf + 0.1 / 6 * values @ values.T + 1
    model = KernelRidge(alpha=0.1, kernel="precomputed").fit(whole, wanted)
    expected = model.predict(whole) * label.std() + label.mean()
    ours = _answers(features, label, alpha=0.1, gamma=0.3, objective="squared_error")
    assert ours == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("objective", ["huber", "squared_error"])
def test_the_unit_of_the_label_does_not_matter(objective: str) -> None:
    features, label = table(1)
    one, other = (_answers(features, label * unit, objective=objective) / unit for unit in (1, 1000))
    assert one == pytest.approx(other, rel=1e-3)


def test_it_learns_what_no_line_can() -> None:
    draw = np.random.default_rng(0)
    features = draw.uniform(-3, 3, size=(500, 2)).astype(np.float32)
    label = (np.sin(features[:, 0]) * features[:, 1]).astype(np.float32)
    ours, line = (
        fitting(name).load(fitting(name).fit({}, (features[:400], label[:400], None), seed=0).model)
        for name in ("kernel", "linear")
    )
    errors = [np.abs(model.predict(features[400:]) - label[400:]).mean() for model in (ours, line)]
    assert errors[0] < 0.05 * errors[1]


def test_huber_forgets_a_few_wild_labels() -> None:
    features, _ = table(1, missing=False)
    label = (features[:, 0] * 2 + np.sin(features[:, 1])).astype(np.float32)
    wild = label.copy()
    wild[:5] += 1000
    robust, plain = (
        np.abs(_answers(features, wild, features[5:], alpha=1, gamma=0.3, objective=objective) - label[5:]).mean()
        for objective in ("huber", "squared_error")
    )
    assert robust < 0.1 * plain


@pytest.mark.parametrize("levels", [2, 3, 5])
def test_probabilities_are_those_of_the_levels(levels: int) -> None:
    features, label = _levels(levels)
    more = {"num_class": levels} if levels > 2 else {}
    found = _answers(features, label, objective="logistic", n_components=60, **more)
    assert found.shape == ((len(label),) if levels == 2 else (len(label), levels))
    chances = np.column_stack([1 - found, found]) if levels == 2 else found
    assert chances.sum(axis=1) == pytest.approx(1)
    assert (chances.argmax(axis=1) == label).mean() > 0.8


@pytest.mark.parametrize("there", [[0, 2], [0, 1, 3]])
def test_a_level_without_a_training_row_is_improbable_and_keeps_its_place(there: list[int]) -> None:
    features, label = _levels(4)
    rows = np.isin(label, there)
    chances = _answers(features[rows], label[rows], features, objective="logistic", num_class=4, n_components=60)
    assert chances.shape == (len(features), 4)
    assert chances[:, [level for level in range(4) if level not in there]].max() < 1e-6


@pytest.mark.parametrize("more", [{"objective": "squared_error"}, {"objective": "logistic"}])
def test_rows_that_weigh_nothing_change_nothing(more: dict[str, Any]) -> None:
    features, label = _levels(2)
    weights = np.ones(len(label), dtype=np.float32)
    weights[100:] = 0
    spoilt = np.where(weights > 0, label, 1 - label)
    one, other = (_answers(features, each, weights=weights, **more) for each in (label, spoilt))
    # The label is only put on another scale before the fit.
    assert one == pytest.approx(other, abs=0.02)


def test_a_row_that_weighs_twice_counts_as_two_rows() -> None:
    features, label = _levels(2)
    twice = np.concatenate([features, features[:50]]), np.concatenate([label, label[:50]])
    weights = np.ones(len(label), dtype=np.float32)
    weights[:50] = 2
    asked = {"alpha": 1, "gamma": 0.1, "objective": "logistic", "n_components": 1000}
    weighed = _answers(features, label, weights=weights, **asked)
    repeated = kernel.load(_fit(*twice, **asked).model).predict(features)
    assert np.abs(weighed - repeated).mean() < 0.02


@pytest.mark.parametrize("rows", [2, 3, 7])
@pytest.mark.parametrize("more", [{}, {"objective": "logistic"}, {"objective": "logistic", "num_class": 3}])
def test_reach_and_penalty_are_chosen_however_few_the_rows_and_levels_are(rows: int, more: dict[str, Any]) -> None:
    features, _ = table(1, missing=False)
    label = (np.arange(rows) % 2).astype(np.float32)
    assert np.isfinite(_answers(features[:rows], label, **more)).all()


def test_a_column_of_missing_or_equal_values_is_no_obstacle() -> None:
    features, label = table(1)
    features[:, 2], features[:, 3] = np.nan, 7
    assert np.isfinite(_answers(features, label)).all()


def test_noise_takes_a_strong_penalty_and_a_law_a_weak_one() -> None:
    draw = np.random.default_rng(0)
    features = draw.normal(size=(120, 3)).astype(np.float32)
    law, noise = np.sin(features[:, 0]).astype(np.float32), draw.normal(size=120).astype(np.float32)
    for more, of in (({}, np.asarray), ({"objective": "logistic"}, lambda label: (label > 0).astype(np.float32))):
        strong, weak = (_chosen(_fit(features, of(label), **more), "alpha") for label in (noise, law))
        assert weak < strong


def test_a_prediction_does_not_depend_on_the_rows_beside_it() -> None:
    features, label = table(1)
    model = kernel.load(_fit(features, label, alpha=0.1, gamma=0.3).model)
    many = np.tile(features, (30, 1))
    assert model.predict(many)[:5] == pytest.approx(model.predict(features[:5]), rel=1e-9)
    assert model.predict(features[:0]).shape == (0,)


@pytest.mark.parametrize("columns", [1, 5, 60])
@pytest.mark.parametrize("more", [{}, {"objective": "logistic"}, {"objective": "logistic", "num_class": 3}])
def test_contributions_sum_to_the_prediction(columns: int, more: dict[str, Any]) -> None:
    draw = np.random.default_rng(0)
    features = draw.normal(size=(150, columns)).astype(np.float32)
    label = features[:, 0] ** 2 + features.sum(axis=1)
    features[draw.random(features.shape) < 0.1] = np.nan
    if more:
        label = np.digitize(label, np.quantile(label, [0.5, 0.8] if "num_class" in more else [0.5]))
    model = kernel.load(_fit(features, label.astype(np.float32), alpha=0.1, gamma=1, **more).model)
    told = model.contributions(features[:9]).outputs()
    assert (told[:, 0] if told.shape[1] == 1 else told) == pytest.approx(model.predict(features[:9]))


def test_many_columns_take_little_time_and_are_not_explained() -> None:
    features = np.random.default_rng(0).normal(size=(60, 1_001)).astype(np.float32)
    model = kernel.load(_fit(features, features[:, 0]).model)
    with pytest.raises(ValueError, match="1,000 encoded columns at most, it has 1,001"):
        model.contributions(features[:1])


def test_contributions_are_the_mean_over_all_orders_of_the_columns() -> None:
    features, label = table(1, missing=False)
    features = features[:, :4]
    model = kernel.load(_fit(features, label, alpha=0.1, gamma=1).model)
    row, mean = features[7], features.mean(axis=0)

    def gained(column: int, before: tuple[int, ...]) -> float:
        one = mean.copy()
        one[list(before)] = row[list(before)]
        other = one.copy()
        other[column] = row[column]
        return float(np.diff(model.predict(np.array([one, other])))[0])

    orders = list(permutations(range(4)))
    expected = [np.mean([gained(c, order[: order.index(c)]) for order in orders]) for c in range(4)]
    assert model.contributions(features[7:8]).values[0, 0] == pytest.approx(expected, rel=1e-3, abs=1e-4)


def test_the_column_that_matters_has_the_largest_share() -> None:
    features, label = table(1, missing=False)
    shares = kernel.importance(_fit(features, label).model, list("abcdef"))
    assert next(iter(shares)) == "a"
    assert sum(shares.values()) == pytest.approx(1)


def test_the_compiled_form_is_the_model() -> None:
    features, label = table(1)
    fitted = _fit(features, label, alpha=0.1, gamma=0.3)
    form = from_bytes(to_bytes(kernel.compiled(fitted.model)))
    assert form.width == 6
    assert form.predict(features[:3]) == pytest.approx(kernel.load(fitted.model).predict(features[:3]))


@pytest.mark.parametrize("content", [b"", b"no model", b"PK\x03\x04"])
def test_other_bytes_are_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="not a kernel model"):
        kernel.load(content)
