"""Jobs of SageMaker's runner against a rehearsal: what they add to the bare fit, and that no fault is paid for.

python -m benchmarks.cloud          the times
python -m benchmarks.cloud faults   each kind of fault at each call of a job and of a tuning job, one at a time

What `housing` commands make of such faults: python -m benchmarks.jobs faults.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

from housing.config.load import load
from housing.data.channel import Channel
from housing.data.preparation import prepare
from housing.errors import HousingError
from housing.rehearsal.process import stop
from housing.targets.local.settings import Settings as LocalSettings
from housing.targets.local.target import open_runner as open_local_runner
from housing.targets.managed import ManagedStudy
from housing.targets.rehearsal.settings import InjectedFault, Rehearsal, Settings
from housing.targets.rehearsal.target import open_runner
from housing.targets.sagemaker.settings import Spot
from housing.training.job import TrainingJob
from housing.tuning.space import Float
from housing.tuning.spec import Study

HYPERPARAMETERS = {"num_round": 20, "max_depth": 5, "eta": 0.5, "eval_metric": ("mae",)}
ROLE = "arn:aws:iam::123456789012:role/housing"
KINDS = ("throttling", "server_error", "lost", "slow")
REPEATS = 7


def main() -> None:
    experiment = load([])
    channels = prepare(experiment.dataset, experiment.features).channels
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(role_arn=ROLE, rehearsal=Rehearsal(folder=str(Path(folder, "rehearsal"))))
        try:
            (faults if sys.argv[1:] == ["faults"] else times)(settings, channels)
        finally:
            stop(settings.rehearsal.folder)


def times(settings: Settings, channels: dict[str, Channel]) -> None:
    """A job beside the bare fit, and nine jobs with three at a time."""
    local, there = open_local_runner(LocalSettings()), open_runner(settings)
    bare, rehearsed = job(local, channels), job(there, channels)
    there.submit(rehearsed).result()
    fits, jobs = [], []
    for _ in range(REPEATS):
        fits.append(timed(lambda: local.submit(bare).result()))
        jobs.append(timed(lambda: there.submit(rehearsed).result()))
    added = statistics.median(j - f for j, f in zip(jobs, fits, strict=True))
    print(f"one job: {statistics.median(jobs):.2f} s, the bare fit {statistics.median(fits):.3f} s")
    print(f"a job adds {added:.2f} s (wanted: at most 1)")
    print(f"9 jobs, 3 at a time: {timed(lambda: nine(there, rehearsed)):.2f} s (wanted: under 10)")


def nine(runner: Any, shared: TrainingJob) -> None:
    """As the walkthrough's study, by study.engine=optuna."""
    waiting = [
        replace(shared, hyperparameters={**shared.hyperparameters, "eta": eta, "max_depth": depth})
        for eta in (0.1, 0.3, 0.5)
        for depth in (3, 5, 7)
    ]
    running: set[Future[Any]] = set()
    while waiting or running:
        while waiting and len(running) < 3:
            running.add(runner.submit(waiting.pop()))
        done, running = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            future.result()


def faults(settings: Settings, channels: dict[str, Channel]) -> None:
    """Which calls there are is seen in a job and a study without faults; then each of them goes wrong in each way."""
    for name, work in (("training job", train), ("spot job that is stopped", prune), ("tuning job", tune)):
        calls = work(settings, channels)[1]
        outcomes: Counter[str] = Counter()
        for number, (operation, kind) in enumerate(product(sorted(calls), KINDS)):
            fault = InjectedFault(operation, kind, seconds=0.5)  # type: ignore[arg-type]
            # Under a prefix of its own it uploads its channels anew.
            faulty = replace(
                settings, prefix=f"{name[0]}{number}", rehearsal=replace(settings.rehearsal, faults=(fault,))
            )
            outcome = work(faulty, channels)[0]
            outcomes[outcome] += 1
            if outcome != "completed":
                print(f"  {operation} {kind}: {outcome}")
        print(
            f"{name}: {outcomes.total()} runs, {len(calls)} operations x {len(KINDS)} kinds of fault: {dict(outcomes)}",
            flush=True,
        )
        print(f"  {', '.join(sorted(calls))}")


def train(settings: Settings, channels: dict[str, Channel]) -> tuple[str, set[str]]:
    """One job, again by another command when it fails; what came of it, and what it called."""
    runner, calls = watched(settings)
    attempt = None
    handle = runner.handle()
    outcome = "completed"
    for _ in range(2):
        try:
            attempt = runner.submit(replace(job(runner, channels), handle=handle)).result()
            break
        except HousingError:
            outcome = "completed by the next command"
            runner, _ = watched(settings)
    return (checked(settings, handle, 1) or outcome) if attempt else "failed", calls


def prune(settings: Settings, channels: dict[str, Channel]) -> tuple[str, set[str]]:
    """A spot job that is interrupted, goes on and is stopped after its tenth round; then it is found by its tags."""
    spot = Spot(enabled=True)
    rehearsal = replace(settings.rehearsal, interrupt_at_rounds=(5,), seconds_per_round=0.05)
    settings = replace(settings, spot=spot, rehearsal=rehearsal)
    runner, calls = watched(settings)
    handle, outcome = runner.handle(), "completed"
    for _ in range(2):
        try:
            spotted = replace(job(runner, channels, num_round=40), handle=handle, tags={"bench": handle})
            stopped = runner.submit(spotted, lambda number, _: number >= 9).result().stopped
            found = [each.state for each in runner.find({"bench": handle})]
            if not stopped or found != ["stopped"]:
                return f"stopped {stopped}, found {found}", calls
            return checked(settings, handle, 1) or outcome, calls
        except HousingError:
            outcome = "completed by the next command"
            runner, _ = watched(settings)
    return "failed", calls


def tune(settings: Settings, channels: dict[str, Channel]) -> tuple[str, set[str]]:
    """One study of two jobs, likewise."""
    runner, calls = watched(settings)
    handle = runner.study_handle()
    outcome = "failed"
    for attempt in range(2):
        try:
            shared = job(runner, channels)
            study = ManagedStudy(
                handle,
                Study("s", "random", 2, parallel=2, objective="validation_mae"),
                {"eta": Float(0.1, 0.5)},
                shared,
            )
            ended: dict[str, str] = {}
            runner.search(study, lambda each, ended=ended: bool(ended.update({each.handle: each.state})))
            if set(ended.values()) == {"complete"}:
                outcome = "completed by the next command" if attempt else "completed"
                break
        except HousingError:
            runner, _ = watched(settings)
    return (checked(settings, handle, 2) or outcome) if outcome != "failed" else outcome, calls


def watched(settings: Settings) -> tuple[Any, set[str]]:
    """A new runner, as of a new command, and the operations that it calls from now on."""
    runner: Any = open_runner(settings)
    calls: set[str] = set()
    names = {"cloudwatch-logs": "logs"}

    def sent(event_name: str, **_: Any) -> None:
        _, service, operation = event_name.split(".")
        calls.add(f"{names.get(service, service)}:{operation}")

    runner._clients.session.events.register("before-send.*.*", sent)
    return runner, calls


def checked(settings: Settings, handle: str, jobs: int) -> str | None:
    """What is wrong with the jobs of that name: so many, and none that runs."""
    runner, _ = watched(replace(settings, rehearsal=replace(settings.rehearsal, faults=())))
    found = runner._clients("sagemaker").list_training_jobs(NameContains=handle)["TrainingJobSummaries"]
    if len(found) != jobs:
        return f"{len(found)} jobs instead of {jobs}"
    running = [each for each in found if each["TrainingJobStatus"] in ("InProgress", "Stopping")]
    return f"{len(running)} jobs left running" if running else None


def job(runner: Any, channels: dict[str, Channel], **changes: Any) -> TrainingJob:
    staged = {name: runner.stage(channels[name]) for name in ("train", "validation")}
    return TrainingJob("job", "xgboost", HYPERPARAMETERS | changes, staged, seed=0)


def timed(work: Any) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
