"""Injects faults: decides which calls fail, counting exactly, also across restarts."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from dataclasses import asdict
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from housing.rehearsal import files
from housing.rehearsal.api.validation import service_model
from housing.rehearsal.settings import InjectedFault, Settings

_MODELS = {"sagemaker": ("sagemaker", "sagemaker-runtime")}
_JOBS = "jobs that must fail"


class Faults:
    """Counts calls by operation for each of the faults; a pattern such as `s3:*` counts each operation by itself.

    The counts are kept in `file` as long as the faults stay the same: a restarted rehearsal continues counting.
    """

    def __init__(self, file: Path, settings: Settings) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._faults: tuple[InjectedFault, ...] = ()
        self._failing_jobs = 0
        self._counts: dict[str, int] = {}
        self.use(settings)

    def use(self, settings: Settings) -> None:
        """Inject these faults from now on; counting restarts when they differ from those before.

        ValueError for one that can never happen.
        """
        _check(settings.faults)
        wanted = _identity(settings)
        with self._lock:
            self._faults, self._failing_jobs = settings.faults, settings.fail_jobs
            kept = _read(self._file)
            self._counts = kept["counts"] if kept and kept["faults"] == wanted else {}
            self._identity = wanted
            self._write()

    def forget(self) -> None:
        """Count from the beginning again."""
        with self._lock:
            self._counts.clear()
            self._write()

    def of(self, operation: str) -> list[InjectedFault]:
        """The faults of this call, in the order of the configuration; counts the call."""
        return self._met(operation, lambda fault: fault.kind != "capacity")

    def lacks_capacity(self, operation: str) -> bool:
        """Whether what `operation` (`sagemaker:CreateTrainingJob`) started gets no machines; counts a call."""
        return bool(self._met(operation, lambda fault: fault.kind == "capacity"))

    def fails_job(self) -> bool:
        """Whether the container of the training job that starts now must fail; counts the job."""
        with self._lock:
            if self._counts.get(_JOBS, 0) >= self._failing_jobs:
                return False
            self._count(_JOBS)
            self._write()
            return True

    def _met(self, operation: str, wanted: Callable[[InjectedFault], bool]) -> list[InjectedFault]:
        met, counted = [], False
        with self._lock:
            for index, fault in enumerate(self._faults):
                if wanted(fault) and fnmatchcase(operation, fault.operation):
                    counted = True
                    if fault.first <= self._count(f"{index} {operation}") < fault.first + fault.times:
                        met.append(fault)
            if counted:
                self._write()
        return met

    def _count(self, what: str) -> int:
        self._counts[what] = self._counts.get(what, 0) + 1
        return self._counts[what]

    def _write(self) -> None:
        files.write(self._file, json.dumps({"faults": self._identity, "counts": self._counts}))


def _check(faults: Iterable[InjectedFault]) -> None:
    """Refuse a fault on an operation that does not exist: a test that relies on it would test nothing."""
    for fault in faults:
        service, _, pattern = fault.operation.rpartition(":")
        names = [name for each in _MODELS.get(service, (service,)) if each for name in _operations(each)]
        if names and not any(fnmatchcase(name, pattern) for name in names):
            meant = get_close_matches(pattern, names, 1)
            way_out = f"; did you mean {service}:{meant[0]}?" if meant else ""
            raise ValueError(f"faults: {fault.operation} is not an operation{way_out}")


def _operations(service: str) -> list[str]:
    names: list[str] = service_model(service).operation_names
    return names


def _identity(settings: Settings) -> list[Any]:
    return [settings.fail_jobs, *(asdict(fault) for fault in settings.faults)]


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
