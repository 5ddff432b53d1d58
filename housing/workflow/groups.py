"""The jobs of a multirun: one parent run, one connection to the record, each dataset prepared once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from housing.config.schema import Experiment
from housing.secrets import masked_override
from housing.tracking import schema
from housing.tracking.names import handle
from housing.tracking.run_record import RunRecord
from housing.workflow.command_record import CommandRecord
from housing.workflow.earlier_group import EarlierJobs, going_on
from housing.workflow.experiment_data import ExperimentData
from housing.workflow.group_report import log_group
from housing.workflow.jobs import trained, trained_before
from housing.workflow.opening import open_record, where_recorded
from housing.workflow.outcome import Invocation, Outcome, Reporter
from housing.workflow.resources import Resources, resources_of
from housing.workflow.session import Session
from housing.workflow.spending import Ledger

if TYPE_CHECKING:
    from housing.tracking.runs import Runs

T = TypeVar("T")


class Group:
    """A running multirun. Any entry in `failures` makes its run FAILED; `stopping` asks running jobs to end."""

    def __init__(
        self,
        run_id: str,
        name: str,
        records_at: str,
        *,
        record: CommandRecord,
        ledger: Ledger,
        closing: ExitStack,
        earlier: EarlierJobs,
    ) -> None:
        """`records_at` says where the record can be viewed; `earlier` are the jobs of a resumed command."""
        self.run_id = run_id
        self.handle = handle(run_id, name)
        self.records_at = (records_at,)
        self.failures: list[str] = []
        self.stopping = threading.Event()
        self._record = record
        self._closing = closing
        self._lock = threading.Lock()
        self._made: dict[tuple[str, ...], Future[Any]] = {}
        self._ledger = ledger
        self._earlier = earlier

    def train(self, experiment: Experiment, invocation: Invocation, reporter: Reporter) -> Outcome:
        """Train one job, from any thread. Jobs with the same dataset and features share the data that are staged.

        All are recorded in their parent's experiment: MLflow nests runs only within one experiment.
        """
        runner = repr(experiment.runner)
        resources = self._once(("runner", runner), lambda: self._resources(experiment, invocation, reporter))
        # By repr, not by equality, as features are numbered in the order of the columns.
        key = ("data", repr(experiment.dataset), repr(experiment.features), experiment.weights, runner)
        data = self._once(key, lambda: self._data(experiment, reporter, resources))
        session = Session(experiment, invocation, reporter, resources=resources, data=data)
        known = self._earlier.take({schema.CONFIG_HASH: invocation.config_hash, **data.digest_tags})
        if known is not None and known.status == "FINISHED":
            return trained_before(session, known)
        return trained(session, stopping=self.stopping.is_set, again=known)

    def _resources(self, experiment: Experiment, invocation: Invocation, reporter: Reporter) -> Resources:
        resources = resources_of(experiment, invocation, reporter, record=self._record, ledger=self._ledger)
        self._closing.callback(resources.close)
        _ = resources.running_jobs.get()  # so that a target's refusal is raised only once
        return resources

    def _data(self, experiment: Experiment, reporter: Reporter, resources: Resources) -> ExperimentData:
        data = ExperimentData(experiment, reporter, record=resources.record, runner=resources.runner)
        _ = data.staged  # so that bad data are read and refused only once
        return data

    def _once(self, key: tuple[str, ...], make: Callable[[], T]) -> T:
        """What `make` returned or raised for the first caller; all others wait for it."""
        with self._lock:
            found = self._made.get(key)
            future: Future[T] = found or self._made.setdefault(key, Future())
        if found is None:
            try:
                future.set_result(make())
            except BaseException as error:
                future.set_exception(error)
        return future.result()


@contextmanager
def open_group(
    experiment: Experiment, invocation: Invocation, reporter: Reporter, *, goes_on: bool = False
) -> Iterator[Group]:
    """The parent run of a multirun, of which `experiment` is the first job.

    Its jobs name it as `Invocation.parent_run_id`. It ends FAILED with a list when any job failed, KILLED when the
    block was interrupted; the best job's objective is logged on it, for charts.

    `goes_on`: if the same command was interrupted, or had failed jobs, its run is resumed, and finished jobs are not
    repeated.
    """
    from housing.tracking.names import group_name
    from housing.tracking.runs import inherited_run

    inherited = inherited_run()
    runs = open_record(experiment, reporter, inside=inherited)
    runs.check_writable()
    record = RunRecord(
        group_name(invocation.command),
        kind="group",
        tags={
            schema.COMMAND: f"{invocation.command} --multirun",
            schema.OVERRIDES: " ".join(map(masked_override, invocation.overrides)),
        },
        yaml=invocation.config_yaml,
    ).adopting(inherited)
    with ExitStack() as held:
        if goes_on and inherited is None:
            run_id, name, jobs = held.enter_context(going_on(runs, record))
        else:
            run_id, name, jobs = runs.start(record), record.name, EarlierJobs()
        if jobs.done:
            reporter.step("resume", f"{name} has {jobs.done} of its jobs, which are not trained again")
        try:
            with ExitStack() as closing:
                group = Group(
                    run_id,
                    name,
                    where_recorded(experiment, invocation),
                    record=CommandRecord(experiment, invocation, reporter, runs=runs),
                    ledger=Ledger(experiment.prices, experiment.budget),
                    closing=closing,
                    earlier=jobs,
                )
                yield group
        except KeyboardInterrupt:
            if goes_on:
                reporter.step("stopped", f"{name} keeps the jobs that are done; run the same command again to continue")
            runs.finish(run_id, "KILLED", tags={schema.REASON: "interrupted"})
            raise
        except Exception as error:
            runs.finish(run_id, "FAILED", tags={schema.REASON: str(error)})
            raise
        metrics, tags = _best(runs, run_id, experiment)
        if group.failures:
            tags[schema.FAILURES] = "\n".join(group.failures)
        if tags.get(schema.BEST_RUN):
            tags[schema.NOTE] = log_group(runs, run_id, name, experiment)
        runs.finish(run_id, "FAILED" if group.failures else "FINISHED", metrics=metrics, tags=tags)


def _best(runs: Runs, run_id: str, experiment: Experiment) -> tuple[dict[str, float], dict[str, str]]:
    """Rank the jobs; returns the parent's metrics and tags about the best one."""
    from housing.tracking.ranking import rank_children
    from housing.training.metrics import direction

    objective = experiment.study.objectives[0]
    ranked = rank_children(runs, run_id, {objective: direction(objective, experiment.algorithm.directions)})
    if not ranked:
        return {}, {}
    best = ranked[0]
    return {objective: best.metrics[objective]}, {schema.BEST_RUN: best.id, schema.BEST: best.name}
