"""A session: one choice of options with its experiment and data, and the resources that a command's sessions share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from housing.config.schema import Experiment
from housing.targets.base import Host, Runner
from housing.training.job import TrainingJob, TrainingResult
from housing.training.metrics import has_unit
from housing.workflow.experiment_data import ExperimentData, Staged
from housing.workflow.opening import where_recorded
from housing.workflow.outcome import Invocation, Reporter
from housing.workflow.recording import Recording
from housing.workflow.resources import Resources, resources_of
from housing.workflow.running_jobs import RunningJobs

if TYPE_CHECKING:
    from housing.data.preparation import Prepared
    from housing.tracking.registry import Registry
    from housing.tracking.runs import Runs
    from housing.tracking.versions import Versions

_DIVERGED = 1e15
"""From this value on, digits are meaningless."""


class Session:
    """The first session of a command is a context manager: leaving it closes the resources."""

    def __init__(
        self,
        experiment: Experiment,
        invocation: Invocation,
        reporter: Reporter,
        *,
        resources: Resources | None = None,
        data: ExperimentData | None = None,
    ) -> None:
        """`resources` and `data` are those of another session, if they are shared."""
        self.experiment = experiment
        self.invocation = invocation
        self.reporter = reporter
        self.resources = resources or resources_of(experiment, invocation, reporter)
        record, runner = self.resources.record, self.resources.runner
        self.data = data or ExperimentData(experiment, reporter, record=record, runner=runner)
        self.recording = Recording(experiment, invocation, reporter, record=record, runner=runner, data=self.data)
        self._alternatives: dict[frozenset[tuple[str, str]], Session] = {}

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.resources.close()

    @property
    def prepared(self) -> Prepared:
        """The dataset, read, checked, split and encoded. Raises DataError before anything is recorded."""
        return self.data.prepared

    @property
    def staged(self) -> Staged:
        """The `train` and `validation` channels, staged for the runner's jobs."""
        return self.data.staged

    @property
    def staged_folds(self) -> Sequence[Staged]:
        """The same for each fold of the training rows, if the study has `folds`."""
        return self.data.staged_folds

    @property
    def runs(self) -> Runs:
        """The record. A run that `mlflow run` has opened for this process determines its experiment."""
        return self.resources.record.runs

    @property
    def registry(self) -> Registry:
        """The registered models, at the same URI as the record."""
        return self.resources.registry.get()

    @property
    def versions(self) -> Versions:
        """The same, read-only: looking for a model must not create a record."""
        return self.resources.versions.get()

    @property
    def runner(self) -> Runner:
        """Where jobs train."""
        return self.resources.runner.get()

    @property
    def running_jobs(self) -> RunningJobs:
        """The jobs of this command."""
        return self.resources.running_jobs.get()

    @property
    def host(self) -> Host:
        """Where models are served."""
        return self.resources.host.get()

    def choosing(self, options: Mapping[str, str]) -> Session:
        """The session of the same command with other options of some groups (`features: domain`), which is cached.

        Both share their resources: record, registry, runner and host.
        """
        if not options:
            return self
        key = frozenset(options.items())
        if key not in self._alternatives:
            experiment = self.invocation.alternative(options)
            # Channels are the same for every algorithm.
            others = {group: option for group, option in options.items() if group != "algorithm"}
            data = self.choosing(others).data if "algorithm" in options else None
            self._alternatives[key] = Session(
                experiment, self.invocation, self.reporter, resources=self.resources, data=data
            )
        return self._alternatives[key]

    def job(
        self,
        name: str,
        hyperparameters: Mapping[str, Any],
        channels: Mapping[str, Any] | None = None,
        *,
        seed: int | None = None,
    ) -> TrainingJob:
        """A job on staged channels; by default `train` and `validation`, and the experiment's seed.

        A script that declares a `seed` is given it, unless its hyperparameters have one.
        """
        algorithm = self.experiment.algorithm
        seed = self.experiment.seed if seed is None else seed
        own = {"seed": seed} if "seed" in algorithm.declared else {}
        return TrainingJob(
            name=name,
            algorithm=algorithm.kind,
            hyperparameters=own | dict(hyperparameters),
            channels=channels if channels is not None else self.staged,
            seed=seed,
            label_transform=self.experiment.features.label_transform,
            task=self.experiment.dataset.task_name,
            levels=len(self.experiment.dataset.label_levels),
            weighed=self.experiment.weights != "none" or self.experiment.dataset.weight is not None,
            code=algorithm.code,
        )

    def reader(self, result: TrainingResult) -> str:
        """The algorithm that reads a job's model: its own, unless the model is made of several."""
        return result.read_by or self.experiment.algorithm.kind

    def amount(self, value: float, objective: str | None = None) -> str:
        """A value as text: of an objective, which may have another unit, or one in the label's unit."""
        unit = self.experiment.dataset.label_unit if objective is None or has_unit(objective) else ""
        text = f"{value:,.0f}" if 1000 <= abs(value) < _DIVERGED else f"{value:,.4g}"
        return f"{text} {unit}".strip()

    @property
    def records_at(self) -> list[str]:
        """Where the record can be viewed."""
        return [where_recorded(self.experiment, self.invocation)]
