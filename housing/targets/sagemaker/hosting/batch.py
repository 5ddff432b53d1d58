"""Predicts whole files with a deployed model by a batch transform job, on machines that exist only for the job.

A job's name follows from its input and its model, so that the next command finds what a killed one has left: uploaded
parts, a running job, or answers.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, TYPE_CHECKING, Any

import housing
from housing.data.channel import csv_text
from housing.data.file_states import look, with_content
from housing.data.raw_files import found
from housing.deployment.spec import INSTANCE_TYPE
from housing.errors import CloudError, DataError
from housing.files import replacing
from housing.in_order import in_order
from housing.targets.base import Batch
from housing.targets.sagemaker.hosting.endpoints import is_missing
from housing.targets.sagemaker.hosting.invocations import Invocations, Route, answered_by
from housing.targets.sagemaker.hosting.names import tags
from housing.targets.sagemaker.refusals import MISSING, code, translated
from housing.targets.sagemaker.staging import Stage, split
from housing.tasks import written

if TYPE_CHECKING:
    from collections.abc import Mapping

    from housing.data.encoder import Encoder
    from housing.targets.sagemaker.clients import Clients
    from housing.targets.sagemaker.settings import Settings

_CSV = "text/csv"
_PAYLOAD_MB = 6
_AT_ONCE = 8
_MOST_ATTEMPTS = 1_000
Pieces = Callable[[Path], Iterable[str]]
"""Cuts a file into CSV texts, each with a header and small enough for one request."""

Told = Callable[[str], None]


def transform_job(
    name: str, route: Route, settings: Settings, own: Mapping[str, str], *, rows: str, answers: str
) -> dict[str, Any]:
    """The request for a job: every object below the address `rows` is one request; its answer goes below `answers`."""
    key = settings.kms_key
    return {
        "TransformJobName": name,
        "ModelName": route.model_name,
        "BatchStrategy": "SingleRecord",
        "MaxPayloadInMB": _PAYLOAD_MB,
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"{rows}/"}},
            "ContentType": _CSV,
            "SplitType": "None",
        },
        "TransformOutput": {
            "S3OutputPath": answers,
            "Accept": _CSV,
            **({"KmsKeyId": key} if key else {}),
        },
        "TransformResources": {
            # Not every serving type supports transform jobs; this one does, and speed does not matter.
            "InstanceType": INSTANCE_TYPE,
            "InstanceCount": 1,
            **({"VolumeKmsKeyId": key} if key else {}),
        },
        "Tags": tags(own),
    }


class BatchTransform:
    """Answers files with the model of an endpoint's heaviest variant, without load on the endpoint."""

    def __init__(self, clients: Clients, stage: Stage, invocations: Invocations, settings: Settings) -> None:
        self._clients = clients
        self._stage = stage
        self._invocations = invocations
        self._settings = settings

    def run(
        self,
        endpoint: str,
        source: str,
        pieces: Pieces,
        *,
        depends_on: str,
        own: Mapping[str, str],
        output: Path | None,
        told: Told,
    ) -> Batch:
        """Returns when all rows are answered. Raises DataError for rows that the encoder refuses, CloudError."""
        route = self._invocations.route(endpoint)
        encoder = self._invocations.encoder_of(route.archive)
        state = (self._state(source), route.archive, route.model_name, route.interface, depends_on, housing.__version__)
        asked = f"{self._settings.prefix}-batch-{hashlib.sha256(repr(state).encode()).hexdigest()[:20]}"
        folder = self._clients.path("batch", asked)
        counts = self._staged_rows(source, pieces, folder, encoder if route.interface == "encoded" else None, told)
        job = self._answering_job(asked, folder, route, own, told)
        self._wait(job)
        location, parts = f"{folder}/{job}.csv", f"{folder}/{job}"
        if not self._stage.has(location):
            texts = self._answers(parts, counts, encoder, job=job, encoded=route.interface == "encoded")
            with _new_file(output) as file:
                file.writelines(texts)
                file.flush()
                self._stage.upload(Path(file.name), location)
        elif output is not None:
            with replacing(output) as file:
                self._stage.download(location, file)
        return Batch(rows=sum(counts), location=location, job=job, variant=route.variant)

    def _state(self, source: str) -> object:
        """A value that changes when the source does."""
        if not source.startswith("s3://"):
            return [(one.path, one.content) for one in (with_content(look(part.path)) for part in found(source).parts)]
        bucket, key = split(source)
        if not key:
            raise DataError(f"--batch {source}: names a bucket; name a file in it: s3://<bucket>/<key>")
        try:
            with translated("s3"):
                head = self._clients("s3").head_object(Bucket=bucket, Key=key)
        except CloudError as error:
            if code(error.__cause__) in MISSING:
                raise DataError(f"--batch {source}: there is no such file") from error
            raise
        return source, head["ETag"], head["ContentLength"]

    def _staged_rows(
        self, source: str, pieces: Pieces, folder: str, encoder: Encoder | None, told: Told
    ) -> Sequence[int]:
        """Upload every missing piece, encoded if the container cannot do that; returns the row count of each."""
        whole = f"{folder}/parts.json"
        if self._stage.has(whole) and self._stage.has(f"{folder}/rows/{_part(0)}"):
            told("its rows are uploaded already")
            return [int(count) for count in json.loads(self._stage.read(whole))]

        def put(numbered: tuple[int, str]) -> int:
            number, piece = numbered
            rows = sum(1 for row in csv.reader(io.StringIO(piece)) if row) - 1
            uri = f"{folder}/rows/{_part(number)}"
            if not self._stage.has(uri):
                text = piece if encoder is None else csv_text(encoder.transform(encoder.rows_from_csv(piece)))
                self._stage.write(text.encode(), uri)
            return rows

        with self._here(source) as file:
            counts = list(in_order(put, enumerate(pieces(file)), at_once=_AT_ONCE))
        # Written last: where it exists, all parts do.
        self._stage.write(json.dumps(counts).encode(), whole)
        told(f"{sum(counts):,} rows are uploaded in {len(counts):,} parts")
        return counts

    @contextmanager
    def _here(self, source: str) -> Iterator[Path]:
        if not source.startswith("s3://"):
            yield Path(source)
            return
        with TemporaryDirectory(prefix="housing-") as temporary:
            file = Path(temporary, Path(split(source)[1]).name)
            with file.open("wb") as out:
                self._stage.download(source, out)
            yield file

    def _answering_job(self, asked: str, folder: str, route: Route, own: Mapping[str, str], told: Told) -> str:
        """The name of an earlier command's job; of a new one if that has failed or its answers were deleted.

        A job's name can be used only once.
        """
        for attempt in range(1, _MOST_ATTEMPTS):
            name = f"{asked}-{attempt}"
            found = self._described(name)
            if found is None:
                request = transform_job(
                    name, route, self._settings, own, rows=f"{folder}/rows", answers=f"{folder}/{name}"
                )
                try:
                    with translated("sagemaker"):
                        self._clients("sagemaker").create_transform_job(**request)
                except CloudError as error:
                    if code(error.__cause__) != "ResourceInUse":  # another command was first
                        raise
                told(f"transform job {name} answers them; if this command ends early, run it again to take the job up")
                return name
            is_there = found["TransformJobStatus"] == "InProgress" or (
                found["TransformJobStatus"] == "Completed" and self._stage.has(f"{folder}/{name}/{_part(0)}.out")
            )
            if is_there:
                told(f"takes up transform job {name} of an earlier command")
                return name
        raise CloudError(f"transform jobs {asked}-1 to -{_MOST_ATTEMPTS - 1} have all failed")

    def _described(self, name: str) -> Mapping[str, Any] | None:
        try:
            with translated("sagemaker"):
                found: Mapping[str, Any] = self._clients("sagemaker").describe_transform_job(TransformJobName=name)
                return found
        except CloudError as error:
            if is_missing(error):
                return None
            raise

    def _wait(self, name: str) -> None:
        while True:
            with translated("sagemaker"):
                job = self._clients("sagemaker").describe_transform_job(TransformJobName=name)
            status = job["TransformJobStatus"]
            if status == "Completed":
                return
            if status in ("Failed", "Stopped"):
                raise CloudError(f"transform job {name} has {status.lower()}: {job.get('FailureReason', 'no reason')}")
            time.sleep(self._settings.poll_s)

    def _answers(
        self, folder: str, counts: Sequence[int], encoder: Encoder, *, job: str, encoded: bool
    ) -> Iterator[bytes]:
        """All answers as CSV, part by part, in the order of the rows."""

        def answered(numbered: tuple[int, int]) -> bytes:
            number, rows = numbered
            text = self._stage.read(f"{folder}/{_part(number)}.out").decode()
            predictions = answered_by(f"transform job {job}", text, encoder, rows=rows, encoded=encoded)
            return _csv(written.rows(predictions, encoder.label_levels))

        yield _csv([encoder.answer_columns])
        yield from in_order(answered, enumerate(counts), at_once=_AT_ONCE)


@contextmanager
def _new_file(output: Path | None) -> Iterator[IO[bytes]]:
    """A file that is renamed to `output` once it is complete; None: a temporary file."""
    if output is not None:
        with replacing(output) as file:
            yield file
        return
    with TemporaryDirectory(prefix="housing-") as temporary, Path(temporary, "predictions.csv").open("wb") as file:
        yield file


def _part(number: int) -> str:
    return f"part-{number:07d}.csv"


def _csv(rows: Iterable[Sequence[float | str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()
