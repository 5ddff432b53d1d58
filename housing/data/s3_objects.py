"""Objects in S3, downloaded once per version, with the credentials of the environment."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

from housing.errors import CloudError, DataError
from housing.files import install

if TYPE_CHECKING:
    from pyarrow import fs

CACHE = Path(".housing") / "cache" / "s3"
_SCHEME = "s3://"
_TRIES = 3
_KEPT_DAYS = 7
_AT_ONCE = 16
_CONNECT_S, _REQUEST_S = 10, 60


def _as_it_is() -> Mapping[str, str]:
    return {}


_REACHED: ContextVar[Callable[[], Mapping[str, str]]] = ContextVar("_REACHED", default=_as_it_is)


def is_s3(source: str) -> bool:
    return source.lower().startswith(_SCHEME)


def fetched(address: str) -> Path:
    """The local path of an object, or of a folder with all objects under a prefix. Raises DataError or CloudError.

    Credentials and endpoint come from the environment, as for any AWS client (profile, keys, role, AWS_ENDPOINT_URL),
    except within `reached_by`.
    """
    name = address[len(_SCHEME) :].rstrip("/")
    bucket, _, key = name.partition("/")
    if not bucket or re.search(r"[*?\[]", name):
        raise DataError(f"{address}: must be s3://bucket/key, or s3://bucket/prefix for all objects below it")
    if "@" in bucket or ":" in bucket:
        raise DataError(
            f"{_SCHEME}{bucket.rpartition('@')[2]}/{key}: no keys and no port belong in an address; keys come from the "
            "environment (AWS_PROFILE, or AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY), as does AWS_ENDPOINT_URL"
        )
    store = _store(address, bucket)
    objects, is_folder = _listed(store, address, name)
    state = hashlib.sha256()
    for one, tag in zip(objects, _tags(store, address, objects), strict=True):
        state.update(f"{one.path}\0{one.size}\0{tag}\0".encode())
    folder = CACHE / bucket / state.hexdigest()[:16]
    local = folder / (key.rpartition("/")[2] or bucket)
    if not local.exists():
        _fetch(store, address, objects, name if is_folder else None, local)
    os.utime(folder)
    _forget_unused()
    return local


@contextmanager
def reached_by(environment: Callable[[], Mapping[str, str]]) -> Iterator[None]:
    """Within it, S3 is reached with these environment variables, which are requested only when S3 is used."""
    before = _REACHED.set(environment)
    try:
        yield
    finally:
        _REACHED.reset(before)


def _forget_unused() -> None:
    """Remove versions that were not used for a while: an object that changes every day would fill the disk."""
    long_ago = time.time() - _KEPT_DAYS * 86_400
    for folder in CACHE.glob("*/*"):
        # Another process may have removed it.
        with suppress(OSError):
            if folder.stat().st_mtime < long_ago:
                shutil.rmtree(folder, ignore_errors=True)


def _store(address: str, bucket: str) -> fs.S3FileSystem:
    from pyarrow import fs

    own = _REACHED.get()()
    environment = own or os.environ
    endpoint = environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL")
    region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
    if region is None and endpoint is None:
        try:
            region = fs.resolve_s3_region(bucket)
        except OSError as error:
            raise _refusal(address, error) from None
    given: dict[str, Any] = {"endpoint_override": endpoint} if endpoint else {}
    if region:
        given["region"] = region
    if own:
        given |= {"access_key": own["AWS_ACCESS_KEY_ID"], "secret_key": own["AWS_SECRET_ACCESS_KEY"]}
    return fs.S3FileSystem(
        connect_timeout=_CONNECT_S,
        request_timeout=_REQUEST_S,
        retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=_TRIES),
        **given,
    )


def _listed(store: fs.S3FileSystem, address: str, name: str) -> tuple[Sequence[fs.FileInfo], bool]:
    from pyarrow import fs

    try:
        found = store.get_file_info(name)
        if found.type == fs.FileType.File:
            return [found], False
        if found.type == fs.FileType.NotFound:
            raise DataError(f"{address}: there is no such object, nor any below it; see `aws s3 ls {address}`")
        below = store.get_file_info(fs.FileSelector(name, recursive=True))
    except OSError as error:
        raise _refusal(address, error) from None
    objects = sorted((one for one in below if one.type == fs.FileType.File), key=lambda one: str(one.path))
    if not objects:
        raise DataError(f"{address}: there is no object below it; see `aws s3 ls {address}`")
    return objects, True


def _tags(store: fs.S3FileSystem, address: str, objects: Sequence[fs.FileInfo]) -> Sequence[str]:
    """Tags that identify each object's content: times are in whole seconds, within which it may change."""

    def tag(one: fs.FileInfo) -> str:
        with store.open_input_file(one.path) as file:
            return str(file.metadata()["ETag"])

    try:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return list(pool.map(tag, objects))
    except OSError as error:
        raise _refusal(address, error) from None


def _fetch(
    store: fs.S3FileSystem, address: str, objects: Sequence[fs.FileInfo], prefix: str | None, local: Path
) -> None:
    """Download the objects and put them in place atomically."""
    local.parent.mkdir(parents=True, exist_ok=True)
    unfinished = local.parent / f".{secrets.token_hex(4)}.tmp"
    try:
        for one in objects:
            path = unfinished if prefix is None else unfinished / str(one.path)[len(prefix) + 1 :]
            if not path.resolve().is_relative_to(local.parent.resolve()):
                raise DataError(f"{address}: the key {one.path!r} leads out of its folder; it is not fetched")
            path.parent.mkdir(parents=True, exist_ok=True)
            with store.open_input_stream(one.path) as source, path.open("wb") as file:
                shutil.copyfileobj(source, file, 4 << 20)
            if path.stat().st_size != one.size:
                raise CloudError(f"{address}: {one.path} has changed while it was fetched; ask again")
        if not local.exists():
            install(unfinished, local)
    except OSError as error:
        if not local.exists():  # otherwise another process was faster
            raise _refusal(address, error) from None
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
        if unfinished.is_file():
            unfinished.unlink()


def _refusal(address: str, error: OSError) -> DataError | CloudError:
    text = str(error).splitlines()[0][:300] if str(error) else type(error).__name__
    if isinstance(error, FileNotFoundError) or "NO_SUCH_BUCKET" in text or "Bucket '" in text:
        return DataError(f"{address}: there is no such bucket or object ({text})")
    if "ACCESS_DENIED" in text or "HTTP status 403" in text:
        return CloudError(f"{address}: the account may not read it; see `aws sts get-caller-identity` ({text})")
    return CloudError(f"{address}: S3 does not answer ({text})")
