"""A rehearsal in this process: opened on a folder, answering on a port of its own, closed again."""

from __future__ import annotations

import contextlib
import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

from housing.rehearsal import credentials, files
from housing.rehearsal.api.http import Server
from housing.rehearsal.api.validation import operation_model
from housing.rehearsal.application import Application
from housing.rehearsal.aws.services import Aws, Environ
from housing.rehearsal.composition import Composition
from housing.rehearsal.context import Context
from housing.rehearsal.responses import HttpResponse
from housing.rehearsal.settings import Settings
from housing.rehearsal.training.engine import Engine

Control = Callable[[str, str, bytes], HttpResponse | None]
"""Answers private calls, given their path, token and body; None for calls of AWS."""

_STATE = ("records", "work", "faults.json")
_AWS = "aws"
_RESETTING = "resetting"
_log = logging.getLogger(__name__)


class RunningRehearsal:
    """Answers from its construction until `close`; there can be only one at a time in a process, and on a folder.

    It listens on the settings' port, or else on `last_port` if that is free.
    """

    def __init__(self, settings: Settings, folder: Path, *, control: Control | None = None, last_port: int = 0) -> None:
        files.make_folder(folder)
        if (folder / _RESETTING).exists():
            _wipe(folder, *_STATE, _AWS)  # it was killed during a reset
        self.since = time.time()
        self._folder = folder
        self._control = control
        self._calls = _Calls()
        self._server = _listening(settings.port, last_port, self._answer)
        with ExitStack() as on_failure:
            on_failure.callback(self._server.server_close)
            self._begin(settings)
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
        """When a client last called AWS, on the monotonic clock."""
        return self._application.last_call

    def use(self, settings: Settings) -> None:
        """Use other settings from now on, except folder, port and region. ValueError as Context.use."""
        self.context.use(settings)

    def reset(self, settings: Settings) -> None:
        """Empty it, as if it were new; folder, port, region and keys stay.

        Calls in flight end first, jobs and endpoints are ended; calls that arrive meanwhile wait.
        ValueError as Context.use, with nothing changed.
        """
        with self._calls.none():
            self.context.use(settings)
            (self._folder / _RESETTING).touch()
            self.context.ending.set()
            engine = self._composition.release()
            self._aws.empty()
            _wipe(self._folder, *_STATE)
            self._open(settings, engine)

    def warm_up(self) -> None:
        """Load what the first calls of every command need, in the background."""

        def load() -> None:
            operation_model("ListEndpoints")
            self._aws.warm_up()

        threading.Thread(target=load, name="warm-up", daemon=True).start()

    def close(self) -> None:
        """Calls in flight end first; jobs and endpoints are resumed at the next start."""
        self.context.ending.set()
        self._composition.close()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._aws.close()

    def _begin(self, settings: Settings) -> None:
        with ExitStack() as on_failure:
            self._aws = Aws(settings.region, self._folder / _AWS)
            on_failure.callback(self._aws.close)
            self._open(settings)
            on_failure.pop_all()

    def _open(self, settings: Settings, engine: Engine | None = None) -> None:
        self.context = Context(settings, self._folder, self._aws)
        self._composition = Composition(self.context, engine)
        account = credentials.read_or_create(self._folder)
        self._application = Application(self.context, self._composition, self._aws, account)
        self._composition.start()

    def _answer(self, environ: Environ, body: bytes) -> HttpResponse:
        if self._control is not None:
            response = self._control(environ["PATH_INFO"], environ.get("HTTP_X_REHEARSAL_TOKEN", ""), body)
            if response is not None:
                return response
        with self._calls.one():
            return self._application.answer(environ, body)


class _Calls:
    """Counts the calls in flight; lets a reset wait until there are none."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._count = 0
        self._closed = False

    @contextlib.contextmanager
    def one(self) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: not self._closed)
            self._count += 1
        try:
            yield
        finally:
            with self._changed:
                self._count -= 1
                self._changed.notify_all()

    @contextlib.contextmanager
    def none(self) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: not self._closed)
            self._closed = True
            self._changed.wait_for(lambda: not self._count)
        try:
            yield
        finally:
            with self._changed:
                self._closed = False
                self._changed.notify_all()


def _wipe(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    (folder / _RESETTING).unlink(missing_ok=True)


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
