"""A rehearsal in this process: opened on a folder, answering on a port of its own, closed again."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from housing.rehearsal import credentials, files
from housing.rehearsal.api.http import Server
from housing.rehearsal.application import Application
from housing.rehearsal.aws.services import Aws, Environ
from housing.rehearsal.composition import Composition
from housing.rehearsal.context import Context
from housing.rehearsal.responses import HttpResponse
from housing.rehearsal.settings import Settings

Control = Callable[[str, str, bytes], HttpResponse | None]
"""Answers private calls, given their path, token and body; None for those that are AWS's."""

_log = logging.getLogger(__name__)


class RunningRehearsal:
    """Answers from the moment it is made until `close`; one at a time in a process, and on a folder.

    It listens on the settings' port, or else on `last_port` if that is free.
    """

    def __init__(self, settings: Settings, folder: Path, *, control: Control | None = None, last_port: int = 0) -> None:
        files.make_folder(folder)
        self.since = time.time()
        self._control = control
        self._server = _listening(settings.port, last_port, self._answer)
        with ExitStack() as on_failure:
            on_failure.callback(self._server.server_close)
            self._aws = Aws(settings.region, folder / "aws")
            on_failure.callback(self._aws.close)
            self.context = Context(settings, folder, self._aws)
            self._composition = Composition(self.context)
            account = credentials.read_or_create(folder)
            self._application = Application(self.context, self._composition, self._aws, account)
            self._composition.start()
            on_failure.pop_all()
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="rehearsal")
        self._thread.start()

    @property
    def url(self) -> str:
        return self._server.url

    @property
    def port(self) -> int:
        return self._server.server_port

    @property
    def last_call(self) -> float:
        """When AWS was last called, on the monotonic clock."""
        return self._application.last_call

    def use(self, settings: Settings) -> None:
        """Go on with other settings; the folder, the port and the region stay. ValueError as Context.use."""
        self.context.use(settings)

    def warm_up(self) -> None:
        """Load what the first calls of every command need, in the background."""
        threading.Thread(target=self._aws.warm_up, name="warm-up", daemon=True).start()

    def close(self) -> None:
        """Calls that are being answered end first; what jobs and endpoints there are is resumed at the next start."""
        self.context.ending.set()
        self._composition.close()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._aws.close()

    def _answer(self, environ: Environ, body: bytes) -> HttpResponse:
        if self._control is not None:
            response = self._control(environ["PATH_INFO"], environ.get("HTTP_X_REHEARSAL_TOKEN", ""), body)
            if response is not None:
                return response
        return self._application.answer(environ, body)


def _listening(port: int, last_port: int, answer: Callable[[Environ, bytes], HttpResponse]) -> Server:
    if port:
        try:
            return Server(port, answer)
        except OSError as error:
            raise OSError(
                f"port: {port} is not free on 127.0.0.1 ({error.strerror}); "
                "choose another, or 0 to let the system choose"
            ) from error
    if last_port:
        try:
            return Server(last_port, answer)
        except OSError:
            _log.info("port %d of last time is not free", last_port)
    return Server(0, answer)
