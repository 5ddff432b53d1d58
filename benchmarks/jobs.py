"""What `housing` commands get from jobs at a rehearsed SageMaker: the models of this machine, savings, no surprises.

python -m benchmarks.jobs [points] [spot]    nine points of a tuning job here and there; interruptions
python -m benchmarks.jobs faults             each kind of fault at each call of train and tune, one at a time: minutes
"""

from __future__ import annotations

import sys
from collections import Counter
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.gateway import Gateway
from benchmarks.rehearsed import Project, WrongFigure, ames_rows, hold, load, project
from housing.config.load import load as composed
from housing.rehearsal.settings import InjectedFault

KINDS = ("throttling", "server_error", "lost", "slow")
ROWS = 2000
# Before early stopping may end a job; the rounds are slow enough to be billed by the second.
INTERRUPTED = {"interrupt_at_rounds": [3, 7], "seconds_per_round": 0.2}
OF_S3 = ("HeadBucket", "CreateBucket", "HeadObject", "GetObject", "PutObject", "ListObjectsV2")


def main() -> int:
    works = {"points": points, "spot": spot, "faults": faults}
    wanted = sys.argv[1:] or ["points", "spot"]
    if unknown := [name for name in wanted if name not in works]:
        print(f"no such part: {', '.join(unknown)}; there are: {', '.join(works)}", file=sys.stderr)
        return 3
    wrong = 0
    for name in wanted:
        with project() as there:
            print(f"-- {name} ({load()})", flush=True)
            try:
                works[name](there)
            except WrongFigure as problem:
                wrong += 1
                print(f"WRONG: {problem}", flush=True)
    return 1 if wrong else 0


def points(project: Project) -> None:
    """Nine jobs of SageMaker's own tuning job, and the same hyperparameters on this machine."""
    first = {"rehearsal": project.there("train", "--json").data, "local": project.run("train", "--json").data}
    study = project.there("tune", "search_space=walkthrough", "study=amt", "--json").data["run_id"]
    metrics, predictions, best = [0.0], [0.0], {"rehearsal": [], "local": []}
    trials = _children(study)
    for trial in trials:
        point = [f"algorithm.{key}={trial.data.params[key]}" for key in ("eta", "max_depth")]
        here = project.run("train", *point, "--json").data
        metrics += [_relative(_metric(trial, key), here["metrics"][key]) for key in ("train_mae", "validation_mae")]
        predictions.append(_apart(_model(trial.info.run_id), _model(here["run_id"])))
        best["local"].append(here["metrics"]["validation_mae"])
        best["rehearsal"].append(_metric(trial, "validation_mae"))
    print(f"{len(trials)} points: metrics at most {max(metrics):.1e} apart (wanted: 1e-6), relative")
    print(f"  predictions of their models at most {max(predictions):.1e} apart (wanted: float32, 1.2e-07), relative")

    best_run = min(trials, key=lambda trial: _metric(trial, "validation_mae")).info.run_id
    promoted = [
        project.there("promote", f"candidate={best_run}", "gate=challenger", "--json").data,
        project.run("promote", f"candidate={best_run}", "gate=challenger", "--json").data,
    ]
    there, here = (_registered(each["version"]) for each in promoted)
    final = float(np.max(np.abs(there - here) / np.abs(here)))
    same = "the same version" if promoted[0]["version"] == promoted[1]["version"] else "two versions"
    print(f"  final fits by promote: {same}, predictions of the registered models at most {final:.1e} apart")
    published = composed(["experiment=walkthrough"]).published
    print(f"  {'dollars':<22}{'published':>12}{'local':>12}{'rehearsal':>12}")
    for row in ("train_mae", "validation_mae"):
        values = [first[place]["metrics"][row] for place in ("local", "rehearsal")]
        _print_row(row, _published(published, row), *values)
    row = "best_validation_mae"
    _print_row(row, _published(published, row), min(best["local"]), min(best["rehearsal"]))
    hold(len(trials) == 9, f"{len(trials)} trials instead of 9")
    hold(max(metrics) < 1e-6, "the metrics differ")
    hold(max(*predictions, final) <= np.finfo(np.float32).eps, "the predictions differ")


def spot(project: Project) -> None:
    """A job and a study of nine that are interrupted twice, beside the same ones that are not."""
    whole_rounds = "~algorithm.early_stopping_rounds"
    spot = "runner.spot.enabled=true"
    for name, words in (("all rounds", (whole_rounds,)), ("with early stopping", ())):
        plain = project.there("train", *words, "--json").data["run_id"]
        spotted = project.there("train", *words, spot, "--json", **INTERRUPTED).data["run_id"]
        same = _model(plain) == _model(spotted)
        run = _client().get_run(spotted)
        told = {key: run.data.metrics[key] for key in ("training_seconds", "billed_seconds", "spot_saving")}
        interruptions = run.data.tags["sagemaker.interruptions"]
        print(f"{name}: interrupted {interruptions} times, the model's bytes are {'the same' if same else 'OTHERS'}")
        print(f"  {told}", flush=True)
        hold(interruptions == "2", f"interrupted {interruptions} times, not twice")
        hold(told["billed_seconds"] < told["training_seconds"], f"nothing saved: {told}")
        # The two attributes that early stopping leaves in a model hold digits that no log has.
        hold(same or not words, "another model than without interruptions")
    sweep = ("tune", "search_space=walkthrough", "study=walkthrough", whole_rounds, "--json")
    plain = project.there(*sweep).data
    spotted = project.there(*sweep, spot, **INTERRUPTED).data
    models = [{_point(trial): _model(trial.info.run_id) for trial in _children(d["run_id"])} for d in (plain, spotted)]
    same_count = sum(models[0].get(point) == model for point, model in models[1].items())
    runs = _children(spotted["run_id"])
    trained, billed = (sum(run.data.metrics[f"{key}_seconds"] for run in runs) for key in ("training", "billed"))
    twice = sum(run.data.tags["sagemaker.interruptions"] == "2" for run in runs)
    print(f"sweep: {len(runs)} jobs, {twice} interrupted twice, {same_count} models the same")
    print(f"  trained {trained:.0f} s, billed {billed:.0f} s; the command tells {spotted['costs']}")
    hold(same_count == len(runs) == 9, "another model than without interruptions")
    hold(twice == 9, "not all were interrupted twice")
    hold(abs(spotted["costs"]["spot_saving"] - (1 - billed / trained)) < 1e-9, "another saving is told")


def faults(project: Project) -> None:
    """Which calls there are is seen through a gateway; then each goes wrong in each way, in a run of its own."""
    gateway = Gateway(project.address.url)
    place = [f"runner.{key}" for key in (f"endpoint_url={gateway.url}", "region=us-east-1", "poll_s=0.1")]
    role = "runner.role_arn=arn:aws:iam::123456789012:role/housing"
    wrong = []
    for name, jobs, words in (
        ("train", 1, ("train",)),
        ("amt", 2, ("tune", "search_space=walkthrough", "study=amt", "study.trials=2", "study.parallel=2")),
        ("optuna", 2, ("tune", "search_space=walkthrough", "study.trials=2", "study.parallel=2")),
    ):
        command = (*words, "target@runner=sagemaker", *place, role)
        project.use()
        gateway.open()
        project.run(*command, f"name={name}-seen")
        operations = sorted(gateway.operations - {"s3"} | {f"s3:{each}" for each in OF_S3})
        outcomes: Counter[str] = Counter()
        for number, (operation, kind) in enumerate(product(operations, KINDS)):
            experiment = f"{name[0]}{number}"
            project.use(faults=(InjectedFault(operation, kind, seconds=0.5),))  # type: ignore[arg-type]
            outcome = _outcome(project, command, experiment, jobs)
            outcomes[outcome] += 1
            if not outcome.startswith("completed"):
                wrong.append(f"{name} {operation} {kind}: {outcome}")
                print(f"  {wrong[-1]}", flush=True)
        print(f"{name}: {outcomes.total()} runs, {len(operations)} operations x {len(KINDS)} kinds: {dict(outcomes)}")
        print(f"  {', '.join(operations)}", flush=True)
    gateway.close()
    hold(not wrong, f"{len(wrong)} runs did not end well")


def _outcome(project: Project, command: tuple[str, ...], experiment: str, jobs: int) -> str:
    """Run it, and the same once more when it fails, which first completes what the other has left."""
    outcome = "completed"
    words = [*command, f"name={experiment}"]
    if project.run(*words, expect=None).code:
        outcome = "completed by the next command"
        again = project.run("attach", *words[words.index("target@runner=sagemaker") :], expect=None)
        if not _jobs(project, experiment):
            again = project.run(*words, expect=None)
        if again.code:
            return f"failed: {again.err.strip().splitlines()[-1:]}"
    found = _jobs(project, experiment)
    if len(found) != jobs:
        return f"{len(found)} jobs instead of {jobs}"
    running = sum(status in ("InProgress", "Stopping") for status in found)
    return f"{running} jobs left running" if running else outcome


def _jobs(project: Project, experiment: str) -> list[str]:
    found = project.client("sagemaker").list_training_jobs(NameContains=f"{experiment}-", MaxResults=100)
    jobs = found["TrainingJobSummaries"]
    return [job["TrainingJobStatus"] for job in jobs if job["TrainingJobName"].startswith(f"{experiment}-")]


def _client() -> Any:
    from mlflow import MlflowClient

    return MlflowClient("sqlite:///mlflow.db")


def _children(study: str) -> list[Any]:
    client = _client()
    experiment = client.get_run(study).info.experiment_id
    return list(client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{study}'"))


def _metric(run: Any, key: str) -> float:
    """Of the round that the model ends with."""
    history = {each.step: each.value for each in _client().get_metric_history(run.info.run_id, key)}
    return float(history[int(run.data.metrics["best_round"])])


def _point(run: Any) -> tuple[str, str]:
    return run.data.params["eta"], run.data.params["max_depth"]


def _model(run_id: str) -> bytes:
    (file,) = Path("mlruns").rglob(f"{run_id}/artifacts/model.ubj")
    return file.read_bytes()


def _apart(one: bytes, other: bytes) -> float:
    """Of predictions on what they were trained on, relative."""
    import xgboost

    from housing.data.preparation import prepare

    experiment = composed([])
    rows = xgboost.DMatrix(prepare(experiment.dataset, experiment.features).channels["train"].features)
    a, b = (xgboost.Booster(model_file=bytearray(model)).predict(rows) for model in (one, other))
    return float(np.max(np.abs(a - b) / np.abs(b)))


def _registered(version: int) -> Any:
    """Dollars, by MLflow alone."""
    import mlflow
    import pandas

    mlflow.set_tracking_uri("sqlite:///mlflow.db")
    model = mlflow.pyfunc.load_model(f"models:/housing/{version}")
    return np.asarray(model.predict(pandas.DataFrame(ames_rows(ROWS)))).ravel()


def _relative(one: float, other: float) -> float:
    return abs(one - other) / abs(other)


def _published(published: Any, row: str) -> float:
    figure = getattr(published, row)
    return float(getattr(figure, "value", figure))


def _print_row(name: str, *values: float) -> None:
    print(f"  {name:<22}" + "".join(f"{value:12,.1f}" for value in values))


if __name__ == "__main__":
    sys.exit(main())
