"""Rows in the order of how relevant they are to their query, from a description to the live endpoint."""

from __future__ import annotations

import csv
import io
import random
from pathlib import Path

import numpy as np
import pandas
import pytest

from housing.tasks.base import find
from housing.tasks.predictions import Predictions
from tests.workflow.conftest import Housing
from tests.workflow.test_classification import registered

MINE = ("--config-dir", "conf", "dataset=results")
QUICK = ("study.trials=2", "study.parallel=1")


@pytest.fixture
def described(project: Path, housing: Housing) -> pandas.DataFrame:
    """Results of 60 queries, 10 each, in no order."""
    generator = random.Random(11)
    rows = []
    for number in range(600):
        words, age = generator.randint(0, 9), generator.randint(0, 400)
        liked = words + generator.gauss(0, 2) - age / 100
        rows.append((f"r{number}", f"q{number % 60}", words, age, min(3, max(0, round(liked / 2)))))
    generator.shuffle(rows)
    table = pandas.DataFrame(rows, columns=["result", "query", "words", "age", "relevance"])
    table.to_csv(project / "results.csv", index=False)
    answer = housing("describe", "results.csv", "--label", "relevance", "--task", "ranking")
    assert "group: ???  # name the column, such as query" in answer.out
    folder = project / "conf" / "dataset"
    folder.mkdir(parents=True)
    (folder / "results.yaml").write_text(answer.out.replace("???", "query"), encoding="utf-8")
    return table


@pytest.mark.slow
def test_a_ranking_goes_from_a_description_to_an_endpoint(described: pandas.DataFrame, housing: Housing) -> None:
    done = housing("run", *MINE, *QUICK, "deployment.capture.percent=100", "--json")
    assert done.code == 0, done.err
    assert done.data["test"]["test_ndcg_at_10"] > 0.85 > naive_ndcg(described)
    assert 0 < done.data["test"]["test_map_at_5"] <= 1

    described[["result", "words", "age"]].to_csv("rows.csv", index=False)
    answers = list(csv.DictReader(io.StringIO(housing("predict", "rows.csv", *MINE).out)))
    scores = np.array([float(row["relevance"]) for row in answers])
    assert registered("results").predict(described) == pytest.approx(scores, rel=1e-5)
    best = described.assign(score=scores).sort_values("score").groupby("query").tail(1)
    assert best["relevance"].mean() > described["relevance"].mean() + 0.5

    seen = housing("monitor", *MINE, "--json")
    assert seen.code == 0, seen.err
    (variant,) = seen.data["variants"].values()
    assert "relevance (predicted)" in {one["column"] for one in variant["columns"]}
    described.to_csv("labels.csv", index=False)
    refused = housing("monitor", *MINE, "--labels", "labels.csv")
    assert refused.code == 3
    assert "task ranking is judged by whole groups, but an endpoint answers rows" in refused.err

    other = housing("train", *MINE, "algorithm=lightgbm", "algorithm.num_boost_round=40", "--json")
    assert other.code == 0, other.err
    judged = housing(
        "promote", *MINE, "algorithm=lightgbm", f"candidate={other.data['run_id']}", "gate.metric=map_at_3"
    )
    assert judged.code in (0, 4), judged.err
    assert "test map_at_3 better than version 1's" in judged.out + judged.err


@pytest.mark.slow
def test_groups_are_ranked_alike_by_a_worker_of_ray(described: pandas.DataFrame, housing: Housing) -> None:
    here = housing("train", *MINE, "--json")
    there = housing("train", *MINE, "target@runner=ray", "runner.cpus=1", "--json")
    assert there.code == 0, there.err
    assert there.data["metrics"] == pytest.approx(here.data["metrics"], rel=1e-6)


def test_folds_and_a_grid_keep_groups_whole(described: pandas.DataFrame, housing: Housing) -> None:
    told = housing("tune", *MINE, *QUICK, "study.folds=3", "study.objective=validation_ndcg_at_5", "--json")
    assert told.code == 0, told.err
    assert 0.8 < told.data["best"]["validation_ndcg_at_5"] <= 1


@pytest.mark.parametrize(
    ("mistakes", "words"),
    [
        (["target@runner=sagemaker"], "rank:ndcg needs the group of each row"),
        (["target@runner=rehearsal", "algorithm=lightgbm"], "lambdarank needs the group of each row"),
        (["dataset.group=null"], "task ranking needs it, such as group: query"),
        (["dataset.group=qery"], "did you mean 'query'?"),
        (["dataset.task=regression"], "belongs to task ranking, and regression is asked"),
        (["algorithm.objective=rank:pairwize"], "did you mean rank:pairwise?"),
        (["gate.metric=ndcg_at_11"], "did you mean ndcg_at_1"),
        (["features.label_transform=log"], "a label of task ranking is not transformed"),
    ],
)
def test_what_does_not_fit_is_named_with_what_does(
    described: pandas.DataFrame, housing: Housing, mistakes: list[str], words: str
) -> None:
    told = housing("train", *MINE, *mistakes)
    assert told.code == 3
    assert words in " ".join(told.err.split())
    assert not Path("mlflow.db").exists()


def naive_ndcg(table: pandas.DataFrame) -> float:
    label = np.column_stack([table["relevance"], table["query"].str[1:].astype(int)]).astype(float)
    order = np.random.default_rng(0).normal(size=len(table))
    return find("ranking").metrics["ndcg_at_10"].compute(label, Predictions(order))
