"""InvokeEndpoint: chooses a variant, has its container answer, and records metrics, logs and captures."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from housing.rehearsal.container.inference import Answer, TimedOut
from housing.rehearsal.responses import ApiError, HttpRequest, HttpResponse
from housing.rehearsal.serving.capture import Exchange
from housing.rehearsal.serving.metering import LOAD
from housing.rehearsal.serving.routing import Fleet, NoSuchVariant, RunningVariant, TooBusy

if TYPE_CHECKING:
    from housing.rehearsal.context import Context
    from housing.rehearsal.serving.hosting import Hosting

_MOST_BYTES = 6 * 1024**2
_WARM_MINUTES = 5
_UNSUPPORTED = {
    "x-amzn-sagemaker-target-container-hostname": "TargetContainerHostname",
    "x-amzn-sagemaker-inference-component": "InferenceComponentName",
    "x-amzn-sagemaker-session-id": "SessionId",
    "x-amzn-sagemaker-enable-explanations": "EnableExplanations",
}


@dataclass(frozen=True)
class Payload:
    """What is sent to a container."""

    body: bytes
    content_type: str | None
    accept: str | None
    target_model: str | None = None


def invoke_endpoint(hosting: Hosting, request: HttpRequest, endpoint: str) -> HttpResponse:
    for header, member in _UNSUPPORTED.items():
        if header in request.headers:
            raise _invalid(f"{member} is not supported by endpoint {endpoint}.")
    if len(request.body) > _MOST_BYTES:
        raise _invalid(
            f"Request {len(request.body)} bytes of payload exceeds the limit of {_MOST_BYTES} bytes for InvokeEndpoint."
        )
    headers = request.headers
    payload = Payload(
        request.body,
        headers.get("content-type") or None,
        headers.get("accept"),
        headers.get("x-amzn-sagemaker-target-model"),
    )
    with variant_for(hosting, endpoint, headers.get("x-amzn-sagemaker-target-variant")) as (fleet, variant):
        if fleet.plan["async"] is not None:
            raise _invalid(f"Endpoint {endpoint} is asynchronous; use InvokeEndpointAsync.")
        _copy_to_shadow(hosting, endpoint, fleet, payload)
        answer = ask(hosting, variant, payload)
        name, stream = variant.name, variant.log_stream
    if answer.status >= 400 or answer.status == 0:
        raise model_error(hosting.context, endpoint, stream, answer)
    exchange = Exchange(
        payload.body,
        payload.content_type,
        answer.body,
        answer.content_type,
        headers.get("x-amzn-sagemaker-inference-id"),
        headers.get("x-amzn-sagemaker-custom-attributes"),
        datetime.now(UTC),
    )
    hosting.captures.add(fleet.plan["capture"], endpoint, name, exchange)
    return HttpResponse(
        answer.body, 200, {"Content-Type": answer.content_type, "x-Amzn-Invoked-Production-Variant": name}
    )


@contextmanager
def variant_for(hosting: Hosting, endpoint: str, target: str | None) -> Iterator[tuple[Fleet, RunningVariant]]:
    """The variant that answers this request, kept open in the block; ApiError in the runtime's words if none can."""
    with ExitStack() as kept:
        try:
            found = kept.enter_context(hosting.router.chosen(endpoint, target))
        except KeyError:
            raise _invalid(f"Endpoint {endpoint} of account {hosting.context.account} not found.") from None
        except NoSuchVariant as e:
            raise _invalid(f"Variant {e} not found for endpoint {endpoint}.") from None
        except TooBusy:
            raise ApiError("ThrottlingException", "Rate exceeded", 429) from None
        yield found


def ask(hosting: Hosting, variant: RunningVariant, payload: Payload) -> Answer:
    """Have a variant's container answer, and count it; a container that does not answer in time gives status 0."""
    began = time.perf_counter()
    setup_s = _cold_start(hosting.context, variant)
    asked = time.perf_counter()
    try:
        answer = variant.machine.invoke(payload.body, payload.content_type, payload.accept, payload.target_model)
    except TimedOut:
        answer = Answer.text(
            0,
            "Your invocation timed out while waiting for a response from container primary. Review the latency metrics "
            "for each container in Amazon CloudWatch, resolve the issue, and try again.",
        )
    answered = time.perf_counter()
    bad, failed = 400 <= answer.status < 500, answer.status >= 500 or answer.status == 0
    samples = {
        "Invocations": 1.0,
        "Invocation4XXErrors": float(bad),
        "Invocation5XXErrors": float(failed),
        "InvocationModelErrors": float(bad or failed),
        "ModelLatency": (answered - asked) * 1e6,
        "OverheadLatency": (asked - began - hosting.context.clock.here(setup_s) + time.perf_counter() - answered) * 1e6,
    }
    if variant.most_at_once is None:
        samples[LOAD] = 1 / max(variant.instances, 1)
    if setup_s:
        samples["ModelSetupTime"] = setup_s * 1e6
    hosting.meter.add(variant.source, samples)
    return answer


def model_error(context: Context, endpoint: str, stream: str, answer: Answer) -> ApiError:
    """InvokeEndpoint's error when the container answers with an error."""
    group = f"/aws/sagemaker/Endpoints/{endpoint}"
    text = answer.body.decode(errors="replace")
    kind = "client" if 400 <= answer.status < 500 else "server"
    console = (
        f"https://{context.region}.console.aws.amazon.com/cloudwatch/home?region={context.region}"
        f"#logEventViewer:group={group}"
    )
    return ApiError(
        "ModelError",
        f'Received {kind} error ({answer.status}) from primary with message "{text}". '
        f"See {console} in account {context.account} for more information.",
        424,
        details={
            "OriginalStatusCode": answer.status,
            "OriginalMessage": text,
            "LogStreamArn": f"arn:aws:logs:{context.region}:{context.account}:log-group:{group}:log-stream:{stream}",
        },
    )


def _cold_start(context: Context, variant: RunningVariant) -> float:
    """Start the machine of a serverless variant that has been idle for a while; returns the seconds that it took."""
    if variant.most_at_once is None:
        return 0
    last, variant.last_used = variant.last_used, context.clock.now()
    if last is not None and variant.last_used - last < _WARM_MINUTES * 60:
        return 0
    context.clock.wait(context.ending, context.settings.start_s)
    return context.settings.start_s


def _copy_to_shadow(hosting: Hosting, endpoint: str, fleet: Fleet, payload: Payload) -> None:
    """Send the request to the shadow variant in the background, and drop the answer."""
    shadow = hosting.router.copied_to(endpoint, fleet)
    if shadow is None:
        return

    def copy() -> None:
        try:
            ask(hosting, shadow, payload)
        finally:
            hosting.router.release(shadow)

    hosting.background.submit(copy)


def _invalid(message: str) -> ApiError:
    return ApiError("ValidationError", message)
