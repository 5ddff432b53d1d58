"""The rest of AWS: moto's S3, IAM, STS, Logs, CloudWatch and autoscaling, called in this process.

moto's responses are called as its own `mock_aws` calls them, at AWS's host names: the path that moto's tests go.
"""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Callable
from functools import cache
from typing import Any, cast

from housing.rehearsal.answers import ApiError, HttpAnswer
from housing.rehearsal.kinds import ACCOUNT

# By the name that a signature gives: moto's name of the service, boto3's, and a host at which moto expects it.
SERVICES = {
    "s3": ("s3", "s3", "s3.amazonaws.com"),
    "iam": ("iam", "iam", "iam.amazonaws.com"),
    "sts": ("sts", "sts", "sts.{region}.amazonaws.com"),
    "logs": ("logs", "logs", "logs.{region}.amazonaws.com"),
    "monitoring": ("cloudwatch", "cloudwatch", "monitoring.{region}.amazonaws.com"),
    "application-autoscaling": (
        "applicationautoscaling",
        "application-autoscaling",
        "application-autoscaling.{region}.amazonaws.com",
    ),
}
"""The services that the rehearsal answers for beside SageMaker."""

Environ = dict[str, Any]
_Function = Callable[[Any, str, Any], tuple[int, dict[str, str], str | bytes]]


class Aws:
    """One account in one region; calls are answered one at a time, as moto is not made for threads."""

    def __init__(self, region: str) -> None:
        self._region = region
        self._lock = threading.RLock()
        self._clients: dict[str, Any] = {}

    def answer(self, service: str, environ: Environ) -> HttpAnswer:
        """Answer a call that was signed for `service`; `environ` as in WSGI, with the body in memory."""
        with self._lock:
            return call(service, environ)

    def client(self, service: str) -> Any:
        """boto3's client of a service (`s3`, `logs`, `cloudwatch` ...), whose calls need no socket."""
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self._connected(service)
            return self._clients[service]

    def _connected(self, service: str) -> Any:
        import boto3
        from botocore.awsrequest import AWSResponse
        from botocore.config import Config

        client = boto3.client(
            service,
            region_name=self._region,
            endpoint_url="http://rehearsal",
            aws_access_key_id="rehearsal",
            aws_secret_access_key="rehearsal",
            config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
        )
        signed_for = client.meta.service_model.signing_name

        def answered(request: Any, **_: Any) -> Any:
            from moto.core.request import Request

            body = request.body.read() if hasattr(request.body, "read") else request.body
            environ = Request.from_primitives(request.method, request.url, request.headers, body).environ
            answer = self.answer(signed_for, environ)
            return AWSResponse(request.url, answer.status, _headers(answer), _Raw(answer.body))

        client.meta.events.register("before-send", answered)
        return client


def call(service: str, environ: Environ) -> HttpAnswer:
    """Let moto answer; what it does not know is an ApiError."""
    from botocore.exceptions import ClientError
    from moto.core.exceptions import HTTPException
    from moto.core.request import Request

    region = signed_region(environ)
    host = SERVICES[service][2].format(region=region)
    request = Request(environ | {"HTTP_HOST": host, "SERVER_NAME": host, "SERVER_PORT": "80"})
    url = f"http://{host}{request.raw_path}"
    try:
        status, headers, body = _function(service, region, url)(request, request.raw_url, request.headers)
    except HTTPException as error:
        status, headers, body = error.code or 400, dict(error.get_headers()), error.get_body()
    except ClientError as error:
        status, headers, body = 400, {}, error.response["Error"]["Message"]
    except NotImplementedError as error:
        raise ApiError(
            "UnsupportedOperation", f"the rehearsal does not support this call of {service}: {error}"
        ) from error
    return HttpAnswer(body.encode() if isinstance(body, str) else body, status, headers)


def signed_region(environ: Environ) -> str:
    """The region in a signature's scope; without a signature, the first."""
    scope = re.search(r"Credential=[^/]+/\d+/([^/]+)/", environ.get("HTTP_AUTHORIZATION", ""))
    return scope[1] if scope else "us-east-1"


def _function(service: str, region: str, url: str) -> _Function:
    for pattern, function in _functions(service, region):
        if pattern.match(url):
            return function
    raise NotImplementedError(f"no such path: {url}")


@cache
def _functions(service: str, region: str) -> list[tuple[re.Pattern[str], _Function]]:
    from moto import backends

    accounts = backends.get_backend(cast(Any, SERVICES[service][0]))
    regions = accounts[ACCOUNT]
    backend = regions[region if region in regions and service not in ("s3", "iam") else "aws"]
    return [(re.compile(pattern), function) for pattern, function in backend.urls.items()]


def _headers(answer: HttpAnswer) -> Any:
    from botocore.compat import HTTPHeaders

    headers = HTTPHeaders()
    for name, value in answer.headers.items():
        headers[name] = str(value)
    return headers


class _Raw(io.BytesIO):
    """A body as botocore reads it from urllib3."""

    def stream(self, **_: Any) -> Any:
        while block := self.read(1 << 20):
            yield block
