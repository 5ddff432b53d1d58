"""What a training job asks of SageMaker, as the request that creates it. Pure: nothing here calls anybody."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from housing.algorithms.base import find
from housing.algorithms.own_code import Image, Program
from housing.errors import ConfigError
from housing.training.job import TrainingJob
from housing.training.script import LABEL_TRANSFORM

if TYPE_CHECKING:
    from housing.targets.sagemaker import Settings

ALGORITHM_TAG = "housing:algorithm"
LABEL_TRANSFORM_TAG = "housing:label_transform"
"""With these two a job that its command has lost is understood by any other."""

_NOT_IN_TAGS = re.compile(r"[^\w\s.:/=+\-@]")
_LONGEST_TAG = 256
_MOST_METRICS = 40


@dataclass(frozen=True)
class Place:
    """`folder` is an S3 address without a slash at its end; `image` trains; `code` is the address of a script's."""

    image: str
    role_arn: str
    folder: str
    region: str
    code: str | None = None


def training_request(job: TrainingJob, settings: Settings, place: Place) -> dict[str, Any]:
    """CreateTrainingJob for a job that has a handle. Raises ConfigError on what SageMaker would train wrongly."""
    assert job.handle is not None
    return {
        "TrainingJobName": job.handle,
        "HyperParameters": texts(job, place),
        **definition(job, settings, place, checkpoints=job.handle),
        "Tags": tags(job, settings),
    }


def definition(job: TrainingJob, settings: Settings, place: Place, *, checkpoints: str) -> dict[str, Any]:
    """What a training job and the training jobs of a tuning job have in common.

    `checkpoints` is the name of the folder that those of a spot job go to.
    """
    if settings.instance_count > 1 and job.code is None:
        raise ConfigError(
            f"runner.instance_count: {settings.instance_count} instances would each train on every row, and "
            f"{job.algorithm} would count each row as often; use 1, on a larger instance_type"
        )
    key = settings.kms_key
    spot = settings.spot
    return {
        "AlgorithmSpecification": {
            "TrainingImage": place.image,
            "TrainingInputMode": "File",
            **_entry_point(job.code),
            **_metric_definitions(job.code),
        },
        **({"Environment": {LABEL_TRANSFORM: job.label_transform}} if job.code is not None else {}),
        "RoleArn": place.role_arn,
        "InputDataConfig": [_channel(name, staged.uri) for name, staged in job.channels.items()],
        "OutputDataConfig": {"S3OutputPath": f"{place.folder}/jobs", **({"KmsKeyId": key} if key else {})},
        "ResourceConfig": {
            "InstanceType": settings.instance_type,
            "InstanceCount": settings.instance_count,
            "VolumeSizeInGB": settings.volume_gb,
            **({"VolumeKmsKeyId": key} if key else {}),
        },
        "StoppingCondition": {
            "MaxRuntimeInSeconds": settings.max_run_s,
            # SageMaker asks for it with spot, and refuses it without.
            **({"MaxWaitTimeInSeconds": spot.max_wait_s} if spot.enabled else {}),
        },
        **({"EnableManagedSpotTraining": True} if spot.enabled else {}),
        **(
            {"CheckpointConfig": {"S3Uri": checkpoint_folder(place, checkpoints)}}
            if spot.enabled and spot.checkpoints
            else {}
        ),
        **(
            {
                "VpcConfig": {
                    "Subnets": list(settings.vpc.subnets),
                    "SecurityGroupIds": list(settings.vpc.security_groups),
                }
            }
            if settings.vpc is not None
            else {}
        ),
    }


def checkpoint_folder(place: Place, name: str) -> str:
    """Where the checkpoints of the job of that name are."""
    return f"{place.folder}/checkpoints/{name}"


def texts(job: TrainingJob, place: Place) -> dict[str, str]:
    """The job's hyperparameters as SageMaker takes them: all are strings."""
    values: dict[str, Any] = dict(job.hyperparameters)
    if job.algorithm == "xgboost":
        values.setdefault("seed", job.seed)
        # The container fails with a KeyError where metrics are named and the objective is not.
        values.setdefault("objective", find(job.algorithm).hyperparameters["objective"].default)
        # Without it a job that is stopped leaves no model.
        values["save_model_on_termination"] = True
    if isinstance(job.code, Program):
        values |= {
            "sagemaker_program": job.code.entry_point,
            "sagemaker_submit_directory": place.code,
            "sagemaker_region": place.region,
        }
        # SageMaker's toolkit for scripts reads each value as JSON.
        return {name: json.dumps(value) for name, value in values.items()}
    return {name: text(value) for name, value in values.items()}


def text(value: object) -> str:
    """A hyperparameter's value as the containers read it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ",".join(map(text, value))
    return str(value)


def tags(job: TrainingJob, settings: Settings) -> list[dict[str, str]]:
    """Tags of the settings, the job's own, and what tells another command how to read the job's results."""
    told = {
        **settings.tags,
        **job.tags,
        ALGORITHM_TAG: job.algorithm,
        LABEL_TRANSFORM_TAG: job.label_transform,
    }
    return tag_list(told)


def tag_list(told: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags in AWS's form, and only of what it allows in their values."""
    return [{"Key": key, "Value": tag_value(value)} for key, value in told.items()]


def tag_value(value: str) -> str:
    """A text in the letters and the length that AWS allows."""
    return _NOT_IN_TAGS.sub("_", value)[:_LONGEST_TAG]


def _channel(name: str, uri: str) -> dict[str, Any]:
    return {
        "ChannelName": name,
        "ContentType": "text/csv",  # exactly so: the container knows no parameters behind it
        "InputMode": "File",
        "DataSource": {
            "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
        },
    }


def _entry_point(code: Program | Image | None) -> dict[str, Any]:
    if not isinstance(code, Image):
        return {}
    return {
        **({"ContainerEntrypoint": list(code.entry_point)} if code.entry_point else {}),
        **({"ContainerArguments": list(code.arguments)} if code.arguments else {}),
    }


def _metric_definitions(code: Program | Image | None) -> dict[str, Any]:
    """SageMaker reads a foreign image's metrics with these; it knows those of its own."""
    if code is None or not code.metrics:
        return {}
    found = [{"Name": name, "Regex": regex} for name, regex in code.metrics.items()]
    if len(found) > _MOST_METRICS:
        raise ConfigError(f"algorithm.metrics: SageMaker reads {_MOST_METRICS} at most, got {len(found)}")
    return {"MetricDefinitions": found}
