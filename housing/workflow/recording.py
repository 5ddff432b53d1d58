"""Opens, fills and ends the runs of one session; a job that outlives this process gets its run before it starts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from housing.algorithms.own_code import Program
from housing.algorithms.registry import find
from housing.data.source_spec import source_text
from housing.errors import CloudError, ServerAway, TrackingError
from housing.secrets import masked_override
from housing.tracking import schema
from housing.tracking.run_record import RunRecord, Status
from housing.workflow.job_run import JobRun, JobsLeftRunning, OpenRun
from housing.workflow.opening import SPOOL_FOLDER
from housing.workflow.outcome import Invocation, Reporter, key_of
from housing.workflow.spending import billed, rented_tags

if TYPE_CHECKING:
    from housing.config.schema import Experiment
    from housing.data.channel import Channel
    from housing.data.encoder import Encoder
    from housing.lazy import Lazy
    from housing.targets.base import Runner
    from housing.tracking.entries import Input
    from housing.tracking.queries import Kind
    from housing.tracking.reader import Run
    from housing.tracking.spool import Destination
    from housing.training.job import TrainingResult
    from housing.workflow.command_record import CommandRecord
    from housing.workflow.experiment_data import ExperimentData

DEFAULTS = 2
"""The version of our defaults, recorded to compose a command again: release 0.1.0 had the walkthrough's."""


class Recording:
    """Opens and ends the runs of one session, with what they have in common."""

    def __init__(
        self,
        experiment: Experiment,
        invocation: Invocation,
        reporter: Reporter,
        *,
        record: CommandRecord,
        runner: Lazy[Runner],
        data: ExperimentData,
    ) -> None:
        self._experiment = experiment
        self._invocation = invocation
        self._reporter = reporter
        self._record = record
        self._runner = runner
        self._data = data

    @property
    def run_tags(self) -> dict[str, str]:
        """The tags of every run of this command; digests only once there are data."""
        invocation, algorithm = self._invocation, self._experiment.algorithm
        tags = {
            schema.COMMAND: invocation.command,
            schema.OVERRIDES: " ".join(map(masked_override, invocation.overrides)),
            schema.CONFIG_HASH: invocation.config_hash,
            **{
                schema.library_version(library): version for library, version in find(algorithm.kind).versions().items()
            },
        }
        if isinstance(code := algorithm.code, Program):
            tags[schema.SCRIPT_DIGEST] = code.digest
        return tags | self._data.digest_tags

    @property
    def parameters(self) -> dict[str, Any]:
        """The experiment's choices, for MLflow's parameter columns; the recorded YAML has everything."""
        experiment = self._experiment
        return {
            **experiment.algorithm.hyperparameters,
            "algorithm": experiment.algorithm.name,
            "dataset": experiment.dataset.name,
            "features": experiment.features.name,
            "label_transform": experiment.features.label_transform,
            "seed": experiment.seed,
            **({"weights": experiment.weights} if experiment.weights != "none" else {}),
        }

    def costs(self, result: TrainingResult) -> dict[str, float]:
        """Metrics of a job's cost, beside its billed seconds; empty if jobs are not billed."""
        return billed(result, self._runner.get().rental, self._experiment.prices)

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

        It stays open if its jobs are left running, or if the target that runs it as a whole fails.

        `again` is the run of an earlier command that is resumed; its parameters are kept.
        """
        # MLflow never changes a parameter: searched ones are logged at the end, with their best values.
        searched = self._experiment.search_space if kind == "study" else {}
        record = RunRecord(
            name,
            kind=kind,
            parent=parent,
            tags=self.run_tags | dict(tags or {}),
            params={key: value for key, value in self.parameters.items() if key not in searched or key == "algorithm"},
            yaml=self._invocation.config_yaml,
        )
        runs = self._record.runs
        if again is not None:
            runs.reopen(again, tags=record.tags, yaml=record.yaml)
        run_id = again or runs.start(self._record.adopting(record))
        run = OpenRun(run_id, {}, {}, {})
        try:
            yield run
        except JobsLeftRunning:
            raise
        except KeyboardInterrupt:
            self._end_early(run, "KILLED", "interrupted")
            raise
        except Exception as error:
            lives_on = isinstance(error, CloudError) and schema.JOB in run.tags
            if not lives_on and not isinstance(error, ServerAway):
                self._end_early(run, "FAILED", str(error))
            raise
        runs.finish(run_id, metrics=run.metrics, tags=run.tags, params=run.params)

    def job_run(
        self,
        name: str,
        *,
        kind: Kind,
        hyperparameters: Mapping[str, Any],
        parent: str | None,
        tags: Mapping[str, str] | None = None,
        channels: Iterable[Channel] | None = None,
        whole: bool = True,
        again: Run | None = None,
    ) -> JobRun:
        """The run that a job will have; nothing is written yet. `whole`: with the configuration, which trials lack.

        `again` is the run of an earlier command whose job is resumed.
        """
        handles = again.tags.get(schema.JOB, "").split() if again is not None else []
        own = {schema.HYPERPARAMETERS: json.dumps(hyperparameters, sort_keys=True), **(tags or {})}
        record = RunRecord(
            name,
            kind=kind,
            parent=parent,
            tags=self.run_tags | own | rented_tags(self._runner.get().rental),
            params=self.parameters | dict(hyperparameters),
            inputs=self._inputs(channels or self._data.prepared.channels.values()),
            yaml=self._invocation.config_yaml if whole else None,
            into=again.id if again is not None else None,
        )
        return JobRun(record, handles=handles, earlier=list(handles))

    def open(self, run: JobRun) -> None:
        """Record a job's handles before it is submitted; the first opens the run."""
        runs = self._record.runs
        if run.run_id is not None:
            runs.annotate(run.run_id, tags=run.handle_tag)
            return
        record = self._record.adopting(run.record.tagged({**run.handle_tag, **self.request_tag}))
        run.record = replace(run.record, into=runs.start(record))

    def take_up(self, run: JobRun) -> None:
        """Take over the run of an earlier command."""
        if run.run_id is not None and run.earlier:
            self._record.runs.reopen(run.run_id)

    def end(
        self,
        run: JobRun,
        result: TrainingResult,
        *,
        tags: Mapping[str, str] | None = None,
        metrics: Mapping[str, float] | None = None,
        encoder: Encoder | None = None,
        files: Mapping[str, bytes] | None = None,
    ) -> str:
        """Record a finished job, with its model, and end its run; returns the run's id.

        Raises ServerAway if the record cannot be reached: the result then waits on disk.
        """
        from housing.tracking.spool import record_or_keep

        files = (encoder_file(encoder) if encoder else {}) | dict(files or {})
        record = self._ended(run, result, tags or {}, metrics or {}, files)
        try:
            return record_or_keep(SPOOL_FOLDER, self._record.runs, record, within_s=self._record.wait_s)
        except ServerAway:
            self._record.is_away = True
            raise
        except KeyboardInterrupt:
            self._reporter.step("record", f"a result that is not recorded yet waits in {SPOOL_FOLDER}")
            raise

    def end_trial(
        self,
        run: JobRun,
        result: TrainingResult,
        *,
        destination: Destination,
        tags: Mapping[str, str],
        files: Mapping[str, bytes],
    ) -> None:
        """The same for one trial of a study; its destination may write it later."""
        destination.record(self._ended(run, result, tags, {}, files))

    def _ended(
        self,
        run: JobRun,
        result: TrainingResult,
        tags: Mapping[str, str],
        metrics: Mapping[str, float],
        files: Mapping[str, bytes],
    ) -> RunRecord:
        self._settle_rounds(run)
        return self._record.adopting(run.record).ended(
            result,
            tags={**result.details, **tags, **run.handle_tag},
            metrics={**self.costs(result), **metrics},
            files=model_file(result) | dict(files),
        )

    def fail(
        self, run: JobRun, reason: str, *, destination: Destination | None = None, tags: Mapping[str, str] | None = None
    ) -> None:
        """Record that a job gave no result, and why."""
        self._settle_rounds(run)
        (destination or self._record.runs).record(run.record.failed(reason, tags=tags or {}))

    def _settle_rounds(self, run: JobRun) -> None:
        if run.run_id is not None:
            self._record.rounds.settle(run.run_id)

    @property
    def request_tag(self) -> dict[str, str]:
        """A tag with what is needed to compose this command again."""
        invocation = self._invocation
        overrides = [masked_override(override) for override in invocation.overrides if not resumes(override)]
        request = {"overrides": overrides, "config_dir": invocation.config_dir, "defaults": DEFAULTS}
        return {schema.REQUEST: json.dumps(request)}

    def _end_early(self, run: OpenRun, status: Status, reason: str) -> None:
        # If the record itself has failed, that error is reported; the next command ends the run.
        with suppress(TrackingError):
            self._record.runs.finish(run.run_id, status, metrics=run.metrics, tags=run.tags | {schema.REASON: reason})

    def _inputs(self, channels: Iterable[Channel]) -> Sequence[Input]:
        """The inputs that MLflow shows as a run's datasets."""
        from housing.tracking.entries import Input

        dataset = self._experiment.dataset
        words = {"numeric": "double", "boolean": "boolean", "date": "datetime"}
        kinds = {name: words.get(column.kind, "string") for name, column in dataset.columns.items()}
        return [
            Input(
                dataset.name,
                channel.name,
                digest=channel.digest,
                source=source_text(dataset.source),
                rows=len(channel.label),
                columns=len(channel.columns),
                kinds=kinds,
            )
            for channel in channels
        ]


def encoder_file(encoder: Encoder) -> dict[str, bytes]:
    """The encoder as an artifact of a run."""
    return {"encoder.json": encoder.to_json().encode()}


def model_file(result: TrainingResult) -> dict[str, bytes]:
    """A job's model as an artifact of its run; empty if it has none."""
    return {f"model.{result.model_format}": result.model} if result.model else {}


def resumes(override: str) -> bool:
    """Whether the override names a study to resume."""
    return key_of(override) == "study.resume"
