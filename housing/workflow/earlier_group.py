"""Resumes a multirun of the same command that was interrupted or had failed jobs."""

from __future__ import annotations

import hashlib
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from housing.errors import TrackingError
from housing.tracking import schema
from housing.tracking.study_lock import study_lock

if TYPE_CHECKING:
    from housing.tracking.reader import Run
    from housing.tracking.run_record import RunRecord
    from housing.tracking.runs import Runs

_COMPARED = (schema.CONFIG_HASH, schema.DATA_DIGEST, schema.SPLIT_DIGEST, schema.ENCODER_DIGEST)
_Key = tuple[str | None, ...]


class EarlierJobs:
    """The runs that an earlier command left of the same jobs; each is taken once. May be used from any thread."""

    def __init__(self, children: Sequence[Run] = ()) -> None:
        self._lock = threading.Lock()
        self._found: dict[_Key, list[Run]] = defaultdict(list)
        for run in children:
            if run.status == "FINISHED" or (run.status == "RUNNING" and schema.JOB in run.tags):
                self._found[_key(run.tags)].append(run)
        self.done = sum(run.status == "FINISHED" for found in self._found.values() for run in found)

    def take(self, tags: Mapping[str, str]) -> Run | None:
        """The run of the job with these tags: FINISHED, or RUNNING if its job continues elsewhere."""
        with self._lock:
            found = self._found.get(_key(tags))
            return found.pop(0) if found else None


@contextmanager
def going_on(runs: Runs, record: RunRecord) -> Iterator[tuple[str, str, EarlierJobs]]:
    """The multirun of this record, owned by this process: its run's id, its name, and the jobs that it already has.

    It is the same command's last one if that has not finished and no process is working on it, else a new one.
    """
    with ExitStack() as held:
        earlier = _unfinished(runs, record)
        if earlier is not None:
            try:
                held.enter_context(study_lock(runs, earlier.id, earlier.name))
            except TrackingError:
                earlier = None
        if earlier is None:
            run_id = runs.start(record)
            held.enter_context(study_lock(runs, run_id, record.name))
            yield run_id, record.name, EarlierJobs()
        else:
            runs.reopen(earlier.id)
            yield earlier.id, earlier.name, _jobs_of(runs, earlier.id)


def _unfinished(runs: Runs, record: RunRecord) -> Run | None:
    digest = hashlib.sha256((record.yaml or "").encode()).hexdigest()
    command, overrides = (record.tags[name] for name in (schema.COMMAND, schema.OVERRIDES))
    found = runs.with_tags({schema.KIND: "group", schema.COMMAND: command, schema.CONFIG_SHA256: digest})
    same = [run for run in found if run.tags.get(schema.OVERRIDES) == overrides]
    return same[-1] if same and same[-1].status != "FINISHED" else None


def _jobs_of(runs: Runs, group: str) -> EarlierJobs:
    """The jobs of a multirun; ends runs that a dead process left unfinished."""
    children = runs.children(group)
    for child in children:
        if child.status == "RUNNING" and schema.JOB not in child.tags:
            runs.abandon(child.id)
    return EarlierJobs([child for child in children if child.status == "FINISHED" or schema.JOB in child.tags])


def _key(tags: Mapping[str, str]) -> _Key:
    return tuple(tags.get(name) for name in _COMPARED)
