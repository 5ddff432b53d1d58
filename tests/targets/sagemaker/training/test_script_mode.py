"""An algorithm that SageMaker has no image for, in a framework's, against a rehearsal over HTTP."""

from __future__ import annotations

from dataclasses import replace

import pytest

from housing.targets.base import Runner
from housing.targets.local.settings import Settings as LocalSettings
from housing.targets.local.target import open_runner as open_local_runner
from housing.targets.managed import ManagedJob, ManagedStudy
from housing.targets.sagemaker.training.runner import SageMakerRunner
from housing.testing.points import LightGBMJobs
from housing.testing.runner import RunnerContract, channel
from housing.training.job import TrainingJob
from housing.tuning.space import Int
from housing.tuning.spec import Study


@pytest.mark.slow
class TestLightGBM(LightGBMJobs, RunnerContract):
    @pytest.mark.parametrize("transform", ["none", "log"])
    def test_a_job_gives_the_model_and_the_history_of_this_machine(
        self, runner: Runner, job: TrainingJob, transform: str
    ) -> None:
        job = replace(job, label_transform=transform, hyperparameters=self.point | {"early_stopping_rounds": 3})
        local = open_local_runner(LocalSettings())
        parts = {name: channel(name, seed) for name, seed in (("train", 1), ("validation", 2))}
        if transform == "log":
            parts = {
                name: replace(part, label=part.label / 100, digest=f"{part.digest}-log") for name, part in parts.items()
            }
            job = replace(job, channels={name: runner.stage(part) for name, part in parts.items()})
        here = local.submit(replace(job, channels={n: local.stage(part) for n, part in parts.items()})).result()
        local.close()
        there = runner.submit(job).result()
        assert there.model == here.model
        assert there.history == here.history
        assert (there.metrics, there.best_round) == (here.metrics, here.best_round)


def test_a_study_of_it_runs_as_a_tuning_job(runner: SageMakerRunner) -> None:
    channels = {name: runner.stage(channel(name, seed)) for name, seed in (("train", 1), ("validation", 2))}
    shared = TrainingJob("job", "lightgbm", LightGBMJobs.point | {"metric": ("mae",)}, channels, seed=0)
    study = ManagedStudy(
        runner.study_handle(),
        Study("s", "random", trials=2, parallel=2, objective="validation_mae"),
        {"num_leaves": Int(3, 9)},
        shared,
    )
    seen: dict[int, ManagedJob] = {}

    def watch(changed: ManagedJob) -> bool:
        seen[changed.number] = changed
        return False

    runner.search(study, watch)
    assert [seen[number].state for number in sorted(seen)] == ["complete", "complete"]
    for each in seen.values():
        assert each.result is not None
        assert each.result.model.startswith(b"tree\n")
        assert isinstance(each.hyperparameters["num_leaves"], int)
        assert each.result.metrics["validation_mae"] == each.result.history["validation_mae"][-1]
