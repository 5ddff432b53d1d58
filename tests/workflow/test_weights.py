"""Classes that weigh alike in a fit, on every target."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
import xgboost

from housing.algorithms.registry import find
from housing.config.load import load
from housing.data.channel import Channel
from housing.data.preparation import prepare
from housing.tracking.store import open_client
from tests.workflow.conftest import Housing
from tests.workflow.rehearsed import Account

ROUNDS = ("algorithm.num_round=12", "algorithm.max_depth=3")
LIGHTGBM = ("algorithm=lightgbm", "algorithm.num_boost_round=12", "algorithm.num_leaves=5")
OF_THE_LOOP = ("num_round", "eval_metric", "early_stopping_rounds")
BALANCED = ("dataset=penguins", "weights=balanced")


def trained(housing: Housing, *arguments: str) -> tuple[Any, dict[str, float]]:
    """The model of a job, and its metrics."""
    told = housing("train", *arguments, "--json")
    assert told.code == 0, told.err
    client = open_client("sqlite:///mlflow.db")
    (file,) = [item.path for item in client.list_artifacts(told.data["run_id"]) if item.path.startswith("model.")]
    model = Path(client.download_artifacts(told.data["run_id"], file)).read_bytes()
    return find("lightgbm" if file.endswith("txt") else "xgboost").load(model), told.data["metrics"]


def by_xgboost(train: Channel, weights: Any, hyperparameters: Mapping[str, Any]) -> xgboost.Booster:
    """What XGBoost itself fits to the same rows."""
    parameters = {name: value for name, value in hyperparameters.items() if name not in OF_THE_LOOP}
    matrix = xgboost.QuantileDMatrix(train.features, train.label, weight=weights)
    return xgboost.train(parameters | {"seed": 0, "nthread": 1}, matrix, hyperparameters["num_round"])


def test_a_job_is_xgboosts_with_the_weights_of_its_own_rows(project: Path, housing: Housing) -> None:
    experiment = load(["hyperparameters=walkthrough", *BALANCED, *ROUNDS])
    channels = prepare(experiment.dataset, experiment.features).channels
    train, validation = channels["train"], channels["validation"]
    counts = np.bincount(train.label.astype(int))
    weights = len(train.label) / (len(counts) * counts[train.label.astype(int)])
    by_hand = by_xgboost(train, weights, experiment.algorithm.hyperparameters)
    model, metrics = trained(housing, *BALANCED, *ROUNDS)
    chances = by_hand.inplace_predict(validation.features)
    assert np.array_equal(model.predict(validation.features), chances)
    # Validation counts every row alike, whatever the fit has weighed.
    true = chances[np.arange(len(chances)), validation.label.astype(int)].astype(np.float64)
    assert metrics["validation_log_loss"] == pytest.approx(-np.log(true).mean(), rel=1e-6)
    plain, _ = trained(housing, "dataset=penguins", *ROUNDS)
    assert not np.array_equal(model.predict(validation.features), plain.predict(validation.features))


@pytest.mark.parametrize("algorithm", [ROUNDS, LIGHTGBM])
def test_the_rehearsal_weighs_as_this_machine_does(
    project: Path, housing: Housing, account: Account, algorithm: tuple[str, ...]
) -> None:
    experiment = load(BALANCED)
    features = prepare(experiment.dataset, experiment.features).channels["validation"].features
    here, metrics = trained(housing, *BALANCED, *algorithm)
    there, told = trained(housing, *BALANCED, *algorithm, *account.there(f"weights-{len(algorithm)}"))
    assert np.array_equal(here.predict(features), there.predict(features))
    validation = [name for name in metrics if name.startswith("validation_")]
    assert {name: told[name] for name in validation} == pytest.approx({n: metrics[n] for n in validation}, rel=1e-6)
    # The built-in container logs five decimals of what only it can weigh.
    assert told["train_log_loss"] == pytest.approx(metrics["train_log_loss"], abs=1e-5)


def test_folds_and_the_final_fit_weigh_by_their_own_rows(project: Path, housing: Housing) -> None:
    quick = ("study.trials=2", "study.parallel=1", "study.folds=3", *ROUNDS)
    tuned = housing("tune", *BALANCED, *quick, "--json")
    assert tuned.code == 0, tuned.err
    promoted = housing("promote", *BALANCED, *quick, "--json")
    assert promoted.code == 0, promoted.err
    experiment = load(["hyperparameters=walkthrough", *BALANCED, *ROUNDS])
    prepared = prepare(experiment.dataset, experiment.features, "balanced")
    for channel in (prepared.final()[1], *(fold["train"] for fold in prepared.folds(3, seed=0))):
        assert channel.weights is not None
        sums = [channel.weights[channel.label == level].sum() for level in range(3)]
        assert sums == pytest.approx([len(channel.label) / 3] * 3, rel=1e-5)
    client = open_client("sqlite:///mlflow.db")
    final = client.search_model_versions("name='penguins'")[0].run_id
    values = promoted.data["hyperparameters"]
    _, channel = prepared.final()
    by_hand = by_xgboost(channel, channel.weights, values)
    file = Path(client.download_artifacts(final, "model.ubj")).read_bytes()
    answers = find("xgboost").load(file).predict(channel.features)
    assert np.array_equal(answers, by_hand.inplace_predict(channel.features))


def test_what_cannot_weigh_is_refused_with_the_way_out(project: Path, housing: Housing) -> None:
    pandas.DataFrame({"a": [n % 7 for n in range(40)], "b": ["x", "y"] * 20}).to_csv("two.csv", index=False)
    folder = project / "conf" / "dataset"
    folder.mkdir(parents=True)
    (folder / "two.yaml").write_text(housing("describe", "two.csv", "--label", "b").out, encoding="utf-8")
    mine = ("--config-dir", "conf", "dataset=two", "weights=balanced")
    for arguments, words in (
        (("weights=balanced",), "'SalePrice', of task regression, is a number"),
        (("dataset=penguins", "weights=balancd"), "did you mean balanced"),
        ((*mine, "algorithm.scale_pos_weight=3"), "algorithm.scale_pos_weight would do so once more"),
        ((*mine, "algorithm=script", "algorithm.script.source_dir=package:sklearn"), "cannot use weights of rows"),
    ):
        told = housing("train", *arguments)
        assert told.code == 3
        assert words in " ".join(told.err.split()), json.dumps(told.err)
