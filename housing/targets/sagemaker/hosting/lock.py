"""A lock across machines: an object in S3, created and taken over only by conditional writes.

Its holder renews it every few seconds. If it was not renewed for a minute, or its holder was a process of this machine
that is gone, the holder is dead and the lock may be taken over.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from housing.errors import CloudError, DeploymentError
from housing.processes import is_dead, process_tag
from housing.targets.sagemaker.refusals import MISSING, code, translated

if TYPE_CHECKING:
    from housing.targets.sagemaker.clients import Clients

_RENEWED_EVERY_S = 10.0
_STALE_S = 60.0
_LOOK_EVERY_S = 0.5
_TAKEN = ("PreconditionFailed", "ConditionalRequestConflict", "412", "409")


@dataclass(frozen=True)
class Holder:
    """Who holds a lock, as `processes.process_tag` names them, since when (seconds since 1970) and what for."""

    process: str
    since: float
    purpose: str


@contextlib.contextmanager
def held(clients: Clients, key: str, *, purpose: str, wait_s: float) -> Iterator[None]:
    """Hold the lock at `key` of our bucket. DeploymentError names the holder when `wait_s` passes."""
    lock = _Lock(clients, key)
    lock.take(Holder(process_tag(), time.time(), purpose), wait_s)
    ended = threading.Event()
    renewing = threading.Thread(target=lock.renew_until, args=(ended,), name="lock", daemon=True)
    renewing.start()
    try:
        yield
    finally:
        ended.set()
        renewing.join()
        lock.free()


class _Lock:
    def __init__(self, clients: Clients, key: str) -> None:
        self._s3 = clients("s3")
        self._where = {"Bucket": clients.bucket, "Key": key}
        self._body = b""
        self._version = ""

    def take(self, ourselves: Holder, wait_s: float) -> None:
        self._body = json.dumps(asdict(ourselves)).encode()
        deadline = time.monotonic() + wait_s
        while not self._write(IfNoneMatch="*"):
            found = self._found()
            if found is None:
                continue
            holder, version, age_s = found
            # Conditional on the dead holder's version: if two processes try, only one succeeds.
            if (age_s > _STALE_S or (holder and is_dead(holder.process))) and self._write(IfMatch=version):
                return
            if time.monotonic() > deadline:
                raise DeploymentError(
                    f"{ourselves.purpose}: {_named(holder)} changes the same endpoints; wait for it, or end it. "
                    f"Its lock is s3://{self._where['Bucket']}/{self._where['Key']}"
                )
            time.sleep(_LOOK_EVERY_S)

    def renew_until(self, ended: threading.Event) -> None:
        while not ended.wait(_RENEWED_EVERY_S):
            # A failed renewal is tried again; the lock is ours until it is stale.
            with contextlib.suppress(CloudError):
                self._write(IfMatch=self._version)

    def free(self) -> None:
        """Release the lock; does nothing if another process has taken it over."""
        found = self._found()
        if found is not None and found[1] == self._version:
            with translated("s3"):
                self._s3.delete_object(**self._where)

    def _write(self, **condition: str) -> bool:
        try:
            with translated("s3"):
                self._version = self._s3.put_object(**self._where, Body=self._body, **condition)["ETag"]
        except CloudError as error:
            if code(error.__cause__) in (*_TAKEN, *MISSING):
                return False
            raise
        return True

    def _found(self) -> tuple[Holder | None, str, float] | None:
        """Its holder, its version (ETag), and its age in seconds by S3's clock; None when it is free."""
        try:
            with translated("s3"):
                found: dict[str, Any] = self._s3.get_object(**self._where)
                body = found["Body"].read()
        except CloudError as error:
            if code(error.__cause__) in MISSING:
                return None
            raise
        headers = found["ResponseMetadata"]["HTTPHeaders"]
        age_s = _seconds(headers.get("date")) - found["LastModified"].timestamp()
        try:
            holder = Holder(**json.loads(body))
        except (ValueError, TypeError):
            holder = None
        return holder, found["ETag"], age_s


def _named(holder: Holder | None) -> str:
    if holder is None:
        return "somebody"
    minutes = (time.time() - holder.since) / 60
    host, _, _, pid, *_ = holder.process.split() + ["?"] * 4
    return f"process {pid} on {host} ({holder.purpose}, for {max(minutes, 0):.0f} min)"


def _seconds(date: str | None) -> float:
    from email.utils import parsedate_to_datetime

    return parsedate_to_datetime(date).timestamp() if date else time.time()
