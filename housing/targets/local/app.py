"""The HTTP API: that of SageMaker's runtime, and the control requests of our own commands.

    POST /endpoints/<name>/invocations    text/csv, application/json or application/jsonlines in, any of them out
    GET  /ping                            200 while the server lives
    GET  /metrics                         requests, latencies and instances, as Prometheus reads them
    /control/...                          with the token of server.json only

Errors have SageMaker's form, so a boto3 client raises the same as on AWS: ValidationError for an unknown endpoint or
variant, ModelError with `OriginalStatusCode` and `OriginalMessage` for what the model refuses.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import re
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from housing.data.content_type import CSV, FORMS, JSON, form_of
from housing.data.extras import asked_in
from housing.errors import DeploymentError, RolledBack
from housing.targets.local import wire
from housing.targets.local.endpoint import UnknownVariantError
from housing.targets.local.endpoints import ClosingError, Endpoints
from housing.targets.local.fleet import InstanceLostError, OverloadedError
from housing.targets.local.frames import KINDS, Answer, Ask
from housing.targets.local.metrics import CONTENT_TYPE, Exposition
from housing.targets.local.refusals import refusal

# SageMaker's limit for a real-time invocation.
MAX_BODY_BYTES = 6 * 1024 * 1024
_BODY_WITHIN_S = 60.0
_LISTENS_ON_S = 30.0
HOST = re.compile(r"(127(\.\d{1,3}){3}|localhost|\[::1\])(:\d{1,5})?", re.IGNORECASE | re.ASCII)


def build(endpoints: Endpoints, token: str) -> Starlette:
    control = _Control(endpoints)
    guard = _guarded_by(token)
    app = Starlette(
        routes=[
            Route("/endpoints/{name}/invocations", _Invocations(endpoints).handle, methods=["POST"]),
            Route("/ping", _ping, methods=["GET"]),
            Route("/metrics", partial(_metrics, endpoints), methods=["GET"]),
            Route("/control/endpoints", guard(control.list), methods=["GET"]),
            Route("/control/endpoints/{name}", guard(control.show), methods=["GET"]),
            Route("/control/actions", guard(control.act), methods=["POST"]),
        ],
        exception_handlers={HTTPException: _http_error, Exception: _internal_error, ClientDisconnect: _nobody_listens},
    )
    # `direct` answers what it can from there, `accepting` gives connections away.
    app.state.endpoints, app.state.responders = endpoints, endpoints.responders
    return app


async def _ping(_request: Request) -> Response:
    return Response()


async def _metrics(endpoints: Endpoints, request: Request) -> Response:
    _check_host(request)
    await endpoints.collect()
    exposition = Exposition()
    for name in sorted(endpoints.serving):
        endpoints.serving[name].expose(exposition)
    return Response(exposition.text(), media_type=CONTENT_TYPE)


class _Invocations:
    def __init__(self, endpoints: Endpoints) -> None:
        self._endpoints = endpoints

    async def handle(self, request: Request) -> Response:
        _check_host(request)
        kind, accept = _kind(request)
        extras = asked_in(request.headers.get("content-type", ""))
        body = await _body(request, MAX_BODY_BYTES)
        name = request.path_params["name"]
        endpoint = self._endpoints.serving.get(name)
        if endpoint is None:
            reason = self._endpoints.failed.get(name)
            return _error(400, f"Endpoint {name} not found." if reason is None else f"Endpoint {name} failed: {reason}")
        try:
            variant, answer, result = await endpoint.invoke(_variant(request), kind, body, extras)
        except UnknownVariantError as error:
            return _error(400, f"{name}: {error}")
        except OverloadedError as error:
            return _error(503, f"{name}: {error}")
        except InstanceLostError as error:
            return _model_error(500, f"{name}: {error}", None)
        if answer == Answer.PREDICTED:
            return Response(result, media_type=accept, headers={"x-Amzn-Invoked-Production-Variant": variant})
        return _model_error(400 if answer == Answer.REFUSED else 500, result.decode(errors="replace"), variant)


class _Control:
    def __init__(self, endpoints: Endpoints) -> None:
        self._endpoints = endpoints

    async def list(self, _request: Request) -> Response:
        await self._endpoints.collect()  # a command that is about to read what was captured asks whether we are there
        return JSONResponse(self._endpoints.names())

    async def show(self, request: Request) -> Response:
        await self._endpoints.collect()
        return JSONResponse(self._endpoints.status(request.path_params["name"]))

    async def act(self, request: Request) -> Response:
        try:
            document = json.loads(await _body(request, MAX_BODY_BYTES))
            action = wire.action(document["action"])
            models = {str(model): Path(folder) for model, folder in document["models"].items()}
            again = bool(document["again"])
            processes = int(document["processes"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return _error(400, f"not an action: {error!r}")
        # A step must go on even if the command that requested it is interrupted.
        try:
            await asyncio.shield(self._endpoints.apply(action, models, again=again, processes=processes))
        except ClosingError as error:
            return _error(503, str(error))
        except DeploymentError as error:
            return _error(409, str(error), RolledBack=isinstance(error, RolledBack))
        return JSONResponse(None)


_Handler = Callable[[Request], Awaitable[Response]]


def _guarded_by(token: str) -> Callable[[_Handler], _Handler]:
    def guard(handler: _Handler) -> _Handler:
        async def guarded(request: Request) -> Response:
            _check_host(request)
            if not hmac.compare_digest(request.headers.get("authorization", "").encode(), f"Bearer {token}".encode()):
                raise HTTPException(403, "control requests carry the token of server.json")
            return await handler(request)

        return guarded

    return guard


def _check_host(request: Request) -> None:
    """Refuse foreign host names: a web page may reach loopback through one (DNS rebinding), but cannot hide it."""
    hosts = request.headers.getlist("host")
    if len(hosts) != 1 or not HOST.fullmatch(hosts[0]):
        shown = ", ".join(hosts)[:100]
        raise HTTPException(403, f"this server answers to 127.0.0.1 and localhost, not to {shown!r}")
    origin = request.headers.get("origin")
    if origin is not None and origin.lower() != f"http://{hosts[0].lower()}":
        raise HTTPException(403, f"this server answers to no web page, and to none of {origin[:100]!r}")


def _variant(request: Request) -> str | None:
    """The variant that the request names, or that was already drawn for it."""
    asked: str | None = request.headers.get("x-amzn-sagemaker-target-variant")
    return getattr(request.state, "variant", None) if asked is None else asked


def _kind(request: Request) -> tuple[Ask, str]:
    given = request.headers.get("content-type", "")
    form = form_of(given)
    if form is None:
        raise HTTPException(415, f"content type {given[:100]!r} is not supported; send {', '.join(FORMS)}, in UTF-8")
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding not in ("", "identity"):
        raise HTTPException(415, f"content encoding {coding[:100]!r} is not supported; send the rows uncompressed")
    accepted = [part.partition(";")[0].strip().lower() for part in request.headers.get("accept", "").split(",")]
    accept = next((a for a in accepted if a in FORMS), None)
    if accept is None:
        if not {"", "*/*", "text/*", "application/*"} & set(accepted):
            raise HTTPException(406, f"answers are {', '.join(FORMS)}, not {', '.join(accepted)[:100]}")
        accept = CSV if form == CSV else JSON
    return KINDS[form, accept], accept


async def _body(request: Request, limit: int) -> bytes:
    too_large = _BodyLeftError(413, f"the body is larger than {limit} bytes; send the rows in parts")
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length[:20]) > limit:
        raise too_large
    body, more = bytearray(), True
    try:
        async with asyncio.timeout(_BODY_WITHIN_S):
            while more:
                message = await request.receive()
                if message["type"] == "http.disconnect":
                    raise ClientDisconnect
                body += message.get("body", b"")
                more = message.get("more_body", False)
                if len(body) > limit:
                    raise too_large if more else HTTPException(413, too_large.detail)
    except TimeoutError:
        raise _BodyLeftError(408, f"the body did not arrive in {_BODY_WITHIN_S:g} s") from None
    return bytes(body)


class _BodyLeftError(HTTPException):
    """Refuses a request whose body was not fully read."""


class _BeforeTheBody(Response):
    """Answers at once, then reads what the client is still sending: many read no answer before they have sent all.

    Closing while bytes arrive would reset the connection, and lose the answer. `connection: close` tells the client
    that it may stop; if it does not, the connection is closed after a while.
    """

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        self.headers["connection"] = "close"
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LISTENS_ON_S):
                while (await receive()).get("more_body"):
                    pass
        await send({"type": "http.response.body", "body": b""})


def _error(status: int, message: str, **more: Any) -> Response:
    headers, body = refusal(status, message, **more)
    return Response(body, status, headers)


def _model_error(status: int, reason: str, variant: str | None) -> Response:
    whose = "client" if status == 400 else "server"
    return _error(
        424,
        f"Received {whose} error ({status}) from {variant or 'the model'} with message: {reason}",
        OriginalStatusCode=status,
        OriginalMessage=reason,
    )


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail = error.detail
    if error.status_code in (404, 405):
        detail = f"{request.method} {request.url.path[:200]} is not offered; POST /endpoints/<name>/invocations is"
    headers, body = refusal(error.status_code, detail)
    kind = _BeforeTheBody if isinstance(error, _BodyLeftError) else Response
    response = kind(body, error.status_code, headers)
    for name, value in (error.headers or {}).items():
        response.headers[name] = value
    return response


async def _internal_error(_request: Request, error: Exception) -> Response:
    # Starlette raises the error again after this, so that it is logged with its traceback.
    return _error(500, f"{type(error).__name__} in the server; see server.log")


async def _nobody_listens(_request: Request, _error: Exception) -> Response:
    return Response(status_code=400)
