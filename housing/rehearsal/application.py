"""The WSGI application: identifies a call, injects faults, and answers it."""

from __future__ import annotations

import json
import logging
import re
import time
import uuid
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from housing.rehearsal.access import authentication, enforcement, simulation, temporary_credentials
from housing.rehearsal.account import ACCOUNT
from housing.rehearsal.api import calls, limits, signature
from housing.rehearsal.api.calls import Call
from housing.rehearsal.api.http import ConnectionLost
from housing.rehearsal.api.validation import answered, check, check_headers, operation_model
from housing.rehearsal.aws.moto_calls import SERVICES
from housing.rehearsal.aws.services import Aws, Environ
from housing.rehearsal.credentials import Credentials
from housing.rehearsal.responses import ApiError, HttpRequest, HttpResponse, unsupported
from housing.rehearsal.settings import InjectedFault

if TYPE_CHECKING:
    from housing.rehearsal.composition import Composition
    from housing.rehearsal.context import Context

# These accept signatures for any region.
_GLOBAL = ("s3", "iam", "sts")
_BUCKET = re.compile(
    r"(?!xn--|sthree-|amzn-s3-demo-)(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?<!-s3alias)(?<!--ol-s3)"
)
_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")
_JSON = "application/x-amz-json-1.1"
_log = logging.getLogger(__name__)


class Application:
    """Answers every call as AWS would, and never with a 5xx unless a fault asks for it."""

    def __init__(self, context: Context, composition: Composition, aws: Aws, account: Credentials) -> None:
        self._context = context
        self._composition = composition
        self._aws = aws
        self._account = account
        self.last_call = time.monotonic()

    def answer(self, environ: Environ, body: bytes) -> HttpResponse:
        """Raises ConnectionLost where a fault asks for it."""
        call, faults, is_authenticated = None, [], False
        try:
            call = calls.addressed(environ, signature.read(environ))
            call = self._authenticated(call, environ, body)
            is_authenticated, self.last_call = True, time.monotonic()
            if call.service in SERVICES:
                self._aws.load()
            call = calls.identify(call, environ, body)
            _check_region(call, self._context.region)
            faults = self._context.faults.of(call.operation)
            _inject(faults)
            if self._context.settings.enforce_iam:
                with self._aws.exclusive():
                    enforcement.enforce(call, body, environ, store=self._context.store, region=self._context.region)
            result = self._answer(call, environ, body)
        except ApiError as error:
            result = in_error(call, error)
        except Exception as error:
            _log.exception("%s %s", environ["REQUEST_METHOD"], environ["PATH_INFO"])
            result = in_error(call, ApiError("InternalFailure", f"the rehearsal failed: {error!r}"))
        if is_authenticated:  # calls that are not authenticated do not keep the rehearsal running
            self.last_call = time.monotonic()
        if any(fault.kind == "lost" for fault in faults):
            raise ConnectionLost
        return result

    def _authenticated(self, call: Call, environ: Environ, body: bytes) -> Call:
        """The call, with the access key whose permissions it has."""
        signed = authentication.authenticate(
            call.signature, environ, body, account=self._account, exclusive=self._aws.exclusive()
        )
        if signed.access_key != call.signature.access_key:
            # moto looks up the caller itself, and does not know our temporary credentials.
            given = str(environ.get("HTTP_AUTHORIZATION", ""))
            environ["HTTP_AUTHORIZATION"] = given.replace(call.signature.access_key, signed.access_key, 1)
            environ.pop("HTTP_X_AMZ_SECURITY_TOKEN", None)
        return replace(call, signature=signed)

    def _answer(self, call: Call, environ: Environ, body: bytes) -> HttpResponse:
        if call.service == "sagemaker":
            return self._control(call.action, body)
        if call.service == "sagemaker-runtime":
            return self._invoke(call, environ, body)
        if call.service == "application-autoscaling":
            _check_by_model(call, body)
        if (own := self._beside_moto(call, environ, body)) is not None:
            return own
        if call.operation == "sts:GetFederationToken":
            raise unsupported("the rehearsal does not support GetFederationToken; it has GetSessionToken, AssumeRole")
        if call.service == "s3":
            _check_owner(environ)
            _check_bucket(call)
        if call.operation in self._composition.checks:
            self._composition.checks[call.operation](_parsed(body))
        if call.service in SERVICES:
            return self._aws.answer(call.service, call.action, environ, body)
        raise unsupported(
            f"the rehearsal does not support {call.service or 'this call'}; it has SageMaker and {', '.join(SERVICES)}",
        )

    def _beside_moto(self, call: Call, environ: Environ, body: bytes) -> HttpResponse | None:
        """The answer to an operation that moto lacks; None for all others."""
        if call.operation == "iam:SimulatePrincipalPolicy":
            return simulation.simulate(self._context, body)
        if call.operation == "sts:GetSessionToken":
            return temporary_credentials.begin(call, self._account.secret_key)
        if call.service in self._composition.passed_on:
            return self._composition.passed_on[call.service](environ, body)
        if call.operation in self._composition.beside_moto:
            return _json(self._composition.beside_moto[call.operation](_parsed(body)))
        return None

    def _control(self, action: str, body: bytes) -> HttpResponse:
        model = operation_model(action)
        if model is None:
            raise ApiError("UnknownOperationException", f"SageMaker has no operation {action}")
        operations = self._composition.operations
        if action not in operations:
            raise unsupported(f"The rehearsal does not support {action}.")
        request = _parsed(body)
        check(model.input_shape, request)
        limits.check(request)
        result = operations[action](request) or {}
        if model.output_shape is not None:
            result = answered(model.output_shape, result)
        return _json(result)

    def _invoke(self, call: Call, environ: Environ, body: bytes) -> HttpResponse:
        if call.action not in self._composition.invocations:
            raise ApiError("UnknownOperationException", f"the rehearsal does not support {environ['PATH_INFO']}")
        request = _http(environ, body)
        try:
            model = operation_model(call.action, "sagemaker-runtime")
            check_headers(model.input_shape, request.headers, call.parameters)
        except ApiError as error:
            raise ApiError("ValidationError", error.message) from error
        return self._composition.invocations[call.action](request, call.parameters["EndpointName"])


def _check_by_model(call: Call, body: bytes) -> None:
    """ApiError for a malformed request: moto would accept whatever an unchecking client sends."""
    model = operation_model(call.action, call.service)
    if model is None:
        raise unsupported(f"The rehearsal does not support {call.action}.")
    check(model.input_shape, _parsed(body))


def _check_region(call: Call, region: str) -> None:
    signed = call.signature.region
    if signed not in (None, region) and call.service not in _GLOBAL:
        raise ApiError(
            "InvalidSignatureException",
            f"Credential should be scoped to a valid region, not '{signed}': this rehearsal is in {region}.",
        )


def _check_owner(environ: Environ) -> None:
    """ApiError where the caller expects a bucket of another account: all are this one's, and moto does not check."""
    for header in ("HTTP_X_AMZ_EXPECTED_BUCKET_OWNER", "HTTP_X_AMZ_SOURCE_EXPECTED_BUCKET_OWNER"):
        if environ.get(header, ACCOUNT) != ACCOUNT:
            raise ApiError("AccessDenied", "Access Denied", 403)


def _check_bucket(call: Call) -> None:
    """ApiError for a bucket name that S3 refuses and moto accepts."""
    name = str(call.parameters.get("Bucket", ""))
    if call.action == "CreateBucket" and (not _BUCKET.fullmatch(name) or _ADDRESS.fullmatch(name)):
        raise ApiError("InvalidBucketName", "The specified bucket is not valid.")


def _inject(faults: Iterable[InjectedFault]) -> None:
    for fault in faults:
        if fault.kind == "slow":
            time.sleep(fault.seconds)
        elif fault.kind == "throttling":
            raise ApiError("ThrottlingException", "Rate exceeded")
        elif fault.kind == "server_error":
            raise ApiError(
                "ServiceUnavailable", "The service is unavailable; a fault of the rehearsal asks for this.", 503
            )


def in_error(call: Call | None, error: ApiError) -> HttpResponse:
    """The response for an error, in the format of the service's protocol."""
    request_id = str(uuid.uuid4())
    if call is not None and call.in_xml:
        return _xml(call.service, error, request_id)
    headers = {"Content-Type": _JSON, "x-amzn-RequestId": request_id, "x-amzn-ErrorType": error.code}
    body = {"__type": error.code, "message": error.message, **error.details}
    if call is not None and call.service == "sagemaker-runtime":
        headers["Content-Type"] = "application/json"
        body = {"ErrorCode": error.code, "Message": error.message, "message": error.message, **error.details}
    return HttpResponse(json.dumps(body).encode(), error.status, headers)


def _xml(service: str, error: ApiError, request_id: str) -> HttpResponse:
    from xml.sax.saxutils import escape

    code, status = error.code, error.status
    if code == "ThrottlingException":
        code, status = ("SlowDown", 503) if service == "s3" else ("Throttling", 400)
    inner = f"<Code>{code}</Code><Message>{escape(error.message)}</Message>"
    if service == "s3":
        text = f"<Error>{inner}<RequestId>{request_id}</RequestId></Error>"
    else:
        inner = f"<Error><Type>Sender</Type>{inner}</Error>"
        text = f"<ErrorResponse>{inner}<RequestId>{request_id}</RequestId></ErrorResponse>"
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    return HttpResponse((head + text).encode(), status, {"Content-Type": "text/xml", "x-amz-request-id": request_id})


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body or b"{}")
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise ApiError("SerializationException", "the body is not a JSON object")
    return value


def _json(value: Any) -> HttpResponse:
    return HttpResponse(
        json.dumps(value).encode(), headers={"Content-Type": _JSON, "x-amzn-RequestId": str(uuid.uuid4())}
    )


def _http(environ: Environ, body: bytes) -> HttpRequest:
    headers = {
        key.removeprefix("HTTP_").replace("_", "-").lower(): value
        for key, value in environ.items()
        if key.startswith("HTTP_") or key in ("CONTENT_TYPE", "CONTENT_LENGTH")
    }
    query = dict(parse_qsl(environ["QUERY_STRING"], keep_blank_values=True))
    return HttpRequest(environ["REQUEST_METHOD"], environ["PATH_INFO"], query, headers, body)
