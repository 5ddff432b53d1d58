"""Times to an event, some of them censored, from a description to the live endpoint."""

from __future__ import annotations

import csv
import io
import random
import re
from pathlib import Path

import numpy as np
import pandas
import pytest

from housing.tracking.runs import Runs
from tests.tasks.test_survival import pairs_in_order
from tests.workflow.conftest import Housing
from tests.workflow.rehearsed import Account
from tests.workflow.test_classification import registered

MINE = ("--config-dir", "conf", "dataset=pumps")
QUICK = ("study.trials=2", "study.parallel=1")


@pytest.fixture
def described(project: Path, housing: Housing) -> pandas.DataFrame:
    """Days until a pump fails; some are still running."""
    generator = random.Random(13)
    rows = []
    for number in range(400):
        load, age = generator.randint(1, 10), generator.randint(0, 20)
        fails, seen_for = generator.expovariate(0.002 * load**2), generator.uniform(1, 120)
        days, failed = min(fails, seen_for) + 0.5, fails <= seen_for
        rows.append((f"p{number}", load, age, round(days, 2), str(failed).lower()))
    table = pandas.DataFrame(rows, columns=["pump", "load", "age", "days", "failed"])
    table.to_csv(project / "pumps.csv", index=False)
    answer = housing("describe", "pumps.csv", "--label", "days", "--task", "survival")
    assert "event: ???  # name the column" in answer.out
    folder = project / "conf" / "dataset"
    folder.mkdir(parents=True)
    (folder / "pumps.yaml").write_text(answer.out.replace("???", "failed"), encoding="utf-8")
    return table


def test_a_report_tells_times_and_how_many_events_were_seen(
    described: pandas.DataFrame, housing: Housing, project: Path
) -> None:
    trained = housing("train", *MINE, "algorithm=xgboost", "algorithm.num_round=3", "--json")
    assert trained.code == 0, trained.err
    report = Runs.open(f"sqlite:///{project}/mlflow.db", "pumps").read_file(trained.data["run_id"], "report.html")
    told = re.search(r"<tr><td>train</td>(.*)</tr>", report.decode())
    assert told is not None
    rows, seen, *spread = re.findall(r">([^<]+)</td>", told[1])
    assert 0 < float(seen.rstrip("%")) < 100
    assert described["days"].min() <= float(spread[0]) <= float(spread[1]) < float(spread[-1])
    assert int(rows) < len(described)


@pytest.mark.slow
@pytest.mark.parametrize("task", ["survival", "survival_time"])
def test_times_go_from_a_description_to_an_endpoint(described: pandas.DataFrame, housing: Housing, task: str) -> None:
    mine = (*MINE, f"dataset.task={task}")
    done = housing("run", *mine, *QUICK, "deployment.capture.percent=100", "--json")
    assert done.code == 0, done.err
    assert done.data["test"]["test_concordance"] > 0.6

    described[["pump", "load", "age"]].to_csv("rows.csv", index=False)
    answers = list(csv.DictReader(io.StringIO(housing("predict", "rows.csv", *mine).out)))
    found = np.array([float(row["days"]) for row in answers])
    assert registered("pumps").predict(described) == pytest.approx(found, rel=1e-5)
    label = np.where(described["failed"] == "true", described["days"], -described["days"])
    risk = found if task == "survival" else -found

    described.to_csv("labels.csv", index=False)
    seen = housing("monitor", *mine, "--labels", "labels.csv", "--json")
    assert seen.code == 0, seen.err
    assert seen.data["errors"]["metric"] == "concordance"
    expected = pairs_in_order(label, risk)
    assert seen.data["errors"]["errors"]["champion"]["value"] == pytest.approx(expected, abs=2e-3)
    described.drop(columns="failed").to_csv("labels.csv", index=False)
    refused = housing("monitor", *mine, "--labels", "labels.csv")
    assert refused.code == 3
    assert "has no column failed, which says whether the event was seen" in refused.err


def test_the_container_of_the_rehearsal_fits_what_this_machine_does(
    described: pandas.DataFrame, housing: Housing, account: Account
) -> None:
    here = housing("train", *MINE, "--json")
    there = housing("train", *MINE, *account.there("pumps"), "--json")
    assert there.code == 0, there.err
    for metric in ("validation_concordance", "validation_cox_nloglik"):
        assert there.data["metrics"][metric] == pytest.approx(here.data["metrics"][metric], abs=1e-5)


@pytest.mark.parametrize(
    ("mistakes", "words"),
    [
        (["dataset.task=survival_time", "target@runner=sagemaker"], "survival:aft cannot be trained in SageMaker's"),
        (["algorithm=lightgbm"], "task survival is asked of 'days'; choose algorithm=xgboost"),
        (["dataset.event=null"], "task survival needs it, such as event: died"),
        (["dataset.event=fialed"], "did you mean 'failed'?"),
        (["algorithm.objective=survival:aft"], "or ask dataset.task=survival_time"),
        (["dataset.event=load"], "an event is 1 or 0, or true or false, got"),
        (["dataset.task=regression"], "belongs to task survival or survival_time, and regression is asked"),
    ],
)
def test_what_does_not_fit_is_named_with_what_does(
    described: pandas.DataFrame, housing: Housing, mistakes: list[str], words: str
) -> None:
    told = housing("train", *MINE, *mistakes)
    assert told.code == 3
    assert words in " ".join(told.err.split())
