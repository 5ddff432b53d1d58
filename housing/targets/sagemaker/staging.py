"""Channels in S3: one CSV each, named by the digest of its content, uploaded once."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, TYPE_CHECKING
from urllib.parse import urlsplit

from housing.data.channel import Channel, read_csv, write_csv
from housing.errors import CloudError
from housing.targets.sagemaker.refusals import MISSING, code, translated

if TYPE_CHECKING:
    from housing.targets.sagemaker.clients import Clients
    from housing.targets.sagemaker.settings import Settings

_SAFE = re.compile(r"[^0-9A-Za-z._-]")


@dataclass(frozen=True)
class Staged:
    """A channel that jobs can read at `uri`; `channel` is None if this process has not loaded it."""

    name: str
    uri: str
    channel: Channel | None = None


class Stage:
    """Our part of the bucket."""

    def __init__(self, clients: Clients, settings: Settings) -> None:
        self._clients = clients
        self._key = settings.kms_key

    def put(self, channel: Channel) -> Staged:
        """Upload a channel unless it exists. Raises CloudError, or DataError when its CSV would be misread."""
        uri = self._clients.path("channels", f"{_SAFE.sub('-', channel.digest)}.csv")
        if not self.has(uri):
            with TemporaryDirectory(prefix="housing-") as folder:
                file = Path(folder) / "channel.csv"
                write_csv(channel, file)
                self.upload(file, uri)
        return Staged(channel.name, uri, channel)

    def put_bytes(self, content: bytes, *parts: str) -> str:
        """Upload an object, unless one of this name exists; `parts` must identify the content. Returns its address."""
        uri = self._clients.path(*parts)
        if not self.has(uri):
            self.write(content, uri)
        return uri

    def write(self, content: bytes, uri: str) -> None:
        """Upload an object, replacing any other."""
        bucket, key = split(uri)
        with translated("s3"):
            self._clients("s3").upload_fileobj(io.BytesIO(content), bucket, key, ExtraArgs=self._encrypted)

    def get(self, staged: Staged, *, weighed: bool = False) -> Channel:
        """The channel, read from S3 if this process has not loaded it; its columns then have no names.

        `weighed`: its rows have weights.
        """
        if staged.channel is not None:
            return staged.channel
        content = self.read(staged.uri)
        with TemporaryDirectory(prefix="housing-") as folder:
            file = Path(folder) / "channel.csv"
            file.write_bytes(content)
            return read_csv(file, name=staged.name, weighed=weighed)

    def has(self, uri: str) -> bool:
        """Whether there is such an object."""
        bucket, key = split(uri)
        try:
            with translated("s3"):
                self._clients("s3").head_object(Bucket=bucket, Key=key)
        except CloudError as error:
            if code(error.__cause__) in MISSING:
                return False
            raise
        return True

    def read(self, uri: str) -> bytes:
        """An object's bytes."""
        content = io.BytesIO()
        self.download(uri, content)
        return content.getvalue()

    def download(self, uri: str, out: IO[bytes]) -> None:
        """Write an object's bytes into a file."""
        bucket, key = split(uri)
        with translated("s3"):
            self._clients("s3").download_fileobj(bucket, key, out)

    def copy(self, source: str, target: str) -> None:
        """Copy an object within S3."""
        bucket, key = split(target)
        from_bucket, from_key = split(source)
        with translated("s3"):
            self._clients("s3").copy({"Bucket": from_bucket, "Key": from_key}, bucket, key, ExtraArgs=self._encrypted)

    def names(self, folder: str) -> Sequence[str]:
        """Names of the objects below a folder's address."""
        bucket, key = split(folder)
        prefix = f"{key}/"
        with translated("s3"):
            pages = self._clients("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
            return [found["Key"].removeprefix(prefix) for page in pages for found in page.get("Contents", [])]

    def upload(self, file: Path, uri: str) -> None:
        """Upload a file; a large one in several parts in parallel."""
        bucket, key = split(uri)
        with file.open("rb") as content, translated("s3"):
            self._clients("s3").upload_fileobj(content, bucket, key, ExtraArgs=self._encrypted)

    @property
    def _encrypted(self) -> dict[str, str]:
        return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self._key} if self._key else {}


def split(uri: str) -> tuple[str, str]:
    """Bucket and key of an `s3://` address."""
    parts = urlsplit(uri)
    return parts.netloc, parts.path.lstrip("/")
