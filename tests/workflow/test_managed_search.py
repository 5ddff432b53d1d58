"""`study.engine=amt`: SageMaker searches by itself, in a rehearsal, and the record has it all the same."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from housing.algorithms.registry import find
from housing.config.load import check, compose
from housing.data.preparation import prepare
from housing.targets.local.target import Settings, open_runner
from housing.tracking.runs import Runs
from housing.training.job import TrainingJob
from tests.workflow.conftest import Housing
from tests.workflow.processes import run, start, studies
from tests.workflow.rehearsed import Account, kill, printed, rounds, statuses, until

AMT = ("search_space=walkthrough", "study.engine=amt")
SHORT = ("study.trials=4", "study.parallel=2", "algorithm.num_round=8")


@pytest.mark.slow
def test_its_jobs_are_those_of_this_machine_for_the_same_hyperparameters(
    project: Path, housing: Housing, account: Account
) -> None:
    there = account.there("same")
    tuned = housing("tune", *AMT, *there, "--json")
    assert tuned.code == 0, tuned.err
    (study,) = studies(project / "mlflow.db")
    assert study.numbers == list(range(9))
    assert study.tags["housing.job"] in account.studies("same")
    assert sorted(child.tags["housing.job"] for child in study.children) == sorted(account.jobs("same"))
    assert tuned.data["costs"]["cost_usd"] > 0

    runs = Runs.open("sqlite:///mlflow.db", "same")
    experiment = check(compose((), None))
    prepared = prepare(experiment.dataset, experiment.features)
    local = open_runner(Settings())
    for child in runs.children(study.id):
        hyperparameters = json.loads(child.tags["housing.hyperparameters"])
        job = TrainingJob(child.name, "xgboost", hyperparameters, prepared.channels, seed=0)
        here = local.submit(job).result()
        assert {name: child.metrics[name] for name in here.metrics} == pytest.approx(here.metrics, rel=1e-6)
        assert runs.history(child.id, "train_mae") == pytest.approx(here.history["train_mae"], rel=1e-6)
        rows, algorithm = prepared.channels["validation"].features, find("xgboost")
        theirs = algorithm.load(runs.read_file(child.id, "model.ubj")).predict(rows)
        assert np.array_equal(theirs, algorithm.load(here.model).predict(rows))
    local.close()

    promoted_there, promoted_here = (housing("promote", *where, "--json") for where in (there, there[2:3]))
    assert promoted_there.code == promoted_here.code == 0, promoted_there.err + promoted_here.err
    assert promoted_there.data["metrics"] == pytest.approx(promoted_here.data["metrics"], rel=1e-6)


@pytest.mark.parametrize(
    ("objective", "metric", "wanted"), [("validation_auc", "auc", max), ("validation_log_loss", "logloss", min)]
)
def test_it_looks_for_the_best_of_a_classifier_s_metric(
    project: Path, housing: Housing, account: Account, objective: str, metric: str, wanted: Callable[..., float]
) -> None:
    rows = [(n % 17, n % 7, "late" if (n % 17) * (n % 7) > 40 - 3 * (n % 5) else "in time") for n in range(400)]
    text = "a,b,came\n" + "".join(f"{a},{b},{came}\n" for a, b, came in rows)
    (project / "trains.csv").write_text(text)
    (project / "conf" / "dataset").mkdir(parents=True)
    described = housing("describe", "trains.csv", "--label", "came").out
    (project / "conf" / "dataset" / "trains.yaml").write_text(described)
    there = account.there(f"levels-{metric}")
    asked = ("study=amt", "study.trials=3", f"study.objective={objective}", f"algorithm.eval_metric=[{metric}]")
    study = housing("tune", "--config-dir", "conf", "dataset=trains", *asked, "algorithm.num_round=4", *there, "--json")
    assert study.code == 0, study.err
    trials = housing("compare", "--config-dir", "conf", "dataset=trains", *asked, *there, "--json")
    assert trials.code == 0, trials.err
    values = trials.data["differing"]["metrics"][objective]
    assert study.data["best"][objective] == wanted(values)


@pytest.mark.slow
def test_killed_it_is_gone_on_with_and_nothing_is_trained_twice(tmp_path: Path, account: Account) -> None:
    there = account.there("killed")
    process = start("tune", *AMT, *there, *SHORT, "rehearsal.seconds_per_round=0.1", folder=tmp_path)
    until(lambda: len(rounds(tmp_path / "mlflow.db")) > 2)
    kill(process)
    (study,) = studies(tmp_path / "mlflow.db")
    assert run("attach", study.name, *there[1:3], folder=tmp_path) == 0, printed(tmp_path)
    (whole,) = studies(tmp_path / "mlflow.db")
    assert whole.numbers == [0, 1, 2, 3]
    assert statuses(tmp_path / "mlflow.db") == {"FINISHED": 5}
    assert list(account.studies("killed").values()) == ["Completed"]
    assert len(account.jobs("killed")) == 4
    # The last round may hold the value that was kept beside its own.
    assert {count for (_, step), count in rounds(tmp_path / "mlflow.db").items() if step < 7} == {1}


@pytest.mark.slow
def test_interrupted_it_stops_and_goes_on_as_another_that_learns_from_it(tmp_path: Path, account: Account) -> None:
    there = account.there("stopped")
    process = start("tune", *AMT, *there, *SHORT, "rehearsal.seconds_per_round=0.3", folder=tmp_path)
    until(lambda: statuses(tmp_path / "mlflow.db")["FINISHED"] > 0)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGINT)
    process.join(180)
    assert process.exitcode == 130, printed(tmp_path)
    assert list(account.studies("stopped").values()) == ["Stopped"]
    assert statuses(tmp_path / "mlflow.db")["RUNNING"] == 0
    (study,) = studies(tmp_path / "mlflow.db")
    assert run("tune", f"study.resume={study.name}", *there[1:3], folder=tmp_path) == 0, printed(tmp_path)
    (whole,) = studies(tmp_path / "mlflow.db")
    assert len(whole.numbers) == 4
    first, second = sorted(account.studies("stopped"))
    assert account.parents(second) == [first]


@pytest.mark.slow
def test_it_starts_from_what_an_earlier_one_has_learnt(project: Path, housing: Housing, account: Account) -> None:
    there = account.there("warm")
    assert housing("tune", *AMT, *there, *SHORT, "study.name=first").code == 0
    second = housing("tune", *AMT, *there, *SHORT, "study.start_from=first")
    assert second.code == 0, second.err
    earlier, later = studies(project / "mlflow.db")
    assert account.parents(later.tags["housing.job"]) == [earlier.tags["housing.job"]]


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        ((), "choose target@runner=sagemaker or target=rehearsal"),
        (("search_space=encodings",), "varies hyperparameters only"),
        (("study.folds=3",), "study.folds"),
    ],
)
def test_what_it_cannot_do_is_refused_before_anything_begins(
    project: Path, housing: Housing, account: Account, overrides: tuple[str, ...], told: str
) -> None:
    there = account.there("refused") if overrides else ()
    refused = housing("tune", "study.engine=amt", *there, *overrides)
    assert refused.code == 3
    assert told in refused.err
    assert studies(project / "mlflow.db") == []
