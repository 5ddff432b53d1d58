"""Algorithms for which SageMaker has no image: they train in a framework's image, with a program of housing.

The program is `fit_there.py` with the part of housing that fits and predicts. It installs what the algorithm needs, and
writes the model file as every target does, with the history beside it. After an interruption the job starts over, and
ends with the same model.
"""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from housing import archives
from housing.algorithms.registry import fitting, packages
from housing.algorithms.script import pack
from housing.targets.sagemaker.containers import (
    JobResources,
    LogReader,
    Trained,
    TrainingContainer,
    metric_definitions,
    script_texts,
)
from housing.targets.sagemaker.images import FRAMEWORK, framework_image
from housing.targets.sagemaker.training.fit_there import ALGORITHM, HISTORY_FILE, SEED, WEIGHED
from housing.targets.sagemaker.training.printed_rounds import PrintedRounds
from housing.tasks.base import metrics
from housing.training.artifact import predicting_part
from housing.training.script import question

if TYPE_CHECKING:
    from housing.targets.sagemaker.settings import Settings
    from housing.training.job import TrainingJob

_PROGRAM = "fit_there.py"
_NUMBER = r"([-+0-9.einfa]+)"


class ScriptModeContainer(TrainingContainer):
    """A framework's image that runs one of our algorithms."""

    reads_json: ClassVar[bool] = True

    def __init__(self, algorithm: str) -> None:
        self._name = algorithm
        self._algorithm = fitting(algorithm)

    def image(self, settings: Settings, region: str) -> str:
        """The image, which all of these algorithms share."""
        return framework_image(*FRAMEWORK, region, instance_type=settings.instance_type, scope="training")

    def source(self) -> bytes:
        """The archive of the program; the same bytes for the same version of housing."""
        return self._source

    @cached_property
    def _source(self) -> bytes:
        needs = "".join(f"{name}=={version}\n" for name, version in packages(self._name).items())
        own = (Path(__file__).parent / _PROGRAM).read_bytes()
        return pack({_PROGRAM: own, "requirements.txt": needs.encode(), **predicting_part()})

    def specification(self, job: TrainingJob) -> dict[str, Any]:
        """The definitions of its metrics; those of the model that is kept are printed last."""
        return metric_definitions(self._patterns([*dict.fromkeys((*self._names(job), *metrics(job.task)))]))

    def environment(self, job: TrainingJob) -> dict[str, str]:
        """What the program needs beside hyperparameters and channels."""
        weighed = {WEIGHED: "1"} if job.weighed else {}
        return {ALGORITHM: job.algorithm, SEED: str(job.seed), **question(job), **weighed}

    def texts(self, job: TrainingJob, resources: JobResources) -> dict[str, str]:
        """Each value as JSON, and where the program is."""
        return script_texts(job.hyperparameters, _PROGRAM, resources)

    def log_reader(self, job: TrainingJob) -> LogReader:
        """Reads what the program prints after each round."""
        names = self._names(job) or metrics(job.task)
        return PrintedRounds(self._patterns(names, anchor=r"^\[\d+\].*"), job.channels)

    def trained(self, _job: TrainingJob, archive: bytes) -> Trained | None:
        """The model file and its history."""
        name = f"model.{self._algorithm.model_format}"
        found = archives.read(archive, lambda path: path in (name, HISTORY_FILE))
        if len(found) < 2:
            return None
        told = json.loads(found[HISTORY_FILE])
        return Trained(found[name], told["history"], told["best_round"])

    def _names(self, job: TrainingJob) -> tuple[str, ...]:
        return self._algorithm.metrics(job.hyperparameters)

    @staticmethod
    def _patterns(names: Any, anchor: str = "") -> dict[str, str]:
        return {
            f"{channel}_{name}": rf"{anchor}{channel}-{name}:{_NUMBER}"
            for channel in ("train", "validation")
            for name in names
        }
