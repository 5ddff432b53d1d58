"""On a real cluster of two processors, started once for all tests here."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from housing.errors import ConfigError, TrainingError
from housing.targets.base import Runner
from housing.targets.local.settings import Settings as LocalSettings
from housing.targets.local.target import open_runner as open_local_runner
from housing.targets.ray.target import Settings, open_runner
from housing.testing.runner import RunnerContract, channel
from housing.training.job import TrainingJob
from tests.hostile import HostileFolder

ray = pytest.importorskip("ray")

ONE = Settings(cpus=2)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    """Started in a folder of which workers must import nothing."""
    here = HostileFolder(tmp_path_factory.mktemp("hostile"))
    with contextlib.chdir(here.path):
        runner = open_runner(ONE)
    yield runner
    assert here.ran() == []
    runner.close()
    assert not ray.is_initialized()


class TestRayRunner(RunnerContract):
    @pytest.fixture
    def runner(self, cluster: Runner) -> Runner:
        return cluster

    def test_a_job_gives_the_same_bytes_as_on_this_machine(self, runner: Runner, job: TrainingJob) -> None:
        local = open_local_runner(LocalSettings())
        staged = {name: local.stage(channel(name, seed)) for name, seed in (("train", 1), ("validation", 2))}
        here = local.submit(replace(job, channels=staged)).result()
        local.close()
        there = runner.submit(job).result()
        assert there.model == here.model
        assert there.metrics == here.metrics

    def test_a_worker_that_dies_fails_its_job_and_no_other(self, runner: Runner, job: TrainingJob) -> None:
        def kill_the_worker(number: int, metrics: Mapping[str, float]) -> bool:
            (worker,) = (pid for pid in _descendants(os.getpid()) if _title(pid).startswith("ray::train"))
            os.kill(worker, signal.SIGKILL)
            return False

        with pytest.raises(TrainingError, match=r"t03: .*WorkerCrashedError"):
            runner.submit(replace(job, name="t03"), kill_the_worker).result()
        assert runner.submit(job).result().best_round == 11

    def test_an_error_in_progress_fails_the_job_with_it(self, runner: Runner, job: TrainingJob) -> None:
        def broken(number: int, metrics: Mapping[str, float]) -> bool:
            raise ZeroDivisionError("no rounds")

        with pytest.raises(TrainingError, match=r"job: .*ZeroDivisionError: no rounds"):
            runner.submit(job, broken).result()

    def test_a_second_runner_shares_the_connection(self, runner: Runner, job: TrainingJob) -> None:
        second = open_runner(Settings(cpus=2))
        assert second.submit(job).result().best_round == 11
        second.close()
        assert runner.submit(job).result().best_round == 11
        with pytest.raises(ConfigError, match="two Ray clusters"):
            open_runner(Settings(cpus=1))


@pytest.fixture(scope="module")
def together(cluster: Runner) -> Iterator[Runner]:
    runner = open_runner(replace(ONE, workers=2))
    yield runner
    runner.close()


@pytest.mark.slow
class TestTogether:
    """Two workers, each with half of the rows."""

    @pytest.fixture
    def jobs(self, cluster: Runner, together: Runner) -> list[TrainingJob]:
        """The same job of one worker, and of two."""
        parts = [channel(name, seed) for name, seed in (("train", 1), ("validation", 2))]
        point = {"num_round": 40, "max_depth": 3, "eta": 0.2, "eval_metric": ("mae", "rmse")}
        return [
            TrainingJob("job", "xgboost", point, {part.name: runner.stage(part) for part in parts}, seed=0)
            for runner in (cluster, together)
        ]

    def test_two_workers_fit_the_model_of_one(self, cluster: Runner, together: Runner, jobs: list[TrainingJob]) -> None:
        one, two = cluster.submit(jobs[0]).result(), together.submit(jobs[1]).result()
        assert two.metrics.keys() == one.metrics.keys()
        assert two.metrics == pytest.approx(one.metrics, rel=0.02)
        assert {name: len(values) for name, values in two.history.items()} == dict.fromkeys(one.history, 40)

    @pytest.mark.slow
    def test_all_begin_at_the_last_checkpoint_when_one_is_lost(self, together: Runner, jobs: list[TrainingJob]) -> None:
        whole = together.submit(jobs[1]).result()
        rounds: list[int] = []

        def kill_one(number: int, metrics: Mapping[str, float]) -> bool:
            rounds.append(number)
            if number == 25 and rounds.count(25) == 1:
                os.kill(next(pid for pid in _descendants(os.getpid()) if "train_part" in _title(pid)), signal.SIGKILL)
            return False

        result = together.submit(jobs[1], kill_one).result()
        assert rounds.count(0) == 1
        assert rounds.count(25) == 2
        assert rounds[-1] == 39
        assert result.metrics == pytest.approx(whole.metrics, rel=1e-3)
        assert result.history["train_mae"] == pytest.approx(whole.history["train_mae"], rel=1e-3)

    def test_a_stop_ends_all_of_them(self, together: Runner, jobs: list[TrainingJob]) -> None:
        result = together.submit(jobs[1], lambda number, _: number == 7).result()
        assert result.stopped
        assert len(result.history["validation_mae"]) == 8


def _descendants(pid: int) -> Iterator[int]:
    children = Path(f"/proc/{pid}/task").glob("*/children")
    for child in (int(word) for file in children for word in file.read_text().split()):
        yield child
        yield from _descendants(child)


def _title(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()
