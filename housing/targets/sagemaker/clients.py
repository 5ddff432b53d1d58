"""The account and region in use, and the clients that call AWS; thread-safe."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Mapping
from functools import cached_property
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from housing.errors import CloudError, ConfigError
from housing.targets.sagemaker.refusals import code, translated

if TYPE_CHECKING:
    from housing.targets.sagemaker.settings import Settings

_ATTEMPTS = 8
_CONNECTIONS = 64  # more than jobs that may be polled at once
_ROLE = re.compile(r"arn:[\w-]+:iam::(\d{12}):role/.+")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Clients:
    """One region of one account. AWS is not called before it is needed."""

    def __init__(self, settings: Settings, keys: Mapping[str, str] | None = None) -> None:
        """`keys`, as boto3 takes them, replace the environment's. Raises ConfigError where the SDK is missing."""
        if any(find_spec(package) is None for package in ("boto3", "sagemaker")):
            raise ConfigError("target sagemaker: AWS's SDK is not installed: pip install 'housing[sagemaker]'")
        self._settings = settings
        self._keys = keys
        self._made: dict[str, Any] = {}
        self._lock = threading.RLock()

    @cached_property
    def region(self) -> str:
        """The region of the settings, or of the usual AWS environment. Raises ConfigError when neither has one."""
        import boto3

        with translated("credentials"):
            named = self._settings.region or os.environ.get("AWS_REGION") or boto3.Session().region_name
        if not named:
            raise ConfigError(
                "target region: null, and neither AWS_REGION nor AWS_PROFILE names one; set runner.region=... "
                "and host.region=..."
            )
        return str(named)

    @cached_property
    def session(self) -> Any:
        """A boto3 session whose clients all use our address and retries, for the SDK's `session=`.

        The SDK makes its own clients without a parameter for their address; it caches them by session, so one process
        can use several addresses.
        """
        import boto3
        from botocore.config import Config

        settings, local, with_owner = self._settings, self._is_local, self._with_owner
        ours = Config(
            retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
            connect_timeout=10,
            read_timeout=60,
            max_pool_connections=_CONNECTIONS,
            # A server on this machine is not behind a proxy, and has no host names for buckets.
            **({"proxies": {}, "s3": {"addressing_style": "path"}} if local else {}),
        )

        class Session(boto3.Session):  # type: ignore[misc]
            def client(self, service_name: str, region_name: str | None = None, **options: Any) -> Any:
                given = options.pop("config", None)
                options.setdefault("endpoint_url", settings.endpoint_url)
                config = given.merge(ours) if given is not None else ours
                client = super().client(service_name, region_name, config=config, **options)
                if service_name == "s3":
                    client.meta.events.register("before-parameter-build.s3", with_owner)
                return client

        with translated("credentials"):
            return Session(region_name=self.region, **(_local_credentials(self._keys) if local else self._keys or {}))

    def __call__(self, service: str) -> Any:
        """The client of a service (`sagemaker`, `s3`, `logs` ...), which is made once."""
        with self._lock:
            if service not in self._made:
                with translated(service):
                    self._made[service] = self.session.client(service)
            return self._made[service]

    @cached_property
    def role_arn(self) -> str:
        """The role that jobs and endpoints assume. Raises ConfigError when none is configured."""
        arn = self._settings.role_arn or os.environ.get("SAGEMAKER_ROLE_ARN")
        if not arn:
            raise ConfigError(
                "target role_arn: null, and SAGEMAKER_ROLE_ARN is not set; name the role that jobs and endpoints "
                "take: runner.role_arn=arn:aws:iam::<account>:role/<name>, host.role_arn=..."
            )
        return arn

    @cached_property
    def account(self) -> str:
        """The account's id."""
        return str(self._caller["Account"])

    @cached_property
    def partition(self) -> str:
        """`aws`, `aws-cn` ...: the second part of every ARN."""
        return str(self._caller["Arn"]).split(":")[1]

    @property
    def bucket_name(self) -> str:
        """The bucket's name, whether or not it exists."""
        return self._settings.bucket or f"sagemaker-{self.region}-{self.account}"

    @cached_property
    def bucket(self) -> str:
        """A bucket of ours that exists; the default one is created if it is missing. Raises CloudError."""
        from botocore.exceptions import ClientError

        with self._lock:
            default = f"sagemaker-{self.region}-{self.account}"
            name = self.bucket_name
            try:
                with translated("s3"):
                    self("s3").head_bucket(Bucket=name)
            except CloudError as refused:
                cause = refused.__cause__
                if not isinstance(cause, ClientError):
                    raise
                self._settle(name, code(cause), default=default, refused=refused)
            return name

    def path(self, *parts: str) -> str:
        """The S3 address of a key below the prefix."""
        return f"s3://{self.bucket}/{self._settings.prefix}/{'/'.join(parts)}"

    def _settle(self, name: str, found: str, *, default: str, refused: CloudError) -> None:
        """After HeadBucket has failed: create the default bucket, or raise with what is wrong with this one."""
        if found in ("404", "NoSuchBucket") and name == default:
            elsewhere = (
                {} if self.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": self.region}}
            )
            try:
                with translated("s3"):
                    self("s3").create_bucket(Bucket=name, **elsewhere)
            except CloudError as again:
                # Created by another command meanwhile, or by a call of ours whose answer was lost.
                if code(again.__cause__) != "BucketAlreadyOwnedByYou":
                    raise
        elif found in ("404", "NoSuchBucket"):
            raise CloudError(
                f"bucket {name}: does not exist; make it (aws s3 mb s3://{name}), or leave `bucket: null` for {default}"
            ) from refused
        elif found in ("403", "AccessDenied"):
            raise CloudError(
                f"bucket {name}: belongs to another account, or whoever signs this call lacks s3:ListBucket on it; "
                "name a bucket of your own: runner.bucket=..., host.bucket=..."
            ) from refused
        elif found in ("301", "PermanentRedirect"):
            raise CloudError(
                f"bucket {name}: is in another region than {self.region}; jobs read from their own region only"
            ) from refused
        else:
            raise refused

    def _with_owner(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        """Refuse buckets of other accounts with the same name: neither write our data there nor read theirs."""
        members = model.input_shape.members if model.input_shape else {}
        if "ExpectedBucketOwner" in members:
            params.setdefault("ExpectedBucketOwner", self._owner)
        if "ExpectedSourceBucketOwner" in members:
            params.setdefault("ExpectedSourceBucketOwner", self._owner)

    @cached_property
    def _owner(self) -> str:
        """The account's id, from the jobs' role if possible: a role and the caller who passes it share an account."""
        role = _ROLE.fullmatch(self._settings.role_arn or os.environ.get("SAGEMAKER_ROLE_ARN") or "")
        return role[1] if role else self.account

    @cached_property
    def _caller(self) -> dict[str, Any]:
        with translated("sts"):
            caller: dict[str, Any] = self("sts").get_caller_identity()
        return caller

    @property
    def _is_local(self) -> bool:
        return urlsplit(self._settings.endpoint_url or "").hostname in _LOOPBACK


def _local_credentials(keys: Mapping[str, str] | None) -> dict[str, Any]:
    """A server on this machine needs no account, so an expired profile does not matter."""
    from botocore.session import Session

    usual = {"aws_access_key_id": "rehearsal", "aws_secret_access_key": "rehearsal"}
    return {
        "botocore_session": Session(session_vars={"profile": (None, None, None, None)}),
        **(keys or ({} if os.environ.get("AWS_ACCESS_KEY_ID") else usual)),
    }
