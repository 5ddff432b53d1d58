"""Copies a container's folders from S3 and back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse

if TYPE_CHECKING:
    from housing.rehearsal.context import Context


def bucket_and_key(uri: str) -> tuple[str, str]:
    parts = urlparse(uri)
    return parts.netloc, parts.path.lstrip("/")


def listed(context: Context, uri: str) -> Iterator[str]:
    """Keys that begin with the URI's key, except folder placeholders. Raises botocore's ClientError."""
    bucket, prefix = bucket_and_key(uri)
    for page in context.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for found in page.get("Contents", []):
            if not found["Key"].endswith("/"):
                yield found["Key"]


def exists(context: Context, uri: str, *, prefix: bool = False) -> bool:
    """Whether this object exists; with `prefix`: whether any object exists below it."""
    bucket, key = bucket_and_key(uri)
    client = context.client("s3")
    try:
        if prefix:
            return bool(client.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1).get("Contents"))
        client.head_object(Bucket=bucket, Key=key)
    except client.exceptions.ClientError:
        return False
    return True


@dataclass(frozen=True)
class Object:
    """An object in S3; `inner` is its path below the folder that it is fetched into."""

    bucket: str
    key: str
    inner: str


def of_source(context: Context, source: Mapping[str, Any]) -> list[Object]:
    """The objects of an S3DataSource: all below a prefix, or those in a manifest. Raises botocore's ClientError."""
    if source["S3DataType"] == "ManifestFile":
        return of_manifest(context, source["S3Uri"])
    return _below(context, source["S3Uri"])


def of_manifest(context: Context, uri: str) -> list[Object]:
    """The objects of a manifest, such as `[{"prefix": "s3://bucket/folder/"}, "a.csv"]`; ValueError for others."""
    bucket, key = bucket_and_key(uri)
    try:
        told = json.loads(context.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())
    except ValueError:
        told = None
    match told:
        case [{"prefix": str(prefix)}, *names] if all(isinstance(name, str) for name in names):
            start = bucket_and_key(prefix)
            return [Object(start[0], f"{start[1]}{name}", str(name)) for name in names]
        case [*uris] if uris and all(isinstance(one, str) for one in uris):
            return [Object(*bucket_and_key(one), Path(one).name) for one in uris]
    raise ValueError(f"{uri} is not a manifest: a JSON list of a prefix and of names below it")


def pull(context: Context, uri: str, folder: Path) -> int:
    """Fetch all objects below `uri` into `folder`; returns their number. Raises botocore's ClientError."""
    return fetch(context, _below(context, uri), folder)


def fetch(context: Context, found: Iterable[Object], folder: Path) -> int:
    """Fetch objects into `folder`; returns their number. Raises botocore's ClientError."""
    count = 0
    for one in found:
        path = folder / one.inner
        if not path.resolve().is_relative_to(folder.resolve()):
            continue  # a key with `..` would leave the container
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(context.client("s3").get_object(Bucket=one.bucket, Key=one.key)["Body"].read())
        count += 1
    return count


def _below(context: Context, uri: str) -> list[Object]:
    bucket, prefix = bucket_and_key(uri)
    inner = {key: key[len(prefix) :].lstrip("/") if key != prefix else "" for key in listed(context, uri)}
    return [Object(bucket, key, below or Path(key).name) for key, below in inner.items()]


def push(context: Context, file: Path, uri: str) -> None:
    """Upload a file. Raises botocore's ClientError."""
    bucket, key = bucket_and_key(uri)
    context.client("s3").put_object(Bucket=bucket, Key=key, Body=file.read_bytes())


class Mirror:
    """Copies a folder's files to S3 as they change; files that are removed here stay there."""

    def __init__(self, context: Context, folder: Path, uri: str) -> None:
        self._context = context
        self._folder = folder
        self._uri = uri.rstrip("/")
        self._seen: dict[Path, Any] = {}

    def fetch(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        pull(self._context, f"{self._uri}/", self._folder)
        self._seen = dict(self._files())

    def send(self) -> None:
        for path, state in self._files():
            if self._seen.get(path) != state:
                push(self._context, path, f"{self._uri}/{path.relative_to(self._folder).as_posix()}")
                self._seen[path] = state

    def _files(self) -> Iterator[tuple[Path, Any]]:
        for path in self._folder.rglob("*"):
            if path.is_file() and not path.name.endswith(".sagemaker-ignore"):
                about = path.stat()
                yield path, (about.st_mtime_ns, about.st_size)
