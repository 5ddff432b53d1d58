"""The jobs of one command while they run: paid for, recorded, watched, and stopped or left running."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError, Future
from concurrent.futures import wait as wait_for
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from housing.errors import CloudError, ConfigError, JobRefused, TrackingError
from housing.targets.base import LastingRunner, Runner
from housing.tracking import schema
from housing.training.job import Progress, TrainingJob, TrainingResult
from housing.tuning.study_loop import interrupt_as_event
from housing.workflow.job_run import JobRun, JobsLeftRunning
from housing.workflow.spending import Ledger, billed

if TYPE_CHECKING:
    from housing.workflow.command_record import CommandRecord
    from housing.workflow.outcome import Reporter
    from housing.workflow.recording import Recording

_LOOK_S = 0.5
_KEY_LIMIT, _VALUE_LIMIT = 128, 256
_UNTAGGABLE = re.compile(r"[^\w .:/=+@-]")


class RunningJobs:
    """Shared by all sessions of a command. May be used from any thread unless a method says otherwise.

    `next_command` is `Invocation.next`.
    """

    def __init__(
        self,
        runner: Runner,
        record: CommandRecord,
        ledger: Ledger,
        reporter: Reporter,
        next_command: Callable[..., str],
    ) -> None:
        self.runner = runner
        self.ledger = ledger
        self.stopping = False
        self.leaving = False
        self._record = record
        self._reporter = reporter
        self._next = next_command
        self._at_work: dict[str, JobRun] = {}
        self._never_begun: set[str] = set()
        self._told_of_record = False
        if isinstance(runner, LastingRunner):
            runner.listen(self._hear)

    def submit(
        self,
        job: TrainingJob,
        run: JobRun,
        recording: Recording,
        progress: Progress | None = None,
        *,
        live: bool = True,
    ) -> Future[TrainingResult]:
        """Start a job of the run, or resume one of an earlier command.

        Where jobs outlive this process, the handle is recorded before the job exists, and with `live` its rounds are
        logged to the run while it trains. Raises BudgetRefused before anything is done.
        """
        if run.earlier:
            handle: str | None = run.earlier.pop(0)
            recording.take_up(run)
            reserved_usd = 0.0  # it is already spent
        else:
            reserved_usd = self.ledger.reserve(self.runner.rental, job.name)
            if self.stopping:  # meanwhile
                self.ledger.settle(reserved_usd, 0.0)
                raise CancelledError
            handle = self.runner.handle()
            if handle is not None:
                run.handles.append(handle)
                self._enter(run, recording)
        if handle is None:
            return self.runner.submit(job, progress)
        job = replace(job, handle=handle, tags=self.job_tags(run))
        self._at_work[handle] = run
        outcome: Future[TrainingResult] = Future()
        outcome.set_running_or_notify_cancel()

        def ended(future: Future[TrainingResult]) -> None:
            self._at_work.pop(handle, None)
            if (error := future.exception()) is not None:
                never_begun = isinstance(error, (JobRefused, ConfigError))
                if never_begun:
                    self._never_begun.add(handle)
                self.ledger.settle(reserved_usd, 0.0 if never_begun else None)
                outcome.set_exception(error)
                return
            result = future.result()
            self.ledger.settle(reserved_usd, billed(result, self.runner.rental, self.ledger.prices).get("cost_usd"))
            outcome.set_result(result)

        try:
            submitted = self.runner.submit(job, self._watching(run, progress, live=live))
        except Exception:
            self._at_work.pop(handle, None)
            self.ledger.settle(reserved_usd, None)
            raise
        submitted.add_done_callback(ended)
        return outcome

    def result(self, future: Future[TrainingResult], *, stopping: Callable[[], bool] | None = None) -> TrainingResult:
        """The result of a job that `submit` started; only for the command's own thread, or a multirun's.

        Ctrl-C in a terminal asks what to do with a job that outlives this process; otherwise it is stopped. Raises
        JobsLeftRunning if it is left running; a stopped job gives its result.
        """
        if not self._at_work:
            return future.result()
        interrupted = threading.Event()
        with interrupt_as_event(interrupted, self.decide):
            while not wait_for([future], _LOOK_S).done:
                if not self.stopping and (interrupted.is_set() or (stopping is not None and stopping())):
                    self.stop()
        return future.result()

    def decide(self) -> bool:
        """After Ctrl-C: True if the jobs are to stop, False if the command continues. Raises JobsLeftRunning."""
        if not self._at_work:
            return True
        jobs = "1 job is" if len(self._at_work) == 1 else f"{len(self._at_work):,} jobs are"
        answer = self._reporter.ask(f"{jobs} still at work", {"s": "stop", "l": "leave running", "g": "go on"})
        if answer == "g":
            return False
        if answer == "l":
            self.leaving = True
            left = dict.fromkeys(run.record.parent or run.run_id for run in self._at_work.values())
            commands = ", ".join(f"`{self._next('attach', run[:8])}`" for run in left if run is not None)
            self._reporter.step("left", f"{jobs} going on without this command; come back to it: {commands}")
            raise JobsLeftRunning
        self.stopping = True
        threading.Thread(target=self.stop, name="stop", daemon=True).start()
        return True

    def stop(self) -> None:
        """Ask all jobs to end, also those that have not finished a round."""
        self.stopping = True
        if isinstance(self.runner, LastingRunner):
            for handle in list(self._at_work):
                # The caller that waits for this job gets the error; the other jobs must still be stopped.
                with suppress(CloudError):
                    self.runner.stop(handle)

    def is_at_work(self, handle: str) -> bool:
        """Whether this command waits for the job."""
        return handle in self._at_work

    def is_over(self, run: JobRun) -> bool:
        """Whether the run's latest job has finally failed; False if that is not known at the moment."""
        if run.run_id is None or not run.handles or not isinstance(self.runner, LastingRunner):
            return False
        if run.handles[-1] in self._never_begun:
            return True
        with suppress(CloudError):
            jobs = self.runner.find({"housing:run": run.run_id}, known=run.handles[:-1])
            return bool(jobs) and all(job.state == "failed" for job in jobs)
        return False

    @contextmanager
    def studying(self, handle: str, run: JobRun) -> Iterator[None]:
        """Within the block the target runs a whole study with this handle."""
        self._at_work[handle] = run
        try:
            yield
        finally:
            self._at_work.pop(handle, None)

    def job_tags(self, run: JobRun) -> dict[str, str]:
        """Tags by which a job, and resources created for it, can be found in an account."""
        own = {
            "housing:experiment": self._record.runs.experiment,
            "housing:run": run.run_id or "",
            "housing:study": run.tags.get(schema.STUDY, ""),
            "housing:trial": run.tags.get(schema.TRIAL, ""),
            "housing:job": run.record.name,
        }
        return {key[:_KEY_LIMIT]: _UNTAGGABLE.sub("_", value)[:_VALUE_LIMIT] for key, value in own.items() if value}

    def close(self) -> None:
        """Jobs that outlive this command keep running; others are waited for."""
        if not self._at_work:
            self.runner.close()

    def _enter(self, run: JobRun, recording: Recording) -> None:
        try:
            recording.open(run)
        except TrackingError as error:
            if run.record.parent is None:
                raise
            # The job has our tags and its result waits on disk, so an unreachable record does not stop a study.
            if not self._told_of_record:
                self._reporter.step("record", f"jobs are recorded when they end: {error}")
            self._told_of_record = True

    def _watching(self, run: JobRun, progress: Progress | None, *, live: bool) -> Progress:
        def watch(number: int, metrics: Mapping[str, float]) -> bool:
            if live and run.run_id is not None:
                self._record.rounds.note(run.run_id, number, metrics)
            stop = progress is not None and progress(number, metrics)
            return not self.leaving and (stop or self.stopping)

        return watch

    def _hear(self, handle: str, line: str) -> None:
        run = self._at_work.get(handle)
        # Logs of several jobs would hide the leaderboard.
        if run is not None and len(self._at_work) == 1 and schema.STUDY not in run.tags:
            self._reporter.log(line)
