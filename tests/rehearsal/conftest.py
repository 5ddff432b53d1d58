from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from housing.rehearsal.running import RunningRehearsal
from housing.rehearsal.settings import Settings

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/housing"


class Served:
    """A rehearsal that answers over HTTP from this process, and plain boto3 clients of it, which retry nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        give_known_keys(folder)
        self.open = RunningRehearsal(Settings(), folder)
        self._clients: dict[str, Any] = {}

    @property
    def context(self) -> Any:
        return self.open.context

    @property
    def url(self) -> str:
        return self.open.url

    def use(self, **settings: Any) -> None:
        """Go on with these settings, and the default ones otherwise."""
        self.open.use(replace(Settings(), **settings))

    def client(self, service: str, access_key: str | None = None, secret: str = "secret") -> Any:
        """`access_key` None: the account's own, which may do everything."""
        if access_key is not None:
            return connected(self.url, service, access_key, secret)
        if service not in self._clients:
            self._clients[service] = connected(self.url, service)
        return self._clients[service]

    def restart(self) -> None:
        """End in good order and come back on the same folder and port; clients must be asked for anew."""
        for client in self._clients.values():
            client.close()  # what they are connected to would go on answering
        self._clients.clear()
        port = self.open.port
        self.open.close()
        self.open = RunningRehearsal(self.open.context.settings, self.folder, last_port=port)

    def close(self) -> None:
        for client in self._clients.values():
            client.close()
        self.open.close()


def give_known_keys(folder: Path) -> None:
    """Let the rehearsal of this folder, not started yet, have the keys that `connected` signs with."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = folder / "credentials.json"
    file.touch(mode=0o600)
    file.write_text(json.dumps({"access_key": "rehearsal", "secret_key": "rehearsal"}), encoding="utf-8")


def connected(
    url: str, service: str, access_key: str = "rehearsal", secret: str = "rehearsal", *, attempts: int = 1
) -> Any:
    """A plain boto3 client of the rehearsal at `url`, which makes every call up to `attempts` times."""
    return boto3.client(
        service,
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=access_key,
        aws_secret_access_key=secret,
        config=Config(retries={"total_max_attempts": attempts}, connect_timeout=1),
    )


def signed_headers(
    method: str, url: str, *, service: str = "s3", body: bytes | None = None, secret: str = "rehearsal", **headers: str
) -> dict[str, str]:
    """What botocore adds to a request that is sent past it; `body` None: unsigned, as S3 allows."""
    request = AWSRequest(method, url, {name.replace("_", "-"): value for name, value in headers.items()}, body or b"")
    if service == "s3":
        request.headers["X-Amz-Content-SHA256"] = "UNSIGNED-PAYLOAD" if body is None else sha256(body).hexdigest()
    signer = SigV4Auth if service != "s3" else S3SigV4Auth
    request.context["payload_signing_enabled"] = body is not None
    signer(Credentials("rehearsal", secret), service, "us-east-1").add_auth(request)
    return dict(request.headers.items())


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One for all tests of a module; what they make must bear names of their own."""
    served = Served(tmp_path_factory.mktemp("rehearsal"))
    yield served
    served.close()


@pytest.fixture
def settings(rehearsal: Served) -> Iterator[Callable[..., None]]:
    """Sets the shared rehearsal's settings for one test: `settings(fail_jobs=1)`."""
    yield rehearsal.use
    rehearsal.use()
