"""The record of one command: opened on first use, shared by all of the command's sessions."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from housing.lazy import Lazy
from housing.tracking.run_record import RunRecord
from housing.tracking.runs import inherited_run
from housing.workflow.opening import open_record

if TYPE_CHECKING:
    from housing.config.schema import Experiment
    from housing.tracking.live import LiveRounds
    from housing.tracking.runs import Runs
    from housing.workflow.outcome import Invocation, Reporter


class CommandRecord:
    """A run that `mlflow run` has opened for this process determines the experiment. May be used from any thread."""

    def __init__(
        self, experiment: Experiment, invocation: Invocation, reporter: Reporter, *, runs: Runs | None = None
    ) -> None:
        """`runs` is the record, if the caller has already opened it."""
        self.is_away = False
        """Whether it has once been unreachable: ending jobs then no longer wait for it."""
        self._experiment = experiment
        self._invocation = invocation
        self._reporter = reporter
        self._inherited = None if invocation.parent_run_id else inherited_run()
        self._runs = Lazy(self._open) if runs is None else Lazy.of(runs)
        self._rounds = Lazy(self._live_rounds)

    @property
    def runs(self) -> Runs:
        """Its runs; opens the record. Raises TrackingError, ConfigError."""
        return self._runs.get()

    @property
    def rounds(self) -> LiveRounds:
        """The writer of running jobs' rounds."""
        return self._rounds.get()

    @property
    def wait_s(self) -> float:
        """For how many seconds the end of a job waits for it."""
        return 0.0 if self.is_away else self._experiment.tracking.wait_s

    def check_writable(self) -> None:
        """Raises TrackingError, ConfigError. A new database is only created once there is something to record."""
        from housing.tracking.places import check_creatable

        if self._runs.is_made or not check_creatable(self._experiment.tracking.uri):
            self.runs.check_writable()

    def adopting(self, record: RunRecord) -> RunRecord:
        """The first record without a parent and without a run adopts the run that `mlflow run` has opened."""
        if record.parent is not None or record.into is not None:
            return record
        _ = self.runs  # opens the inherited run's experiment, so before that run is adopted
        inherited, self._inherited = self._inherited, None
        return record.adopting(inherited)

    def close(self) -> None:
        """End the thread that writes rounds."""
        if self._rounds.is_made:
            self.rounds.close()

    def _live_rounds(self) -> LiveRounds:
        from housing.tracking.live import LiveRounds

        return LiveRounds(self.runs)

    def _open(self) -> Runs:
        experiment, inherited = self._experiment, self._inherited
        with self._reporter.working("opening the record"):
            runs = open_record(experiment, self._reporter, inside=experiment.study.resume or inherited)
        self._report_jobs_left(runs)
        if runs.experiment != experiment.name and inherited is not None:
            self._reporter.step(
                "record",
                f"mlflow run opened its run in experiment {runs.experiment!r}; "
                f"--experiment-name {shlex.quote(experiment.name)} keeps it with the others",
            )
        return runs

    def _report_jobs_left(self, runs: Runs) -> None:
        """Report jobs of earlier commands that this one does not resume."""
        ours = {self._experiment.study.resume, self._experiment.candidate} - {None}
        left = [run for run in runs.left_running() if run.id not in ours and run.parent not in ours]
        if left and self._invocation.command != "attach":
            jobs = "1 job" if len(left) == 1 else f"{len(left):,} jobs"
            one = (left[0].id[:8],) if len(left) == 1 else ()
            command = self._invocation.next("attach", *one)
            text = f"{jobs} of an earlier command at work, or ended and not recorded: {command}"
            self._reporter.step("left", text)
