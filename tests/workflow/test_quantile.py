"""Quantiles of a number, from a description to the live endpoint."""

from __future__ import annotations

import csv
import io
import random
from pathlib import Path

import numpy as np
import pandas
import pytest

from housing.tracking.store import open_client
from tests.workflow.conftest import Housing
from tests.workflow.test_classification import registered

MINE = ("--config-dir", "conf", "dataset=trips")
QUICK = ("study.trials=2", "study.parallel=1")
SHARES = (0.1, 0.5, 0.9)
COLUMNS = ["quantile_0.1", "quantile_0.5", "quantile_0.9"]


@pytest.fixture
def described(project: Path, housing: Housing) -> pandas.DataFrame:
    """Minutes that a trip takes, the less sure the longer it is."""
    generator = random.Random(7)
    rows = []
    for number in range(400):
        length, rain = generator.randint(1, 40), generator.choice(["yes", "no"])
        rows.append((f"t{number}", length, rain, 2 * length * generator.uniform(0.8, 1.6 if rain == "yes" else 1.2)))
    table = pandas.DataFrame(rows, columns=["trip", "km", "rain", "minutes"])
    table.to_csv(project / "trips.csv", index=False)
    answer = housing("describe", "trips.csv", "--label", "minutes", "--task", "quantile")
    assert "quantiles: [0.1, 0.5, 0.9]  # guess" in answer.out
    folder = project / "conf" / "dataset"
    folder.mkdir(parents=True)
    (folder / "trips.yaml").write_text(answer.out, encoding="utf-8")
    return table


@pytest.mark.slow
def test_quantiles_go_from_a_description_to_an_endpoint(described: pandas.DataFrame, housing: Housing) -> None:
    done = housing("run", *MINE, *QUICK, "features.label_transform=log", "deployment.capture.percent=100", "--json")
    assert done.code == 0, done.err
    label = described["minutes"].to_numpy()
    assert done.data["test"]["test_pinball"] < pinball(label, np.quantile(label, SHARES))
    assert done.data["test"]["test_coverage"] > 0.6

    described.drop(columns="minutes").to_csv("rows.csv", index=False)
    answers = list(csv.DictReader(io.StringIO(housing("predict", "rows.csv", *MINE).out)))
    assert list(answers[0]) == ["prediction", *COLUMNS, "variant"]
    found = np.array([[float(row[name]) for name in COLUMNS] for row in answers])
    assert (np.diff(found, axis=1) >= 0).all()
    assert [float(row["prediction"]) for row in answers] == found[:, 1].tolist()
    document = housing("predict", "rows.csv", *MINE, "--json").data["predictions"][0]
    assert document["quantiles"] == pytest.approx(dict(zip(("0.1", "0.5", "0.9"), found[0], strict=True)))

    model = registered("trips")
    frame = model.predict(described)
    assert list(frame.columns) == ["prediction", *COLUMNS]
    assert frame[COLUMNS].to_numpy() == pytest.approx(found, rel=1e-6)
    assert [column.name for column in model.metadata.signature.outputs] == list(frame.columns)

    described.to_csv("labels.csv", index=False)
    seen = housing("monitor", *MINE, "--labels", "labels.csv", "--json")
    assert seen.code == 0, seen.err
    (variant,) = seen.data["variants"].values()
    assert {f"minutes (quantile {share})" for share in SHARES} <= {one["column"] for one in variant["columns"]}
    assert seen.data["errors"]["errors"]["champion"]["value"] == pytest.approx(pinball(label, found), rel=1e-5)

    other = housing("train", *MINE, "dataset.quantiles=[0.5]", "--json").data["run_id"]
    refused = housing("promote", *MINE, "dataset.quantiles=[0.5]", f"candidate={other}")
    assert refused.code == 4
    assert "it gives the quantiles 0.5, the champion 0.1, 0.5, 0.9" in refused.err


def pinball(label: np.ndarray, found: np.ndarray) -> float:
    over = label[:, np.newaxis] - found
    return float(np.maximum(SHARES * over, (np.array(SHARES) - 1) * over).mean())


def test_a_place_that_cannot_is_refused_before_anything_is_run(described: pandas.DataFrame, housing: Housing) -> None:
    for target in ("rehearsal", "sagemaker"):
        told = housing("train", *MINE, f"target@runner={target}")
        assert told.code == 3
        assert "reg:quantileerror cannot be trained in SageMaker's built-in XGBoost" in " ".join(told.err.split())
    assert not Path("mlflow.db").exists() or not open_client("sqlite:///mlflow.db").search_experiments(
        filter_string="name = 'trips'"
    )


@pytest.mark.parametrize(
    ("mistakes", "words"),
    [
        (["dataset.quantiles=null"], "task quantile needs it, such as quantiles: [0.1, 0.5, 0.9]"),
        (["dataset.quantiles=[0.9,0.1]"], "must be in rising order"),
        (["dataset.quantiles=[10.0,90.0]"], "more than 0 and less than 1"),
        (["dataset.quantiles=[]"], "more than 0 and less than 1"),
        (["dataset.task=regression"], "belongs to task quantile, and regression is asked"),
        (["algorithm.objective=reg:squarederror"], "of task quantile, xgboost minimises reg:quantileerror"),
        (["algorithm.quantile_alpha=[0.2]"], "must be [0.1, 0.5, 0.9], as the dataset has it"),
        (["algorithm=lightgbm"], "lightgbm fits 1 in a model; choose algorithm=xgboost"),
        (["gate.metric=mae"], "must be one of coverage, coverage_error, pinball"),
    ],
)
def test_what_does_not_fit_is_named_with_what_does(
    described: pandas.DataFrame, housing: Housing, mistakes: list[str], words: str
) -> None:
    told = housing("tune", *MINE, *mistakes)
    assert told.code == 3
    assert words in " ".join(told.err.split())
