"""A fault at every call of a job and of a study: both end well all the same, and nothing is paid for twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from housing.errors import CloudError
from housing.rehearsal.settings import InjectedFault
from housing.targets.managed import ManagedJob, ManagedStudy
from housing.targets.sagemaker.training.runner import SageMakerRunner
from housing.testing.runner import HYPERPARAMETERS, channel
from housing.training.job import TrainingJob
from housing.tuning.space import Float
from housing.tuning.spec import Study
from tests.rehearsal.conftest import Served
from tests.targets.sagemaker.conftest import settings_of


def job(runner: SageMakerRunner, seed: int) -> TrainingJob:
    channels = {name: runner.stage(channel(name, seed + i)) for i, name in enumerate(("train", "validation"))}
    return TrainingJob("job", "xgboost", HYPERPARAMETERS, channels, seed=3, handle=runner.handle())


def jobs(rehearsal: Served, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = rehearsal.client("sagemaker").list_training_jobs(NameContains=name)[
        "TrainingJobSummaries"
    ]
    return found


@pytest.mark.parametrize(
    "kind", ["throttling", "lost", *(pytest.param(k, marks=pytest.mark.slow) for k in ("server_error", "slow"))]
)
def test_a_job_outlasts_a_fault_at_every_call(rehearsal: Served, rehearse: Callable[..., None], kind: Any) -> None:
    rehearse(faults=(InjectedFault("*", kind, seconds=0.3),))  # the first call of each operation
    runner = SageMakerRunner(settings_of(rehearsal))
    begun = job(runner, seed=len(kind))
    result = runner.submit(begun).result()
    assert result.best_round == 11
    assert len(result.history["validation_mae"]) == 12
    rehearse()
    assert [each["TrainingJobStatus"] for each in jobs(rehearsal, str(begun.handle))] == ["Completed"]


@pytest.mark.parametrize("kind", ["throttling", pytest.param("lost", marks=pytest.mark.slow)])
def test_a_study_outlasts_a_fault_at_every_call(rehearsal: Served, rehearse: Callable[..., None], kind: Any) -> None:
    rehearse(faults=(InjectedFault("*", kind),))
    runner = SageMakerRunner(settings_of(rehearsal))
    shared = replace(job(runner, seed=1000 + len(kind)), handle=None)
    study = ManagedStudy(
        runner.study_handle(), Study("s", "random", 2, objective="validation_mae"), {"eta": Float(0.1, 0.5)}, shared
    )
    ended: dict[str, ManagedJob] = {}
    runner.search(study, lambda each: bool(ended.update({each.handle: each})))
    assert [each.state for each in ended.values()] == ["complete", "complete"]
    rehearse()
    assert len(jobs(rehearsal, study.handle)) == 2


@pytest.mark.usefixtures("impatient")
def test_a_cloud_that_is_away_for_a_while_costs_time_only(
    runner: SageMakerRunner, rehearse: Callable[..., None]
) -> None:
    begun = job(runner, seed=2)
    rehearse(
        faults=(InjectedFault("logs:GetLogEvents", "server_error", times=20),), seconds_per_round=0.1
    )  # more than boto3 tries
    assert len(runner.submit(begun).result().history["validation_mae"]) == 12


@pytest.mark.slow
@pytest.mark.usefixtures("impatient")
def test_a_cloud_that_stays_away_is_told_and_the_job_is_taken_up_by_the_next_command(
    rehearsal: Served, runner: SageMakerRunner, rehearse: Callable[..., None]
) -> None:
    begun = job(runner, seed=1)
    rehearse(faults=(InjectedFault("logs:GetLogEvents", "server_error", times=10**6),))
    with pytest.raises(CloudError, match=r"logs:GetLogEvents was refused"):
        runner.submit(begun).result()
    rehearse()
    assert SageMakerRunner(settings_of(rehearsal)).submit(begun).result().best_round == 11
    assert len(jobs(rehearsal, str(begun.handle))) == 1
