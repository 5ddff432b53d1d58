"""What the steps of one command share: data, record, registry, runner and host, each made when first asked for."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from housing.config.schema import Experiment
from housing.errors import ServerAway, TrackingError
from housing.targets.base import Host, Runner, find
from housing.tracking.queries import REASON_TAG
from housing.tracking.runs import inherited_run
from housing.training.job import TrainingJob, TrainingResult
from housing.workflow.outcome import Invocation, Reporter

if TYPE_CHECKING:
    from housing.data.channel import Channel
    from housing.data.encoder import Encoder
    from housing.data.preparation import Prepared
    from housing.tracking.entries import Input
    from housing.tracking.queries import Kind
    from housing.tracking.registry import Registry
    from housing.tracking.runs import Runs, Status
    from housing.tracking.spool import Recorder

SPOOL_FOLDER = Path(".housing") / "spool"
"""In the working folder: results that wait for a tracking server."""


@dataclass(frozen=True)
class OpenRun:
    """A parent run at work; what is put into `metrics`, `tags` and `params` is logged when it ends."""

    run_id: str
    metrics: dict[str, float]
    tags: dict[str, str]
    params: dict[str, Any]


class Session:
    """One command at work. Use as a context manager: leaving it ends the runner's threads."""

    def __init__(self, experiment: Experiment, invocation: Invocation, reporter: Reporter) -> None:
        self.experiment = experiment
        self.invocation = invocation
        self.reporter = reporter
        self._inherited_run = None if invocation.parent_run_id else inherited_run()
        self._alternatives: dict[frozenset[tuple[str, str]], Session] = {}
        self._origin = self

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        if "runner" in self.__dict__:
            self.runner.close()

    @cached_property
    def prepared(self) -> Prepared:
        """The dataset, read, checked, split and encoded. Raises DataError before anything is recorded."""
        from housing.data.preparation import prepare

        with self.reporter.working("reading the data"):
            prepared = prepare(self.experiment.dataset, self.experiment.features)
        parts = {"train": prepared.parts.train, "validation": prepared.parts.validation, "test": prepared.parts.test}
        rows = ", ".join(f"{len(part):,} {name}" for name, part in parts.items())
        self.reporter.step(
            "data",
            f"{self.experiment.dataset.name}: {rows} rows; {len(prepared.encoder.required)} columns encoded as "
            f"{len(prepared.encoder.columns)} ({self.experiment.features.name})",
        )
        return prepared

    @cached_property
    def runs(self) -> Runs:
        """The record. A run that `mlflow run` has opened for this process decides its experiment."""
        from housing.tracking.runs import Runs

        tracking, name = self.experiment.tracking, self.experiment.name
        with self.reporter.working("opening the record"):
            runs = Runs.open(tracking.uri, name, inside=self.experiment.study.resume or self._inherited_run)
            runs.close_abandoned()
            self._hand_on_leftovers(runs)
        if runs.experiment != name and self._inherited_run is not None:
            self.reporter.step(
                "record",
                f"mlflow run opened its run in experiment {runs.experiment!r}; "
                f"--experiment-name {name} keeps it with the others",
            )
        return runs

    def _hand_on_leftovers(self, runs: Runs) -> None:
        if not SPOOL_FOLDER.is_dir() or runs.is_local:
            return
        from housing.tracking.spool import hand_on_leftovers

        try:
            if brought := hand_on_leftovers(SPOOL_FOLDER, runs):
                self.reporter.step("record", f"{brought} results that waited for the tracking server are recorded")
        except TrackingError as error:
            self.reporter.step("record", f"results still wait in {SPOOL_FOLDER}: {error}")

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
            other.runs, other.runner = self.runs, self.runner
            other._origin = self._origin
            self._alternatives[key] = other
        return self._alternatives[key] if options else self

    def job(
        self, name: str, hyperparameters: Mapping[str, Any], channels: Mapping[str, Any] | None = None
    ) -> TrainingJob:
        """A job over staged channels; `train` and `validation` when none are given."""
        return TrainingJob(
            name=name,
            algorithm=self.experiment.algorithm.name,
            hyperparameters=hyperparameters,
            channels=channels if channels is not None else self.staged,
            seed=self.experiment.seed,
            label_transform=self.experiment.features.label_transform,
        )

    @property
    def run_tags(self) -> dict[str, str]:
        """What every run of this command carries; digests only once there is data."""
        tags = {
            "housing.command": self.invocation.command,
            "housing.overrides": " ".join(self.invocation.overrides),
            "housing.config_hash": self.invocation.config_hash,
        }
        if "prepared" in self.__dict__:
            tags |= {
                "housing.data_digest": self.prepared.data_digest,
                "housing.split_digest": self.prepared.split_digest,
                "housing.encoder_digest": self.prepared.encoder_digest,
            }
        return tags

    @contextmanager
    def open_run(
        self,
        name: str,
        *,
        kind: Kind,
        parent: str | None,
        tags: Mapping[str, str] | None = None,
        again: str | None = None,
    ) -> Iterator[OpenRun]:
        """A run that is a parent: FINISHED when the block ends, FAILED or KILLED with the reason when it does not.

        `again` is the run of an earlier command that goes on; its parameters stand.
        """
        # MLflow never changes a parameter: those that a study searches wait for their best values.
        searched = self.experiment.search_space if kind == "study" else {}
        params = {key: value for key, value in self.parameters.items() if key not in searched}
        own: dict[str, Any] = {
            "tags": self.run_tags | dict(tags or {}),
            "params": params,
            "yaml": self.invocation.config_yaml,
        }
        if again is not None:
            self.runs.reopen(again, tags=own["tags"], yaml=own["yaml"])
        adopted = self._adopt(name, kind=kind, **own) if parent is None and again is None else None
        run_id = again or adopted or self.runs.start(name, kind=kind, parent=parent, **own)
        run = OpenRun(run_id, {}, {}, {})
        try:
            yield run
        except KeyboardInterrupt:
            self._end_early(run, "KILLED", "interrupted")
            raise
        except Exception as error:
            if not isinstance(error, ServerAway):
                self._end_early(run, "FAILED", str(error))
            raise
        self.runs.finish(run_id, metrics=run.metrics, tags=run.tags, params=run.params)

    def _end_early(self, run: OpenRun, status: Status, reason: str) -> None:
        # Where the record itself has failed, its error is the one to tell; the next command ends the run.
        with suppress(TrackingError):
            self.runs.finish(run.run_id, status, metrics=run.metrics, tags=run.tags | {REASON_TAG: reason})

    def _adopt(self, name: str, **described: Any) -> str | None:
        """The run that `mlflow run` has opened for this process, the first time a run without a parent is wanted."""
        runs = self.runs  # opened by the inherited run's experiment, so before that run is given away
        origin = self._origin
        inherited, origin._inherited_run = origin._inherited_run, None
        return runs.adopt(inherited, name, **described) if inherited is not None else None

    @property
    def parameters(self) -> dict[str, Any]:
        """The choices of the experiment, for MLflow's parameter columns; the whole of it is in the recorded YAML."""
        experiment = self.experiment
        return {
            **experiment.algorithm.hyperparameters,
            "algorithm": experiment.algorithm.name,
            "dataset": experiment.dataset.name,
            "features": experiment.features.name,
            "label_transform": experiment.features.label_transform,
            "seed": experiment.seed,
        }

    def record(
        self,
        result: TrainingResult,
        name: str,
        *,
        kind: Kind,
        hyperparameters: Mapping[str, Any],
        parent: str | None,
        tags: Mapping[str, str] | None = None,
        metrics: Mapping[str, float] | None = None,
        encoder: Encoder | None = None,
        channels: Iterable[Channel] | None = None,
        files: Mapping[str, bytes] | None = None,
    ) -> str:
        """Keep one finished job as a run, with its model; returns its id."""
        own_tags = {"housing.hyperparameters": json.dumps(hyperparameters, sort_keys=True), **(tags or {})}
        own: dict[str, Any] = {
            "tags": self.run_tags | own_tags,
            "params": self.parameters | dict(hyperparameters),
            "yaml": self.invocation.config_yaml if encoder else None,
        }
        into = self._adopt(name, kind=kind, **own) if parent is None else None
        return self.runs.record(
            result,
            name,
            kind=kind,
            parent=parent,
            metrics=metrics,
            inputs=self._inputs(channels or self.prepared.channels.values()),
            files=_model_file(result) | (encoder_file(encoder) if encoder else {}) | dict(files or {}),
            status="KILLED" if result.stopped else "FINISHED",
            into=into,
            **own,
        )

    def record_trial(
        self,
        result: TrainingResult,
        name: str,
        *,
        recorder: Recorder,
        hyperparameters: Mapping[str, Any],
        parent: str,
        tags: Mapping[str, str],
        channels: Iterable[Channel] | None = None,
    ) -> None:
        """Hand one trial of a study to a recorder; configuration and encoder stand on its parent."""
        own_tags = {"housing.hyperparameters": json.dumps(hyperparameters, sort_keys=True), **tags}
        recorder.record(
            result,
            name,
            kind="job",
            parent=parent,
            tags=self.run_tags | own_tags,
            params=self.parameters | dict(hyperparameters),
            inputs=self._inputs(channels or self.prepared.channels.values()),
            files=_model_file(result),
            status="KILLED" if result.stopped else "FINISHED",
        )

    def _inputs(self, channels: Iterable[Channel]) -> Sequence[Input]:
        """What MLflow shows as the datasets of a run."""
        from housing.tracking.entries import Input

        dataset = self.experiment.dataset
        return [
            Input(
                dataset.name,
                channel.name,
                digest=channel.digest,
                source=dataset.source,
                rows=len(channel.label),
                columns=len(channel.columns),
            )
            for channel in channels
        ]

    def amount(self, value: float) -> str:
        """A value in the label's unit, for people."""
        unit = self.experiment.dataset.label_unit
        text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.4g}"
        return f"{text} {unit}".strip()

    @property
    def records_at(self) -> list[str]:
        """Where a person looks at the record."""
        uri = self.experiment.tracking.uri
        look = "housing ui" if uri.startswith("sqlite:") else uri
        return [f"MLflow experiment '{self.experiment.name}' in {uri}; look: {look}"]


def _model_file(result: TrainingResult) -> dict[str, bytes]:
    return {f"model.{result.model_format}": result.model} if result.model else {}


def encoder_file(encoder: Encoder) -> dict[str, bytes]:
    """The encoder as an artifact of a run."""
    return {"encoder.json": encoder.to_json().encode()}
