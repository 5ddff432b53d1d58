"""InvokeEndpointAsync: the request is in S3, and so will be the response or the error."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from housing.rehearsal.aws.objects import bucket_and_key
from housing.rehearsal.responses import ApiError, HttpRequest, HttpResponse, unsupported
from housing.rehearsal.serving.invocations import Payload, ask, model_error, variant_for

if TYPE_CHECKING:
    from housing.rehearsal.serving.hosting import Hosting
    from housing.rehearsal.serving.metering import Source
    from housing.rehearsal.serving.plans import Plan

_MOST_BYTES = 1024**3


@dataclass(frozen=True)
class _Job:
    """One request: where its input is, its content type, and where its output goes."""

    endpoint: str
    source: Source
    log_stream: str
    asked: float
    place: str
    content_type: str | None
    accept: str | None
    answered: str
    failed: str | None


def invoke_endpoint_async(hosting: Hosting, request: HttpRequest, endpoint: str) -> HttpResponse:
    """Accept the request at once, and answer it in the background."""
    headers = request.headers
    place = headers.get("x-amzn-sagemaker-inputlocation", "")
    if request.body:
        raise unsupported("the rehearsal supports InputLocation alone, not Body")
    if "x-amzn-sagemaker-s3outputpathextension" in headers:
        raise unsupported("The rehearsal does not support S3OutputPathExtension.")
    if not place.startswith("s3://"):
        raise ApiError("ValidationError", f"InputLocation must be an S3 URI, got {place!r}")
    with variant_for(hosting, endpoint, None) as (fleet, variant):
        plan: Plan = dict(fleet.plan)
        source, stream = variant.source, variant.log_stream
    if plan["async"] is None:
        raise ApiError("ValidationError", f"Endpoint {endpoint} is not asynchronous; use InvokeEndpoint.")
    inference = headers.get("x-amzn-sagemaker-inference-id") or str(uuid.uuid4())
    output = plan["async"]["OutputConfig"]
    name = str(uuid.uuid4())
    answered = f"{output['S3OutputPath'].rstrip('/')}/{name}.out"
    failed = f"{output['S3FailurePath'].rstrip('/')}/{name}-error.out" if "S3FailurePath" in output else None
    job = _Job(
        endpoint,
        source,
        stream,
        time.time(),
        place,
        headers.get("x-amzn-sagemaker-content-type"),
        headers.get("x-amzn-sagemaker-accept"),
        answered,
        failed,
    )
    hosting.background.submit(lambda: _work(hosting, job))
    places = {"X-Amzn-SageMaker-OutputLocation": answered}
    if failed is not None:
        places["X-Amzn-SageMaker-FailureLocation"] = failed
    body = json.dumps({"InferenceId": inference}).encode()
    return HttpResponse(body, 202, {"Content-Type": "application/json", **places})


def _work(hosting: Hosting, job: _Job) -> None:
    client: Any = hosting.context.client("s3")
    log = hosting.logs.stream(f"/aws/sagemaker/Endpoints/{job.endpoint}", f"{job.log_stream}/data-log")
    began = time.time()
    try:
        _put(client, job.answered, _answer(hosting, job))
        counted = {"InvocationsProcessed": 1.0}
    except (ApiError, client.exceptions.ClientError) as e:
        log(f"{job.place}: {e}")
        counted = {"InvocationsProcessed": 1.0, "InvocationFailures": 1.0}
        if job.failed is not None:
            _put(client, job.failed, str(e).encode())
    waited, took = began - job.asked, time.time() - job.asked
    hosting.meter.add(job.source, counted | {"TimeInBacklog": waited * 1e3, "TotalProcessingTime": took * 1e3})


def _answer(hosting: Hosting, job: _Job) -> bytes:
    bucket, key = bucket_and_key(job.place)
    given = hosting.context.client("s3").get_object(Bucket=bucket, Key=key)
    body = given["Body"].read()
    if len(body) > _MOST_BYTES:
        raise ApiError("ValidationError", f"{job.place} is larger than {_MOST_BYTES} bytes")
    with variant_for(hosting, job.endpoint, None) as (_, variant):
        answer = ask(hosting, variant, Payload(body, job.content_type or given.get("ContentType"), job.accept))
    if answer.status >= 400 or answer.status == 0:
        raise model_error(hosting.context, job.endpoint, variant.log_stream, answer)
    return answer.body


def _put(client: Any, uri: str, content: bytes) -> None:
    bucket, key = bucket_and_key(uri)
    client.put_object(Bucket=bucket, Key=key, Body=content)
