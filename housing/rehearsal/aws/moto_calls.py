"""Calls moto with a request as WSGI describes it, and saves and restores its whole state."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from functools import cache
from typing import Any

from housing.rehearsal.account import ACCOUNT
from housing.rehearsal.aws import default_role, moto_modules
from housing.rehearsal.responses import HttpResponse, unsupported

# By the name in signatures: moto's name of the service, and a host name at which moto expects it.
_SERVICES = {
    "s3": ("s3", "s3.amazonaws.com"),
    "iam": ("iam", "iam.amazonaws.com"),
    "sts": ("sts", "sts.{region}.amazonaws.com"),
    "logs": ("logs", "logs.{region}.amazonaws.com"),
    "monitoring": ("cloudwatch", "monitoring.{region}.amazonaws.com"),
    "application-autoscaling": ("applicationautoscaling", "application-autoscaling.{region}.amazonaws.com"),
}
SERVICES = tuple(_SERVICES)
"""The services that the rehearsal has beside SageMaker, as signatures name them."""

SPELLED = "moto.preserved_header_names"
"""The key of an environ in which moto looks for the original spelling of S3 metadata names."""

_WRITES_TO = {"application-autoscaling": ("monitoring",)}  # a policy's alarms
_OWNERS = "owners of buckets"
_loaded: set[str] = set()
# Those for services that the rehearsal has; all 1,582 would take 4 MB in every copy of the state.
_MANAGED_POLICIES = (
    "AdministratorAccess",
    "AmazonS3FullAccess",
    "AmazonS3ReadOnlyAccess",
    "AmazonSageMakerFullAccess",
    "AmazonSageMakerReadOnly",
    "CloudWatchFullAccess",
    "CloudWatchLogsFullAccess",
)
_Function = Callable[[Any, str, Any], tuple[int, dict[str, str], str | bytes]]


def answer(service: str, environ: dict[str, Any], body: bytes) -> HttpResponse:
    """Answer a call. ApiError for what moto does not know, or cannot do."""
    from botocore.exceptions import ClientError
    from moto.core.exceptions import HTTPException
    from moto.core.request import Request

    region = _signed_region(environ)
    host = _SERVICES[service][1].format(region=region)
    there = {"HTTP_HOST": host, "SERVER_NAME": host, "SERVER_PORT": "80", "wsgi.input": io.BytesIO(body)}
    request = Request(environ | there)
    try:
        function = _function(service, region, f"http://{host}{request.raw_path}")
        status, headers, text = function(request, request.raw_url, request.headers)
    except HTTPException as error:
        status, headers, text = error.code or 400, dict(error.get_headers()), error.get_body()
    except ClientError as error:
        status, headers, text = 400, {}, error.response["Error"]["Message"]
    except NotImplementedError as error:
        raise unsupported(f"the rehearsal's {service} does not support this: {error}") from error
    return HttpResponse(text.encode() if isinstance(text, str) else text, status, headers)


def received(request: Any) -> tuple[dict[str, Any], bytes]:
    """A request that botocore has prepared, as a server would receive it: WSGI environ and body."""
    from moto.core.request import Request

    body = request.body.read() if hasattr(request.body, "read") else request.body
    body = body.encode() if isinstance(body, str) else body or b""
    environ = Request.from_primitives(request.method, request.url, request.headers, body).environ
    return environ, body


def load(service: str, region: str) -> None:
    """Import moto's code for a service."""
    _functions(service, region)


def state() -> Any:
    """All of moto's state, of the services that were called; to be pickled before the next call changes it."""
    kept: dict[str, Any] = {service: list(_accounts(service).iter_backends()) for service in _loaded}
    if "s3" in kept:
        kept[_OWNERS] = dict(_accounts("s3").bucket_accounts)
    return kept


def adopt(kept: Any) -> None:
    """Restore a saved state."""
    owners = kept.pop(_OWNERS, {})
    for service, backends in kept.items():
        _loaded.add(service)
        for account, region, backend in backends:
            _accounts(service)[account][region] = backend
    if owners:
        _accounts("s3").bucket_accounts.update(owners)


def reset() -> None:
    """Reset to an account that has nothing but AWS's managed policies, and its default role."""
    from moto.core.base_backend import BackendDict
    from moto.iam.models import AWSManagedPolicy

    BackendDict.reset()
    _loaded.clear()
    _functions.cache_clear()
    load("iam", "aws")
    iam = _accounts("iam")[ACCOUNT]["aws"]
    for name, document in _managed_policies().items():
        policy = AWSManagedPolicy.from_data(name, ACCOUNT, "aws", document)
        iam.aws_managed_policies.append(policy)
        iam.managed_policies[policy.arn] = policy
    default_role.add(iam)


@cache
def _managed_policies() -> dict[str, Any]:
    from moto.iam.aws_managed_policies import aws_managed_policies_data

    # Parsing all of them takes 100 ms, and 30 MB that are never freed.
    read = json.JSONDecoder().raw_decode
    places = {name: aws_managed_policies_data.find(f'\n "{name}"') for name in _MANAGED_POLICIES}
    begins = {name: aws_managed_policies_data.index("{", place) for name, place in places.items() if place >= 0}
    return {name: read(aws_managed_policies_data, begin)[0] for name, begin in begins.items()}


def _signed_region(environ: dict[str, Any]) -> str:
    """The region in a signature's scope; us-east-1 without a signature."""
    scope = re.search(r"Credential=[^/]+/\d+/([^/]+)/", environ.get("HTTP_AUTHORIZATION", ""))
    return scope[1] if scope else "us-east-1"


def _function(service: str, region: str, url: str) -> _Function:
    for pattern, function in _functions(service, region):
        if pattern.match(url):
            return function
    raise NotImplementedError(f"no such path: {url}")


@cache
def _functions(service: str, region: str) -> list[tuple[re.Pattern[str], _Function]]:
    _loaded.update((service, *_WRITES_TO.get(service, ())))
    regions = _accounts(service)[ACCOUNT]
    backend = regions["aws" if "aws" in regions.regions else region]
    return [(re.compile(pattern), function) for pattern, function in backend.urls.items()]


def _accounts(service: str) -> Any:
    return moto_modules.backends(_SERVICES[service][0])
