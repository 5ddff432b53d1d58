"""Descriptions of training jobs and tuning jobs, from the objects of SageMaker's SDK."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

_RUNNING = ("InProgress", "Stopping")
_BEFORE_TRAINING = ("Starting", "Pending", "Downloading")


@dataclass(frozen=True)
class Description:
    """The current state of a training job; None for what SageMaker does not say, or not yet.

    `transitions` are its secondary statuses so far with their messages, the oldest first.
    """

    handle: str
    arn: str
    status: str
    secondary: str
    transitions: Sequence[tuple[str, str]]
    modified: datetime
    created: datetime
    started: datetime | None
    hyperparameters: Mapping[str, str]
    tags: Mapping[str, str]
    channels: Mapping[str, str]
    image: str
    instance_type: str
    instance_count: int
    spot: bool
    checkpoints: str | None
    model: str | None
    seconds: int | None
    billed_seconds: int | None
    reason: str | None

    @property
    def is_running(self) -> bool:
        """Whether it goes on, if only to its end."""
        return self.status in _RUNNING

    @property
    def has_logs(self) -> bool:
        """Whether a container has ever started."""
        return any(status not in _BEFORE_TRAINING for status, _ in self.transitions)

    @property
    def interruptions(self) -> int:
        """How often its spot machine was taken back."""
        return sum(status == "Interrupted" for status, _ in self.transitions)


@dataclass(frozen=True)
class StudyDescription:
    """The current state of a tuning job."""

    handle: str
    arn: str
    status: str
    reason: str | None

    @property
    def is_running(self) -> bool:
        """Whether it goes on, if only to its end."""
        return self.status in _RUNNING


def described(job: Any, tags: Mapping[str, str] | None = None) -> Description:
    """From the SDK's `TrainingJob`."""
    resources = _said(job.resource_config)
    checkpoints, model = _said(job.checkpoint_config), _said(job.model_artifacts)
    created = job.creation_time
    return Description(
        handle=str(job.training_job_name),
        arn=str(job.training_job_arn),
        status=str(job.training_job_status),
        secondary=str(job.secondary_status),
        transitions=[
            (str(each.status), str(_said(each.status_message) or ""))
            for each in _said(job.secondary_status_transitions) or ()
        ],
        created=created,
        modified=_said(job.last_modified_time) or created,
        started=_said(job.training_start_time),
        hyperparameters=dict(_said(job.hyper_parameters) or {}),
        tags=tags or {},
        channels={
            str(each.channel_name): str(each.data_source.s3_data_source.s3_uri)
            for each in _said(job.input_data_config) or ()
        },
        image=str(_said(job.algorithm_specification.training_image) or ""),
        instance_type=str(_said(resources.instance_type) or "") if resources else "",
        instance_count=int(_said(resources.instance_count) or 1) if resources else 1,
        spot=bool(_said(job.enable_managed_spot_training)),
        checkpoints=str(checkpoints.s3_uri).rstrip("/") if checkpoints else None,
        model=(_said(model.s3_model_artifacts) or None) if model else None,
        seconds=_said(job.training_time_in_seconds),
        billed_seconds=_said(job.billable_time_in_seconds),
        reason=_said(job.failure_reason) or None,
    )


def described_study(job: Any) -> StudyDescription:
    """From the SDK's `HyperParameterTuningJob`."""
    return StudyDescription(
        handle=str(job.hyper_parameter_tuning_job_name),
        arn=str(job.hyper_parameter_tuning_job_arn),
        status=str(job.hyper_parameter_tuning_job_status),
        reason=_said(job.failure_reason) or None,
    )


def _said(value: Any) -> Any:
    """None for the SDK's marker of absent members, else the value."""
    from sagemaker.core.utils.utils import Unassigned

    return None if isinstance(value, Unassigned) else value
