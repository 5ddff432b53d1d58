"""Models, endpoints and requests for the tests of serving, by plain boto3."""

from __future__ import annotations

import io
import tarfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import count
from typing import Any

import numpy as np
import xgboost

from tests.rehearsal.conftest import ROLE, Served

BUCKET = "serving"
REGISTRY = "683313688378.dkr.ecr.us-east-1.amazonaws.com"
XGBOOST = f"{REGISTRY}/sagemaker-xgboost:3.2-0"
SKLEARN = f"{REGISTRY}/sagemaker-scikit-learn:1.2-1-cpu-py3"
FEATURES = np.random.default_rng(7).normal(size=(50, 4)).astype(np.float32)
ROW = b"0.1,0.2,0.3,0.4"
_NUMBERS = count()


@cache
def constant(value: float) -> bytes:
    """A booster that answers `value` to everything, so that an answer tells who gave it."""
    booster = xgboost.train(
        {"nthread": 1, "base_score": value, "max_depth": 1}, xgboost.DMatrix(FEATURES, label=np.full(50, value)), 1
    )
    return bytes(booster.save_raw("ubj"))


def archive(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            about = tarfile.TarInfo(name)
            about.size = len(content)
            tar.addfile(about, io.BytesIO(content))
    return buffer.getvalue()


class Timed:
    """How long a request took, once it is answered."""

    seconds = 0.0


class Shop:
    """Makes things with names of their own."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.sagemaker = served.client("sagemaker")
        self.runtime = served.client("sagemaker-runtime")
        self.s3 = served.client("s3")
        if BUCKET not in [bucket["Name"] for bucket in self.s3.list_buckets()["Buckets"]]:
            self.s3.create_bucket(Bucket=BUCKET)

    def name(self, kind: str) -> str:
        return f"{kind}-{next(_NUMBERS)}"

    def put(self, content: bytes, key: str) -> str:
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=content)
        return f"s3://{BUCKET}/{key}"

    def model(self, value: float = 1.0, **environment: str) -> str:
        return self.model_of({"xgboost-model": constant(value)}, **environment)

    def model_of(self, files: Mapping[str, bytes], image: str = XGBOOST, **environment: str) -> str:
        name = self.name("model")
        container = {
            "Image": image,
            "ModelDataUrl": self.put(archive(files), f"{name}/model.tar.gz"),
            "Environment": environment,
        }
        self.sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer=container)
        return name

    def broken_model(self) -> str:
        return self.model_of({"xgboost-model": b"no booster"})

    def config(self, *variants: dict[str, Any], **more: Any) -> str:
        name = self.name("config")
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=list(variants), **more)
        return name

    def endpoint(self, *variants: dict[str, Any], **more: Any) -> str:
        """In service."""
        name = self.name("endpoint")
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=self.config(*variants, **more))
        assert self.settled(name)["EndpointStatus"] == "InService"
        return name

    def settled(self, endpoint: str, timeout_s: float = 240) -> dict[str, Any]:
        """What DescribeEndpoint says when nothing is under way any more."""
        deadline = time.monotonic() + timeout_s
        while True:
            answer: dict[str, Any] = self.sagemaker.describe_endpoint(EndpointName=endpoint)
            if answer["EndpointStatus"] in ("InService", "Failed"):
                return answer
            assert time.monotonic() < deadline, answer
            time.sleep(0.02)

    def invoke(self, endpoint: str, **more: Any) -> tuple[float, str]:
        """The answer to one row, and the variant that gave it."""
        answer = self.runtime.invoke_endpoint(
            **{"EndpointName": endpoint, "Body": ROW, "ContentType": "text/csv", **more}
        )
        return float(answer["Body"].read()), answer["InvokedProductionVariant"]

    @contextmanager
    def calling(self, endpoint: str) -> Iterator[list[tuple[float, float]]]:
        """Requests one after the other in the background; moments and answers, as they come. None may fail."""
        answers: list[tuple[float, float]] = []
        failures: list[Exception] = []
        stop = threading.Event()

        def call() -> None:
            while not stop.is_set():
                try:
                    answers.append((time.monotonic(), self.invoke(endpoint)[0]))
                except Exception as e:
                    failures.append(e)

        thread = threading.Thread(target=call)
        thread.start()
        try:
            yield answers
        finally:
            stop.set()
            thread.join()
        assert not failures
        assert answers

    def wait_for(self, answers: Sequence[object], count: int) -> None:
        """Until there are so many."""
        deadline = time.monotonic() + 240
        while len(answers) < count:
            assert time.monotonic() < deadline, f"{len(answers)} of {count}"
            time.sleep(0.005)

    @contextmanager
    def calling_once(self, endpoint: str) -> Iterator[Timed]:
        """One request in the background, which is answered when the block is left."""
        timed = Timed()

        def call() -> None:
            began = time.monotonic()
            self.invoke(endpoint)
            timed.seconds = time.monotonic() - began

        thread = threading.Thread(target=call)
        thread.start()
        try:
            yield timed
        finally:
            thread.join()
        assert timed.seconds


def variant(model: str, name: str = "AllTraffic", weight: float = 1.0, **more: Any) -> dict[str, Any]:
    return {
        "VariantName": name,
        "ModelName": model,
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
        "InitialVariantWeight": weight,
        **more,
    }


def part(answers: Sequence[tuple[float, float]], value: float) -> float:
    return sum(abs(answer - value) < 0.01 for _, answer in answers) / len(answers)
