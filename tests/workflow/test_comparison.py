"""`housing compare`, and what studies and jobs leave beside their runs to look at."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.workflow.conftest import Answer, Housing, called

FEW_ROUNDS = "algorithm.num_round=5"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose record holds one study; tests that look at it may read everything and add jobs."""
    return tmp_path_factory.mktemp("studied")


@pytest.fixture(scope="module")
def study(folder: Path) -> Answer:
    answer = called("tune", "study=random", "study.trials=11", FEW_ROUNDS, "--json", folder=folder)
    assert answer.code == 0, answer.err
    return answer


@pytest.fixture(scope="module")
def client(folder: Path) -> Any:
    from housing.tracking.store import open_client

    return open_client(f"sqlite:///{folder / 'mlflow.db'}")


@pytest.fixture
def beside(folder: Path) -> Housing:
    """Run a command where the study is."""
    return lambda *arguments: called(*arguments, folder=folder)


def files_of(client: Any, run_id: str) -> set[str]:
    folders = {item.path for item in client.list_artifacts(run_id)}
    return folders | {item.path for item in client.list_artifacts(run_id, "figures")}


def test_a_study_has_figures_and_its_best_metrics_and_parameters(study: Answer, client: Any) -> None:
    run = client.get_run(study.data["run_id"])
    best = client.get_run(study.data["best"]["run_id"])
    assert {
        "report.html",
        "figures/optimisation_history.vl.json",
        "figures/parallel_coordinates.vl.json",
        "figures/importances.vl.json",
        "figures/learning_curves.vl.json",
    } <= files_of(client, run.info.run_id)
    of_best = files_of(client, best.info.run_id)
    assert {"report.html", "figures/learning_curves.vl.json", "figures/predicted_against_true.vl.json"} <= of_best
    for name in ("validation_mae", "train_mae"):
        assert run.data.metrics[name] == best.data.metrics[name]
    for name, kind in (("eta", float), ("max_depth", int)):
        assert run.data.params[name] == best.data.params[name]
        assert type(study.data["best"][name]) is kind


def test_a_study_ends_with_spread_and_what_mattered(study: Answer) -> None:
    spread = study.data["spread"]
    assert spread["best"] == study.data["best"]["validation_mae"]
    assert spread["best"] <= spread["median"] <= spread["worst"]
    assert sum(study.data["importances"].values()) == pytest.approx(1)


def test_comparing_a_study_shows_its_best_trials_and_only_what_differs(beside: Housing, study: Answer) -> None:
    answer = beside("compare", study.data["name"], "--top", "3", "--json")
    assert answer.code == 0, answer.err
    assert answer.data["runs"][0]["run_id"] == study.data["best"]["run_id"]
    assert len(answer.data["runs"]) == 3
    assert "eta" in answer.data["differing"]["configuration"]
    assert set(answer.data["differing"]["configuration"]) <= {"eta", "max_depth"}
    values = answer.data["differing"]["metrics"]["validation_mae"]
    assert values == sorted(values)
    assert answer.data["equal"]["num_round"] == 5
    assert answer.data["comparable"]


def test_without_runs_it_is_the_latest_study(beside: Housing, study: Answer) -> None:
    named = beside("compare", study.data["name"], "--json")
    assert beside("compare", "--json").data == named.data


def test_runs_go_by_id_prefix_name_and_first_word(beside: Housing, study: Answer) -> None:
    ids = [run["run_id"] for run in beside("compare", study.data["name"], "--json").data["runs"]]
    names = {run["run_id"]: run["name"] for run in beside("compare", study.data["name"], "--json").data["runs"]}
    first, second = ids[:2]
    for words in ((first, second[:8]), (names[first], names[second]), (names[first].split()[0], second)):
        answer = beside("compare", *words, "--json")
        assert [run["run_id"] for run in answer.data["runs"]] == [first, second], words


def test_the_page_is_self_contained_and_draws_every_run(beside: Housing, study: Answer, folder: Path) -> None:
    answer = beside("compare", study.data["name"], "--html", "page.html")
    assert answer.code == 0, answer.err
    page = (folder / "page.html").read_text()
    drawn = re.search(r'<script type="application/json" id="specs">(.*?)</script>', page)
    assert drawn is not None
    curves = json.loads(drawn[1])["learning_curves"]
    assert len({row["line"] for row in curves["data"]["values"]}) == 5
    assert curves["layer"][0]["encoding"]["y"]["title"] == "validation_mae, USD"
    assert not re.search(r"<(script|img|link|iframe)[^>]* (src|href)=|@import|url\((?!#)", page)
    missing = beside("compare", study.data["name"], "--html", "no/such/folder.html")
    assert missing.code == 3
    assert "--html no/such/folder.html: cannot be written" in missing.err


def test_runs_of_other_rows_are_said_not_to_be_comparable(beside: Housing) -> None:
    one = beside("train", FEW_ROUNDS, "--json").data["run_id"]
    other = beside("train", FEW_ROUNDS, "dataset.split.seed=7", "--json").data["run_id"]
    answer = beside("compare", one, other)
    assert answer.code == 0, answer.err
    assert "not comparable: these runs were judged on different rows" in answer.out
    assert "dataset.split.seed" in answer.out
    assert "best validation_mae" not in answer.out


def test_a_run_that_does_not_exist_is_answered_with_near_names(beside: Housing, study: Answer) -> None:
    answer = beside("compare", f"{study.data['name']}x", study.data["name"])
    assert answer.code == 1
    assert f"did you mean {study.data['name']}" in answer.err


def test_a_single_run_is_too_few(housing: Housing) -> None:
    run_id = housing("train", FEW_ROUNDS, "--json").data["run_id"]
    for words in ((run_id,), ()):
        answer = housing("compare", *words)
        assert answer.code == 3
        assert "there is only 'train eta=" in answer.err
        assert "name two runs or more, or a study" in answer.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("compare",), "nothing is recorded there yet"),
        (("compare", "a", "b", "--top", "0"), "--top 0: must be a whole number from 1 to 1,000"),
        (("compare", "a", "b"), "nothing is recorded there yet"),
        (("ui",), "nothing is recorded there yet"),
        (("ui", "tracking.uri=http://mlflow.example:5000"), "that server shows its record itself"),
    ],
)
def test_mistakes_are_told_in_one_message(housing: Housing, project: Path, arguments: Any, told: str) -> None:
    answer = housing(*arguments)
    assert answer.code in (1, 3)
    assert told in answer.err
    assert not (project / "mlflow.db").exists()


def test_a_job_has_curves_importances_and_its_errors_beside_it(beside: Housing, client: Any) -> None:
    run_id = beside("train", FEW_ROUNDS, "--json").data["run_id"]
    assert {
        "report.html",
        "figures/learning_curves.vl.json",
        "figures/importances.vl.json",
        "figures/predicted_against_true.vl.json",
    } <= files_of(client, run_id)
    page = Path(client.download_artifacts(run_id, "report.html")).read_text(encoding="utf-8")
    value = client.get_run(run_id).data.metrics["validation_mae"]
    assert re.search(rf"validation_mae {value:,.0f} USD, 95% interval [\d,]+ USD to [\d,]+ USD over \d+ rows", page)
    naive = re.search(r"The naive predictor, which ignores every column, has ([\d,]+) USD", page)
    assert naive is not None
    assert float(naive[1].replace(",", "")) > value
    assert "Slices: where it errs most" in page
    assert "rows of the validation part with one level, or within one range, of a column" in page


def test_a_set_of_runs_is_compared_with_another(study: Answer, beside: Housing, client: Any) -> None:
    experiment = client.get_experiment_by_name("housing").experiment_id
    trials = client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{study.data['run_id']}'")
    values = {run.info.run_id: run.data.metrics["validation_mae"] for run in trials}
    depth = trials[0].data.params["max_depth"]
    deep = f"params.max_depth = '{depth}' and tags.`mlflow.parentRunId` = '{study.data['run_id']}'"
    answer = beside("compare", study.data["name"], deep, "--json", "--html", "sets.html")
    assert answer.code == 0, answer.err
    whole, part = answer.data["sets"]
    assert {run["run_id"]: run["value"] for run in whole["runs"]} == values
    assert {run["run_id"] for run in part["runs"]} == {
        run.info.run_id for run in trials if run.data.params["max_depth"] == depth
    }
    assert whole["best"] == min(values.values())
    assert whole["interval"][0] < whole["mean"] < whole["interval"][1]
    assert answer.data["comparable"]
    (difference,) = answer.data["differences"]
    assert difference["better_by"] == pytest.approx(whole["mean"] - part["mean"])
    assert answer.data["parameters"]["max_depth"][1] == depth


def test_sets_are_named_by_experiment_or_asked_for(study: Answer, beside: Housing) -> None:
    shown = beside("compare", "--sets", "housing", study.data["best"]["run_id"])
    assert shown.code == 0, shown.err
    assert "one run says nothing about chance" in shown.out
    for words, why in (
        (("--sets", study.data["name"]), "name two"),
        ((study.data["name"], "params.max_depth = 'none'"), "none of its 0 runs has validation_mae"),
        ((study.data["name"], "params.max_depth >"), "params.max_depth"),
    ):
        refused = beside("compare", *words)
        assert refused.code in (3, 1), refused.err
        assert why in refused.err
