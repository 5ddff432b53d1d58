"""What every operation is given: records, settings, injected faults, and the rest of AWS."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from housing.rehearsal import kinds
from housing.rehearsal.account import ACCOUNT
from housing.rehearsal.api.faults import Faults
from housing.rehearsal.clock import Clock
from housing.rehearsal.settings import Settings
from housing.rehearsal.store import Store

if TYPE_CHECKING:
    from housing.rehearsal.aws.services import Aws


class Context:
    """One account in one region. `folder` is for temporary files; `ending` is set when the rehearsal ends.

    `settings` may be replaced while the rehearsal runs: read them when they are needed, and keep no copy.
    """

    account = ACCOUNT

    def __init__(self, settings: Settings, state: Path, aws: Aws) -> None:
        self.settings = settings
        self.region = settings.region
        self.store = Store(state / "records", settings.region)
        self.clock = Clock(settings.speed)
        self.faults = Faults(state / "faults.json", settings)
        self.folder = state / "work"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.ending = threading.Event()
        self._aws = aws

    def use(self, settings: Settings) -> None:
        """Use other settings from now on, except folder and region. ValueError for a fault that can never happen."""
        self.faults.use(settings)
        self.settings = settings
        self.clock.run_at(settings.speed)

    def arn(self, kind: str, name: str) -> str:
        return kinds.arn(self.region, kind, name)

    def client(self, service: str) -> Any:
        """A boto3 client of another service in this account; may be used from any thread.

        It has all permissions, no faults are injected, and it calls the service in this process, without a socket.
        """
        return self._aws.client(service)

    def unfinished_jobs(self) -> dict[str, str]:
        """The status of each job that has not ended, by name."""
        return {
            name: status
            for kind in kinds.KINDS
            if kind.endswith("-job")
            for name, status in self.store.statuses(kind).items()
            if status in kinds.UNFINISHED
        }

    def is_busy(self) -> bool:
        """Whether a job has not ended, or an endpoint or a tracking server exists."""
        exist = any(self.store.statuses(kind) for kind in ("endpoint", "mlflow-tracking-server"))
        return bool(self.unfinished_jobs()) or exist
