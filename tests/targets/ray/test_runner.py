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


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    """Started in a folder of which workers must import nothing."""
    here = HostileFolder(tmp_path_factory.mktemp("hostile"))
    with contextlib.chdir(here.path):
        runner = open_runner(Settings(cpus=2))
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


def _descendants(pid: int) -> Iterator[int]:
    children = Path(f"/proc/{pid}/task").glob("*/children")
    for child in (int(word) for file in children for word in file.read_text().split()):
        yield child
        yield from _descendants(child)


def _title(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()
