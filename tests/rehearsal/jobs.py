"""Requests of training and tuning jobs as a plain boto3 client writes them, and waiting for their end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from tests.rehearsal.conftest import ROLE, Served
from tests.rehearsal.container.trees import WALKTHROUGH, csv, rows

XGBOOST = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"
SKLEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
BUCKET = "jobs-bucket"
RUNNING = ("InProgress", "Stopping")


def fill_bucket(rehearsal: Served) -> None:
    s3 = rehearsal.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    for channel, seed in (("train", 1), ("validation", 2)):
        s3.put_object(Bucket=BUCKET, Key=f"data/{channel}/{channel}.csv", Body=csv(rows(seed)).encode())


def channel(name: str, uri: str | None = None) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri or f"s3://{BUCKET}/data/{name}"}
    return {"ChannelName": name, "ContentType": "text/csv", "DataSource": {"S3DataSource": source}}


def training(name: str, hyperparameters: dict[str, str] | None = None, **members: Any) -> dict[str, Any]:
    return {
        "TrainingJobName": name,
        "RoleArn": ROLE,
        "AlgorithmSpecification": {"TrainingImage": XGBOOST, "TrainingInputMode": "File"},
        "HyperParameters": WALKTHROUGH | (hyperparameters or {}),
        "InputDataConfig": [channel("train"), channel("validation")],
        "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/out"},
        "ResourceConfig": {"InstanceType": "ml.m5.2xlarge", "InstanceCount": 1, "VolumeSizeInGB": 5},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        **members,
    }


def spot(name: str, **members: Any) -> dict[str, Any]:
    return training(
        name,
        EnableManagedSpotTraining=True,
        StoppingCondition={"MaxRuntimeInSeconds": 3600, "MaxWaitTimeInSeconds": 7200},
        CheckpointConfig={"S3Uri": f"s3://{BUCKET}/checkpoints/{name}"},
        **members,
    )


def tuning(name: str, config: dict[str, Any] | None = None, **members: Any) -> dict[str, Any]:
    definition = training("unused")
    del definition["TrainingJobName"], definition["HyperParameters"]
    static = {name: value for name, value in WALKTHROUGH.items() if name not in ("eta", "max_depth")}
    return {
        "HyperParameterTuningJobName": name,
        "HyperParameterTuningJobConfig": {
            "Strategy": "Random",
            "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "validation:mae"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 4, "MaxParallelTrainingJobs": 2},
            "ParameterRanges": {
                "ContinuousParameterRanges": [{"Name": "eta", "MinValue": "0.1", "MaxValue": "0.9"}],
                "IntegerParameterRanges": [{"Name": "max_depth", "MinValue": "2", "MaxValue": "8"}],
            },
            "RandomSeed": 1,
            **(config or {}),
        },
        "TrainingJobDefinition": {**definition, "StaticHyperParameters": static, **members.pop("definition", {})},
        **members,
    }


def trained(rehearsal: Served, request: dict[str, Any]) -> dict[str, Any]:
    """The job's description at its end."""
    rehearsal.client("sagemaker").create_training_job(**request)
    return ended(rehearsal, request["TrainingJobName"])


def ended(rehearsal: Served, name: str) -> dict[str, Any]:
    return _at_its_end(
        lambda: rehearsal.client("sagemaker").describe_training_job(TrainingJobName=name), "TrainingJobStatus"
    )


def tuned(rehearsal: Served, request: dict[str, Any]) -> dict[str, Any]:
    rehearsal.client("sagemaker").create_hyper_parameter_tuning_job(**request)
    return tuning_ended(rehearsal, request["HyperParameterTuningJobName"])


def tuning_ended(rehearsal: Served, name: str) -> dict[str, Any]:
    client = rehearsal.client("sagemaker")
    return _at_its_end(
        lambda: client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name),
        "HyperParameterTuningJobStatus",
    )


def _at_its_end(describe: Callable[[], dict[str, Any]], status: str) -> dict[str, Any]:
    give_up = time.monotonic() + 300
    while (told := describe())[status] in RUNNING:
        assert time.monotonic() < give_up, told
        time.sleep(0.01)
    return told
