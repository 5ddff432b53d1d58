"""`housing attach`: completes the runs of commands that ended before their jobs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from housing.config.schema import Experiment
from housing.errors import ConfigError, DataError, HousingError, TrackingError
from housing.processes import is_dead, process_tag
from housing.secrets import unmasked
from housing.shell import setting
from housing.targets.base import LastingRunner
from housing.tracking import schema
from housing.tracking.run_record import RunRecord
from housing.workflow.command_record import CommandRecord
from housing.workflow.jobs import fit
from housing.workflow.outcome import Invocation, Outcome, OutputTable, Reporter, key_of
from housing.workflow.promotion import promote_best
from housing.workflow.recording import model_file
from housing.workflow.resources import resources_of
from housing.workflow.session import Session
from housing.workflow.studies import study

if TYPE_CHECKING:
    from housing.targets.managed import ManagedJob
    from housing.tracking.reader import Run


class Recompose(Protocol):
    """Composes and checks a command again. Raises ConfigError."""

    def __call__(
        self, command: str, overrides: Sequence[str], config_dir: Path | None
    ) -> tuple[Experiment, Invocation]: ...


def attach(
    experiment: Experiment, invocation: Invocation, reporter: Reporter, *, run: str | None, recompose: Recompose
) -> Outcome:
    """Wait for the jobs of `run`, or of every run that was left behind, and complete the record.

    No job is run twice: each is looked up by its handle, and started only if its command was killed before starting it.
    Raises ConfigError if there is nothing to attach to, or the first error after all have been tried.
    """
    with Session(experiment, invocation, reporter) as session:
        if run is not None:
            wanted = [_whole(session, session.runs.get(run))]
            _refuse_ended(session, wanted[0])
        else:
            left = [_whole(session, each) for each in session.runs.left_running()]
            wanted = list({each.id: each for each in left}.values())
        done: list[tuple[str, str]] = []
        failures: list[HousingError] = []
        for each in wanted:
            try:
                done.append((each.name, _attach(session, each, recompose)))
            except HousingError as error:
                done.append((each.name, str(error).splitlines()[0]))
                failures.append(error)
        if run is None:
            done += _unknown(session)
        if failures:
            for name, came in done:
                reporter.step("attach", f"{name}: {came}")
            raise failures[0]
        return Outcome(
            headline=f"{len(done)} completed" if done else "nothing to attach: every job is recorded",
            data={"runs": [{"name": name, "result": came} for name, came in done]},
            tables=(OutputTable("", ("run", "result"), done),) if done else (),
            recorded=session.records_at,
            next_commands=((invocation.next("ui"), "the record in the browser"),),
        )


def _attach(session: Session, run: Run, recompose: Recompose) -> str:
    """Continue what the run's command was doing; returns a description of the result."""
    request = json.loads(run.tags.get(schema.REQUEST, "{}"))
    typed = [override for override in session.invocation.overrides if key_of(override) != "study.resume"]
    keys = {key_of(override) for override in typed}
    overrides = [*(each for each in unmasked(request.get("overrides", ())) if key_of(each) not in keys), *typed]
    folder = request.get("config_dir") or session.invocation.config_dir
    resumed = [f"study.resume={run.id}"] if run.kind == "study" else []
    command = run.tags.get(schema.COMMAND, "train")
    experiment, invocation = recompose(command, (*overrides, *resumed), Path(folder) if folder else None)
    record = CommandRecord(experiment, invocation, session.reporter, runs=session.runs)
    resources = resources_of(experiment, invocation, session.reporter, record=record)
    with Session(experiment, invocation, session.reporter, resources=resources) as own:
        if run.kind == "study":
            best = study(own, parent=run.parent).best
            objective = experiment.study.objectives[0]
            return f"best {objective} {own.amount(best.metrics[objective], objective)}, {best.name}"
        with _held(own, run):
            _refuse_other_data(own, run)
            if run.kind == "final":
                source = own.runs.get(run.tags[schema.SOURCE_RUN])
                version = promote_best(own, parent=run.parent, source=source, again=run).version
                return f"{version.name} version {version.number}"
            result, _, _ = fit(own, parent=run.parent, again=run, bagged=schema.BAG in run.tags)
            objective = experiment.study.objectives[0]
            return f"{objective} {own.amount(result.metrics[objective], objective)}"


@contextmanager
def _held(session: Session, run: Run) -> Iterator[None]:
    from housing.tracking.study_lock import study_lock

    with study_lock(session.runs, run.id, run.name):
        yield


def _whole(session: Session, run: Run) -> Run:
    """The run to complete: a trial's study, a member's ensemble, or the run itself."""
    parent = session.runs.get(run.parent) if run.parent is not None else None
    return parent if parent is not None and (parent.kind == "study" or run.kind == "member") else run


def _refuse_ended(session: Session, run: Run) -> None:
    """Raises ConfigError for a run that has ended, TrackingError if its command is still running."""
    children = session.runs.children(run.id) if run.kind == "study" else []
    open_runs = [each for each in (run, *children) if each.status == "RUNNING" and schema.JOB in each.tags]
    if not open_runs:
        again = session.invocation.next("tune", setting("study.resume", run.name))
        way_out = f"`{again}` continues it" if run.kind == "study" else "it is complete"
        raise ConfigError(f"attach {run.name}: none of its jobs is still running ({run.status}); {way_out}")
    for each in open_runs:
        process = each.tags.get(schema.PROCESS, "")
        is_here = process.split()[:3] == process_tag().split()[:3]
        if is_here and not is_dead(process):
            raise TrackingError(f"attach {each.name}: its own command is still at work; wait for it or end it")


def _refuse_other_data(session: Session, run: Run) -> None:
    _ = session.prepared
    changed = [name for name, digest in session.data.digest_tags.items() if run.tags.get(name) != digest]
    if changed:
        what = ", ".join(name.removeprefix(schema.PREFIX).replace("_digest", "") for name in changed)
        raise DataError(
            f"attach {run.name}: its {what} is no longer the same, so its model would not fit the encoder of "
            "today; restore the old data"
        )


# --- jobs that the record does not know -----------------------------------------------------------------------------


def _unknown(session: Session) -> list[tuple[str, str]]:
    """Record the experiment's jobs without a run: the record was unreachable when they began, or is a new one."""
    runner, runs = session.runner, session.runs
    if not isinstance(runner, LastingRunner):
        return []
    in_record = {handle for run in runs.with_tag(schema.JOB) for handle in run.tags[schema.JOB].split()}
    with session.reporter.working("looking for jobs that the record does not know"):
        jobs = runner.find({"housing:experiment": runs.experiment}, known=in_record)
    # A job with a run in the record is completed by attaching to that run, or its study.
    unknown = [job for job in jobs if not _is_run(session, job.tags.get("housing:run"))]
    return [(job.handle, _recorded(session, job)) for job in unknown]


def _is_run(session: Session, run_id: str | None) -> bool:
    if run_id is None:
        return False
    try:
        session.runs.get(run_id)
    except TrackingError:
        return False
    return True


def _recorded(session: Session, job: ManagedJob) -> str:
    if job.state == "running":
        return "still running; attach again when it has ended"
    params, tags = dict(job.hyperparameters), {schema.JOB: job.handle}
    if job.result is None:
        reason = job.reason or job.state
        session.runs.record(RunRecord(job.handle, tags=tags, params=params, reason=reason))
        return reason
    hyperparameters = {schema.HYPERPARAMETERS: json.dumps(params, sort_keys=True)}
    record = RunRecord(job.tags.get("housing:job", job.handle), params=params).ended(
        job.result,
        tags={**job.result.details, **tags, **hyperparameters},
        metrics=session.recording.costs(job.result),
        files=model_file(job.result),
    )
    session.runs.record(record)
    return ", ".join(f"{name} {value:,.4g}" for name, value in job.result.metrics.items())
