"""What moved a prediction: contributions of raw columns that sum to it, by every algorithm that can tell."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from housing.algorithms.ensemble import Member, pack
from housing.algorithms.registry import find, fitting
from housing.data.content_type import JSON
from housing.data.encoder import Encoder
from housing.data.extras import Extras
from housing.data.features import Derived
from housing.data.inputs import Levels, Number
from housing.errors import DataError
from housing.tasks import base as tasks
from housing.training.explanations import explain
from housing.training.importances import column_importances
from housing.training.predictor import Predictor

ROWS = 400
POINTS: dict[str, dict[str, Any]] = {
    "xgboost": {"num_round": 8, "max_depth": 4},
    "lightgbm": {"num_boost_round": 8},
    "catboost": {"iterations": 8},
    "linear": {"alpha": 0.01},
    "kernel": {"alpha": 0.1, "gamma": 0.3, "n_components": 60},
}
KINDS = ("flat", "house", "farm")


def rows(count: int = ROWS) -> dict[str, list[Any]]:
    generator = np.random.default_rng(0)
    size = generator.uniform(20, 200, count)
    size[::17] = np.nan
    return {
        "kind": [KINDS[one] for one in generator.integers(0, 3, count)],
        "size": size.tolist(),
        "age": generator.integers(0, 90, count).astype(float).tolist(),
        "noise": generator.normal(size=count).tolist(),
    }


def json_rows(count: int) -> bytes:
    columns = {name: [None if cell != cell else cell for cell in cells] for name, cells in rows(count).items()}
    return json.dumps({"inputs": columns}).encode()


def encoder(task: str, transform: Any = "none") -> Encoder:
    inputs = (
        Levels("kind", "unknown", KINDS, "one_hot"),
        *(Number(name, "unknown") for name in ("size", "age", "noise")),
    )
    levels = {"binary": ("cheap", "dear"), "multiclass": ("low", "middle", "high")}.get(task, ())
    quantiles = (0.1, 0.5, 0.9) if task == "quantile" else ()
    derived = {"size a year": Derived("ratio", ("size", "age"))}
    return Encoder("price", "USD", transform, ("",), inputs, derived, task, levels, quantiles=quantiles)


def labels(task: str) -> np.ndarray:
    raw = rows()
    worth = np.nan_to_num(np.array(raw["size"]), nan=100.0) * np.where(np.array(raw["kind"]) == "house", 2.0, 1.0)
    worth = worth - np.array(raw["age"])
    if task == "binary":
        return (worth > np.median(worth)).astype(np.float32)
    if task == "multiclass":
        return np.digitize(worth, np.quantile(worth, [0.3, 0.7])).astype(np.float32)
    return (np.clip(worth, 1, None).round()).astype(np.float32)


def predictor(name: str, task: str, transform: Any = "none", **more: Any) -> Predictor:
    about, algorithm = encoder(task, transform), fitting(name)
    how, has = algorithm.tasks[task], algorithm.capabilities
    point = {**POINTS[name], **how.from_label(levels=len(about.label_levels), quantiles=about.quantiles), **more}
    if has.loss is not None and how.objectives:
        point.setdefault(has.loss, how.objectives[0])
    label = labels(task)
    label = np.log(label) if transform == "log" else label
    made = algorithm.matrix(about.transform(rows()), label, point)
    return Predictor(algorithm.load(algorithm.fit(point, made, seed=0).model), about)


CASES = [
    (name, task)
    for name in POINTS
    for task in ("regression", "count", "binary", "multiclass", "quantile")
    if task in fitting(name).tasks and fitting(name).tasks[task].most_quantiles is None
]


@pytest.mark.parametrize(("name", "task"), CASES)
def test_base_and_effects_sum_to_the_prediction(name: str, task: str) -> None:
    about = predictor(name, task)
    matrix = about.encoder.transform(rows())
    predictions = about.predict_encoded(matrix)
    found = explain(about.model, about.encoder, matrix, predictions)
    sums = found.base + found.effects.sum(axis=1)
    assert found.columns == ("kind", "size", "age", "noise", "size a year")
    if task == "binary":
        assert predictions.probabilities is not None
        assert 1 / (1 + np.exp(-sums)) == pytest.approx(predictions.probabilities[:, 1], abs=1e-4)
    elif task == "multiclass":
        assert found.scale == "log odds of the chosen level"
        every = about.model.contributions(matrix).sums
        assert sums == pytest.approx(every.max(axis=1), abs=1e-4)
    else:
        wanted = np.log(predictions.values) if found.scale == "log USD" else predictions.values
        assert sums == pytest.approx(wanted, rel=1e-4, abs=1e-4)


def test_dart_on_a_logarithm_tells_as_well() -> None:
    about = predictor("xgboost", "regression", "log", booster="dart", rate_drop=0.3)
    matrix = about.encoder.transform(rows())
    found = explain(about.model, about.encoder, matrix, about.predict_encoded(matrix))
    assert found.scale == "log USD"
    assert np.exp(found.base + found.effects.sum(axis=1)) == pytest.approx(
        about.predict_encoded(matrix).values, rel=1e-4
    )


def test_large_contributions_that_cancel_out_are_told_although_their_library_sums_in_32_bits() -> None:
    random, fit = np.random.default_rng(0), fitting("xgboost")
    matrix = random.uniform(size=(400, 2)).astype(np.float32)
    label = (1e6 * (matrix[:, 0] - matrix[:, 1])).astype(np.float32)
    model = fit.load(fit.fit({"num_round": 200, "max_depth": 5}, fit.matrix(matrix, label, {}), seed=0).model)
    about = Encoder("price", "USD", "none", ("",), (Number("size", "unknown"), Number("age", "unknown")), {})
    found = explain(model, about, matrix, Predictor(model, about).predict_encoded(matrix))
    assert found.base + found.effects.sum(axis=1) == pytest.approx(model.predict(matrix), abs=1e-6 * 1e6)


def test_the_columns_that_moved_a_row_most_come_first_with_their_cells() -> None:
    about = predictor("linear", "regression")
    few = {name: cells[:3] for name, cells in rows().items()}
    documents = about.detailed_columns(few, Extras(explain=2)).documents()
    for row, one in enumerate(documents):
        told = one["explanation"]
        effects = [abs(effect["effect"]) for effect in told["effects"]]
        assert effects == sorted(effects, reverse=True)
        assert len(effects) == 2
        named = {effect["column"]: effect.get("value") for effect in told["effects"]}
        assert named.get("age", str(int(few["age"][row]))) == str(int(few["age"][row]))
        total = told["base"] + sum(effect["effect"] for effect in told["effects"]) + told["rest"]
        assert total == pytest.approx(one["prediction"])


def test_a_model_that_cannot_tell_refuses_with_a_reason_and_too_many_rows_are_refused() -> None:
    class Constant:
        def predict(self, features: np.ndarray) -> np.ndarray:
            return np.zeros(len(features))

    silent = Predictor(Constant(), encoder("regression"))
    with pytest.raises(DataError, match="cannot tell why it answers as it does"):
        silent.detailed_columns(rows(1), Extras(explain=1))
    with pytest.raises(DataError, match=r"101 rows in one request; .* send 100 at most"):
        predictor("linear", "regression").detailed_body(json_rows(101), JSON, "explain=1")


def _member(name: str, task: str, weight: float, columns: tuple[int, ...] | None) -> Member:
    fit, matrix, label = fitting(name), encoder(task).transform(rows()), labels(task)
    given = matrix if columns is None else np.ascontiguousarray(matrix[:, columns])
    point = {"objective": "logistic"} if task == "binary" and name == "linear" else {}
    return Member(
        name, fit.fit(point, fit.matrix(given, label, point), seed=0).model, fit.model_format, weight, columns
    )


def test_a_blend_of_numbers_is_explained_by_the_mean_of_its_members() -> None:
    members = [_member("linear", "regression", 0.75, (0,)), _member("kernel", "regression", 0.25, None)]
    model, matrix = find("ensemble").load(pack(members)), encoder("regression").transform(rows())
    found = model.contributions(matrix)
    assert found.outputs()[:, 0] == pytest.approx(model.predict(matrix))
    one, other = (fitting(member.algorithm).load(member.model) for member in members)
    alone = one.contributions(np.ascontiguousarray(matrix[:, :1])).values[:, 0, 0]
    both = other.contributions(matrix).values[:, 0]
    assert found.values[:, 0, 0] == pytest.approx(0.75 * alone + 0.25 * both[:, 0])
    assert found.values[:, 0, 1:] == pytest.approx(0.25 * both[:, 1:])


@pytest.mark.parametrize(
    ("name", "task", "why"), [("linear", "binary", "probabilities"), ("forest", "regression", "of forest")]
)
def test_a_blend_whose_members_cannot_be_added_up_says_why(name: str, task: str, why: str) -> None:
    about = encoder(task)
    model = find("ensemble").load(pack([_member(name, task, 1, None)]))
    with pytest.raises(DataError, match=f"cannot tell why it answers as it does: .*{why}"):
        Predictor(model, about).detailed_columns(rows(1), Extras(explain=1))


def test_columns_matter_to_a_model_as_they_do_to_the_label() -> None:
    about = predictor("xgboost", "regression")
    matrix, label = about.encoder.transform(rows()), labels("regression").astype(np.float64)
    metric = tasks.metrics("regression")["mae"]
    found = column_importances(about.model, about.encoder, matrix, label, metric=metric, seed=0)
    named = {one.column: one for one in found.columns}
    assert next(iter(named)) == "size"
    for one in found.columns:
        assert one.effect.low <= one.effect.value <= one.effect.high
    losses = {name: one.loss.value for name, one in named.items() if one.loss is not None}
    assert named["size"].loss is not None
    assert named["size"].loss.low > 0
    assert losses.get("noise", 0.0) < 0.1 * losses["size"]
