"""Records the trials of a study: directly, or by way of the disk if the record is remote."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from housing.errors import ServerAway, TrackingError
from housing.workflow.opening import SPOOL_FOLDER

if TYPE_CHECKING:
    from housing.tracking.spool import Destination, Spool
    from housing.tracking.study_lock import StudyLock
    from housing.workflow.session import Session


class TrialRecorder:
    """A study that only this process works on, and where its trials are recorded."""

    def __init__(self, session: Session, lock: StudyLock, spool: Spool | None) -> None:
        self._session = session
        self._lock = lock
        self._spool = spool
        self._reported = False

    @property
    def destination(self) -> Destination:
        """The record itself, or the spool."""
        return self._session.runs if self._spool is None else self._spool

    def check(self) -> None:
        """Between trials: report once if results wait. TrackingError if another machine took the study over."""
        self._lock.check()
        trouble = self._spool.trouble if self._spool is not None else None
        if trouble and not self._reported:
            self._session.reporter.step("record", f"results wait on disk: {trouble}")
        self._reported = trouble is not None

    def settle(self) -> None:
        """Wait until all trials are recorded; raises ServerAway if the tracking server remains unreachable."""
        if self._spool is not None:
            with self._session.reporter.working("waiting for the tracking server"):
                self._spool.drain(self._session.experiment.tracking.wait_s)
        self._lock.check()


@contextmanager
def trial_recorder(session: Session, run_id: str, name: str) -> Iterator[TrialRecorder]:
    """Lock the study for this process; its results are first written to disk if the record is remote."""
    from housing.tracking.spool import spooling
    from housing.tracking.study_lock import study_lock

    with study_lock(session.runs, run_id, name) as lock:
        if session.runs.is_local:
            yield TrialRecorder(session, lock, None)
            return
        with spooling(SPOOL_FOLDER, session.runs, run_id) as spool:
            recorder = TrialRecorder(session, lock, spool)
            try:
                yield recorder
            except ServerAway:
                raise
            except Exception:
                with suppress(TrackingError):
                    recorder.settle()
                raise
