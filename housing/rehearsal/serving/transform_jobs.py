"""Batch transform: splits files from S3 into requests, and writes the model's responses back to S3."""

from __future__ import annotations

import contextlib
import gzip
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from housing.rehearsal.api import listing
from housing.rehearsal.aws.objects import bucket_and_key, listed
from housing.rehearsal.container import recordio
from housing.rehearsal.container.inference import TimedOut
from housing.rehearsal.kinds import UNFINISHED
from housing.rehearsal.responses import refused, unsupported
from housing.rehearsal.serving import data_processing, machines
from housing.rehearsal.serving.data_processing import CannotProcess
from housing.rehearsal.serving.machines import Machine, NotServing
from housing.rehearsal.serving.models import container_of, serves_many

if TYPE_CHECKING:
    from housing.rehearsal.container.inference import Answer
    from housing.rehearsal.serving.data_processing import DataProcessing
    from housing.rehearsal.serving.hosting import Hosting
    from housing.rehearsal.serving.multi_model import MultiModelMachine
    from housing.rehearsal.store import Record

_KIND = "transform-job"
_LOG_GROUP = "/aws/sagemaker/TransformJobs"
_PAYLOAD_MB = 6
_MOST_PAYLOAD_MB = 100
_LONGEST_REASON = 1024


class _Stopped(Exception):
    """StopTransformJob was called."""


class _Failed(Exception):
    """The message is the job's FailureReason."""


def create_transform_job(hosting: Hosting, request: dict[str, Any]) -> dict[str, Any]:
    model = hosting.context.store.get("model", request["ModelName"])
    if serves_many(container_of(model)):
        raise refused("Batch transform is not supported for multi-model containers.")
    _check(request)
    record = {"BatchStrategy": "MultiRecord", "MaxPayloadInMB": _PAYLOAD_MB, **request}
    made = hosting.context.store.create(
        _KIND, request["TransformJobName"], record | {"TransformJobStatus": "InProgress", "_model": model}
    )
    _begin(hosting, request["TransformJobName"])
    return {"TransformJobArn": made["TransformJobArn"]}


def describe_transform_job(hosting: Hosting, request: dict[str, Any]) -> dict[str, Any]:
    record = listing.describe(hosting.context, _KIND, request)
    return {
        **record,
        "TransformInput": {"CompressionType": "None", "SplitType": "None", **record["TransformInput"]},
        "TransformOutput": {"AssembleWith": "None", "KmsKeyId": "", **record["TransformOutput"]},
        "DataProcessing": data_processing.filled_in(record.get("DataProcessing") or {}),
    }


def list_transform_jobs(hosting: Hosting, request: dict[str, Any]) -> dict[str, Any]:
    return listing.summaries(hosting.context, _KIND, request, member="TransformJobSummaries")


def stop_transform_job(hosting: Hosting, request: dict[str, Any]) -> None:
    with hosting.context.store.edit(_KIND, request["TransformJobName"]) as record:
        if record["TransformJobStatus"] not in UNFINISHED:
            raise refused(f"The request was rejected because the transform job is in status {_status(record)}.")
        record["TransformJobStatus"] = "Stopping"


def resume(hosting: Hosting) -> None:
    """Restart the jobs that were running when the rehearsal ended."""
    for record in hosting.context.store.list(_KIND):
        if _status(record) in UNFINISHED:
            _begin(hosting, record["TransformJobName"])


def _begin(hosting: Hosting, name: str) -> None:
    hosting.spawn(lambda: _run(hosting, name), f"transform {name}")


def _run(hosting: Hosting, name: str) -> None:
    changes: dict[str, Any] = {"TransformJobStatus": "Completed"}
    try:
        _work(hosting, hosting.context.store.get(_KIND, name))
    except _Stopped:
        changes = {"TransformJobStatus": "Stopped"}
    except (NotServing, _Failed) as e:
        reason = e.reason("the transform job") if isinstance(e, NotServing) else str(e)
        changes = {"TransformJobStatus": "Failed", "FailureReason": reason[:_LONGEST_REASON]}
    if not hosting.context.ending.is_set():
        hosting.publish()
        hosting.context.store.update(_KIND, name, TransformEndTime=time.time(), **changes)


def _work(hosting: Hosting, record: Record) -> None:
    """Start the machine and transform every object."""
    name = record["TransformJobName"]
    if hosting.context.clock.wait(hosting.context.ending, hosting.context.settings.start_s):
        raise _Stopped
    if hosting.context.faults.lacks_capacity("sagemaker:CreateTransformJob"):
        raise _Failed("CapacityError: Unable to provision requested ML compute capacity. Please retry later.")
    hosting.context.store.update(_KIND, name, TransformStartTime=time.time())
    log = hosting.logs.stream(_LOG_GROUP, f"{name}/i-{uuid.uuid4().hex[:17]}")
    environment = {"SAGEMAKER_BATCH": "true", **record.get("Environment", {})}
    with contextlib.closing(machines.start(hosting.context, record["_model"], log, environment)) as machine:
        for key in _keys(hosting, record):
            _transform(hosting, record, machine, key)


def _keys(hosting: Hosting, record: Record) -> list[str]:
    source = record["TransformInput"]["DataSource"]["S3DataSource"]
    client = hosting.context.client("s3")
    try:
        keys = list(listed(hosting.context, source["S3Uri"]))
    except client.exceptions.ClientError as e:
        raise _Failed(f"ClientError: {e}") from e
    if not keys:
        raise _Failed(f'ClientError: No S3 objects found under S3 URL "{source["S3Uri"]}".')
    return keys


def _transform(hosting: Hosting, record: Record, machine: Machine | MultiModelMachine, key: str) -> None:
    """Transform one object: answers are written below the output path, at the object's path with `.out` appended."""
    given, wanted = record["TransformInput"], record["TransformOutput"]
    bucket, prefix = bucket_and_key(given["DataSource"]["S3DataSource"]["S3Uri"])
    body = hosting.context.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    if given.get("CompressionType") == "Gzip":
        body = gzip.decompress(body)
    processing = data_processing.data_processing(record)
    answers = []
    for part in _requests(record, body):
        if (
            hosting.context.ending.is_set()
            or _status(hosting.context.store.get(_KIND, record["TransformJobName"])) == "Stopping"
        ):
            raise _Stopped
        try:
            sent = processing.request(part) if processing else part
            answer = machine.invoke(sent, given.get("ContentType"), wanted.get("Accept"))
        except TimedOut as e:
            raise _Failed(f"AlgorithmError: {bucket}/{key}: timed out waiting for an answer") from e
        except CannotProcess as e:
            raise _Failed(f"ClientError: {bucket}/{key}: {e}") from e
        if answer.status >= 400:
            kind = "ClientError" if answer.status < 500 else "AlgorithmError"
            text = answer.body.decode(errors="replace")
            raise _Failed(f"{kind}: See job logs for more information. {bucket}/{key}: {answer.status}: {text}")
        answers.append(_written(processing, part, answer, f"{bucket}/{key}"))
    inner = key.removeprefix(prefix).lstrip("/") if key != prefix else key.rpartition("/")[2]
    out_bucket, out_prefix = bucket_and_key(wanted["S3OutputPath"].rstrip("/"))
    path = f"{out_prefix}/{inner}.out".lstrip("/")
    hosting.context.client("s3").put_object(Bucket=out_bucket, Key=path, Body=_assembled(answers, wanted))


def _written(processing: DataProcessing | None, part: bytes, answer: Answer, place: str) -> bytes:
    if processing is None:
        return answer.body
    try:
        return processing.answer(part, answer.body, answer.content_type)
    except CannotProcess as e:
        raise _Failed(f"ClientError: {place}: {e}") from e


def _requests(record: Mapping[str, Any], body: bytes) -> Iterator[bytes]:
    """The parts of an object that are sent one by one, none larger than the maximum payload."""
    most = int((record["MaxPayloadInMB"] or _PAYLOAD_MB) * 1024**2)
    if record["TransformInput"].get("SplitType", "None") == "None":
        if len(body) > most:
            raise _Failed(f"ClientError: the object is larger than MaxPayloadInMB ({record['MaxPayloadInMB']})")
        yield body
        return
    together: list[bytes] = []
    size = 0
    for line in _records(record, body):
        if len(line) > most:
            raise _Failed(f"ClientError: a record is larger than MaxPayloadInMB ({record['MaxPayloadInMB']})")
        if together and (record["BatchStrategy"] == "SingleRecord" or size + len(line) > most):
            yield b"".join(together)
            together, size = [], 0
        together.append(line)
        size += len(line)
    if together:
        yield b"".join(together)


def _records(record: Mapping[str, Any], body: bytes) -> Iterable[bytes]:
    if record["TransformInput"]["SplitType"] == "Line":
        return (line for line in body.splitlines(keepends=True) if line.strip())
    try:
        return list(recordio.frames(body))
    except ValueError as e:
        raise _Failed(f"ClientError: the object is not RecordIO: {e}") from e


def _assembled(answers: list[bytes], output: Mapping[str, Any]) -> bytes:
    if output.get("AssembleWith", "None") == "None":
        return b"".join(answers)
    return b"".join(answer if answer.endswith(b"\n") else answer + b"\n" for answer in answers)


def _check(request: Mapping[str, Any]) -> None:
    given = request["TransformInput"]
    if given.get("SplitType", "None") not in ("None", "Line", "RecordIO"):
        raise unsupported(f"the rehearsal does not support SplitType {given['SplitType']}")
    if request.get("DataCaptureConfig"):
        raise unsupported("the rehearsal does not support DataCaptureConfig of a transform job")
    data_processing.data_processing(request)
    if request.get("MaxPayloadInMB", 0) > _MOST_PAYLOAD_MB:
        raise refused(f"MaxPayloadInMB must be {_MOST_PAYLOAD_MB} at most, got {request['MaxPayloadInMB']}.")
    if (together := request.get("MaxConcurrentTransforms", 0) * request.get("MaxPayloadInMB", 0)) > _MOST_PAYLOAD_MB:
        raise refused(f"MaxConcurrentTransforms * MaxPayloadInMB must be {_MOST_PAYLOAD_MB} at most, got {together}.")
    source = given["DataSource"]["S3DataSource"]
    if source["S3DataType"] != "S3Prefix":
        raise unsupported(f"the rehearsal does not support S3DataType {source['S3DataType']}")


def _status(record: Mapping[str, Any]) -> str:
    return str(record["TransformJobStatus"])


OPERATIONS = {
    "CreateTransformJob": create_transform_job,
    "DescribeTransformJob": describe_transform_job,
    "ListTransformJobs": list_transform_jobs,
    "StopTransformJob": stop_transform_job,
}
