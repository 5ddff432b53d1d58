"""How the runs of one session are opened, filled and ended; a job's run is opened first where the job outlives us."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from housing.algorithms.base import find
from housing.algorithms.own_code import Program
from housing.errors import CloudError, ServerAway, TrackingError
from housing.secrets import masked_override
from housing.tracking import schema
from housing.tracking.run_record import RunRecord, Status
from housing.workflow.opening import SPOOL_FOLDER
from housing.workflow.outcome import key_of
from housing.workflow.spending import rented_tags
from housing.workflow.works import LeftAtWork

if TYPE_CHECKING:
    from housing.data.channel import Channel
    from housing.data.encoder import Encoder
    from housing.tracking.entries import Input
    from housing.tracking.queries import Kind, Run
    from housing.tracking.spool import Recorder
    from housing.training.job import TrainingResult
    from housing.workflow.session import Session


@dataclass(frozen=True)
class OpenRun:
    """A parent run at work; what is put into `metrics`, `tags` and `params` is logged when it ends."""

    run_id: str
    metrics: dict[str, float]
    tags: dict[str, str]
    params: dict[str, Any]


@dataclass
class JobRun:
    """The run of one job, or of the few jobs of one trial, while they are at work.

    Its record has no run yet (`run_id` is None) until all is known where jobs end with this process, else until the
    first is about to be submitted. `handles` are those of its jobs so far; `earlier` of them are of a command that has
    ended, and are taken up again, in their order.
    """

    record: RunRecord
    handles: list[str] = field(default_factory=list)
    earlier: list[str] = field(default_factory=list)

    @property
    def run_id(self) -> str | None:
        """The run's id, once it is in the record."""
        return self.record.into

    @property
    def tags(self) -> Mapping[str, str]:
        """What the run is, or would be, described with."""
        return self.record.tags

    @property
    def handle_tag(self) -> dict[str, str]:
        """The handles, for the record; empty where jobs have none."""
        return {schema.JOB: " ".join(self.handles)} if self.handles else {}


class Recording:
    """What the runs of one session have in common, and how they begin and end."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @property
    def run_tags(self) -> dict[str, str]:
        """What every run of this command carries; digests only once there is data."""
        session, invocation = self._session, self._session.invocation
        tags = {
            schema.COMMAND: invocation.command,
            schema.OVERRIDES: " ".join(map(masked_override, invocation.overrides)),
            schema.CONFIG_HASH: invocation.config_hash,
            **{
                schema.library_version(library): version
                for library, version in find(session.experiment.algorithm.kind).versions().items()
            },
        }
        if isinstance(code := session.experiment.algorithm.code, Program):
            tags[schema.SCRIPT_DIGEST] = code.digest
        return tags | session.digest_tags

    @property
    def parameters(self) -> dict[str, Any]:
        """The choices of the experiment, for MLflow's parameter columns; the whole of it is in the recorded YAML."""
        experiment = self._session.experiment
        return {
            **experiment.algorithm.hyperparameters,
            "algorithm": experiment.algorithm.name,
            "dataset": experiment.dataset.name,
            "features": experiment.features.name,
            "label_transform": experiment.features.label_transform,
            "seed": experiment.seed,
        }

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

        It stays as it is when its jobs are left at work, and when it is itself at work at a place that fails.

        `again` is the run of an earlier command that goes on; its parameters stand.
        """
        # MLflow never changes a parameter: those that a study searches wait for their best values.
        searched = self._session.experiment.search_space if kind == "study" else {}
        record = RunRecord(
            name,
            kind=kind,
            parent=parent,
            tags=self.run_tags | dict(tags or {}),
            params={key: value for key, value in self.parameters.items() if key not in searched},
            yaml=self._session.invocation.config_yaml,
        )
        runs = self._session.runs
        if again is not None:
            runs.reopen(again, tags=record.tags, yaml=record.yaml)
        run_id = again or runs.start(self._adopting(record))
        run = OpenRun(run_id, {}, {}, {})
        try:
            yield run
        except LeftAtWork:
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
        """The run that a job will have; nothing is written yet. `whole`: with the configuration, which a trial has not.

        `again` is the run of an earlier command whose job goes on.
        """
        session = self._session
        handles = again.tags.get(schema.JOB, "").split() if again is not None else []
        own = {schema.HYPERPARAMETERS: json.dumps(hyperparameters, sort_keys=True), **(tags or {})}
        record = RunRecord(
            name,
            kind=kind,
            parent=parent,
            tags=self.run_tags | own | rented_tags(session.runner.rental),
            params=self.parameters | dict(hyperparameters),
            inputs=self._inputs(channels or session.prepared.channels.values()),
            yaml=session.invocation.config_yaml if whole else None,
            into=again.id if again is not None else None,
        )
        return JobRun(record, handles=handles, earlier=list(handles))

    def open(self, run: JobRun) -> None:
        """Put a job's handles into the record, before it is submitted: the first opens the run."""
        runs = self._session.runs
        if run.run_id is not None:
            runs.annotate(run.run_id, tags=run.handle_tag)
            return
        record = self._adopting(run.record.tagged({**run.handle_tag, **self.request_tag}))
        run.record = replace(run.record, into=runs.start(record))

    def take_up(self, run: JobRun) -> None:
        """Make the run of an earlier command this process's own."""
        if run.run_id is not None and run.earlier:
            self._session.runs.reopen(run.run_id)

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
        """Keep a finished job as its run, with its model; returns its id.

        Raises ServerAway where the record takes it no more: then it waits on disk.
        """
        from housing.tracking.spool import record_or_keep

        session = self._session
        files = (encoder_file(encoder) if encoder else {}) | dict(files or {})
        record = self._ended(run, result, tags or {}, metrics or {}, files)
        try:
            within_s = session.works.record_wait_s(session.experiment.tracking.wait_s)
            return record_or_keep(SPOOL_FOLDER, session.runs, record, within_s=within_s)
        except ServerAway:
            session.works.record_is_away = True
            raise
        except KeyboardInterrupt:
            session.reporter.step("record", f"a result that is not recorded yet waits in {SPOOL_FOLDER}")
            raise

    def end_trial(self, run: JobRun, result: TrainingResult, *, recorder: Recorder, tags: Mapping[str, str]) -> None:
        """The same for one trial of a study; its recorder may keep it for later."""
        recorder.record(self._ended(run, result, tags, {}, {}))

    def _ended(
        self,
        run: JobRun,
        result: TrainingResult,
        tags: Mapping[str, str],
        metrics: Mapping[str, float],
        files: Mapping[str, bytes],
    ) -> RunRecord:
        self._settle_rounds(run)
        return self._adopting(run.record).ended(
            result,
            tags={**result.details, **tags, **run.handle_tag},
            metrics={**self._session.works.costs(result), **metrics},
            files=model_file(result) | dict(files),
        )

    def fail(
        self, run: JobRun, reason: str, *, recorder: Recorder | None = None, tags: Mapping[str, str] | None = None
    ) -> None:
        """Keep that a job gave no result, and why."""
        self._settle_rounds(run)
        (recorder or self._session.runs).record(run.record.failed(reason, tags=tags or {}))

    def _settle_rounds(self, run: JobRun) -> None:
        if run.run_id is not None:
            self._session.works.rounds.settle(run.run_id)

    @property
    def request_tag(self) -> dict[str, str]:
        """How this command can be composed again."""
        invocation = self._session.invocation
        overrides = [masked_override(override) for override in invocation.overrides if not resumes(override)]
        return {schema.REQUEST: json.dumps({"overrides": overrides, "config_dir": invocation.config_dir})}

    def _end_early(self, run: OpenRun, status: Status, reason: str) -> None:
        # Where the record itself has failed, its error is the one to tell; the next command ends the run.
        with suppress(TrackingError):
            self._session.runs.finish(run.run_id, status, metrics=run.metrics, tags=run.tags | {schema.REASON: reason})

    def _adopting(self, record: RunRecord) -> RunRecord:
        """For the run that `mlflow run` has opened for this process: the first record without a parent fills it."""
        if record.parent is not None or record.into is not None:
            return record
        _ = self._session.runs  # opened by the inherited run's experiment, so before that run is given away
        return record.adopting(self._session.give_away_inherited_run())

    def _inputs(self, channels: Iterable[Channel]) -> Sequence[Input]:
        """What MLflow shows as the datasets of a run."""
        from housing.tracking.entries import Input

        dataset = self._session.experiment.dataset
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


def encoder_file(encoder: Encoder) -> dict[str, bytes]:
    """The encoder as an artifact of a run."""
    return {"encoder.json": encoder.to_json().encode()}


def model_file(result: TrainingResult) -> dict[str, bytes]:
    """A job's model as an artifact of its run; empty where it has none."""
    return {f"model.{result.model_format}": result.model} if result.model else {}


def resumes(override: str) -> bool:
    """Whether it names a study to resume."""
    return key_of(override) == "study.resume"
