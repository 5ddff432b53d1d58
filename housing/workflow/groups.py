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
from housing.tracking.run_record import RunRecord
from housing.workflow.jobs import trained
from housing.workflow.opening import open_record
from housing.workflow.outcome import Invocation, Outcome, Reporter
from housing.workflow.session import Session
from housing.workflow.spending import Ledger
from housing.workflow.works import Works

if TYPE_CHECKING:
    from housing.tracking.runs import Runs

T = TypeVar("T")


class Group:
    """A multirun at work. What it is told in `failures` makes its run FAILED; `stopping` asks running jobs to end."""

    def __init__(self, run_id: str, runs: Runs, ledger: Ledger, closing: ExitStack) -> None:
        self.run_id = run_id
        self.failures: list[str] = []
        self.stopping = threading.Event()
        self._runs = runs
        self._closing = closing
        self._lock = threading.Lock()
        self._made: dict[tuple[str, ...], Future[Any]] = {}
        self._ledger = ledger

    def train(self, experiment: Experiment, invocation: Invocation, reporter: Reporter) -> Outcome:
        """One job, from any thread. Jobs with the same dataset and features share what was read, encoded and staged.

        All are recorded in the experiment of their parent: MLflow nests runs within one experiment only.
        """
        session = Session(experiment, invocation, reporter)
        session.runs = self._runs
        runner = repr(experiment.runner)
        session.works = self._once(("works", runner), lambda: self._open_works(session))
        session.runner = session.works.runner
        # By repr and not by equality, for features are numbered in the order of the columns.
        data = ("data", repr(experiment.dataset), repr(experiment.features), runner)
        session.prepared, session.staged = self._once(data, lambda: (session.prepared, session.staged))
        return trained(session, stopping=self.stopping.is_set)

    def _open_works(self, session: Session) -> Works:
        works = Works(session.runner, lambda: self._runs, self._ledger, session.reporter, session.invocation.next)
        self._closing.callback(works.close)
        return works

    def _once(self, key: tuple[str, ...], make: Callable[[], T]) -> T:
        """What `make` returned or raised for whoever asked first; all others wait for it."""
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
def open_group(experiment: Experiment, invocation: Invocation, reporter: Reporter) -> Iterator[Group]:
    """The parent run of a multirun, of which `experiment` is the first job.

    Its jobs name it as `Invocation.parent_run_id`. It ends FAILED with a list when any job failed, KILLED when the
    block was interrupted; the best job's objective stands on it, for the charts.
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
    )
    run_id = runs.start(record.adopting(inherited))
    try:
        with ExitStack() as closing:
            group = Group(run_id, runs, Ledger(experiment.prices, experiment.budget), closing)
            yield group
    except KeyboardInterrupt:
        runs.finish(run_id, "KILLED", tags={schema.REASON: "interrupted"})
        raise
    except Exception as error:
        runs.finish(run_id, "FAILED", tags={schema.REASON: str(error)})
        raise
    metrics, tags = _best(runs, run_id, experiment)
    if group.failures:
        tags[schema.FAILURES] = "\n".join(group.failures)
    runs.finish(run_id, "FAILED" if group.failures else "FINISHED", metrics=metrics, tags=tags)


def _best(runs: Runs, run_id: str, experiment: Experiment) -> tuple[dict[str, float], dict[str, str]]:
    """Rank the jobs; what the parent says about the best one."""
    from housing.training.metrics import direction

    objective = experiment.study.objectives[0]
    ranked = runs.rank_children(run_id, {objective: direction(objective, experiment.algorithm.directions)})
    if not ranked:
        return {}, {}
    best = ranked[0]
    return {objective: best.metrics[objective]}, {schema.BEST_RUN: best.id, schema.BEST: best.name}
