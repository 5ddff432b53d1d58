"""Jobs that run the user's code: a script in a framework's image, or the user's own image."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, ClassVar

from housing import archives
from housing.algorithms.own_code import Image, Program
from housing.algorithms.script import model_archive
from housing.errors import ConfigError
from housing.targets.sagemaker.containers import (
    JobResources,
    LogReader,
    Trained,
    TrainingContainer,
    metric_definitions,
    script_texts,
)
from housing.targets.sagemaker.images import framework_image
from housing.targets.sagemaker.training.printed_rounds import PrintedRounds
from housing.training.script import question

if TYPE_CHECKING:
    from housing.targets.sagemaker.settings import Settings
    from housing.training.job import TrainingJob

_MOST_METRICS = 40


class ScriptContainer(TrainingContainer):
    """A user's script in its framework's image."""

    reads_json: ClassVar[bool] = True
    is_distributed: ClassVar[bool] = True

    def __init__(self, program: Program) -> None:
        self._program = program

    def image(self, settings: Settings, region: str) -> str:
        """The framework's image, of the script's versions."""
        program = self._program
        versions = (program.framework, program.framework_version, program.py_version)
        return framework_image(*versions, region, instance_type=settings.instance_type, scope="training")

    def source(self) -> bytes | None:
        """The archive of the script's folder."""
        return self._program.archive

    def specification(self, _job: TrainingJob) -> dict[str, Any]:
        """The definitions of its metrics."""
        return metric_definitions(_bounded(self._program.metrics))

    def environment(self, job: TrainingJob) -> dict[str, str]:
        """What a script cannot learn from its channels."""
        return question(job)

    def texts(self, job: TrainingJob, resources: JobResources) -> dict[str, str]:
        """Each value as JSON, and where the script is."""
        return script_texts(job.hyperparameters, self._program.entry_point, resources)

    def log_reader(self, job: TrainingJob) -> LogReader:
        """What it prints."""
        return PrintedRounds(self._program.metrics, job.channels)

    def trained(self, _job: TrainingJob, archive: bytes) -> Trained:
        """Everything that it wrote, with the script that can load it."""
        with TemporaryDirectory(prefix="housing-") as folder:
            archives.unpack(archive, Path(folder))
            return Trained(model_archive(Path(folder), self._program))


class ImageContainer(TrainingContainer):
    """A user's image."""

    is_distributed: ClassVar[bool] = True

    def __init__(self, image: Image) -> None:
        self._image = image

    def image(self, _settings: Settings, _region: str) -> str:
        """The address as it was given."""
        return self._image.image

    def specification(self, _job: TrainingJob) -> dict[str, Any]:
        """Its entry point and arguments, and the definitions of its metrics."""
        own = {"ContainerEntrypoint": self._image.entry_point, "ContainerArguments": self._image.arguments}
        return {**{key: list(words) for key, words in own.items() if words}, **metric_definitions(self._metrics)}

    def environment(self, job: TrainingJob) -> dict[str, str]:
        """What an image cannot learn from its channels."""
        return question(job)

    def log_reader(self, job: TrainingJob) -> LogReader:
        """What it prints."""
        return PrintedRounds(self._image.metrics, job.channels)

    def trained(self, _job: TrainingJob, archive: bytes) -> Trained:
        """Its archive, which only the image can read."""
        return Trained(archive)

    @property
    def _metrics(self) -> Mapping[str, str]:
        return _bounded(self._image.metrics)


def _bounded(metrics: Mapping[str, str]) -> Mapping[str, str]:
    if len(metrics) > _MOST_METRICS:
        raise ConfigError(f"algorithm.metrics: SageMaker reads {_MOST_METRICS} at most, got {len(metrics)}")
    return metrics
