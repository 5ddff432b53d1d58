"""What differs between the containers that jobs train in; the rest of this target never asks for an algorithm's name.

Four kinds: SageMaker's own image for an algorithm (`built_in`), a script of the user's in a framework's image, an image
of the user's, and any other algorithm of ours in a framework's image (`script_mode`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    from housing.targets.sagemaker.settings import Settings
    from housing.targets.sagemaker.staging import Stage
    from housing.training.job import TrainingJob
    from housing.tuning.space import SearchSpace
    from housing.tuning.spec import Study


Rounds = Mapping[int, Mapping[str, float]]
"""Number of a round -> metric -> value."""


@dataclass(frozen=True)
class JobResources:
    """`folder` is an S3 address without a slash at its end; `image` trains; `code` is the address of a script's."""

    image: str
    role_arn: str
    folder: str
    region: str
    code: str | None = None


class LogReader(Protocol):
    """Reads what one job logs, line by line."""

    def begin(self) -> None:
        """A container has started; a job that was interrupted has several, one after the other."""

    def read(self, line: str) -> list[tuple[int, Mapping[str, float]]]:
        """The rounds that this line completes and no line before has, by number."""

    def end(self) -> list[tuple[int, Mapping[str, float]]]:
        """The round that was under way; there are no more lines."""

    @property
    def newest(self) -> int:
        """The number of the newest round; -1 before the first."""

    @property
    def known(self) -> Mapping[int, Mapping[str, float]]:
        """What is known of each round, by number."""

    def fill(self, history: Mapping[str, Sequence[float]]) -> None:
        """Add, from a history of one value a round from the first, the rounds that no line has reported."""

    def history(self) -> Mapping[str, Sequence[float]]:
        """One value a round for each metric that no round lacks; empty when a round is missing."""


@dataclass(frozen=True)
class Trained:
    """A model file's bytes, empty where there is none, and what stands beside it in the archive.

    `history` is one value a round for each metric, in the label's unit, and `best_round` the last one kept, where the
    container has written them; elsewhere they come from the log.
    """

    model: bytes = b""
    history: Mapping[str, Sequence[float]] = field(default_factory=dict)
    best_round: int | None = None


class TrainingContainer(Protocol):
    """Subclass it and override only what differs from most containers."""

    reads_json: ClassVar[bool] = False
    """Whether hyperparameters are JSON texts, as SageMaker's toolkit for scripts has them, or plain ones."""

    is_distributed: ClassVar[bool] = False
    """Whether several instances share a job, rather than train on every row each."""

    def faults(self, settings: Settings, /) -> Sequence[str]:
        """Why it cannot train with these settings, each from the key it is about to a way out."""
        del settings
        return ()

    def hyperparameter_faults(self, hyperparameters: Mapping[str, Any], /) -> Sequence[str]:
        """Why it cannot train with these hyperparameters, each from its name to a way out."""
        del hyperparameters
        return ()

    def image(self, settings: Settings, region: str, /) -> str:
        """Address of the image. Raises ConfigError when there is none."""
        raise NotImplementedError

    def source(self) -> bytes | None:
        """The gzipped tar of what it runs, where that is not in the image."""
        return None

    def specification(self, job: TrainingJob, /) -> dict[str, Any]:
        """What goes into the request's AlgorithmSpecification beside the image."""
        del job
        return {}

    def environment(self, job: TrainingJob, /) -> dict[str, str]:
        """Environment variables."""
        del job
        return {}

    def texts(self, job: TrainingJob, resources: JobResources, /) -> dict[str, str]:
        """The job's hyperparameters as SageMaker takes them: all are strings."""
        del resources
        return {name: text(value) for name, value in job.hyperparameters.items()}

    def log_reader(self, job: TrainingJob, /) -> LogReader:
        """What reads the job's lines."""
        raise NotImplementedError

    def trained(self, job: TrainingJob, archive: bytes, /) -> Trained | None:
        """What the container's archive holds; None for one without a model."""
        raise NotImplementedError

    def prepare_spot(self, job: TrainingJob, folder: str, stage: Stage, /) -> None:
        """Before a spot job begins, whose checkpoints go to the address `folder`."""
        del job, folder, stage

    def keep_checkpoint(self, folder: str, stage: Stage, /) -> None:
        """While a spot job runs. Raises CloudError."""
        del folder, stage

    def as_if_uninterrupted(self, job: TrainingJob, model: bytes, rounds: Rounds, /) -> tuple[bytes, int | None]:
        """The model of a job that was interrupted as it would have been in one go, and how many rounds that would have
        trained (None: all of them); `rounds` are those of the log."""
        del job, rounds
        return model, None

    def metric_name(self, objective: str, job: TrainingJob, /) -> str:
        """How a tuning job of such jobs calls `validation_mae`."""
        del job
        return objective

    def tuning_faults(self, study: Study, space: SearchSpace, /) -> Sequence[str]:
        """What a tuning job cannot do of this study in this container; each as in `faults`."""
        del study, space
        return ()


def text(value: object) -> str:
    """A hyperparameter's value as the containers read it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ",".join(map(text, value))
    return str(value)


def script_texts(hyperparameters: Mapping[str, object], entry_point: str, resources: JobResources) -> dict[str, str]:
    """For SageMaker's toolkit for scripts, which reads each value as JSON."""
    values = {
        **hyperparameters,
        "sagemaker_program": entry_point,
        "sagemaker_submit_directory": resources.code,
        "sagemaker_region": resources.region,
    }
    return {name: json.dumps(value) for name, value in values.items()}


def metric_definitions(patterns: Mapping[str, str]) -> dict[str, Any]:
    """SageMaker reads the metrics of a foreign image's log with these; it knows those of its own."""
    found = [{"Name": name, "Regex": regex} for name, regex in patterns.items()]
    return {"MetricDefinitions": found} if found else {}
