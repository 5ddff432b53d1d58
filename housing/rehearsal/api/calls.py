"""What a request asks for: the service it was signed for, and the operation."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl

from housing.rehearsal.api.operations import INVOCATION_PATHS
from housing.rehearsal.api.signature import Signature
from housing.rehearsal.aws.moto_calls import SERVICES
from housing.rehearsal.aws.services import Environ
from housing.rehearsal.responses import ApiError, unsupported

# The service's name in policies differs from the one in signatures.
_POLICY_NAMES = {"monitoring": "cloudwatch"}


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
        """Its name in faults, policies and messages, such as `s3:PutObject`."""
        service = "sagemaker" if self.service == "sagemaker-runtime" else self.service
        return f"{_POLICY_NAMES.get(service, service)}:{self.action}"


def addressed(environ: Environ, signature: Signature) -> Call:
    """The service that a request is for, before its body is read: enough to refuse it in that service's words."""
    service = signature.service
    if environ.get("HTTP_X_AMZ_TARGET"):
        return Call(signature, service, "", {})
    for operation, pattern in INVOCATION_PATHS.items():
        if service == "sagemaker" and (match := pattern.fullmatch(environ["PATH_INFO"])):
            return Call(signature, "sagemaker-runtime", operation, {"EndpointName": match[1]})
    return Call(signature, service, environ["PATH_INFO"], {}, in_xml=service in SERVICES or _is_form(environ))


def identify(call: Call, environ: Environ, body: bytes) -> Call:
    """The call with its operation and parameters. ApiError when they cannot be determined."""
    environ["wsgi.input"] = io.BytesIO(body)
    service = call.service
    if target := environ.get("HTTP_X_AMZ_TARGET", ""):
        return replace(call, action=target.rpartition(".")[2])
    if service not in SERVICES:
        return call
    action, parameters = _routed(service, environ, body)
    return replace(call, action=action, parameters=parameters)


def _is_form(environ: Environ) -> bool:
    return str(environ.get("CONTENT_TYPE", "")).startswith("application/x-www-form-urlencoded")


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
