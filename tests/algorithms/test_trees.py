"""Tables of trees answer what the library answers, to the last bit, or there are none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from benchmarks import compiled as random_models
from housing.algorithms.compiled import to_bytes
from housing.algorithms.ensemble import Member, pack
from housing.algorithms.registry import ENSEMBLE, find, fitting
from housing.algorithms.stored_forms import from_bytes
from housing.training.compiled import difference, rows_about


@pytest.mark.parametrize("seed", range(24))
def test_random_models_are_answered_to_the_last_bit_or_refused(seed: int) -> None:
    result = random_models.compare(seed)
    assert not result.differing, result
    assert result.is_compiled or "MultiClass" in result.reason, result


XGBOOST = ("xgboost", {"num_round": 5, "max_depth": 3})
LIGHTGBM = ("lightgbm", {"num_boost_round": 5, "min_data_in_leaf": 2})
FOREST = ("forest", {"n_estimators": 7, "min_samples_leaf": 3})


@pytest.mark.parametrize(
    ("algorithm", "hyperparameters"),
    [
        XGBOOST,
        ("xgboost", {"num_round": 3, "max_depth": 9, "min_child_weight": 0}),
        LIGHTGBM,
        ("catboost", {"iterations": 9, "depth": 3}),
        ("catboost", {"iterations": 9, "loss_function": "Logloss", "grow_policy": "Lossguide"}),
        FOREST,
        ("forest", {"n_estimators": 7, "splitter": "best", "bootstrap": True, "max_features": 1.0}),
        ("forest", {"n_estimators": 7, "criterion": "gini"}),
        ("forest", {"n_estimators": 7, "criterion": "log_loss", "num_class": 4}),
        ("linear", {}),
        ("linear", {"objective": "logistic"}),
        ("linear", {"objective": "logistic", "num_class": 4}),
    ],
)
def test_a_compiled_form_answers_the_same_also_after_it_was_written_and_read(
    algorithm: str, hyperparameters: dict[str, Any]
) -> None:
    _answers_alike(algorithm, _fitted(algorithm, hyperparameters))


@pytest.mark.parametrize("weights", [(1.0, 1.0, 1.0), (0.2, 0.5, 0.3)])
def test_a_model_made_of_others_is_compiled_where_they_are(weights: tuple[float, ...]) -> None:
    """Also where one reads some of the columns alone."""
    kinds = [(*XGBOOST, (2, 0)), (*FOREST, None), ("linear", {}, None)]
    members = [
        Member(name, _fitted(name, parameters, columns), "", weight, columns)
        for (name, parameters, columns), weight in zip(kinds, weights, strict=True)
    ]
    _answers_alike(ENSEMBLE, pack(members))
    scripted = Member("container", b"", "", 1.0)
    with pytest.raises(ValueError, match="container, which has no compiled form"):
        find(ENSEMBLE).compiled(pack([*members, scripted]))


def _answers_alike(algorithm: str, model: bytes) -> None:
    form = find(algorithm).compiled(model)
    assert form is not None
    again = from_bytes(to_bytes(form))
    assert again.steps == form.steps
    rows = rows_about(again, 200, 3)
    assert difference(again, find(algorithm).load(model), rows) is None


def test_another_model_is_not_taken_for_the_same() -> None:
    model = _fitted("xgboost", {"num_round": 5, "max_depth": 3})
    tables = find("xgboost").compiled(model)
    assert tables is not None
    booster = find("xgboost").load(_fitted("xgboost", {"num_round": 5, "max_depth": 3, "eta": 0.30001}))
    assert "differ" in str(difference(tables, booster, rows_about(tables, 100, 3)))


@pytest.mark.parametrize("content", [b"", b"no tables", b"trees\nPK\x03\x04 cut", b"linear\n{}", b"mean\n[{}]"])
def test_bytes_that_are_no_tables_are_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"not a (compiled|linear) model|no tables of trees"):
        from_bytes(content)


def _fitted(algorithm: str, hyperparameters: dict[str, Any], columns: tuple[int, ...] | None = None) -> bytes:
    random = np.random.default_rng(0)
    features = random.normal(size=(80, 3)).astype(np.float32)
    label = features.sum(axis=1)
    if levels := hyperparameters.get("num_class") or (2 if "gini" in hyperparameters.values() else 0):
        label = np.digitize(label, np.quantile(label, np.linspace(0, 1, levels + 1)[1:-1])).astype(np.float32)
    if hyperparameters == {"objective": "logistic"} or "Logloss" in hyperparameters.values():
        label = (label > 0).astype(np.float32)
    fit = fitting(algorithm)
    matrix = fit.matrix(features if columns is None else features[:, columns], label, hyperparameters)
    return fit.fit(hyperparameters, matrix, seed=0).model
