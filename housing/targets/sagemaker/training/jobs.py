"""Training jobs and tuning jobs at SageMaker: created, described, stopped and found through its SDK."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from housing.errors import CloudError
from housing.targets.sagemaker.refusals import MISSING, code, message, translated
from housing.targets.sagemaker.training.descriptions import (
    Description,
    StudyDescription,
    described,
    described_study,
)
from housing.targets.sagemaker.training.requests import tag_value

if TYPE_CHECKING:
    from housing.targets.sagemaker.clients import Clients


class Jobs:
    """The jobs of one account and region. All methods raise CloudError; thread-safe."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    @staticmethod
    def load_sdk() -> threading.Thread:
        """Import the SDK in the background, as that takes more than a second."""

        def load() -> None:
            import sagemaker.core.image_uris  # noqa: F401

            _resources()

        thread = threading.Thread(target=load, name="sagemaker-sdk", daemon=True)
        thread.start()
        return thread

    def create(self, request: Mapping[str, Any]) -> Description:
        """Create a training job, or find the one of that name: the answer to an earlier call may have been lost."""
        try:
            with translated("sagemaker"):
                arguments = _arguments(request, "CreateTrainingJobRequest")
                return described(_resources().TrainingJob.create(**arguments, **self._where))
        except CloudError as refused:
            if code(refused.__cause__) != "ResourceInUse":
                raise
            return self.existing(request["TrainingJobName"])

    def describe(self, handle: str) -> Description | None:
        """The job; None when there is no such job."""
        try:
            with translated("sagemaker"):
                return described(_resources().TrainingJob.get(handle, **self._where))
        except CloudError as refused:
            if _is_missing(refused):
                return None
            raise

    def existing(self, handle: str) -> Description:
        """The job, or CloudError where there is none."""
        found = self.describe(handle)
        if found is None:
            raise CloudError(f"sagemaker: there is no training job {handle} any more")
        return found

    def stop(self, handle: str) -> None:
        """Ask a training job to end; does nothing if it has ended."""
        with _unless_ended(), translated("sagemaker"):
            _resources().TrainingJob.get(handle, **self._where).stop()

    def modified(self, prefix: str, since: datetime) -> Mapping[str, tuple[str, datetime]]:
        """Status and time of the last change, by name, of training jobs created since then: one call for many jobs."""
        with translated("sagemaker"):
            pages = self._clients("sagemaker").get_paginator("list_training_jobs")
            return {
                job["TrainingJobName"]: (job["TrainingJobStatus"], job["LastModifiedTime"])
                for page in pages.paginate(
                    NameContains=prefix, CreationTimeAfter=since, PaginationConfig={"PageSize": 100}
                )
                for job in page["TrainingJobSummaries"]
            }

    def search(self, tags: Mapping[str, str]) -> Iterator[Description]:
        """The training jobs that have all of these tags, the latest first."""
        filters = [
            {"Name": f"Tags.{key}", "Operator": "Equals", "Value": tag_value(value)} for key, value in tags.items()
        ]
        with translated("sagemaker"):
            pages = self._clients("sagemaker").get_paginator("search")
            for page in pages.paginate(
                Resource="TrainingJob",
                SearchExpression={"Filters": filters},
                SortBy="CreationTime",
                SortOrder="Descending",
            ):
                for found in page["Results"]:
                    record = found["TrainingJob"]
                    carried = {tag["Key"]: tag["Value"] for tag in record.pop("Tags", ())}
                    yield described(_resources().TrainingJob(**_arguments(record, "TrainingJob")), carried)

    def create_study(self, request: Mapping[str, Any]) -> StudyDescription:
        """Create a tuning job, or find the one of that name."""
        try:
            with translated("sagemaker"):
                arguments = _arguments(request, "CreateHyperParameterTuningJobRequest")
                return described_study(_resources().HyperParameterTuningJob.create(**arguments, **self._where))
        except CloudError as refused:
            found = self.describe_study(request["HyperParameterTuningJobName"])
            if code(refused.__cause__) != "ResourceInUse" or found is None:
                raise
            return found

    def describe_study(self, handle: str) -> StudyDescription | None:
        """The tuning job; None when there is no such tuning job."""
        try:
            with translated("sagemaker"):
                return described_study(_resources().HyperParameterTuningJob.get(handle, **self._where))
        except CloudError as refused:
            if _is_missing(refused):
                return None
            raise

    def stop_study(self, handle: str) -> None:
        """Ask a tuning job to end, with its training jobs; does nothing if it has ended."""
        with _unless_ended(), translated("sagemaker"):
            _resources().HyperParameterTuningJob.get(handle, **self._where).stop()

    def of_study(self, handle: str) -> Sequence[tuple[str, Mapping[str, str]]]:
        """Name and searched hyperparameters of its training jobs, in the order in which they were created."""
        with translated("sagemaker"):
            pages = self._clients("sagemaker").get_paginator("list_training_jobs_for_hyper_parameter_tuning_job")
            return [
                (job["TrainingJobName"], job["TunedHyperParameters"])
                for page in pages.paginate(
                    HyperParameterTuningJobName=handle,
                    SortBy="CreationTime",
                    SortOrder="Ascending",
                    PaginationConfig={"PageSize": 100},
                )
                for job in page["TrainingJobSummaries"]
            ]

    @property
    def _where(self) -> dict[str, Any]:
        return {"session": self._clients.session, "region": self._clients.region}


@contextmanager
def _unless_ended() -> Iterator[None]:
    """Ignore SageMaker's refusal to stop what has already ended."""
    try:
        yield
    except CloudError as refused:
        if code(refused.__cause__) != "ValidationException" or "status" not in message(refused.__cause__):
            raise


def _is_missing(refused: CloudError) -> bool:
    """Whether the job does not exist: a ValidationException for training jobs, ResourceNotFound for tuning jobs."""
    cause = refused.__cause__
    found = code(cause)
    return found in MISSING or (found == "ValidationException" and "not found" in message(cause).lower())


def _arguments(request: Mapping[str, Any], shape: str) -> dict[str, Any]:
    """A request with the API's names, converted to the SDK's."""
    from sagemaker.core.utils.code_injection.codec import transform

    return dict(transform(dict(request), shape))


def _resources() -> Any:
    """The SDK's resources, their package first.

    The package imports its own modules: if one thread imports a module first and waits for the package, while another
    thread imports the package, Python detects a deadlock and raises.
    """
    import sagemaker.core
    import sagemaker.core.resources

    return sagemaker.core.resources
