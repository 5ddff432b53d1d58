"""Whole files through a deployed model, by a batch transform job: machines come for it and go again."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from housing.data.channel import csv_text
from housing.deployment.spec import INSTANCE_TYPE
from housing.errors import CloudError, ConfigError, DataError
from housing.targets.base import Batch
from housing.targets.sagemaker.hosting.invocations import Invocations, Route, answered_by
from housing.targets.sagemaker.hosting.names import tags
from housing.targets.sagemaker.names import job_name
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
Pieces = Callable[[Path], Iterable[str]]
"""Cuts a file into texts of CSV, each with its header and small enough for one request."""


def transform_job(name: str, folder: str, route: Route, settings: Settings, own: Mapping[str, str]) -> dict[str, Any]:
    """Every object below `<folder>/rows` is one request, and has its answer below `<folder>/answers`."""
    key = settings.kms_key
    return {
        "TransformJobName": name,
        "ModelName": route.model_name,
        "BatchStrategy": "SingleRecord",
        "MaxPayloadInMB": _PAYLOAD_MB,
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"{folder}/rows/"}},
            "ContentType": _CSV,
            "SplitType": "None",
        },
        "TransformOutput": {
            "S3OutputPath": f"{folder}/answers",
            "Accept": _CSV,
            **({"KmsKeyId": key} if key else {}),
        },
        "TransformResources": {
            # Not every type that serves also transforms; this one does, and a file has time.
            "InstanceType": INSTANCE_TYPE,
            "InstanceCount": 1,
            **({"VolumeKmsKeyId": key} if key else {}),
        },
        "Tags": tags(own),
    }


class BatchTransform:
    """Answers files with the model of an endpoint's heaviest variant. Needs nothing that answers requests."""

    def __init__(self, clients: Clients, stage: Stage, invocations: Invocations, settings: Settings) -> None:
        self._clients = clients
        self._stage = stage
        self._invocations = invocations
        self._settings = settings

    def run(self, endpoint: str, source: str, pieces: Pieces, *, own: Mapping[str, str]) -> Batch:
        """Returns when all rows are answered. Raises DataError for rows that the encoder refuses, CloudError."""
        route = self._invocations.route(endpoint)
        encoder = self._invocations.encoder_of(route.archive)
        name = job_name(self._settings.prefix)
        folder = self._clients.path("batch", name)
        counts = self._stage_rows(source, pieces, name, encoder if route.interface == "encoded" else None)
        with translated("sagemaker"):
            self._clients("sagemaker").create_transform_job(**transform_job(name, folder, route, self._settings, own))
        self._wait(name)
        answers: list[list[float | str]] = []
        for number, rows in enumerate(counts):
            text = self._stage.read(f"{folder}/answers/{_part(number)}.out").decode()
            who, encoded = f"transform job {name}", route.interface == "encoded"
            predictions = answered_by(who, text, encoder, rows=rows, encoded=encoded)
            answers += written.rows(predictions, encoder.label_levels)
        uri = self._stage.put_bytes(_csv(encoder, answers), "batch", name, "predictions.csv")
        return Batch(rows=len(answers), location=uri, job=name, variant=route.variant)

    def _stage_rows(self, source: str, pieces: Pieces, job: str, encoder: Encoder | None) -> list[int]:
        """Upload every piece, encoded where the container cannot do it; returns how many rows each has."""
        _, key = split(source)
        if not source.startswith("s3://") or not key:
            raise ConfigError(f"--batch {source}: must be a file in S3, s3://<bucket>/<key>")
        counts = []
        with TemporaryDirectory(prefix="housing-") as temporary:
            file = Path(temporary, Path(key).name)
            try:
                file.write_bytes(self._stage.read(source))
            except CloudError as error:
                if code(error.__cause__) in MISSING:
                    raise DataError(f"--batch {source}: there is no such file") from error
                raise
            for number, piece in enumerate(pieces(file)):
                rows = sum(1 for row in csv.reader(io.StringIO(piece)) if row) - 1
                if encoder is not None:
                    piece = csv_text(encoder.transform(encoder.rows_from_csv(piece)))  # noqa: PLW2901
                self._stage.put_bytes(piece.encode(), "batch", job, "rows", _part(number))
                counts.append(rows)
        return counts

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


def _part(number: int) -> str:
    return f"part-{number:05d}.csv"


def _csv(encoder: Encoder, answers: Iterable[Sequence[float | str]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(encoder.answer_columns)
    writer.writerows(answers)
    return text.getvalue().encode()
