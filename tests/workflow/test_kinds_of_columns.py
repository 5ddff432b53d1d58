"""A table of dates, truth values, many levels and weights: from its file to answers, here and in the rehearsal."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
import xgboost

from housing.config.load import load
from housing.data.preparation import Prepared, prepare
from tests.workflow.conftest import Housing
from tests.workflow.rehearsed import Account
from tests.workflow.test_classification import registered

DATASET = """
name: sales
source: sales.csv
label: price
split: {by_time: {column: sold, validation_from: 01.01.2024, test_from: 01.06.2024, gap: 3}}
weight: times
columns:
  sold: {kind: date, format: "%d.%m.%Y"}
  built: {kind: date, missing: unknown}
  agent: {kind: nominal}
  pool: {kind: boolean}
  area: {kind: numeric, low: 1}
  note: {kind: text}
  times: {kind: numeric}
  price: {kind: numeric, low: 1}
"""
FEATURES = """
name: mine
min_rows: 2
label_transform: log
derived:
  age: {operation: elapsed_days, columns: [sold, built]}
"""
MINE = ("--config-dir", "conf", "dataset=sales", "features=mine")
QUICK = ("algorithm.num_round=15", "algorithm.max_depth=3", "algorithm.eta=0.1")
ROWS = 700


@pytest.fixture
def sales(project: Path) -> Prepared:
    rng = np.random.default_rng(0)
    sold = pandas.Timestamp("2022-01-01") + pandas.to_timedelta(rng.integers(0, 1000, ROWS), unit="D")
    agent = rng.integers(0, 90, ROWS)
    area = rng.uniform(40, 200, ROWS).round(1)
    columns = {
        "sold": sold.strftime("%d.%m.%Y"),
        "built": np.where(rng.random(ROWS) < 0.1, "", (sold - pandas.Timedelta(days=900)).strftime("%Y-%m-%d")),
        "agent": [f"agent {number}" for number in agent],
        "pool": rng.choice(["yes", "no"], ROWS),
        "area": area,
        "note": "some words",
        "times": rng.choice([0.5, 1, 4], ROWS),
        "price": (area * 20 + agent * 30 + rng.normal(0, 50, ROWS) + 500).round(2),
    }
    pandas.DataFrame(columns).to_csv("sales.csv", index=False)
    for group, name, text in (("dataset", "sales", DATASET), ("features", "mine", FEATURES)):
        file = project / "conf" / group / f"{name}.yaml"
        file.parent.mkdir(parents=True)
        file.write_text(text, encoding="utf-8")
    experiment = load([*MINE[2:]], Path("conf"))
    return prepare(experiment.dataset, experiment.features)


def weighed_mae(prepared: Prepared, hyperparameters: dict[str, Any]) -> float:
    """What XGBoost itself gets with the same weights."""
    train, validation = prepared.channels["train"], prepared.channels["validation"]
    of_the_loop = ("num_round", "eval_metric", "early_stopping_rounds")
    parameters = {name: value for name, value in hyperparameters.items() if name not in of_the_loop}
    matrix = xgboost.QuantileDMatrix(train.features, train.label, weight=train.weights)
    model = xgboost.train(parameters | {"seed": 0, "nthread": 1}, matrix, hyperparameters["num_round"])
    true, found = np.exp(validation.label.astype(float)), np.exp(model.inplace_predict(validation.features))
    return float(np.average(abs(true - found.astype(float)), weights=validation.weights))


def test_it_is_trained_with_its_weights_here_and_in_the_rehearsal(
    sales: Prepared, housing: Housing, account: Account
) -> None:
    point = load(["hyperparameters=walkthrough", *MINE[2:], *QUICK], Path("conf")).algorithm.hyperparameters
    here = housing("train", *MINE, *QUICK, "--json")
    assert here.code == 0, here.err
    assert "in the gap of split.by_time are in no part" in here.err
    assert "'note' is free text, which is not used" in here.err
    wanted = weighed_mae(sales, dict(point))
    assert here.data["metrics"]["validation_mae"] == pytest.approx(wanted, rel=1e-6)
    there = housing("train", *MINE, *QUICK, *account.there("sales"), "--json")
    assert there.code == 0, there.err
    assert there.data["metrics"]["validation_mae"] == pytest.approx(wanted, rel=1e-6)


def test_raw_rows_are_answered_by_the_endpoint_and_by_mlflow(sales: Prepared, housing: Housing) -> None:
    trained = housing("train", *MINE, *QUICK, "--json").data["run_id"]
    promoted = housing("promote", *MINE, *QUICK, f"candidate={trained}", "--json")
    assert promoted.code == 0, promoted.err
    deployed = housing("deploy", *MINE, "deployment=single")
    assert deployed.code == 0, deployed.err
    rows = sales.test.take(np.arange(5))
    Path("rows.csv").write_text(rows.to_csv(sales.encoder.required), encoding="utf-8")
    told = housing("predict", "rows.csv", *MINE)
    answers = [float(row["price"]) for row in csv.DictReader(io.StringIO(told.out))]
    frame = pandas.DataFrame({name: rows[name] for name in sales.encoder.required})
    assert np.ravel(registered("sales").predict(frame)) == pytest.approx(answers, rel=1e-6)
    frame.assign(sold="soon").to_csv("odd.csv", index=False)
    refused = housing("predict", "odd.csv", *MINE)
    assert refused.code == 3
    assert "sold: not a date" in refused.err


@pytest.mark.slow
def test_levels_that_the_algorithm_handles_are_answered_alike_everywhere(
    sales: Prepared, housing: Housing, account: Account
) -> None:
    native = (*MINE, *QUICK, "features.nominal=native", "features.monotone.area=increasing")
    refused = housing("train", *native, *account.there("native"))
    assert refused.code == 3
    assert "where xgboost trains at target rehearsal, it is not given levels as such" in refused.err
    assert "features.monotone" not in refused.err
    promoted = housing("run", *native, "study.trials=1", "deployment=single", "--json")
    assert promoted.code == 0, promoted.err
    rows = sales.test.take(np.arange(5))
    columns = {name: rows[name].tolist() for name in sales.encoder.required} | {
        "agent": ["agent 1", "nobody"] + [""] * 3
    }
    frame = pandas.DataFrame(columns)
    frame["agent"] = ["agent 1", "nobody", "agent 2", "agent 3", "agent 4"]
    frame.to_csv("rows.csv", index=False)
    here = np.ravel(registered("sales").predict(frame))
    host = ("target@host=rehearsal", f"rehearsal.folder={account.folder}", "rehearsal.idle_s=60")
    for interface in ("raw", "encoded"):
        there = (*native, "deployment=single", *host, f"deployment.interface={interface}")
        there = (*there, f"deployment.endpoint={interface}")
        deployed = housing("deploy", *there)
        assert deployed.code == 0, deployed.err
        for at in (there, native) if interface == "raw" else (there,):
            told = housing("predict", "rows.csv", *at)
            answers = [float(row["price"]) for row in csv.DictReader(io.StringIO(told.out))]
            assert answers == pytest.approx(here.tolist(), rel=1e-5)


@pytest.mark.slow
def test_answers_that_only_rise_are_the_same_in_the_rehearsal(
    sales: Prepared, housing: Housing, account: Account
) -> None:
    rising = (*MINE, *QUICK, "~algorithm.early_stopping_rounds", "features.monotone={area: decreasing}", "--json")
    here, there = housing("train", *rising), housing("train", *rising, *account.there("rising"))
    assert (here.code, there.code) == (0, 0), (here.err, there.err)
    free = housing("train", *MINE, *QUICK, "--json").data["metrics"]["validation_mae"]
    assert here.data["metrics"]["validation_mae"] > 1.2 * free  # larger houses do cost more
    assert there.data["metrics"]["validation_mae"] == pytest.approx(here.data["metrics"]["validation_mae"], rel=1e-6)
