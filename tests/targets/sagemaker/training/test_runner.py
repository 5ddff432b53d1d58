"""Against a rehearsal over HTTP: what is asked of it here is asked of Amazon's in the same requests."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from housing.algorithms.registry import find
from housing.data.channel import Channel
from housing.errors import CloudError, ConfigError, JobRefused, TrainingError
from housing.rehearsal.settings import InjectedFault
from housing.targets.base import Runner
from housing.targets.local.settings import Settings as LocalSettings
from housing.targets.local.target import open_runner as open_local_runner
from housing.targets.sagemaker.clients import Clients
from housing.targets.sagemaker.staging import Stage
from housing.targets.sagemaker.target import supports
from housing.targets.sagemaker.training.runner import SageMakerRunner
from housing.testing.runner import HYPERPARAMETERS, RunnerContract, channel
from housing.training.job import TrainingJob, TrainingResult
from tests.rehearsal.conftest import Served
from tests.targets.sagemaker.conftest import settings_of
from tests.targets.sagemaker.training.conftest import SPOT

Rehearse = Callable[..., None]


class TestSageMakerRunner(RunnerContract):
    pass


@pytest.fixture
def local() -> Iterator[Runner]:
    made = open_local_runner(LocalSettings())
    yield made
    made.close()


def staged(runner: Runner, transform: str = "none") -> dict[str, Any]:
    def made(name: str, seed: int) -> Channel:
        plain = channel(name, seed)
        if transform == "none":
            return plain
        return replace(plain, label=np.log(plain.label), digest=f"{plain.digest}-log")

    return {name: runner.stage(made(name, seed)) for name, seed in (("train", 1), ("validation", 2))}


def job(runner: Runner, transform: str = "none", **hyperparameters: Any) -> TrainingJob:
    return TrainingJob(
        "job",
        "xgboost",
        HYPERPARAMETERS | hyperparameters,
        staged(runner, transform),
        seed=3,
        label_transform=transform,
    )


def same_metrics(one: TrainingResult, other: TrainingResult) -> None:
    assert one.metrics == {name: pytest.approx(value, rel=1e-6) for name, value in other.metrics.items()}


@pytest.mark.parametrize(
    "hyperparameters",
    [{}, {"subsample": 0.6, "colsample_bytree": 0.5}, {"num_round": 60, "eta": 0.8, "early_stopping_rounds": 4}],
)
def test_a_job_gives_what_it_gives_on_this_machine(
    runner: SageMakerRunner, local: Runner, hyperparameters: dict[str, Any]
) -> None:
    there = runner.submit(job(runner, **hyperparameters)).result()
    here = local.submit(job(local, **hyperparameters)).result()
    features = channel("validation", 2).features
    predicted, expected = (find("xgboost").load(result.model).predict(features) for result in (there, here))
    assert (predicted == expected).all()
    assert there.best_round == here.best_round
    same_metrics(there, here)
    assert {name: len(values) for name, values in there.history.items()} == {
        name: len(values) for name, values in here.history.items()
    }


def test_metrics_of_a_log_label_are_in_the_label_s_unit(runner: SageMakerRunner, local: Runner) -> None:
    live: list[Mapping[str, float]] = []

    def watch(_number: int, metrics: Mapping[str, float]) -> bool:
        live.append(metrics)
        return False

    there = runner.submit(job(runner, "log"), watch).result()
    here = local.submit(job(local, "log")).result()
    assert set(live[0]) == {f"{c}_{m}_trained" for c in ("train", "validation") for m in ("mae", "rmse")}
    assert set(there.history) == set(here.history)
    for name in here.history:
        # The container writes five decimals.
        tolerance = {"abs": 1e-5} if name.endswith("_trained") else {"rel": 1e-6}
        assert there.history[name] == pytest.approx(here.history[name], **tolerance)


def test_what_sagemaker_tells_of_a_job_is_in_its_details(runner: SageMakerRunner) -> None:
    result = runner.submit(replace(job(runner), handle=(handle := runner.handle()))).result()
    details = result.details
    assert details["sagemaker.job_name"] == handle
    assert details["sagemaker.job_arn"] == f"arn:aws:sagemaker:us-east-1:123456789012:training-job/{handle}"
    assert (details["sagemaker.instance_type"], details["sagemaker.instance_count"]) == ("ml.m5.2xlarge", "1")
    assert details["sagemaker.image"].endswith("sagemaker-xgboost:3.2-0")
    assert (details["sagemaker.spot"], details["sagemaker.interruptions"]) == ("false", "0")
    assert details["sagemaker.secondary_statuses"].endswith("Training > Uploading > Completed")
    assert details["sagemaker.log_streams"].startswith(f"{handle}/algo-1-")
    assert result.billed_seconds == result.seconds >= 1


def test_lines_are_told_while_the_job_runs(runner: SageMakerRunner, rehearse: Rehearse) -> None:
    rehearse(seconds_per_round=0.05)
    heard: list[tuple[str, str]] = []
    runner.listen(lambda handle, line: heard.append((handle, line)))
    waiting = replace(job(runner), handle=(handle := runner.handle()))
    seen_while_running = threading.Event()

    def watch(number: int, _metrics: Mapping[str, float]) -> bool:
        if number < 10 and not outcome.done():
            seen_while_running.set()
        return False

    outcome = runner.submit(waiting, watch)
    outcome.result()
    assert seen_while_running.is_set()
    rounds = [line for _, line in heard if line.startswith("[")]
    assert len([line for line in rounds if "validation-mae" in line]) == 12
    assert {name for name, _ in heard} == {handle}


def test_a_listener_that_ends_its_thread_does_not_leave_the_job_s_future_without_an_end(
    runner: SageMakerRunner,
) -> None:
    mine = replace(job(runner), handle=runner.handle())

    def leave(handle: str, _line: str) -> None:
        if handle == mine.handle:
            raise SystemExit(1)

    runner.listen(leave)
    with pytest.raises(TrainingError, match="SystemExit"):
        runner.submit(mine).result(timeout=300)


def test_a_job_is_gone_on_with_by_its_handle(runner: SageMakerRunner, rehearsal: Served, rehearse: Rehearse) -> None:
    rehearse(seconds_per_round=0.05)
    begun = replace(job(runner), handle=runner.handle())
    first = runner.submit(begun)
    other = SageMakerRunner(settings_of(rehearsal))  # as another command would
    again = other.submit(replace(begun, channels=staged(other)))
    assert again.result().model == first.result().model
    assert jobs_called(rehearsal, begun.handle) == 1
    late = other.submit(begun).result()
    assert late.model == first.result().model
    assert late.history == first.result().history


def test_an_answer_that_is_lost_starts_no_second_job(
    runner: SageMakerRunner, rehearsal: Served, rehearse: Rehearse
) -> None:
    begun = replace(job(runner), handle=runner.handle())
    rehearse(faults=(InjectedFault("sagemaker:CreateTrainingJob", "lost"),))
    assert runner.submit(begun).result().best_round == 11
    assert jobs_called(rehearsal, begun.handle) == 1


def test_a_job_that_is_stopped_has_the_rounds_up_to_then(runner: SageMakerRunner, rehearse: Rehearse) -> None:
    rehearse(seconds_per_round=0.1)
    begun = replace(job(runner, num_round=400), handle=(handle := runner.handle()))
    started = threading.Event()
    outcome = runner.submit(begun, lambda number, _: started.set() or False)
    assert started.wait(300)
    runner.stop(handle)
    result = outcome.result()
    assert result.stopped
    # One that is stopped in the middle of a round has logged it, and not kept it.
    assert 0 <= len(result.history["validation_mae"]) - (result.best_round + 1) <= 1
    assert 1 <= result.best_round + 1 < 400
    assert result.model
    runner.stop(handle)  # has ended: stays as it is


def test_a_job_stopped_before_its_first_round_failed(runner: SageMakerRunner, rehearse: Rehearse) -> None:
    rehearse(start_s=30)
    begun = replace(job(runner), handle=(handle := runner.handle()))
    outcome = runner.submit(begun)
    while not jobs_of(runner, handle):
        pass
    runner.stop(handle)
    with pytest.raises(TrainingError, match="stopped before there was a model"):
        outcome.result()


def test_jobs_are_found_by_their_tags_with_their_results(runner: SageMakerRunner, rehearsal: Served) -> None:
    tags = {"housing:experiment": "found, again", "housing:run": "r1"}
    good = replace(job(runner, "log"), handle=runner.handle(), tags=tags)
    bad = replace(job(runner, eta="fast"), name="bad", handle=runner.handle(), tags=tags)
    result = runner.submit(good).result()
    with pytest.raises(TrainingError):
        runner.submit(bad).result()
    other = SageMakerRunner(settings_of(rehearsal))
    failed, complete = other.find(tags)
    assert (complete.handle, complete.state) == (good.handle, "complete")
    assert complete.hyperparameters["num_round"] == 12
    assert complete.hyperparameters["eval_metric"] == ("mae", "rmse")
    assert complete.result is not None
    assert complete.result.model == result.model
    assert complete.result.metrics == pytest.approx(result.metrics)
    assert (failed.handle, failed.state, failed.result) == (bad.handle, "failed", None)
    assert "eta" in str(failed.reason)
    assert [each.handle for each in other.find(tags, known=[failed.handle])] == [good.handle]
    assert other.find({"housing:run": "nobody"}) == []


def test_a_channel_is_uploaded_once(runner: SageMakerRunner, rehearsal: Served) -> None:
    first = runner.stage(channel("train", 7))
    bucket, _, key = first.uri.removeprefix("s3://").partition("/")
    written = rehearsal.client("s3").head_object(Bucket=bucket, Key=key)["LastModified"]
    assert SageMakerRunner(settings_of(rehearsal)).stage(channel("train", 7)).uri == first.uri
    assert rehearsal.client("s3").head_object(Bucket=bucket, Key=key)["LastModified"] == written


def test_a_large_channel_is_uploaded_in_parts(rehearsal: Served, tmp_path: Path) -> None:
    settings = settings_of(rehearsal)
    clients, file = Clients(settings), tmp_path / "channel.csv"
    file.write_bytes(b"1,2\n" * 3_000_000)
    uri = clients.path("channels", "large.csv")
    Stage(clients, settings).upload(file, uri)
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    head = rehearsal.client("s3").head_object(Bucket=bucket, Key=key)
    assert (head["ContentLength"], head["ETag"].strip('"').partition("-")[2]) == (12_000_000, "2")


def test_a_failure_says_why_in_one_line(runner: SageMakerRunner, rehearse: Rehearse) -> None:
    with pytest.raises(TrainingError) as caught:
        runner.submit(job(runner, eta=7)).result()
    assert "eta" in str(caught.value)
    assert "\n" not in str(caught.value)
    rehearse(fail_jobs=1)
    with pytest.raises(TrainingError, match=r"job: SageMaker's job housing-.* failed: AlgorithmError"):
        runner.submit(job(runner)).result()


def test_a_job_without_a_machine_is_the_cloud_s_failure(runner: SageMakerRunner, rehearse: Rehearse) -> None:
    rehearse(faults=(InjectedFault("sagemaker:CreateTrainingJob", "capacity"),))
    with pytest.raises(CloudError, match=r"CapacityError.*another instance_type"):
        runner.submit(job(runner)).result()


def test_a_job_that_was_refused_for_good_is_told_from_one_that_may_be_there(rehearsal: Served) -> None:
    refused = SageMakerRunner(settings_of(rehearsal, tags={"k" * 200: "x"}))
    with pytest.raises(JobRefused, match="CreateTrainingJob was refused"):
        refused.submit(job(refused)).result()


def test_a_machine_that_does_not_exist_is_told_with_the_nearest(rehearsal: Served) -> None:
    mistyped = SageMakerRunner(settings_of(rehearsal, instance_type="ml.m5.2xlarg"))
    with pytest.raises(ConfigError, match=r"instance_type: SageMaker has no 'ml\.m5\.2xlarg'.* ml\.m5\.2xlarge"):
        mistyped.submit(job(mistyped)).result()


def test_an_error_in_progress_stops_the_job(runner: SageMakerRunner, rehearse: Rehearse) -> None:
    rehearse(seconds_per_round=0.1)
    begun = replace(job(runner, num_round=400), handle=(handle := runner.handle()))

    def broken(_number: int, _metrics: Any) -> bool:
        raise ZeroDivisionError("no rounds")

    with pytest.raises(TrainingError, match=r"job: ZeroDivisionError: no rounds"):
        runner.submit(begun, broken).result()
    (stopped,) = jobs_of(runner, handle)
    assert stopped.status in ("Stopping", "Stopped")


def test_an_image_that_would_misread_models_is_refused_before_anything_is_asked(rehearsal: Served) -> None:
    (older,) = supports(settings_of(rehearsal, image_version="1.7-1"), "xgboost", None, {})
    assert "1.7-1 is older than XGBoost 3.2" in older
    (vague,) = supports(settings_of(rehearsal, image_version="latest"), "xgboost", None, {})
    assert "written out" in vague


class TestSpot:
    @pytest.fixture
    def spot(self, rehearsal: Served) -> Iterator[SageMakerRunner]:
        made = SageMakerRunner(settings_of(rehearsal, spot=sagemaker_spot()))
        yield made
        made.close()

    def test_interrupted_twice_it_gives_the_uninterrupted_model(
        self, spot: SageMakerRunner, local: Runner, rehearse: Rehearse
    ) -> None:
        rehearse(interrupt_at_rounds=(5, 11), seconds_per_round=0.05)
        numbers: list[int] = []
        result = spot.submit(job(spot, num_round=16), lambda number, _: numbers.append(number) or False).result()
        here = local.submit(job(local, num_round=16)).result()
        assert result.model == here.model
        same_metrics(result, here)
        assert (result.details["sagemaker.spot"], result.details["sagemaker.interruptions"]) == ("true", "2")
        assert numbers == list(range(16)) or numbers == list(range(1, 16))
        assert len(result.history["validation_mae"]) == 16

    def test_it_stops_early_as_if_it_had_not_been_interrupted(
        self, spot: SageMakerRunner, local: Runner, rehearse: Rehearse
    ) -> None:
        hyperparameters = {"num_round": 60, "eta": 0.8, "early_stopping_rounds": 4}
        here = local.submit(job(local, **hyperparameters)).result()
        rehearse(interrupt_at_rounds=(here.best_round + 2,), seconds_per_round=0.1)
        numbers: list[int] = []
        there = spot.submit(job(spot, **hyperparameters), lambda number, _: numbers.append(number) or False).result()
        assert there.details["sagemaker.interruptions"] == "1"
        assert numbers[-1] >= len(here.history["validation_mae"]), "it has not trained on for longer"
        assert there.best_round == here.best_round
        for name, values in here.history.items():
            assert there.history[name] == pytest.approx(values, rel=1e-4), "it tells of other rounds"
        features = channel("validation", 2).features
        predicted, expected = (find("xgboost").load(result.model).predict(features) for result in (there, here))
        assert (predicted == expected).all()
        same_metrics(there, here)

    def test_it_is_stopped_by_what_it_logs_after_an_interruption(
        self, spot: SageMakerRunner, rehearse: Rehearse
    ) -> None:
        rehearse(interrupt_at_rounds=(3,), seconds_per_round=0.05)
        result = spot.submit(job(spot, num_round=400), lambda number, _: number >= 6).result()
        assert result.stopped
        assert result.details["sagemaker.interruptions"] == "1"
        assert 7 <= len(result.history["validation_mae"]) < 400

    def test_it_goes_on_where_it_was_interrupted(self, spot: SageMakerRunner, rehearse: Rehearse) -> None:
        rehearse(interrupt_at_rounds=(5, 11), seconds_per_round=0.05)
        heard: list[str] = []
        spot.listen(lambda _, line: heard.append(line))
        spot.submit(job(spot, num_round=16)).result()
        resumed = [int(line.rpartition(" ")[2]) for line in heard if "Resuming from iteration" in line]
        assert resumed[0] == 1
        assert resumed[1] >= 4
        assert resumed[2] >= resumed[1]


def sagemaker_spot() -> Any:
    from housing.targets.sagemaker.settings import Spot

    return Spot(**SPOT)


def jobs_called(rehearsal: Served, handle: str | None) -> int:
    found = rehearsal.client("sagemaker").list_training_jobs(NameContains=handle)["TrainingJobSummaries"]
    return len(found)


def jobs_of(runner: SageMakerRunner, handle: str) -> list[Any]:
    found = runner._jobs.describe(handle)
    return [] if found is None else [found]
