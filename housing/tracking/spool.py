"""Queues results for the record: each is first a file, and becomes a run as soon as the record accepts it.

A study thus never waits for the network, and results survive an unreachable server and the end of the process.
 Each study, and each single job, has its own folder, locked by the process that fills or empties it; each
file is one job.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from housing import files
from housing.errors import ServerAway, TrackingError
from housing.secrets import masked_values
from housing.tracking import schema
from housing.tracking.reader import PARENT_TAG, Run
from housing.tracking.run_record import RunRecord, from_json, to_json
from housing.tracking.runs import Runs
from housing.tracking.trial import ABANDONED, finished_trial
from housing.tracking.vendor import with_way_out

_FIRST_PAUSE_S = 0.25
_LONGEST_PAUSE_S = 10.0
_WHOLE = ("result", "files")
"""The fields of a stored result that must be read back to the byte, and so are not masked."""


class Spool:
    """Accepts what `Runs.record` accepts, returns at once, and records it from its own thread."""

    def __init__(self, folder: Path, runs: Runs) -> None:
        self._folder = folder
        self._runs = runs
        self._next = 0
        self._changed = threading.Condition()
        self._ended = False
        self._error: TrackingError | None = None
        self._thread = threading.Thread(target=self._work, name="spool", daemon=True)

    @property
    def trouble(self) -> str | None:
        """Why results are currently waiting; None if they are not."""
        return str(self._error) if self._error is not None else None

    def record(self, record: RunRecord) -> None:
        """As `Runs.record`. Raises TrackingError if the file cannot be written."""
        _keep(self._folder / f"{self._next:06d}.json", record, self._runs.experiment_id)
        self._next += 1
        with self._changed:
            self._changed.notify_all()

    def start(self) -> None:
        """Begin to record existing and future results."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._next = 1 + max((int(path.stem) for path in waiting(self._folder)), default=-1)
        self._thread.start()

    def drain(self, within_s: float) -> None:
        """Wait until everything is recorded; raises ServerAway, with the way out, when that takes too long."""
        deadline = time.monotonic() + within_s
        with self._changed:
            while left := len(waiting(self._folder)):
                if not self._changed.wait(max(0.0, deadline - time.monotonic())):
                    raise ServerAway(
                        f"{left} results wait in {self._folder} for the tracking server, which gave no answer for "
                        f"{within_s:g} s; the next command that opens this record brings them in: {self._error}"
                    )

    def close(self) -> None:
        """End the thread; unrecorded results stay on disk."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        self._thread.join(timeout=1)

    def _work(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while not self._ended:
            try:
                for path in waiting(self._folder):
                    hand_on(path, self._runs)
                    self._report(None)
                    pause_s = _FIRST_PAUSE_S
            except TrackingError as error:
                self._report(error)
                with self._changed:
                    self._changed.wait_for(lambda: self._ended, timeout=pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
                continue
            with self._changed:
                self._changed.wait_for(lambda: self._ended or bool(waiting(self._folder)))

    def _report(self, error: TrackingError | None) -> None:
        with self._changed:
            self._error = error
            self._changed.notify_all()


Destination = Runs | Spool
"""Where the trials of a study are recorded."""


@contextmanager
def spooling(root: Path, runs: Runs, study: str) -> Iterator[Spool]:
    """A spool for the trials of a study; raises TrackingError when another process has this folder open."""
    folder = _of_server(root, runs) / study
    with _folder_lock(folder) as locked:
        if not locked:
            raise TrackingError(f"{folder}: another process is recording from there; wait for it")
        spool = Spool(folder, runs)
        spool.start()
        try:
            yield spool
        finally:
            spool.close()


def record_or_keep(root: Path, runs: Runs, record: RunRecord, *, within_s: float) -> str:
    """Record a single job as `Runs.record` does, or keep it on disk; returns its run id.

    With a remote record it is written to disk first. Raises ServerAway if the record has not accepted it within
    `within_s` seconds, TrackingError if it cannot be written to disk either.
    """
    number = secrets.token_hex(16)
    record = record.tagged({schema.RESULT: number})
    folder = _of_server(root, runs) / number
    kept = folder / "000000.json"

    if runs.is_local:
        try:
            return runs.record(record)
        except TrackingError:
            within_s = 0.0
    with _folder_lock(folder):
        _keep(kept, record, runs.experiment_id)
        return _handed_on_within(within_s, kept, runs)


def _handed_on_within(within_s: float, path: Path, runs: Runs) -> str:
    deadline, pause_s = time.monotonic() + within_s, _FIRST_PAUSE_S
    while True:
        try:
            return hand_on(path, runs)
        except TrackingError as error:
            if time.monotonic() + pause_s > deadline:
                waited = f" for {within_s:g} s" if within_s else ""
                raise ServerAway(
                    f"the result is not lost: it waits in {path.parent} for the record, which did not take it{waited}; "
                    f"the next command that opens this record brings it in: {error}"
                ) from error
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)


def hand_on_leftovers(root: Path, runs: Runs) -> int:
    """Record what ended processes left for this server; returns the number of jobs.

    Raises TrackingError, with the files that are left: all of the remaining ones if the record is unreachable, else
    only those that it refuses.
    """
    done, refused = 0, {}
    for folder in sorted(_of_server(root, runs).glob("*")):
        with _folder_lock(folder) as locked:
            for path in waiting(folder) if locked else ():
                try:
                    hand_on(path, runs)
                    done += 1
                except TrackingError as error:
                    runs.check_there()
                    refused[path] = error
    if refused:
        others = f"; {done} others are recorded" if done else ""
        raise TrackingError("; ".join(f"{path}: {error}" for path, error in refused.items()) + others)
    return done


def hand_on(path: Path, runs: Runs) -> str:
    """Record one file as one run, however often this is tried, and delete the file. Returns the run's id.

    Raises TrackingError if the record does not accept it, or if it is not a result.
    """
    try:
        entry = json.loads(path.read_text(encoding="utf-8"))
        record = from_json(entry)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as e:
        raise TrackingError(f"is damaged ({type(e).__name__}: {e}); move it away, and this message ends") from e
    home = runs.of_experiment(entry.get("experiment_id", runs.experiment_id))
    recorded = _recorded(home, record) or home.record(record)
    path.unlink()
    return recorded


def waiting(folder: Path) -> list[Path]:
    """The files of a study's folder, oldest first."""
    return sorted(folder.glob("*.json"))


def _recorded(runs: Runs, record: RunRecord) -> str | None:
    """The job's complete run, if any; closes incomplete ones of earlier attempts, except the record's own."""
    names = {PARENT_TAG: record.parent, schema.TRIAL: record.tags.get(schema.TRIAL)}
    numbered = {schema.RESULT: record.tags[schema.RESULT]} if schema.RESULT in record.tags else names
    for run in runs.with_tags(numbered):
        if _is_whole(run):
            return run.id
        if run.status == "RUNNING" and run.id != record.into:
            runs.abandon(run.id)
    return None


def _is_whole(run: Run) -> bool:
    if schema.RESULT in run.tags:
        return run.status != "RUNNING" and run.tags.get(schema.STATE) != ABANDONED
    trial = finished_trial(run)
    return trial is not None and trial.state != "interrupted"


def _keep(path: Path, record: RunRecord, experiment_id: str) -> None:
    """Write a file atomically; raises TrackingError."""
    entry = {**to_json(record), "experiment_id": experiment_id}
    try:
        shown = {key: value if key in _WHOLE else masked_values(value) for key, value in entry.items()}
        files.write(path, json.dumps(shown))
    except OSError as e:
        raise TrackingError(f"{path}: cannot keep a result there: {with_way_out(str(e.strerror))}") from e


def _of_server(root: Path, runs: Runs) -> Path:
    return root / hashlib.sha256(runs.reader.uri.encode()).hexdigest()[:12]


@contextmanager
def _folder_lock(folder: Path) -> Iterator[bool]:
    """Whether this process got the folder's lock; the folder is removed at the end if it is empty."""
    with ExitStack() as at_end:
        at_end.callback(_remove_if_empty, folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            at_end.enter_context(files.locked(folder / ".lock", wait_s=0, temporary=True))
        except files.LockHeldError:
            yield False
            return
        except OSError as e:
            raise TrackingError(f"{folder}: cannot be locked: {e.strerror}") from e
        at_end.callback(files.sweep, folder)
        yield True


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()
