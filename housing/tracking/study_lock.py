"""Only one process at a time may work on a study: which one, and when another may take it over.

With an SQLite database this is a lock file, which the kernel releases when the holder dies. With a server a tag names
the holder: a process of this machine must be alive, one of another machine must have a fresh heartbeat.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from housing import files
from housing.errors import ServerAway, TrackingError
from housing.processes import is_dead, process_tag
from housing.tracking import schema
from housing.tracking.places import database_path
from housing.tracking.vendor import translated

if TYPE_CHECKING:
    from housing.tracking.runs import Runs

FRESH_S = 120
"""For how many seconds after its last heartbeat a holder on another machine counts as alive."""

_BEAT_S = 20
# Of two processes that claim a study at once, each sees the other's claim after this pause, before it begins.
_SETTLE_S = 1.0


class StudyLock:
    """A study that this process holds."""

    def __init__(self) -> None:
        self.lost_to: str | None = None

    def check(self) -> None:
        """Raises TrackingError once another process has taken the study over because heartbeats failed."""
        if self.lost_to is not None:
            raise TrackingError(f"the study was taken over by {self.lost_to}, which continues it")


@contextmanager
def study_lock(runs: Runs, run_id: str, name: str) -> Iterator[StudyLock]:
    """Keep others from working on the study `run_id` within the block; TrackingError names one that already does."""
    if runs.is_local:
        database = database_path(runs.reader.uri)
        held = _file_lock(database.with_name(f".{database.name}.{run_id}.lock"), name)
    else:
        held = _claim(runs, run_id, name)
    with held as hold:
        yield hold


# --- a lock file ----------------------------------------------------------------------------------------------------


@contextmanager
def _file_lock(path: Path, name: str) -> Iterator[StudyLock]:
    with ExitStack() as held:
        try:
            held.enter_context(files.locked(path, wait_s=0, holder=_myself(), mode=0o644, temporary=True))
        except files.LockHeldError as e:
            raise TrackingError(_held(name, e.holder)) from None
        except OSError as e:
            raise TrackingError(f"{path}: cannot be made: {e.strerror}") from e
        yield StudyLock()


# --- a claim behind a server ----------------------------------------------------------------------------------------


@contextmanager
def _claim(runs: Runs, run_id: str, name: str) -> Iterator[StudyLock]:
    me = _myself()
    before = runs.get(run_id).tags
    if _is_alive(before):
        raise TrackingError(_held(name, before[schema.HOLDER]))
    _beat(runs, run_id, me)
    if schema.HOLDER in before:
        time.sleep(_SETTLE_S)
        winner = runs.get(run_id).tags.get(schema.HOLDER, me)
        if winner != me:
            raise TrackingError(_held(name, winner))
    hold, ended = StudyLock(), threading.Event()
    beating = threading.Thread(target=_keep_beating, args=(runs, run_id, me, hold, ended), daemon=True)
    beating.start()
    try:
        yield hold
    except ServerAway:
        raise  # the claim ends with the process
    except BaseException:
        _let_go(runs, run_id, name, hold)
        raise
    else:
        _let_go(runs, run_id, name, hold)
    finally:
        ended.set()


def _let_go(runs: Runs, run_id: str, name: str, hold: StudyLock) -> None:
    if hold.lost_to is None:
        with suppress(TrackingError), translated(f"{name}: cannot be released"):
            runs.writer.delete_tag(run_id, schema.HOLDER)


def _keep_beating(runs: Runs, run_id: str, me: str, hold: StudyLock, ended: threading.Event) -> None:
    while not ended.wait(_BEAT_S):
        # While the server is unreachable, heartbeats fail, but nobody can take over either.
        with suppress(TrackingError):
            holder = runs.get(run_id).tags.get(schema.HOLDER, me)
            if holder != me:
                hold.lost_to = _shown(holder)
                return
            _beat(runs, run_id, me)


def _beat(runs: Runs, run_id: str, me: str) -> None:
    with translated(f"run {run_id}: cannot be held"):
        runs.writer.log(run_id, tags={schema.HEARTBEAT: repr(time.time()), schema.HOLDER: me})


def _is_alive(tags: Mapping[str, str]) -> bool:
    if schema.HOLDER not in tags:
        return False
    process = json.loads(tags[schema.HOLDER])["process"]
    if process.split()[:3] == process_tag().split()[:3]:
        return not is_dead(process)
    return time.time() - float(tags.get(schema.HEARTBEAT, 0)) < FRESH_S


# --- words ----------------------------------------------------------------------------------------------------------


def _myself() -> str:
    since = time.strftime("%Y-%m-%d %H:%M:%S %z")
    return json.dumps({"process": process_tag(), "pid": os.getpid(), "host": socket.gethostname(), "since": since})


def _held(name: str, holder: str) -> str:
    limit = f"wait for it or end it; a dead holder on another machine is taken over after {FRESH_S} s"
    return f"{name}: {_shown(holder)} is working on this study; {limit}"


def _shown(holder: str) -> str:
    try:
        known = json.loads(holder)
    except ValueError:
        return "another process"
    return f"process {known['pid']} on {known['host']} (since {known['since']})"
