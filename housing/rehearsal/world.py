"""Everything an operation may reach: records, settings, what goes wrong on purpose, and the rest of AWS."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from housing.rehearsal import kinds
from housing.rehearsal.api.faults import Faults
from housing.rehearsal.spec import Rehearsal
from housing.rehearsal.store import Store

if TYPE_CHECKING:
    from housing.rehearsal.aws.services import Aws


class World:
    """`folder` is scratch, emptied at each start; `ending` is set when the rehearsal ends.

    `settings` may be exchanged for others while it runs: read them when they are needed, and keep none.
    """

    account = kinds.ACCOUNT

    def __init__(self, settings: Rehearsal, state: Path, aws: Aws) -> None:
        self.settings = settings
        self.region = settings.region
        self.store = Store(state / "records", settings.region)
        self.faults = Faults(state / "faults.json", settings)
        self.folder = state / "work"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.ending = threading.Event()
        self._aws = aws

    def arn(self, kind: str, name: str) -> str:
        return kinds.arn(self.region, kind, name)

    def client(self, service: str) -> Any:
        """A boto3 client of another service in this account; may be used from any thread.

        It has all rights, meets no faults, and reaches the service in this process, without a socket.
        """
        return self._aws.client(service)

    def jobs_at_work(self) -> dict[str, str]:
        """The status of each job that has not ended, by name."""
        return {
            name: status
            for kind in kinds.KINDS
            if kind.endswith("-job")
            for name, status in self.store.statuses(kind).items()
            if status in kinds.AT_WORK
        }

    def busy(self) -> bool:
        """Whether a job is at work or an endpoint is up."""
        return bool(self.jobs_at_work() or self.store.statuses("endpoint"))
