"""The request that creates a training job. Pure: nothing here calls AWS."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from housing.targets.sagemaker.containers import JobResources
from housing.targets.sagemaker.training.container import checked_container, container_of
from housing.training.job import TrainingJob

if TYPE_CHECKING:
    from housing.targets.sagemaker.settings import Settings

ALGORITHM_TAG = "housing:algorithm"
LABEL_TRANSFORM_TAG = "housing:label_transform"
TASK_TAG = "housing:task"
LEVELS_TAG = "housing:levels"
WEIGHED_TAG = "housing:weighed"
"""With these, any other command can read back a job whose command was killed."""

_NOT_IN_TAGS = re.compile(r"[^\w\s.:/=+\-@]")
_LONGEST_TAG = 256


def training_request(job: TrainingJob, settings: Settings, resources: JobResources) -> dict[str, Any]:
    """CreateTrainingJob for a job with a handle. Raises ConfigError on what SageMaker would train wrongly."""
    assert job.handle is not None
    return {
        "TrainingJobName": job.handle,
        "Tags": tags(job, settings),
        **definition(job, settings, resources, checkpoints=job.handle),
        "HyperParameters": container_of(job.algorithm, job.code).texts(job, resources),
    }


def definition(job: TrainingJob, settings: Settings, resources: JobResources, *, checkpoints: str) -> dict[str, Any]:
    """What a training job and the training jobs of a tuning job have in common.

    `checkpoints` is the name of the folder for those of a spot job.
    """
    container = checked_container(job, settings)
    key = settings.kms_key
    spot = settings.spot
    return {
        "RoleArn": resources.role_arn,
        "InputDataConfig": [_channel(name, staged.uri) for name, staged in job.channels.items()],
        "AlgorithmSpecification": {
            "TrainingImage": resources.image,
            "TrainingInputMode": "File",
            **container.specification(job),
        },
        **({"Environment": environment} if (environment := container.environment(job)) else {}),
        "OutputDataConfig": {"S3OutputPath": f"{resources.folder}/jobs", **({"KmsKeyId": key} if key else {})},
        "ResourceConfig": {
            "InstanceType": settings.instance_type,
            "InstanceCount": settings.instance_count,
            "VolumeSizeInGB": settings.volume_gb,
            **({"VolumeKmsKeyId": key} if key else {}),
        },
        "StoppingCondition": {
            "MaxRuntimeInSeconds": settings.max_run_s,
            # SageMaker requires it for spot jobs, and refuses it for others.
            **({"MaxWaitTimeInSeconds": spot.max_wait_s} if spot.enabled else {}),
        },
        **({"EnableManagedSpotTraining": True} if spot.enabled else {}),
        **(
            {"CheckpointConfig": {"S3Uri": checkpoint_folder(resources, checkpoints)}}
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


def checkpoint_folder(resources: JobResources, name: str) -> str:
    """The address of the folder with the checkpoints of the job of that name."""
    return f"{resources.folder}/checkpoints/{name}"


def tags(job: TrainingJob, settings: Settings) -> list[dict[str, str]]:
    """The settings' tags, the job's own, and those by which another command can read the job's results."""
    told = {
        **settings.tags,
        **job.tags,
        ALGORITHM_TAG: job.algorithm,
        LABEL_TRANSFORM_TAG: job.label_transform,
        TASK_TAG: job.task,
        LEVELS_TAG: str(job.levels),
        **({WEIGHED_TAG: "true"} if job.weighed else {}),
    }
    return tag_list(told)


def tag_list(told: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags in AWS's form, with values of allowed characters only."""
    return [{"Key": key, "Value": tag_value(value)} for key, value in told.items()]


def tag_value(value: str) -> str:
    """A text reduced to the characters and the length that AWS allows."""
    return _NOT_IN_TAGS.sub("_", value)[:_LONGEST_TAG]


def _channel(name: str, uri: str) -> dict[str, Any]:
    return {
        "ChannelName": name,
        "ContentType": "text/csv",  # exactly so: the container does not accept parameters
        "InputMode": "File",
        "DataSource": {
            "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
        },
    }
