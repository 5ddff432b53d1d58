"""How the containers that jobs train in differ; the rest of this target does not depend on the algorithm's name.

Four kinds: SageMaker's own image for an algorithm (`built_in`), a user's script in a framework's image, a user's image,
and any other algorithm of housing in a framework's image (`script_mode`).
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
    """`folder` is an S3 address without a trailing slash; `image` is for training; `code` is a script's address."""

    image: str
    role_arn: str
    folder: str
    region: str
    code: str | None = None


class LogReader(Protocol):
    """Reads the log of one job, line by line."""

    def begin(self) -> None:
        """A container has started; a job that was interrupted has several, one after the other."""

    def read(self, line: str) -> list[tuple[int, Mapping[str, float]]]:
        """The rounds that this line completes and no earlier line has, with their numbers."""

    def end(self) -> list[tuple[int, Mapping[str, float]]]:
        """The last, unfinished round, once there are no more lines."""

    @property
    def newest(self) -> int:
        """The number of the newest round; -1 before the first."""

    @property
    def known(self) -> Mapping[int, Mapping[str, float]]:
        """The metrics of each known round, by number."""

    def fill(self, history: Mapping[str, Sequence[float]]) -> None:
        """Add rounds that no line has reported, from a history with one value per round from the first on."""

    def history(self) -> Mapping[str, Sequence[float]]:
        """One value per round of each metric that all rounds have; empty when a round is missing."""


@dataclass(frozen=True)
class Trained:
    """A model file's bytes, empty where there is none, and what else is in the archive.

    `history` has one value per round of each metric, in the label's unit; `best_round` is the last round kept. Both
    are set only if the container writes them; otherwise they come from the log.
    """

    model: bytes = b""
    history: Mapping[str, Sequence[float]] = field(default_factory=dict)
    best_round: int | None = None


class TrainingContainer(Protocol):
    """Subclasses override only what differs from most containers."""

    reads_json: ClassVar[bool] = False
    """Whether hyperparameters are JSON texts, as in SageMaker's toolkit for scripts, or plain texts."""

    is_distributed: ClassVar[bool] = False
    """Whether several instances divide a job, rather than each train on all rows."""

    def faults(self, settings: Settings, /) -> Sequence[str]:
        """Why it cannot train with these settings; each message begins with the key and ends with a way out."""
        del settings
        return ()

    def hyperparameter_faults(self, hyperparameters: Mapping[str, Any], /) -> Sequence[str]:
        """Why it cannot train with these hyperparameters; each message begins with the name and ends with a way out."""
        del hyperparameters
        return ()

    def image(self, settings: Settings, region: str, /) -> str:
        """The image's address. Raises ConfigError when there is none."""
        raise NotImplementedError

    def source(self) -> bytes | None:
        """The gzipped tar of the program, if it is not in the image."""
        return None

    def specification(self, job: TrainingJob, /) -> dict[str, Any]:
        """Members of the request's AlgorithmSpecification beside the image."""
        del job
        return {}

    def environment(self, job: TrainingJob, /) -> dict[str, str]:
        """Environment variables."""
        del job
        return {}

    def texts(self, job: TrainingJob, resources: JobResources, /) -> dict[str, str]:
        """The job's hyperparameters as SageMaker takes them: all of them strings."""
        del resources
        return {name: text(value) for name, value in job.hyperparameters.items()}

    def log_reader(self, job: TrainingJob, /) -> LogReader:
        """A reader of the job's log."""
        raise NotImplementedError

    def trained(self, job: TrainingJob, archive: bytes, /) -> Trained | None:
        """The content of the container's archive; None if it has no model."""
        raise NotImplementedError

    def prepare_spot(self, job: TrainingJob, folder: str, stage: Stage, /) -> None:
        """Called before a spot job begins, with the address `folder` for its checkpoints."""
        del job, folder, stage

    def keep_checkpoint(self, folder: str, stage: Stage, /) -> None:
        """Called repeatedly while a spot job runs. Raises CloudError."""
        del folder, stage

    def as_if_uninterrupted(self, job: TrainingJob, model: bytes, rounds: Rounds, /) -> tuple[bytes, int | None]:
        """The model that an interrupted job would have had without interruption, and how many rounds it would have
        trained (None: all of them); `rounds` are those of the log."""
        del job, rounds
        return model, None

    def metric_name(self, objective: str, job: TrainingJob, /) -> str:
        """The name of an objective such as `validation_mae` in a tuning job of such jobs."""
        del job
        return objective

    def tuning_faults(self, study: Study, space: SearchSpace, /) -> Sequence[str]:
        """What a tuning job with this container cannot do of this study; messages as in `faults`."""
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
    """Hyperparameters for SageMaker's toolkit for scripts, which reads each value as JSON."""
    values = {
        **hyperparameters,
        "sagemaker_program": entry_point,
        "sagemaker_submit_directory": resources.code,
        "sagemaker_region": resources.region,
    }
    return {name: json.dumps(value) for name, value in values.items()}


def metric_definitions(patterns: Mapping[str, str]) -> dict[str, Any]:
    """MetricDefinitions, with which SageMaker finds metrics in the log; its own images need none."""
    found = [{"Name": name, "Regex": regex} for name, regex in patterns.items()]
    return {"MetricDefinitions": found} if found else {}
