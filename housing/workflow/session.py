"""What the steps of one command share: data, record, registry, runner and host, each made when first asked for."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from housing.config.schema import Experiment
from housing.targets.base import Host, Runner, find
from housing.tracking import schema
from housing.tracking.runs import inherited_run
from housing.training.job import TrainingJob
from housing.training.metrics import has_unit
from housing.workflow.opening import open_record
from housing.workflow.outcome import Invocation, Reporter
from housing.workflow.recording import Recording
from housing.workflow.spending import Ledger
from housing.workflow.works import Works

if TYPE_CHECKING:
    from housing.data.preparation import Prepared
    from housing.tracking.registry import Registry
    from housing.tracking.runs import Runs

_DIVERGED = 1e15
"""Where digits stop to mean anything."""


class Session:
    """One command at work. Use as a context manager: leaving it ends the runner's threads."""

    def __init__(self, experiment: Experiment, invocation: Invocation, reporter: Reporter) -> None:
        self.experiment = experiment
        self.invocation = invocation
        self.reporter = reporter
        self.recording = Recording(self)
        self._inherited_run = None if invocation.parent_run_id else inherited_run()
        self._alternatives: dict[frozenset[tuple[str, str]], Session] = {}
        self._origin = self

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        if "works" in self.__dict__:
            self.works.close()
        elif "runner" in self.__dict__:
            self.runner.close()

    @cached_property
    def prepared(self) -> Prepared:
        """The dataset, read, checked, split and encoded. Raises DataError before anything is recorded.

        The record is opened first, for what is trained and cannot be recorded would be lost.
        """
        from housing.data.labels import regression_of_classes
        from housing.data.preparation import prepare

        self._check_record()
        with self.reporter.working("reading the data"):
            prepared = prepare(self.experiment.dataset, self.experiment.features)
        parts = {"train": prepared.parts.train, "validation": prepared.parts.validation, "test": prepared.parts.test}
        rows = ", ".join(f"{len(part):,} {name}" for name, part in parts.items())
        self.reporter.step(
            "data",
            f"{self.experiment.dataset.name}: {rows} rows; {len(prepared.encoder.required)} columns encoded as "
            f"{len(prepared.encoder.columns)} ({self.experiment.features.name})",
        )
        if remark := regression_of_classes(prepared.table[self.experiment.dataset.label].tolist()):
            self.reporter.step("label", remark)
        return prepared

    @cached_property
    def runs(self) -> Runs:
        """The record. A run that `mlflow run` has opened for this process decides its experiment."""
        name, inside = self.experiment.name, self.experiment.study.resume or self._inherited_run
        with self.reporter.working("opening the record"):
            runs = open_record(self.experiment, self.reporter, inside=inside)
        self._tell_of_jobs_left(runs)
        if runs.experiment != name and self._inherited_run is not None:
            self.reporter.step(
                "record",
                f"mlflow run opened its run in experiment {runs.experiment!r}; "
                f"--experiment-name {shlex.quote(name)} keeps it with the others",
            )
        return runs

    def _check_record(self) -> None:
        """Raises TrackingError, ConfigError. A new database is not made before there is something to keep."""
        from housing.tracking.store import check_creatable

        if "runs" in self.__dict__ or not check_creatable(self.experiment.tracking.uri):
            self.runs.check_writable()

    def _tell_of_jobs_left(self, runs: Runs) -> None:
        """Jobs of earlier commands that this one does not take up."""
        ours = {self.experiment.study.resume, self.experiment.candidate} - {None}
        left = [run for run in runs.left_at_work() if run.id not in ours and run.parent not in ours]
        if left and self.invocation.command != "attach":
            jobs = "1 job" if len(left) == 1 else f"{len(left)} jobs"
            one = (left[0].id[:8],) if len(left) == 1 else ()
            command = self.invocation.next("attach", *one)
            text = f"{jobs} of an earlier command at work, or ended and not recorded: {command}"
            self.reporter.step("left", text)

    @cached_property
    def registry(self) -> Registry:
        """The registered models, in the same place as the record."""
        from housing.tracking.registry import Registry

        return Registry(self.runs.client)

    @cached_property
    def runner(self) -> Runner:
        """Where jobs train."""
        settings = self.experiment.runner
        runner: Runner = find(settings.name).open_runner(settings)
        return runner

    @cached_property
    def works(self) -> Works:
        """The jobs of this command there."""
        ledger = Ledger(self.experiment.prices, self.experiment.budget)
        return Works(self.runner, lambda: self.runs, ledger, self.reporter, self.invocation.next)

    @cached_property
    def host(self) -> Host:
        """Where models are served."""
        settings = self.experiment.host
        host: Host = find(settings.name).open_host(settings)
        return host

    @cached_property
    def staged(self) -> Mapping[str, Any]:
        """The `train` and `validation` channels, where the runner's jobs read them."""
        return {name: self.runner.stage(channel) for name, channel in self.prepared.channels.items()}

    @cached_property
    def staged_folds(self) -> Sequence[Mapping[str, Any]]:
        """The same for each fold of the training rows, where a study has `folds`."""
        folds = self.prepared.folds(self.experiment.study.folds, seed=self.experiment.seed)
        return [{name: self.runner.stage(channel) for name, channel in fold.items()} for fold in folds]

    def choosing(self, options: Mapping[str, str]) -> Session:
        """The session of the same command with other options of some groups (`features: domain`); always the same one.

        What is recorded, trained or registered by either goes to the same places.
        """
        key = frozenset(options.items())
        if options and key not in self._alternatives:
            other = Session(self.invocation.alternative(options), self.invocation, self.reporter)
            other.runs, other.runner, other.works = self.runs, self.runner, self.works
            other._origin = self._origin
            self._alternatives[key] = other
        return self._alternatives[key] if options else self

    def job(
        self, name: str, hyperparameters: Mapping[str, Any], channels: Mapping[str, Any] | None = None
    ) -> TrainingJob:
        """A job over staged channels; `train` and `validation` when none are given.

        A script that declares a `seed` gets the experiment's, unless it is given one.
        """
        algorithm = self.experiment.algorithm
        seed = {"seed": self.experiment.seed} if "seed" in algorithm.declared else {}
        return TrainingJob(
            name=name,
            algorithm=algorithm.kind,
            hyperparameters=seed | dict(hyperparameters),
            channels=channels if channels is not None else self.staged,
            seed=self.experiment.seed,
            label_transform=self.experiment.features.label_transform,
            code=algorithm.code,
        )

    @property
    def digest_tags(self) -> dict[str, str]:
        """What tells one state of the data from another; empty while nothing is read."""
        if "prepared" not in self.__dict__:
            return {}
        return {
            schema.DATA_DIGEST: self.prepared.data_digest,
            schema.SPLIT_DIGEST: self.prepared.split_digest,
            schema.ENCODER_DIGEST: self.prepared.encoder_digest,
        }

    def give_away_inherited_run(self) -> str | None:
        """The run that `mlflow run` has opened for this process, to whoever asks first."""
        origin = self._origin
        inherited, origin._inherited_run = origin._inherited_run, None
        return inherited

    def amount(self, value: float, objective: str | None = None) -> str:
        """A value for people: of an objective, which need not be in the label's unit, or one that is."""
        unit = self.experiment.dataset.label_unit if objective is None or has_unit(objective) else ""
        text = f"{value:,.0f}" if 1000 <= abs(value) < _DIVERGED else f"{value:,.4g}"
        return f"{text} {unit}".strip()

    @property
    def records_at(self) -> list[str]:
        """Where a person looks at the record."""
        uri = self.experiment.tracking.uri
        look = self.invocation.next("ui") if uri.startswith("sqlite:") else uri
        return [f"MLflow experiment '{self.experiment.name}' in {uri}; look: {look}"]
