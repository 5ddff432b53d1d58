"""A rehearsal in this process: opened on a folder, answering on a port of its own, closed again."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from housing.rehearsal import operations, parts
from housing.rehearsal.application import Application
from housing.rehearsal.aws import Aws
from housing.rehearsal.http import Server
from housing.rehearsal.spec import Rehearsal
from housing.rehearsal.world import World


class Rehearsing:
    """Answers from the moment it is made until `close`; only one may be open in a process, and one on a folder."""

    def __init__(self, settings: Rehearsal, folder: Path, port: int | None = None) -> None:
        parts.load()
        folder.mkdir(parents=True, exist_ok=True)
        self.since = time.time()
        self._aws = Aws(settings.region)
        self.world = World(settings, folder, self._aws)
        self.application = Application(self.world, self._aws)
        self.server = Server(settings.port if port is None else port, self.application.answer)
        for hook in operations.STARTS:
            hook(self.world)
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), name="rehearsal")
        self._thread.start()

    @property
    def url(self) -> str:
        return self.server.url

    def use(self, settings: Rehearsal) -> None:
        """Go on with other settings; the folder, the port and the region stay."""
        self.world.settings = settings
        self.world.faults.use(settings)

    def close(self) -> None:
        self.world.ending.set()
        for hook in operations.ENDS:
            hook(self.world)
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()
