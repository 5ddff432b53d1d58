"""The other services of AWS: moto's S3, IAM, STS, Logs, CloudWatch and autoscaling, called in this process.

moto's responses are called as its own `mock_aws` calls them, at AWS's host names: the path that moto's tests take.

moto draws random identifiers and reads the time. Each call that changes something is made with a seed and a time of
its own, and is replayed with both after a kill, so that keys, tokens and dates come out the same.
"""

from __future__ import annotations

import contextlib
import datetime
import io
import logging
import secrets
import shutil
import threading
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from housing.rehearsal.aws import moto_calls
from housing.rehearsal.aws.journal import Entry, Journal
from housing.rehearsal.responses import HttpResponse

Environ = dict[str, Any]
_READS = ("Describe", "List", "Get", "Head", "Filter", "Lookup", "Select", "Simulate")
_REFUSED = 400
_ONE = threading.Lock()
_log = logging.getLogger(__name__)


class Aws:
    """One account in one region, whose state is kept in `folder`.

    Calls are answered one at a time, as moto is not thread-safe; as its state is global, a process can open only one.
    Raises RuntimeError for a second one, ImportError without moto, NotPrivate as Journal.

    Importing moto takes most of a start, and much of SageMaker works without it: unless there is a state to restore,
    which may be refused, moto is imported by the first call that needs it, or by `warm_up`.
    """

    def __init__(self, region: str, folder: Path) -> None:
        self._region = region
        self._folder = folder
        self._lock = threading.RLock()
        self._clients: dict[str, Any] = {}
        self._journal = Journal(folder)
        self._is_there = False
        if find_spec("moto") is None:
            raise ImportError("No module named 'moto'", name="moto")
        if not _ONE.acquire(blocking=False):
            raise RuntimeError("this process has a rehearsal already: close it first")
        try:
            if not self._journal.is_new:
                self._restore()
        except BaseException:
            _ONE.release()
            raise

    def answer(self, service: str, action: str, environ: Environ, body: bytes) -> HttpResponse:
        """Answer a call that was signed for `service`; `environ` as in WSGI."""
        if action.startswith(_READS):
            with self.exclusive():
                return moto_calls.answer(service, environ, body)
        with self.exclusive():
            entry = {"service": service, "seed": secrets.randbits(64), "time": time.time(), "environ": _kept(environ)}
            answer = _do(entry, body)
            if answer.status < _REFUSED:
                self._journal.write(entry, body)
                if self._journal.is_long:
                    self._journal.copy(moto_calls.state())
            return answer

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[None]:
        """No call is answered inside the block; for reading moto's state."""
        with self._lock:
            if not self._is_there:
                self._restore()
            yield

    def client(self, service: str) -> Any:
        """boto3's client of a service (`s3`, `logs`, `cloudwatch` ...), whose calls need no socket."""
        with self.exclusive():
            if service not in self._clients:
                self._clients[service] = self._connected(service)
            return self._clients[service]

    def load(self) -> None:
        """Import moto, which several threads cannot do at once."""
        if not self._is_there:
            with self.exclusive():
                pass

    def warm_up(self) -> None:
        for service in ("sts", "s3", "logs"):
            with self.exclusive():
                moto_calls.load(service, self._region)

    def empty(self) -> None:
        """Delete all state, also in the folder; clients are kept, as making one takes longer than all the rest."""
        with self._lock:
            self._journal.close()
            if self._folder.is_symlink():
                self._folder.unlink()
            else:
                shutil.rmtree(self._folder)
            self._journal = Journal(self._folder)
            if self._is_there:
                self._restore()

    def close(self) -> None:
        with self._lock:
            if not self._journal.is_empty:
                self._journal.copy(moto_calls.state())
            self._journal.close()
        _ONE.release()

    def _restore(self) -> None:
        moto_calls.reset()
        self._journal.restore(moto_calls.adopt, _replay)
        self._is_there = True

    def _connected(self, service: str) -> Any:
        import boto3
        from botocore.awsrequest import AWSResponse
        from botocore.compat import HTTPHeaders
        from botocore.config import Config

        client = boto3.client(
            service,
            region_name=self._region,
            endpoint_url="http://rehearsal",
            aws_access_key_id="rehearsal",
            aws_secret_access_key="rehearsal",
            config=Config(
                retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, parameter_validation=False
            ),
        )
        signed_for = client.meta.service_model.signing_name

        def answered(request: Any, event_name: str, **_: Any) -> Any:
            environ, body = moto_calls.received(request)
            answer = self.answer(signed_for, event_name.rpartition(".")[2], environ, body)
            headers = HTTPHeaders()
            for name, value in answer.headers.items():
                headers[name] = str(value)
            return AWSResponse(request.url, answer.status, headers, _Raw(answer.body))

        client.meta.events.register("before-send", answered)
        return client


class _Raw(io.BytesIO):
    """A response body with the interface of urllib3's, which botocore reads."""

    def stream(self, **_: Any) -> Any:
        while block := self.read(1 << 20):
            yield block


def _kept(environ: Environ) -> Entry:
    return {k: v for k, v in environ.items() if isinstance(v, str) or k == moto_calls.SPELLED}


def _replay(entry: Entry, body: bytes) -> None:
    answer = _do(entry, body)
    if answer.status >= _REFUSED:
        _log.warning("%s answered %d when it was replayed: %r", entry["environ"], answer.status, answer.body[:500])


def _do(entry: Entry, body: bytes) -> HttpResponse:
    """Make a call that changes something, with its own seed and at its own time."""
    import moto.core.utils
    from moto.moto_api._internal import mock_random

    mock_random.seed(entry["seed"])
    moto.core.utils.datetime = _stopped(entry["time"])
    try:
        return moto_calls.answer(entry["service"], entry["environ"], body)
    finally:
        moto.core.utils.datetime = datetime


def _stopped(seconds: float) -> Any:
    """A stand-in for the module `datetime`, whose `now` is always this moment, in seconds since 1970."""

    class Stopped(datetime.datetime):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> Any:
            return datetime.datetime.fromtimestamp(seconds, tz)

    return SimpleNamespace(**vars(datetime) | {"datetime": Stopped})
