from __future__ import annotations

import math
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from housing.errors import TrackingError
from housing.tracking.entries import Input
from housing.tracking.ranking import rank_children
from housing.tracking.run_record import RunRecord
from housing.tracking.runs import Runs, inherited_run
from tests.tracking.conftest import result_of

INPUTS = [
    Input("ames", context, digest=digest * 64, source="package:ames.csv.gz", rows=1168, columns=79)
    for context, digest in (("train", "a"), ("validation", "b"))
]


def test_a_recorded_job_is_finished_and_whole(runs: Runs) -> None:
    run_id = runs.record(
        RunRecord(
            "t03 eta=0.10",
            result=result_of([30.0, 20.0, 10.0]),
            tags={"housing.trial": "3"},
            params={"algorithm": {"name": "xgboost", "eta": 0.1, "eval_metric": ["mae"]}},
            yaml="seed: 0\n",
            inputs=INPUTS,
            files={"bundle/model.ubj": b"\x00\xff"},
        )
    )

    run = runs.get(run_id)
    assert (run.status, run.kind, run.name, run.parent) == ("FINISHED", "job", "t03 eta=0.10", None)
    assert run.params == {"algorithm.name": "xgboost", "algorithm.eta": "0.1", "algorithm.eval_metric": '["mae"]'}
    assert run.metrics == {"validation_mae": 10, "train_mae": 5, "best_round": 2, "training_seconds": 0.5}
    assert run.tags["housing.trial"] == "3"
    assert (run.started_at_ms, run.ended_at_ms) == (1_700_000_000_000, 1_700_000_000_500)
    assert runs.read_file(run_id, "config.yaml") == b"seed: 0\n"
    assert runs.read_file(run_id, "bundle/model.ubj") == b"\x00\xff"


def test_every_round_is_a_step_with_its_own_time(runs: Runs) -> None:
    run_id = runs.record(RunRecord("job", result=result_of([30.0, 20.0, 10.0, 5.0])))

    points = runs.client.get_metric_history(run_id, "validation_mae")
    assert [(p.step, p.value) for p in points] == [(0, 30), (1, 20), (2, 10), (3, 5)]
    assert [p.timestamp - 1_700_000_000_000 for p in points] == [125, 250, 375, 500]


def test_the_metric_shown_is_the_one_of_the_kept_round(runs: Runs) -> None:
    run_id = runs.record(RunRecord("job", result=result_of([30.0, 10.0, 20.0, 25.0])))

    assert runs.get(run_id).metrics["validation_mae"] == 10
    assert runs.get(run_id).metrics["best_round"] == 1


def test_dataset_inputs_carry_role_digest_and_size(runs: Runs) -> None:
    run_id = runs.record(RunRecord("job", result=result_of([1.0]), inputs=INPUTS))

    inputs = runs.client.get_run(run_id).inputs.dataset_inputs
    assert {(i.tags[0].value, i.dataset.name, i.dataset.digest) for i in inputs} == {
        ("train", "ames", "a" * 36),
        ("validation", "ames", "b" * 36),
    }


def test_more_than_mlflow_takes_at_once_is_recorded_all_the_same(runs: Runs) -> None:
    run_id = runs.record(
        RunRecord(
            "job",
            result=result_of([1000.0 - i for i in range(1200)]),
            params={f"p{i}": i for i in range(250)} | {"long": "x" * 7000, "odd (name)": 1, "odd [name]": 2},
            tags={"long": "x" * 9000},
        )
    )

    run = runs.get(run_id)
    assert len(runs.client.get_metric_history(run_id, "train_mae")) == 1200
    assert len(run.params) == 253
    assert len(run.params["long"]) == 6000
    assert run.params["long"].endswith("config.yaml)")
    assert len(run.tags["long"]) == 8000


def test_jobs_recorded_from_threads_at_once_are_all_there(runs: Runs) -> None:
    study = runs.start(RunRecord("tune-a-0000", kind="study"))

    with ThreadPoolExecutor(8) as pool:
        list(
            pool.map(
                lambda i: runs.record(RunRecord(f"t{i:02d}", result=result_of([30.0, float(i)]), parent=study)),
                range(24),
            )
        )

    children = runs.children(study)
    assert sorted(c.name for c in children) == [f"t{i:02d}" for i in range(24)]
    assert all(c.status == "FINISHED" for c in children)


def test_the_best_job_is_found_by_objective_and_direction(runs: Runs) -> None:
    study = runs.start(RunRecord("tune-a-0000", kind="study"))
    for name, value in (("b", 20.0), ("a", 10.0), ("c", 30.0), ("broken", math.nan)):
        runs.record(
            RunRecord(name, result=result_of([value], best_round=0), parent=study, tags={"housing.split_digest": name})
        )
    runs.record(RunRecord("elsewhere", result=result_of([1.0])))
    runs.record(RunRecord("final", result=result_of([0.5]), kind="final", parent=study))
    runs.finish(study, metrics={"validation_mae": 0.1})

    found = [
        runs.best("validation_mae", "minimize", parent=study),
        runs.best("validation_mae", "maximize", parent=study),
        runs.best("validation_mae", "minimize"),
        runs.best("validation_mae", "minimize", split_digest="b"),
    ]
    assert [run.name for run in found if run] == ["a", "c", "elsewhere", "b"]


def test_there_is_no_best_without_the_metric(runs: Runs) -> None:
    assert runs.best("validation_mae", "minimize") is None
    runs.record(RunRecord("job", result=result_of([1.0])))
    assert runs.best("validation_rmse", "minimize") is None


def test_children_are_ranked_so_that_text_sorts(runs: Runs) -> None:
    study = runs.start(RunRecord("tune-a-0000", kind="study"))
    values = [3.0, 1.0, 2.0, math.nan]
    ids = [
        runs.record(RunRecord(f"t{i}", result=result_of([v], best_round=0), parent=study)) for i, v in enumerate(values)
    ]

    ranked = rank_children(runs, study, {"validation_mae": "minimize"})

    assert [r.id for r in ranked] == [ids[1], ids[2], ids[0]]
    assert [runs.get(i).tags.get("housing.rank") for i in ids] == ["003", "001", "002", None]


def test_the_latest_study_is_the_finished_one_that_began_last(runs: Runs) -> None:
    assert runs.latest_study() is None
    for name in ("first", "second"):
        runs.finish(runs.start(RunRecord(name, kind="study")))
        time.sleep(0.002)  # those of one millisecond have no order
    runs.start(RunRecord("unfinished", kind="study"))

    latest = runs.latest_study()
    assert latest is not None
    assert latest.name == "second"


def test_a_run_is_found_by_name_and_by_a_prefix_of_its_id(runs: Runs) -> None:
    run_id = runs.record(RunRecord('it\'s a "job"', result=result_of([1.0])))
    other = runs.record(RunRecord("job", result=result_of([1.0])))

    assert runs.get("job").id == other
    assert runs.get(run_id[:10]).id == run_id
    assert runs.get(run_id).id == run_id


def test_a_run_that_does_not_exist_is_answered_with_near_names(runs: Runs) -> None:
    with pytest.raises(TrackingError, match="no runs yet"):
        runs.get("job")
    runs.record(RunRecord("baseline", result=result_of([1.0])))
    with pytest.raises(TrackingError, match=r"'baselin'.*did you mean baseline"):
        runs.get("baselin")
    with pytest.raises(TrackingError, match="not in the record"):
        runs.get("0" * 32)


def test_a_name_that_two_runs_share_is_refused_with_their_ids(runs: Runs) -> None:
    ids = [runs.record(RunRecord("job", result=result_of([1.0]))) for _ in range(2)]

    with pytest.raises(TrackingError, match="2 runs") as e:
        runs.get("job")
    assert all(i[:12] in str(e.value) for i in ids)


def test_runs_of_a_dead_process_are_closed_and_no_others(runs: Runs, uri: str) -> None:
    mine = runs.start(RunRecord("alive", kind="run"))
    script = (
        "import os, sys; from housing.tracking.run_record import RunRecord; from housing.tracking.runs import Runs; "
        "print(Runs.open(sys.argv[1], 'walkthrough').start(RunRecord('abandoned', kind='study')), flush=True); "
        "os.kill(os.getpid(), 9)"
    )
    child = subprocess.run([sys.executable, "-c", script, uri], stdout=subprocess.PIPE, text=True, check=False)
    assert child.returncode == -9

    assert runs.close_abandoned() == [child.stdout.strip()]
    assert runs.close_abandoned() == []
    abandoned = runs.get(child.stdout.strip())
    assert abandoned.status == "KILLED"
    assert "process died" in abandoned.tags["housing.reason"]
    assert runs.get(mine).status == "RUNNING"


def test_a_deleted_experiment_is_refused_with_the_way_back(runs: Runs, uri: str) -> None:
    runs.client.delete_experiment(runs.experiment_id)

    with pytest.raises(TrackingError, match=f"was deleted.*restore --experiment-id {runs.experiment_id}"):
        Runs.open(uri, "walkthrough")


def test_the_run_that_mlflow_opened_is_adopted_with_its_experiment(runs: Runs, uri: str) -> None:
    other = runs.client.create_experiment("by-mlflow")
    opened = runs.client.create_run(other, tags={"mlflow.source.name": "the project"}).info.run_id
    runs.client.log_param(opened, "seed", "1")
    environment = {"MLFLOW_RUN_ID": opened, "MLFLOW_EXPERIMENT_ID": other, "HOME": "/"}

    inside = inherited_run(environment)
    assert inside == opened
    adopting = Runs.open(uri, "walkthrough", inside=inside)
    adopting.start(
        RunRecord(
            "walkthrough", kind="group", params={"seed": 2, "eta": 0.1}, yaml="seed: 2\n", into=inside, adopts=True
        )
    )

    assert environment == {"HOME": "/"}
    assert inherited_run(environment) is None
    assert adopting.experiment == "by-mlflow"
    run = adopting.get(opened)
    assert (run.name, run.kind, run.status) == ("walkthrough", "group", "RUNNING")
    assert run.params == {"seed": "1", "eta": "0.1"}
    assert run.tags["mlflow.source.name"] == "the project"
    assert adopting.read_file(opened, "config.yaml") == b"seed: 2\n"


def test_a_run_says_who_made_it_with_what(runs: Runs) -> None:
    tags = runs.get(runs.start(RunRecord("run", kind="run"))).tags

    assert tags["housing.mlflow_version"] == "3.17.2"
    assert tags["housing.optuna_version"].startswith("5.")
    assert tags["mlflow.source.type"] == "LOCAL"
    assert tags["mlflow.user"]
    assert str(os.getpid()) in tags["housing.process"].split()


def test_a_job_without_a_result_is_recorded_with_its_reason(runs: Runs) -> None:
    run = runs.get(runs.record(RunRecord("t01", reason="out of memory", params={"eta": 0.1})))

    assert (run.status, run.tags["housing.reason"], run.params) == ("FAILED", "out of memory", {"eta": "0.1"})


def test_a_finished_run_can_be_annotated(runs: Runs) -> None:
    run_id = runs.record(RunRecord("job", result=result_of([1.0]), metrics={"test_mae": 3.0}))
    runs.annotate(run_id, metrics={"later": 2.0}, tags={"housing.best": "t01"})

    run = runs.get(run_id)
    assert (run.metrics["test_mae"], run.metrics["later"], run.tags["housing.best"]) == (3, 2, "t01")
    assert run.status == "FINISHED"


def test_any_number_of_metrics_can_be_added(runs: Runs) -> None:
    run_id = runs.start(RunRecord("monitor", kind="monitoring"))
    runs.finish(run_id, metrics={f"champion/psi/c{number}": number for number in range(2100)}, tags={"word": "drift"})
    found = runs.get(run_id)
    assert (len(found.metrics), found.metrics["champion/psi/c2099"]) == (2100, 2099)
    assert (found.status, found.tags["word"]) == ("FINISHED", "drift")
