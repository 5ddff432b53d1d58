from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xgboost
from botocore.exceptions import ClientError

from housing.rehearsal.settings import InjectedFault
from tests.rehearsal.conftest import Served
from tests.rehearsal.container.trees import csv, rows
from tests.rehearsal.jobs import BUCKET, SKLEARN, XGBOOST, channel, ended, fill_bucket, spot, trained, training

Settings = Callable[..., None]
GROUP = "/aws/sagemaker/TrainingJobs"


@pytest.fixture(autouse=True, scope="module")
def _bucket(rehearsal: Served) -> None:
    fill_bucket(rehearsal)


def _archive(rehearsal: Served, uri: str) -> dict[str, bytes]:
    key = uri.removeprefix(f"s3://{BUCKET}/")
    body = rehearsal.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as packed:
        return {name: packed.extractfile(name).read() for name in packed.getnames()}  # type: ignore[union-attr]


def _predictions(rehearsal: Served, told: dict[str, Any]) -> Any:
    files = _archive(rehearsal, told["ModelArtifacts"]["S3ModelArtifacts"])
    booster = xgboost.Booster(model_file=bytearray(files["xgboost-model"]))
    return booster.predict(xgboost.DMatrix(rows(3)[:, 1:]))


def _log(rehearsal: Served, job: str) -> list[str]:
    logs = rehearsal.client("logs")
    streams = logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix=f"{job}/")["logStreams"]
    names = sorted(stream["logStreamName"] for stream in streams)
    found = [
        logs.get_log_events(logGroupName=GROUP, logStreamName=name, startFromHead=True)["events"] for name in names
    ]
    return [event["message"] for events in found for event in events]


def _refusal(rehearsal: Served, request: dict[str, Any]) -> tuple[str, str]:
    with pytest.raises(ClientError) as refused:
        rehearsal.client("sagemaker").create_training_job(**request)
    return refused.value.response["Error"]["Code"], refused.value.response["Error"]["Message"]


def test_a_job_leaves_a_model_metrics_and_a_log(rehearsal: Served) -> None:
    told = trained(rehearsal, training("whole"))

    assert (told["TrainingJobStatus"], told["SecondaryStatus"]) == ("Completed", "Completed")
    transitions = [step["Status"] for step in told["SecondaryStatusTransitions"]]
    assert transitions == ["Starting", "Pending", "Downloading", "Training", "Uploading", "Completed"]
    assert all(step["EndTime"] >= step["StartTime"] for step in told["SecondaryStatusTransitions"])
    assert told["TrainingStartTime"] <= told["TrainingEndTime"]
    assert told["TrainingTimeInSeconds"] == told["BillableTimeInSeconds"] > 0
    assert told["ModelArtifacts"]["S3ModelArtifacts"] == f"s3://{BUCKET}/out/whole/output/model.tar.gz"
    assert list(_archive(rehearsal, told["ModelArtifacts"]["S3ModelArtifacts"])) == ["xgboost-model"]
    lines = [line for line in _log(rehearsal, "whole") if re.match(r"\[\d+\]#011train-rmse:", line)]
    assert len(lines) == 20
    last = dict(re.findall(r"#011(\S+?):([0-9.]+)", lines[-1]))
    final = {told["MetricName"]: told["Value"] for told in told["FinalMetricDataList"]}
    assert final == {name.replace("-", ":"): float(value) for name, value in last.items()}
    assert set(final) == {"train:rmse", "train:mae", "validation:rmse", "validation:mae"}
    assert told["OutputDataConfig"]["KmsKeyId"] == ""  # SageMaker's SDK attaches to a job by what AWS fills in
    assert {(each["CompressionType"], each["RecordWrapperType"]) for each in told["InputDataConfig"]} == {
        ("None", "None")
    }


def test_metrics_reach_cloudwatch(rehearsal: Served) -> None:
    told = trained(rehearsal, training("watched"))

    answer = rehearsal.client("cloudwatch").get_metric_statistics(
        Namespace=GROUP,
        MetricName="validation:mae",
        Dimensions=[{"Name": "TrainingJobName", "Value": "watched"}],
        StartTime=told["CreationTime"].replace(microsecond=0),
        EndTime=time.time() + 60,
        Period=60,
        Statistics=["SampleCount"],
    )
    assert sum(point["SampleCount"] for point in answer["Datapoints"]) == 20


def test_a_job_takes_less_time_than_to_import_what_trains_it(rehearsal: Served) -> None:
    trained(rehearsal, training("warm"))
    seconds = []
    for name in ("quick", "quicker"):
        begun = time.monotonic()
        trained(rehearsal, training(name))
        seconds.append(time.monotonic() - begun)
    begun = time.monotonic()
    subprocess.run([sys.executable, "-c", "import xgboost"], check=True)
    # 0.1 s and more than 1 s on an idle machine.
    assert min(seconds) < time.monotonic() - begun


def test_a_name_is_taken_for_ever(rehearsal: Served) -> None:
    trained(rehearsal, training("taken"))

    code, message = _refusal(rehearsal, training("taken"))

    assert code == "ResourceInUse"
    assert "must be unique within an AWS account and region" in message


def test_a_hyperparameter_that_the_container_refuses_fails_the_job(rehearsal: Served) -> None:
    told = trained(rehearsal, training("extraneous", {"etaa": "banana"}))

    assert (told["TrainingJobStatus"], told["SecondaryStatus"]) == ("Failed", "Failed")
    assert told["FailureReason"].startswith("AlgorithmError: framework error: \nTraceback")
    assert told["FailureReason"].endswith("Extraneous hyperparameter found: etaa, exit code: 1")
    assert "ModelArtifacts" not in told


@pytest.mark.parametrize(
    ("members", "words"),
    [
        (
            {"AlgorithmSpecification": {"TrainingImage": "123456789012.dkr.ecr.us-east-1.amazonaws.com/own:1"}},
            "it has no Docker",
        ),
        (
            {"AlgorithmSpecification": {"TrainingImage": XGBOOST.replace("3.2-0", "1.7-1")}},
            "is not supported by the rehearsal: it trains as 3.2-0 does",
        ),
        (
            {"AlgorithmSpecification": {"TrainingImage": XGBOOST.replace("us-east-1", "eu-central-1")}},
            "lies in eu-central-1; a job in us-east-1 cannot use it",
        ),
        (
            {"AlgorithmSpecification": {"TrainingImage": XGBOOST.replace("683313688378", "111111111111")}},
            "Cannot find repository: sagemaker-xgboost in registry ID: 111111111111",
        ),
        ({"AlgorithmSpecification": {"TrainingImage": XGBOOST.replace("3.2-0", "9.9-9")}}, "tag 9.9-9"),
        (
            {"InputDataConfig": [channel("train", f"s3://{BUCKET}/nothing")]},
            f'No S3 objects found under S3 URL "s3://{BUCKET}/nothing" given in input data source.',
        ),
        (
            {"InputDataConfig": [channel("train", "s3://no-such-bucket/x")]},
            "Error message from S3: The specified bucket does not exist",
        ),
        ({"EnableManagedSpotTraining": True}, "Invalid MaxWaitTimeInSeconds. It must be present and be greater"),
        (
            {"StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 60}},
            "Invalid MaxWaitTimeInSeconds. It must not be present",
        ),
        (
            {"ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 9, "VolumeSizeInGB": 5}},
            "the rehearsal runs 8 instances a job at most",
        ),
        ({"InputDataConfig": [channel("train"), channel("train")]}, "Channel names must be unique"),
        ({"RoleArn": "arn:aws:iam::999999999999:role/theirs"}, "RoleArn: Cross-account pass role is not allowed."),
        ({"Tags": [{"Key": "a", "Value": "1"}] * 2}, "Tag keys must be unique, got more than once: a."),
        ({"Tags": [{"Key": "aws:a", "Value": "1"}]}, "aws: prefixed tag key names are not allowed"),
        (
            {"ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 16_385}},
            "VolumeSizeInGB must be 16384 at most, got 16385",
        ),
        (
            {"StoppingCondition": {"MaxRuntimeInSeconds": 432_001}},
            "'Longest run time for a training job' is 432000 Seconds",
        ),
    ],
)
def test_what_cannot_run_is_refused_before_it_is_made(rehearsal: Served, members: dict[str, Any], words: str) -> None:
    specification = {"TrainingInputMode": "File", **members.pop("AlgorithmSpecification", {"TrainingImage": XGBOOST})}

    code, message = _refusal(rehearsal, training("refused", AlgorithmSpecification=specification, **members))

    assert code in ("ValidationException", "UnsupportedOperation", "ResourceLimitExceeded")
    assert words in message
    with pytest.raises(ClientError, match="Requested resource not found"):
        rehearsal.client("sagemaker").describe_training_job(TrainingJobName="refused")


def test_a_job_for_gpus_fails_on_a_machine_without(rehearsal: Served) -> None:
    told = trained(rehearsal, training("dask", {"use_dask_gpu_training": "true", "tree_method": "gpu_hist"}))

    assert told["TrainingJobStatus"] == "Failed"
    assert "Dask training is only available for `gpu_hist` training on GPU instances." in told["FailureReason"]


def test_metric_definitions_of_an_algorithm_cannot_be_overridden(rehearsal: Served) -> None:
    definitions = [{"Name": "loss", "Regex": "loss: ([0-9.]+)"}]
    specification = {"TrainingImage": XGBOOST, "TrainingInputMode": "File", "MetricDefinitions": definitions}

    _, message = _refusal(rehearsal, training("overriding", AlgorithmSpecification=specification))

    assert message.startswith("You can't override the metric definitions for Amazon SageMaker algorithms.")


def test_a_script_trains_and_its_metrics_are_read_by_their_definitions(rehearsal: Served) -> None:
    script = (
        "import argparse, os, pathlib\n"
        "parser = argparse.ArgumentParser()\n"
        "parser.add_argument('--alpha', type=float)\n"
        "given = parser.parse_args()\n"
        "rows = sum(1 for _ in pathlib.Path(os.environ['SM_CHANNEL_TRAIN'], 'train.csv').open())\n"
        "print(f'loss: {given.alpha * 2}')\n"
        "pathlib.Path(os.environ['SM_MODEL_DIR'], 'model.txt').write_text(str(rows))\n"
        "pathlib.Path(os.environ['SM_OUTPUT_DATA_DIR'], 'plot.txt').write_text('a plot')\n"
    )
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as packed:
        about = tarfile.TarInfo("train.py")
        about.size = len(script)
        packed.addfile(about, io.BytesIO(script.encode()))
    rehearsal.client("s3").put_object(Bucket=BUCKET, Key="code/sourcedir.tar.gz", Body=buffer.getvalue())
    request = training(
        "scripted",
        AlgorithmSpecification={
            "TrainingImage": SKLEARN,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "loss", "Regex": "loss: ([0-9.]+)"}],
        },
    )
    request["HyperParameters"] = {
        "alpha": "0.25",
        "sagemaker_program": '"train.py"',
        "sagemaker_submit_directory": f'"s3://{BUCKET}/code/sourcedir.tar.gz"',
    }

    told = trained(rehearsal, request)

    assert told["TrainingJobStatus"] == "Completed", told.get("FailureReason")
    assert [(one["MetricName"], one["Value"]) for one in told["FinalMetricDataList"]] == [("loss", 0.5)]
    assert _archive(rehearsal, told["ModelArtifacts"]["S3ModelArtifacts"]) == {"model.txt": b"200"}
    assert _archive(rehearsal, f"s3://{BUCKET}/out/scripted/output/output.tar.gz") == {"plot.txt": b"a plot"}


def test_logs_and_metrics_are_there_while_the_job_runs(rehearsal: Served, settings: Settings) -> None:
    settings(seconds_per_round=0.2)  # a busy machine takes half a second to tell
    client = rehearsal.client("sagemaker")
    client.create_training_job(**training("live"))
    seen: set[int] = set()
    while (told := client.describe_training_job(TrainingJobName="live"))["TrainingJobStatus"] == "InProgress":
        if told.get("FinalMetricDataList"):
            seen.add(sum("#011train-" in line for line in _log(rehearsal, "live")))
        time.sleep(0.05)

    assert len(seen) > 3
    assert told["TrainingJobStatus"] == "Completed"


def test_a_job_is_stopped_at_once_and_leaves_what_it_has_saved(rehearsal: Served, settings: Settings) -> None:
    settings(seconds_per_round=0.05)
    client = rehearsal.client("sagemaker")
    saving = training("stopped-with-model", {"num_round": "4000", "save_model_on_termination": "true"})
    for request in (training("stopped", {"num_round": "4000"}), saving):
        client.create_training_job(**request)
    for name in ("stopped", "stopped-with-model"):
        while not client.describe_training_job(TrainingJobName=name).get("FinalMetricDataList"):
            time.sleep(0.01)
        client.stop_training_job(TrainingJobName=name)

    bare, saved = (ended(rehearsal, name) for name in ("stopped", "stopped-with-model"))

    assert bare["TrainingJobStatus"] == saved["TrainingJobStatus"] == "Stopped"
    assert "ModelArtifacts" not in bare
    assert _predictions(rehearsal, saved).shape == (200,)
    with pytest.raises(ClientError, match="the training job is in status Stopped"):
        client.stop_training_job(TrainingJobName="stopped")


def test_a_job_ends_when_its_time_is_over(rehearsal: Served, settings: Settings) -> None:
    settings(seconds_per_round=0.1)
    told = trained(rehearsal, training("late", {"num_round": "4000"}, StoppingCondition={"MaxRuntimeInSeconds": 1}))

    assert (told["TrainingJobStatus"], told["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")


def test_time_and_bill_are_those_of_the_rounds_that_aws_would_take(rehearsal: Served, settings: Settings) -> None:
    settings(seconds_per_round=30, start_s=120, speed=1000, spot_discount=0.5)
    limits = {"MaxRuntimeInSeconds": 400, "MaxWaitTimeInSeconds": 400}

    whole = trained(rehearsal, training("paced", {"num_round": "20"}))
    cut = trained(rehearsal, training("cut", {"num_round": "20"}, StoppingCondition={"MaxRuntimeInSeconds": 310}))
    spare = trained(rehearsal, {**spot("spare"), "StoppingCondition": limits})

    assert (whole["TrainingJobStatus"], whole["TrainingTimeInSeconds"]) == ("Completed", 600)
    assert (cut["SecondaryStatus"], cut["BillableTimeInSeconds"]) == ("MaxRuntimeExceeded", 300)
    assert sum("#011train-" in line for line in _log(rehearsal, "cut")) == 10
    # Waiting for a machine counts for how long a spot job may take, and not for its bill.
    assert (spare["SecondaryStatus"], spare["TrainingTimeInSeconds"]) == ("MaxWaitTimeExceeded", 270)
    assert spare["BillableTimeInSeconds"] == 135


def test_two_instances_with_a_part_of_the_data_each_learn_what_one_learns(
    rehearsal: Served, settings: Settings
) -> None:
    s3 = rehearsal.client("s3")
    for name, seed in (("train", 1), ("validation", 2)):
        lines = csv(rows(seed)).splitlines(keepends=True)
        for part in range(3):
            s3.put_object(Bucket=BUCKET, Key=f"parts/{name}/{part}.csv", Body="".join(lines[part::3]).encode())
    channels = [channel(name, f"s3://{BUCKET}/parts/{name}") for name in ("train", "validation")]
    one = trained(rehearsal, training("one-instance", InputDataConfig=channels))
    for each in channels:
        each["DataSource"]["S3DataSource"]["S3DataDistributionType"] = "ShardedByS3Key"
    two = training("two-instances", InputDataConfig=channels)
    two["ResourceConfig"]["InstanceCount"] = 2
    settings(interrupt_at_rounds=(5,))
    spare = {**spot("two-interrupted", InputDataConfig=channels), "ResourceConfig": two["ResourceConfig"]}

    both, interrupted = (trained(rehearsal, request) for request in (two, spare))

    assert both["TrainingJobStatus"] == interrupted["TrainingJobStatus"] == "Completed", (both, interrupted)
    assert "Interrupted" in [step["Status"] for step in interrupted["SecondaryStatusTransitions"]]
    reached = [{m["MetricName"]: m["Value"] for m in job["FinalMetricDataList"]} for job in (one, both, interrupted)]
    assert reached[1] == pytest.approx(reached[0], rel=0.02)
    assert reached[2] == reached[1]
    assert np.array_equal(_predictions(rehearsal, interrupted), _predictions(rehearsal, both))
    streams = rehearsal.client("logs").describe_log_streams(
        logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix="two-instances/"
    )["logStreams"]
    assert [each["logStreamName"].rpartition("-")[0] for each in streams] == [
        f"two-instances/algo-{number}" for number in (1, 2)
    ]


def test_a_host_without_data_takes_no_part(rehearsal: Served) -> None:
    request = training("one-object", InputDataConfig=[channel("train")])
    request["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3DataDistributionType"] = "ShardedByS3Key"
    request["ResourceConfig"] = {**request["ResourceConfig"], "InstanceCount": 2}

    told = trained(rehearsal, request)

    assert told["TrainingJobStatus"] == "Completed", told
    alone = trained(rehearsal, training("one-object-alone", InputDataConfig=[channel("train")]))
    assert np.array_equal(_predictions(rehearsal, told), _predictions(rehearsal, alone))


def test_a_manifest_names_the_objects_of_a_channel(rehearsal: Served) -> None:
    manifest = json.dumps([{"prefix": f"s3://{BUCKET}/data/"}, "train/train.csv"])
    rehearsal.client("s3").put_object(Bucket=BUCKET, Key="lists/train", Body=manifest.encode())
    by_name = channel("train", f"s3://{BUCKET}/lists/train")
    by_name["DataSource"]["S3DataSource"]["S3DataType"] = "ManifestFile"
    told = trained(rehearsal, training("by-manifest", InputDataConfig=[by_name, channel("validation")]))
    assert np.array_equal(
        _predictions(rehearsal, told), _predictions(rehearsal, trained(rehearsal, training("by-prefix")))
    )

    rehearsal.client("s3").put_object(Bucket=BUCKET, Key="lists/train", Body=b"no json")
    failed = trained(rehearsal, training("no-manifest", InputDataConfig=[by_name]))
    assert "not a manifest" in failed["FailureReason"]


def test_a_spot_job_that_is_interrupted_twice_ends_with_the_same_model(rehearsal: Served, settings: Settings) -> None:
    whole = trained(rehearsal, training("uninterrupted"))
    settings(interrupt_at_rounds=(4, 11), seconds_per_round=0.03, spot_discount=0.73)

    told = trained(rehearsal, spot("interrupted"))

    statuses = [step["Status"] for step in told["SecondaryStatusTransitions"]]
    assert statuses.count("Interrupted") == 2
    assert statuses.count("Training") == 3
    assert np.array_equal(_predictions(rehearsal, told), _predictions(rehearsal, whole))
    assert told["BillableTimeInSeconds"] < told["TrainingTimeInSeconds"]
    # The container does not find the checkpoint that it has written: each time it begins anew.
    lines = [line.partition("#")[0] for line in _log(rehearsal, "interrupted") if "#011train-" in line]
    assert lines == [f"[{n}]" for last in (4, 11, 19) for n in range(last + 1)]
    listed = rehearsal.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="checkpoints/interrupted/")["Contents"]
    assert [found["Key"].rpartition("/")[2] for found in listed] == ["xgboost-checkpoint_0.ubj"]


def test_a_checkpoint_that_the_container_finds_is_gone_on_from(rehearsal: Served) -> None:
    part = trained(rehearsal, training("first-part", {"num_round": "8"}))
    model = _archive(rehearsal, part["ModelArtifacts"]["S3ModelArtifacts"])["xgboost-model"]
    key = "checkpoints/second-part/xgboost-checkpoint.7"
    rehearsal.client("s3").put_object(Bucket=BUCKET, Key=key, Body=model)

    told = trained(rehearsal, spot("second-part"))

    assert sum("#011train-" in line for line in _log(rehearsal, "second-part")) == 12
    whole = trained(rehearsal, training("both-parts"))
    assert np.array_equal(_predictions(rehearsal, told), _predictions(rehearsal, whole))


def test_an_on_demand_job_is_never_interrupted(rehearsal: Served, settings: Settings) -> None:
    settings(interrupt_at_rounds=(4,))

    told = trained(rehearsal, training("on-demand"))

    assert "Interrupted" not in [step["Status"] for step in told["SecondaryStatusTransitions"]]


def test_a_spot_job_waits_no_longer_than_it_may(rehearsal: Served, settings: Settings) -> None:
    settings(start_s=30)
    request = spot("impatient")
    request["StoppingCondition"] = {"MaxRuntimeInSeconds": 1, "MaxWaitTimeInSeconds": 1}

    told = trained(rehearsal, request)

    assert (told["TrainingJobStatus"], told["SecondaryStatus"]) == ("Stopped", "MaxWaitTimeExceeded")
    assert "BillableTimeInSeconds" not in told


def test_jobs_fail_on_purpose(rehearsal: Served, settings: Settings) -> None:
    settings(fail_jobs=1, faults=(InjectedFault("sagemaker:CreateTrainingJob", "capacity", first=2),))

    failed, without_machine, well = (trained(rehearsal, training(f"on-purpose-{n}")) for n in range(3))

    assert failed["FailureReason"].startswith("AlgorithmError: ")
    assert without_machine["FailureReason"].startswith("CapacityError: Unable to provision requested ML compute")
    assert "BillableTimeInSeconds" not in without_machine
    assert well["TrainingJobStatus"] == "Completed"


def test_ended_jobs_can_be_deleted(rehearsal: Served, settings: Settings) -> None:
    settings(seconds_per_round=0.05)
    client = rehearsal.client("sagemaker")
    client.create_training_job(**training("deleted"))
    with pytest.raises(ClientError) as refused:
        client.delete_training_job(TrainingJobName="deleted")
    ended(rehearsal, "deleted")
    client.delete_training_job(TrainingJobName="deleted")

    assert refused.value.response["Error"]["Code"] == "ResourceInUse"
    with pytest.raises(ClientError, match="not found"):
        client.describe_training_job(TrainingJobName="deleted")


def test_jobs_that_an_ended_rehearsal_has_left_fail_and_are_not_billed(rehearsal: Served, settings: Settings) -> None:
    settings(seconds_per_round=0.1)
    client = rehearsal.client("sagemaker")
    client.create_training_job(**training("left"))
    client.create_training_job(**training("retried", {"num_round": "2"}, RetryStrategy={"MaximumRetryAttempts": 1}))
    for name in ("left", "retried"):
        while client.describe_training_job(TrainingJobName=name)["SecondaryStatus"] != "Training":
            time.sleep(0.01)

    rehearsal.restart()
    left, retried = ended(rehearsal, "left"), ended(rehearsal, "retried")

    assert left["TrainingJobStatus"] == "Failed"
    assert left["FailureReason"].startswith("InternalServerError")
    assert "BillableTimeInSeconds" not in left
    assert retried["TrainingJobStatus"] == "Completed"
    assert "Restarting" in [step["Status"] for step in retried["SecondaryStatusTransitions"]]
    assert retried["BillableTimeInSeconds"] > 0
