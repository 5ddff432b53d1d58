"""How the runs of one session are opened, filled and ended; a job's run is opened first where the job outlives us."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from housing.algorithms.base import find
from housing.algorithms.own_code import Program
from housing.errors import CloudError, ServerAway, TrackingError
from housing.secrets import masked_override
from housing.tracking import schema
from housing.workflow.opening import SPOOL_FOLDER
from housing.workflow.outcome import key_of
from housing.workflow.spending import rented_tags
from housing.workflow.works import LeftAtWork

if TYPE_CHECKING:
    from housing.data.channel import Channel
    from housing.data.encoder import Encoder
    from housing.tracking.entries import Input
    from housing.tracking.queries import Kind, Run
    from housing.tracking.runs import Status
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
    """The run of one job, or of the few jobs of one trial.

    `run_id` is None while it is not in the record: until all is known where jobs end with this process, else until the
    first is about to be submitted. `handles` are those of its jobs so far; `earlier` of them are of a command that has
    ended, and are taken up again, in their order.
    """

    name: str
    kind: Kind
    parent: str | None
    tags: Mapping[str, str]
    params: Mapping[str, Any]
    inputs: Sequence[Input]
    yaml: str | None = None
    run_id: str | None = None
    handles: list[str] = field(default_factory=list)
    earlier: list[str] = field(default_factory=list)


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
        own: dict[str, Any] = {
            "tags": self.run_tags | dict(tags or {}),
            "params": {key: value for key, value in self.parameters.items() if key not in searched},
            "yaml": self._session.invocation.config_yaml,
        }
        runs = self._session.runs
        if again is not None:
            runs.reopen(again, tags=own["tags"], yaml=own["yaml"])
        adopted = self._adopt(name, kind=kind, **own) if parent is None and again is None else None
        run_id = again or adopted or runs.start(name, kind=kind, parent=parent, **own)
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
        return JobRun(
            name,
            kind,
            parent,
            tags=self.run_tags | own | rented_tags(session.runner.rental),
            params=self.parameters | dict(hyperparameters),
            inputs=self._inputs(channels or session.prepared.channels.values()),
            yaml=session.invocation.config_yaml if whole else None,
            run_id=again.id if again is not None else None,
            handles=handles,
            earlier=list(handles),
        )

    def open(self, run: JobRun) -> None:
        """Put a job's handles into the record, before it is submitted: the first opens the run."""
        runs, handles = self._session.runs, {schema.JOB: " ".join(run.handles)}
        if run.run_id is not None:
            runs.annotate(run.run_id, tags=handles)
            return
        own: dict[str, Any] = {
            "tags": {**run.tags, **handles, **self.request_tag},
            "params": run.params,
            "yaml": run.yaml,
        }
        adopted = self._adopt(run.name, kind=run.kind, **own) if run.parent is None else None
        run.run_id = adopted or runs.start(run.name, kind=run.kind, parent=run.parent, inputs=run.inputs, **own)

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
        ended = self._ended(run, result, tags or {}, metrics or {}, files)
        try:
            within_s = session.works.record_wait_s(session.experiment.tracking.wait_s)
            return record_or_keep(SPOOL_FOLDER, session.runs, within_s=within_s, **ended)
        except ServerAway:
            session.works.record_is_away = True
            raise
        except KeyboardInterrupt:
            session.reporter.step("record", f"a result that is not recorded yet waits in {SPOOL_FOLDER}")
            raise

    def end_trial(self, run: JobRun, result: TrainingResult, *, recorder: Recorder, tags: Mapping[str, str]) -> None:
        """The same for one trial of a study; its recorder may keep it for later."""
        recorder.record(**self._ended(run, result, tags, {}, {}))

    def _ended(
        self,
        run: JobRun,
        result: TrainingResult,
        tags: Mapping[str, str],
        metrics: Mapping[str, float],
        files: Mapping[str, bytes],
    ) -> dict[str, Any]:
        adopted = None
        if run.run_id is not None:
            self._session.works.rounds.settle(run.run_id)
        elif run.parent is None:
            adopted = self._session.give_away_inherited_run()
        into = run.run_id or adopted
        added = {**result.details, **tags, **({schema.JOB: " ".join(run.handles)} if run.handles else {})}
        return {
            "result": result,
            "name": run.name,
            "kind": run.kind,
            "parent": run.parent,
            "tags": added if run.run_id is not None else {**run.tags, **added},
            "params": run.params,
            "metrics": {**self._session.works.costs(result), **metrics},
            "yaml": run.yaml if run.run_id is None else None,
            "inputs": run.inputs if run.run_id is None else (),
            "files": _model_file(result) | dict(files),
            "status": "KILLED" if result.stopped else "FINISHED",
            "into": into,
            **({"adopts": True} if adopted is not None else {}),
        }

    def fail(
        self, run: JobRun, reason: str, *, recorder: Recorder | None = None, tags: Mapping[str, str] | None = None
    ) -> None:
        """Keep that a job gave no result, and why."""
        if run.run_id is not None:
            self._session.works.rounds.settle(run.run_id)
        (recorder or self._session.runs).record_failure(
            run.name,
            reason,
            kind=run.kind,
            parent=run.parent,
            params=run.params,
            tags=dict(tags or {}) if run.run_id is not None else {**run.tags, **(tags or {})},
            into=run.run_id,
        )

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

    def _adopt(self, name: str, **described: Any) -> str | None:
        """The run that `mlflow run` has opened for this process, the first time a run without a parent is wanted."""
        runs = self._session.runs  # opened by the inherited run's experiment, so before that run is given away
        inherited = self._session.give_away_inherited_run()
        return runs.adopt(inherited, name, **described) if inherited is not None else None

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


def _model_file(result: TrainingResult) -> dict[str, bytes]:
    return {f"model.{result.model_format}": result.model} if result.model else {}


def resumes(override: str) -> bool:
    """Whether it names a study to resume."""
    return key_of(override) == "study.resume"
