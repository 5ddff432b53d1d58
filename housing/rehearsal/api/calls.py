"""What a request asks for: the service it was signed for, and the operation."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from housing.rehearsal.answers import ApiError, unsupported
from housing.rehearsal.api.operations import RUNTIME
from housing.rehearsal.aws.moto_calls import SERVICES
from housing.rehearsal.aws.services import Environ

_SCOPE = re.compile(r"Credential=([^/,]+)/\d{8}/([^/]+)/([^/]+)/aws4_request")
# Policies call it otherwise than signatures do.
_POLICY_NAMES = {"monitoring": "cloudwatch"}


@dataclass(frozen=True)
class Signature:
    """`service` as it is signed for: the runtime's is `sagemaker`, as the control plane's."""

    access_key: str
    service: str
    region: str | None = None


@dataclass(frozen=True)
class Call:
    """`service` as in the signature, or `sagemaker-runtime`; `action` is the operation's name there.

    `parameters` are those outside a JSON body. `in_xml` says how errors are written.
    """

    signature: Signature
    service: str
    action: str
    parameters: dict[str, Any]
    in_xml: bool = False

    @property
    def operation(self) -> str:
        """How faults, policies and people call it, such as `s3:PutObject`."""
        service = "sagemaker" if self.service == "sagemaker-runtime" else self.service
        return f"{_POLICY_NAMES.get(service, service)}:{self.action}"


def identify(environ: Environ, body: bytes) -> Call:
    """ApiError when nobody has signed it, or what it asks for cannot be told."""
    environ["wsgi.input"] = io.BytesIO(body)
    signature = _signature(environ)
    service, path = signature.service, environ["PATH_INFO"]
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    if target:
        return Call(signature, service, target.rpartition(".")[2], {})
    for runtime in RUNTIME:
        if service == "sagemaker" and (match := runtime.path.fullmatch(path)):
            return Call(signature, "sagemaker-runtime", runtime.operation, {"EndpointName": match[1]})
    if service not in SERVICES:
        return Call(signature, service, path, {}, in_xml=_is_form(environ))
    action, parameters = _routed(service, environ, body)
    return Call(signature, service, action, parameters, in_xml=True)


def _is_form(environ: Environ) -> bool:
    return str(environ.get("CONTENT_TYPE", "")).startswith("application/x-www-form-urlencoded")


def _signature(environ: Environ) -> Signature:
    """From the header or, for presigned addresses, from the query; it is not verified."""
    header = environ.get("HTTP_AUTHORIZATION", "")
    if scope := _SCOPE.search(header):
        return Signature(scope[1], scope[3], scope[2])
    query = dict(parse_qsl(environ.get("QUERY_STRING", "")))
    if scope := _SCOPE.search(f"Credential={query.get('X-Amz-Credential', '')}"):
        return Signature(scope[1], scope[3], scope[2])
    # The older signatures, which only S3 still takes.
    if access_key := query.get("AWSAccessKeyId") or (header.startswith("AWS ") and header[4:].partition(":")[0]):
        return Signature(access_key, "s3")
    raise ApiError("MissingAuthenticationTokenException", "Missing Authentication Token", 403)


def _routed(service: str, environ: Environ, body: bytes) -> tuple[str, dict[str, Any]]:
    if service == "s3":
        from moto.core.request import Request
        from moto.core.routing import NotFound, get_service_router

        try:
            operation, parameters = get_service_router("s3").match(Request(environ))
        except NotFound as error:
            raise unsupported(f"S3 has no call {environ['REQUEST_METHOD']} {environ['PATH_INFO']}") from error
        query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
        return operation.name, {**query, **parameters}
    form = dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
    form |= dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
    if "Action" not in form:
        raise ApiError("MissingAction", f"the request names no action of {service}")
    return form["Action"], form
