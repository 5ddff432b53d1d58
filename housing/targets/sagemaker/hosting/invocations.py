"""Invokes an endpoint: raw rows are sent unchanged, or encoded with the encoder of the version that will answer."""

from __future__ import annotations

import contextlib
import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from housing.data.answers import read
from housing.data.channel import csv_text
from housing.data.encoder import Encoder
from housing.data.extras import Extras
from housing.errors import CloudError, DataError, DeploymentError
from housing.targets.base import Prediction
from housing.targets.sagemaker.hosting.endpoints import BROKEN, Endpoints
from housing.targets.sagemaker.refusals import MISSING, code, message, translated
from housing.targets.sagemaker.staging import Stage, split
from housing.tasks import written
from housing.tasks.predictions import Predictions

if TYPE_CHECKING:
    from housing.targets.sagemaker.clients import Clients
    from housing.targets.sagemaker.settings import Settings

ARCHIVE_FILE, ENCODER_FILE = "model.tar.gz", "encoder.json"
"""A version's files, in the same folder of the bucket."""

_CSV, _JSON = "text/csv", "application/json"
_ANSWER_WITHIN_S = 15 * 60.0  # how long SageMaker lets an asynchronous request take


@dataclass(frozen=True)
class _Known:
    """What is needed to invoke an endpoint; `archives` by variant, `weights` of the variants that answer."""

    weights: Mapping[str, float]
    archives: Mapping[str, str]
    interface: str
    answers: str | None  # where an asynchronous endpoint writes answers
    models: Mapping[str, str]


@dataclass(frozen=True)
class Route:
    """The model of one variant: its name at SageMaker, and its archive."""

    variant: str
    model_name: str
    archive: str
    interface: str


class Invocations:
    """An endpoint is described before its first request, and again after this process has changed it."""

    def __init__(self, clients: Clients, endpoints: Endpoints, stage: Stage, settings: Settings) -> None:
        self._clients = clients
        self._endpoints = endpoints
        self._stage = stage
        self._settings = settings
        self._known: dict[str, _Known] = {}
        self._encoders: dict[str, Encoder] = {}

    def forget(self, endpoint: str) -> None:
        """Describe it again before the next request."""
        self._known.pop(endpoint, None)

    def predict(self, endpoint: str, rows: str, variant: str | None, extras: Extras) -> Prediction:
        """Raises DataError when the model refuses the rows, DeploymentError when nobody answers them."""
        if endpoint not in self._known:
            self._known[endpoint] = self._look_up(endpoint)
        known = self._known[endpoint]
        if variant is not None and variant not in known.weights:
            raise DeploymentError(f"{endpoint} has no variant {variant}; it has {', '.join(known.weights)}")
        encoders = {name: self.encoder_of(known.archives[name]) for name in known.weights}
        encoded = known.interface == "encoded"
        if encoded and variant is None and len({encoder.digest for encoder in encoders.values()}) > 1:
            # Rows are encoded before SageMaker chooses a variant, so the variant must be chosen here.
            variant = random.choices(list(known.weights), list(known.weights.values()))[0]
        encoder = encoders[variant] if variant else next(iter(encoders.values()))
        columns = encoder.rows_from_csv(rows)
        matrix = encoder.transform(columns)
        body = csv_text(matrix).encode() if encoded else rows.encode()
        ask = self._ask_in_queue if known.answers else self._ask
        if encoded and extras.explain is not None:
            raise DataError(
                f"{endpoint}: its container answers encoded rows and cannot explain them; deployment.interface=raw can"
            )
        asked = (_CSV, _CSV) if encoded or not extras else (f"{_CSV}{extras.parameters}", _JSON)
        answer, answered = ask(endpoint, body, variant, known, *asked)
        if extras and not encoded:
            values, beside = written.read_documents(json.loads(answer)["predictions"])
            return Prediction(values, answered, **beside)
        predictions = answered_by(endpoint, answer, encoder, rows=len(matrix), encoded=encoded)
        documents = written.documents(predictions, encoder.label_levels)
        values, beside = written.read_documents(documents)
        if extras.interval is not None:
            ranges = encoder.ranges(predictions, columns, matrix, coverage=extras.interval)
            beside["intervals"] = [*ranges.documents(encoder.label_levels)]
        return Prediction(values, answered, **beside)

    def route(self, endpoint: str) -> Route:
        """The model of the heaviest variant."""
        known = self._look_up(endpoint)
        variant = max(known.weights, key=lambda name: known.weights[name])
        return Route(variant, known.models[variant], known.archives[variant], known.interface)

    def _look_up(self, endpoint: str) -> _Known:
        found = self._endpoints.describe(endpoint)
        if found is None or found["EndpointStatus"] in BROKEN:
            raise DeploymentError(f"endpoint {endpoint} does not exist; `housing deploy` makes it")
        snapshot = self._endpoints.snapshot(found)
        served = snapshot.by_variant
        weights = {v["VariantName"]: v.get("CurrentWeight", 1.0) for v in found.get("ProductionVariants", ())}
        for name in weights:
            if not served.get(name, {}).get("digest"):
                raise DeploymentError(
                    f"{endpoint}: variant {name} serves a model that housing did not make, whose encoder is not known; "
                    "`housing deploy` puts it right"
                )
        queue = (snapshot.config or {}).get("AsyncInferenceConfig")
        return _Known(
            weights,
            {name: served[name]["archive"] for name in weights},
            served[next(iter(weights))]["interface"],
            queue["OutputConfig"]["S3OutputPath"] if queue else None,
            {v["VariantName"]: v["ModelName"] for v in (snapshot.config or {}).get("ProductionVariants", ())},
        )

    def encoder_of(self, archive: str) -> Encoder:
        """The encoder that is stored beside a version's archive."""
        uri = archive.removesuffix(ARCHIVE_FILE) + ENCODER_FILE
        if uri not in self._encoders:
            self._encoders[uri] = Encoder.from_json(self._stage.read(uri).decode())
        return self._encoders[uri]

    def _ask(
        self, endpoint: str, body: bytes, variant: str | None, _: _Known, content_type: str, accept: str
    ) -> tuple[str, str]:
        request: dict[str, Any] = {
            "EndpointName": endpoint,
            "ContentType": content_type,
            "Accept": accept,
            "Body": body,
            **({"TargetVariant": variant} if variant else {}),
        }
        answer = self._invoked(endpoint, lambda client: client.invoke_endpoint(**request))
        return answer["Body"].read().decode(), answer["InvokedProductionVariant"]

    def _ask_in_queue(
        self, endpoint: str, body: bytes, _variant: str | None, known: _Known, content_type: str, accept: str
    ) -> tuple[str, str]:
        """Invoke an asynchronous endpoint, which has one variant: request, answer and failure are files."""
        assert known.answers is not None
        folder = known.answers.removesuffix("/answers")
        name = f"{uuid4().hex}.csv"
        bucket, key = split(f"{folder}/requests/{name}")
        with translated("s3"):
            self._clients("s3").put_object(Bucket=bucket, Key=key, Body=body)
        request = {
            "EndpointName": endpoint,
            "ContentType": content_type,
            "Accept": accept,
            "InputLocation": f"s3://{bucket}/{key}",
        }
        answer = self._invoked(endpoint, lambda client: client.invoke_endpoint_async(**request))
        deadline = time.monotonic() + _ANSWER_WITHIN_S
        while time.monotonic() < deadline:
            if (text := self._object(answer["OutputLocation"])) is not None:
                return text, next(iter(known.weights))
            failure = answer.get("FailureLocation")
            if failure and (reason := self._object(failure)) is not None:
                raise DeploymentError(f"{endpoint}: the request failed: {reason.strip()[:2000]}")
            time.sleep(min(self._settings.poll_s, 1))
        raise DeploymentError(f"{endpoint}: no answer within {_ANSWER_WITHIN_S:.0f} s at {answer['OutputLocation']}")

    def _object(self, uri: str) -> str | None:
        try:
            return self._stage.read(uri).decode()
        except CloudError as error:
            if code(error.__cause__) in MISSING:
                return None
            raise

    def _invoked(self, endpoint: str, call: Callable[[Any], Any]) -> Any:
        try:
            with translated("sagemaker"):
                return call(self._clients("sagemaker-runtime"))
        except CloudError as error:
            cause = error.__cause__
            if code(cause) == "ModelError":
                raise _model_error(endpoint, cause) from error
            if code(cause) == "ValidationError":
                raise DeploymentError(f"{endpoint}: {message(cause)}") from error
            raise


def answered_by(who: str, answer: str, encoder: Encoder, *, rows: int, encoded: bool) -> Predictions:
    """A container's text as the predictions of `rows` rows. Raises DeploymentError if it is not an answer for them."""
    try:
        predictions = read(answer, encoder, encoded=encoded)
    except DataError as e:
        raise DeploymentError(f"{who}: what it sent {e}") from None
    if len(predictions.values) != rows:
        raise DeploymentError(f"{who}: {len(predictions.values):,} answers came for {rows:,} rows")
    return predictions


def _model_error(endpoint: str, error: Any) -> DataError | DeploymentError:
    status = error.response.get("OriginalStatusCode", 500)
    reason = str(error.response.get("OriginalMessage") or message(error))
    with contextlib.suppress(ValueError, AttributeError):
        reason = str(json.loads(reason).get("error-message", reason))
    kind = DataError if 400 <= status < 500 else DeploymentError
    return kind(f"{endpoint}: {reason.strip()[:2000]}")
