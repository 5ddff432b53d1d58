"""Studies that SageMaker runs by itself, in a rehearsal that really trains them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from housing.errors import ConfigError, TrainingError
from housing.rehearsal.settings import InjectedFault
from housing.targets.local.settings import Settings as LocalSettings
from housing.targets.local.target import open_runner as open_local_runner
from housing.targets.managed import ManagedJob, ManagedStudy
from housing.targets.sagemaker.training.runner import SageMakerRunner
from housing.testing.runner import HYPERPARAMETERS, channel
from housing.training.job import TrainingJob
from housing.tuning.space import Categorical, Float, Int, SearchSpace
from housing.tuning.spec import Study
from tests.rehearsal.conftest import Served
from tests.targets.sagemaker.conftest import settings_of

SPACE: SearchSpace = {"eta": Float(0.1, 0.5), "max_depth": Int(2, 6), "gamma": Categorical((0.5,))}


def study_of(runner: SageMakerRunner, space: SearchSpace = SPACE, **study: Any) -> ManagedStudy:
    channels = {name: runner.stage(channel(name, seed)) for name, seed in (("train", 1), ("validation", 2))}
    shared = TrainingJob("trial", "xgboost", HYPERPARAMETERS, channels, seed=3, tags={"housing:run": "r7"})
    settings = {"sampler": "random", "trials": 4, "parallel": 2} | study
    return ManagedStudy(
        runner.study_handle(), Study("walkthrough", **({"objective": "validation_mae"} | settings)), space, shared
    )


def watched(runner: SageMakerRunner, managed: ManagedStudy) -> dict[str, list[ManagedJob]]:
    """What the watch was told of each job, by handle."""
    told: dict[str, list[ManagedJob]] = {}

    def watch(job: ManagedJob) -> bool:
        assert threading.current_thread() is threading.main_thread()
        told.setdefault(job.handle, []).append(job)
        return False

    runner.search(managed, watch)
    return told


def test_a_study_s_jobs_are_told_from_their_start_to_their_result(
    runner: SageMakerRunner, rehearse: Callable[..., None]
) -> None:
    rehearse(seconds_per_round=0.02)
    managed = study_of(runner)
    told = watched(runner, managed)
    assert sorted(jobs[-1].number for jobs in told.values()) == [0, 1, 2, 3]
    local = open_local_runner(LocalSettings())
    for handle, jobs in told.items():
        assert handle.startswith(managed.handle)
        assert jobs[0].state == "running"
        lengths = [len(job.history.get("validation_mae", ())) for job in jobs]
        assert lengths == sorted(lengths)
        assert lengths[-1] == 12
        last = jobs[-1]
        assert last.state == "complete"
        assert last.result is not None
        assert 0.1 <= float(str(last.hyperparameters["eta"])) <= 0.5
        assert last.hyperparameters["gamma"] == 0.5
        staged = {name: channel(name, seed) for name, seed in (("train", 1), ("validation", 2))}
        here = local.submit(TrainingJob("here", "xgboost", last.hyperparameters, staged, seed=3)).result()
        assert last.result.metrics == {k: pytest.approx(v, rel=1e-6) for k, v in here.metrics.items()}
        assert last.result.details["sagemaker.job_name"] == handle
    local.close()
    assert any(0 < len(job.history.get("validation_mae", ())) < 12 for jobs in told.values() for job in jobs)
    assert {each.handle for each in runner.find({"housing:run": "r7"})} >= set(told)


def test_a_study_is_gone_on_with_by_its_handle(runner: SageMakerRunner, rehearsal: Served) -> None:
    managed = study_of(runner, trials=2)
    first = watched(runner, managed)
    again = watched(SageMakerRunner(settings_of(rehearsal)), managed)
    assert set(again) == set(first)
    assert len(again) == 2
    assert {jobs[-1].state for jobs in again.values()} == {"complete"}


def test_a_study_is_stopped_when_the_watch_says_so(runner: SageMakerRunner, rehearse: Callable[..., None]) -> None:
    rehearse(seconds_per_round=0.05)
    last: dict[str, ManagedJob] = {}

    def watch(job: ManagedJob) -> bool:
        last[job.handle] = job
        return job.state == "complete"

    runner.search(study_of(runner, trials=30), watch)
    assert len(last) < 30
    assert {job.state for job in last.values()} <= {"complete", "stopped", "failed"}
    assert "complete" in {job.state for job in last.values()}


def test_a_failed_job_of_a_study_is_told_with_its_reason(
    runner: SageMakerRunner, rehearse: Callable[..., None]
) -> None:
    rehearse(fail_jobs=1)
    told = watched(runner, study_of(runner, trials=3, parallel=1))
    states = [jobs[-1].state for jobs in told.values()]
    assert sorted(states) == ["complete", "complete", "failed"]
    (failed,) = (jobs[-1] for jobs in told.values() if jobs[-1].state == "failed")
    assert "AlgorithmError" in str(failed.reason)


def test_a_study_all_of_whose_jobs_fail_has_failed(runner: SageMakerRunner, rehearse: Callable[..., None]) -> None:
    rehearse(fail_jobs=10)
    with pytest.raises(TrainingError, match=r"tuning job .* failed"):
        runner.search(study_of(runner, trials=2), lambda _: False)


def test_a_study_learns_from_its_parents(runner: SageMakerRunner) -> None:
    parent = study_of(runner, trials=2)
    watched(runner, parent)
    child = study_of(runner, trials=2, sampler="tpe")
    told = watched(runner, ManagedStudy(child.handle, child.study, child.space, child.job, parents=[parent.handle]))
    assert len(told) == 2


def test_a_lost_answer_starts_no_second_study(
    runner: SageMakerRunner, rehearsal: Served, rehearse: Callable[..., None]
) -> None:
    managed = study_of(runner, trials=2)
    rehearse(faults=(InjectedFault("sagemaker:CreateHyperParameterTuningJob", "lost"),))
    assert len(watched(runner, managed)) == 2
    names = rehearsal.client("sagemaker").list_training_jobs(NameContains=managed.handle)["TrainingJobSummaries"]
    assert len(names) == 2


def test_what_a_tuning_job_cannot_do_is_refused_before_it_is_paid_for(
    runner: SageMakerRunner, rehearsal: Served
) -> None:
    managed = study_of(runner, sampler="cmaes")
    with pytest.raises(ConfigError, match=r"study.sampler: a tuning job of SageMaker has no cmaes"):
        runner.search(managed, lambda _: False)
    assert not rehearsal.client("sagemaker").list_hyper_parameter_tuning_jobs(NameContains=managed.handle)[
        "HyperParameterTuningJobSummaries"
    ]
