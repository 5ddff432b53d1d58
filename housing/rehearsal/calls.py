"""What a request asks for: the service it was signed for, and the operation."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from housing.rehearsal.answers import ApiError
from housing.rehearsal.aws import Environ
from housing.rehearsal.moto_calls import SERVICES
from housing.rehearsal.operations import RUNTIME

_SCOPE = re.compile(r"Credential=([^/,]+)/\d{8}/([^/]+)/([^/]+)/aws4_request")
# Policies call it otherwise than signatures do.
_POLICY_NAMES = {"monitoring": "cloudwatch"}


@dataclass(frozen=True)
class Call:
    """`service` as in the signature (the runtime is `sagemaker-runtime`); `action` is the operation's name there.

    `operation` is how faults and people call it, such as `s3:PutObject`. `access_key` None: not signed. `in_xml` says
    how its errors are written.
    """

    service: str
    action: str
    access_key: str | None
    parameters: dict[str, Any]
    in_xml: bool = False

    @property
    def operation(self) -> str:
        service = "sagemaker" if self.service == "sagemaker-runtime" else self.service
        return f"{_POLICY_NAMES.get(service, service)}:{self.action}"


def identify(environ: Environ, body: bytes) -> Call:
    """ApiError when nobody has signed it, or what it asks for cannot be told."""
    environ["wsgi.input"] = io.BytesIO(body)
    access_key, service = _signer(environ)
    path = environ["PATH_INFO"]
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    if target.startswith("SageMaker."):
        return Call("sagemaker", target.partition(".")[2], access_key, {})
    for runtime in RUNTIME:
        if (service in (None, "sagemaker")) and (match := runtime.path.fullmatch(path)):
            return Call("sagemaker-runtime", runtime.operation, access_key, {"EndpointName": match[1]})
    if service is None:
        raise ApiError("MissingAuthenticationTokenException", "Missing Authentication Token", 403)
    if service not in SERVICES:
        return Call(service, target.rpartition(".")[2] or path, access_key, {}, in_xml=_is_form(environ))
    if target:
        return Call(service, target.rpartition(".")[2], access_key, {})
    action, parameters = _routed(service, environ, body)
    return Call(service, action, access_key, parameters, in_xml=True)


def _is_form(environ: Environ) -> bool:
    return str(environ.get("CONTENT_TYPE", "")).startswith("application/x-www-form-urlencoded")


def _signer(environ: Environ) -> tuple[str | None, str | None]:
    """Access key and service, from the header or, for presigned addresses, from the query."""
    scope = _SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
    if scope:
        return scope[1], scope[3]
    query = dict(parse_qsl(environ.get("QUERY_STRING", "")))
    if credential := query.get("X-Amz-Credential"):
        access_key, _, _, service, _ = (credential.split("/") + [""] * 5)[:5]
        return access_key, service
    if "AWSAccessKeyId" in query or environ.get("HTTP_AUTHORIZATION", "").startswith("AWS "):
        return query.get("AWSAccessKeyId") or environ["HTTP_AUTHORIZATION"][4:].partition(":")[0], "s3"
    return None, None


def _routed(service: str, environ: Environ, body: bytes) -> tuple[str, dict[str, Any]]:
    if service == "s3":
        from moto.core.request import Request
        from moto.core.routing import NotFound, get_service_router

        try:
            operation, parameters = get_service_router("s3").match(Request(environ))
        except NotFound as error:
            raise ApiError(
                "UnsupportedOperation", f"S3 has no call {environ['REQUEST_METHOD']} {environ['PATH_INFO']}"
            ) from error
        query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
        return operation.name, {**query, **parameters}
    form = dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
    form |= dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
    if "Action" not in form:
        raise ApiError("MissingAction", f"the request names no action of {service}")
    return form["Action"], form
