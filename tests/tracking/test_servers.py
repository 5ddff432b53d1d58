"""MLflow's own servers, as a user starts them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from housing.errors import TrackingError
from housing.testing.models import EXAMPLE, price_bundle
from housing.tracking.entries import Input
from housing.tracking.registry import Registry
from housing.tracking.run_record import RunRecord
from housing.tracking.runs import Runs
from housing.training.artifact import read_bundle
from housing.training.predictor import Predictor
from tests.tracking.conftest import result_of

pytestmark = pytest.mark.slow


def test_a_tracking_server_shows_what_was_recorded_beside_it_and_takes_more(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    local = Runs.open(uri, "walkthrough")
    run_id = local.record(RunRecord("here", result=result_of([1.0]), files={"note.txt": b"hello"}, yaml="seed: 0\n"))

    arguments = ("server", "--backend-store-uri", uri, "--workers", "1")
    with _mlflow(*arguments, folder=tmp_path, health="/health") as address:
        shown = _get(f"{address}/get-artifact?run_uuid={run_id}&path=note.txt")
        assert shown == b"hello"

        remote = Runs.open(address, "elsewhere")
        bundle = price_bundle()
        there = remote.record(
            RunRecord(
                "there",
                result=result_of([3.0, 2.0]),
                kind="final",
                yaml="seed: 1\n",
                inputs=[Input("ames", "train", digest="a" * 64, source="mine.csv", rows=2, columns=3)],
            )
        )
        assert remote.read_file(there, "config.yaml") == b"seed: 1\n"
        assert remote.get("there").metrics["validation_mae"] == 2

        registry = Registry(remote.client)
        version, is_new = registry.register("housing", there, bundle)
        registry.set_alias("housing", "champion", version.number)
        assert is_new
        folder = registry.download(registry.resolve("models:/housing@champion"))
        assert read_bundle(folder) == bundle
        assert registry.download(version) == folder


@pytest.fixture
def managed(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a managed MLflow, and credentials that sign for it."""
    pytest.importorskip("sagemaker_mlflow")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    yield "arn:aws:sagemaker:us-east-1:123456789012:mlflow-tracking-server/record"
    import mlflow

    mlflow.set_tracking_uri(None)  # type: ignore[arg-type]


def test_a_managed_mlflow_is_signed_for_and_recorded_in(
    managed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = (
        *("server", "--backend-store-uri", f"sqlite:///{tmp_path / 'mlflow.db'}", "--workers", "1"),
        *("--no-serve-artifacts", "--default-artifact-root", str(tmp_path / "artifacts")),  # as S3 is there
    )
    with _mlflow(*arguments, folder=tmp_path, health="/health") as address:
        monkeypatch.setenv("SAGEMAKER_MLFLOW_CUSTOM_ENDPOINT", address)
        runs = Runs.open(managed, "managed")
        run_id = runs.record(RunRecord("there", result=result_of([3.0, 2.0]), yaml="seed: 1\n"))
        assert runs.read_file(run_id, "config.yaml") == b"seed: 1\n"
        assert runs.get("there").metrics["validation_mae"] == 2


def test_a_managed_mlflow_that_does_not_answer_is_told(managed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("SAGEMAKER_MLFLOW_CUSTOM_ENDPOINT", f"http://127.0.0.1:{free.getsockname()[1]}")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(TrackingError, match=r"record: the managed MLflow does not answer: .*check tracking.uri"):
        Runs.open(managed, "managed")
    with pytest.raises(
        TrackingError, match=r"is not a managed MLflow; one looks like .*mlflow-tracking-server/.*mlflow-app/"
    ):
        Runs.open("arn:aws:s3:::bucket", "managed")


def test_mlflow_serves_the_champion(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    runs = Runs.open(uri, "walkthrough")
    registry = Registry(runs.client)
    version, _ = registry.register(
        "housing", runs.record(RunRecord("final", result=result_of([1.0]))), price_bundle(), example=EXAMPLE
    )
    registry.set_alias("housing", "champion", version.number)
    expected = Predictor.load(registry.download(version)).predict_columns(EXAMPLE).values.tolist()

    arguments = ("models", "serve", "-m", "models:/housing@champion", "--env-manager", "local", "--workers", "1")
    with _mlflow(*arguments, folder=tmp_path, health="/ping", uri=uri) as address:
        split = {"columns": list(EXAMPLE), "data": [list(row) for row in zip(*EXAMPLE.values(), strict=True)]}
        bodies = {
            "application/json": json.dumps({"dataframe_split": split}),
            "text/csv": "Area,Alley,Zone\n900,,RL\n2000,Pave,RM\n",
        }
        for content_type, body in bodies.items():
            answer = _get(f"{address}/invocations", body.encode(), content_type)
            assert json.loads(answer) == {"predictions": expected}
        with pytest.raises(urllib.error.HTTPError) as e:
            _get(f"{address}/invocations", b'{"dataframe_records": [{"Area": 900}]}', "application/json")
        with e.value as refused:
            assert refused.code == 400


@contextmanager
def _mlflow(*arguments: str, folder: Path, health: str, uri: str | None = None) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    environment |= {"MLFLOW_TRACKING_URI": uri} if uri else {}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "mlflow", *arguments, "--host", "127.0.0.1", "--port", str(port)],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            address = f"http://127.0.0.1:{port}"
            _wait(f"{address}{health}", server, folder / "server.log")
            yield address
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait(300)


def _wait(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 300
    while True:
        assert server.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        try:
            _get(url)
        except OSError:
            time.sleep(0.2)
        else:
            return


def _get(url: str, body: bytes | None = None, content_type: str = "application/json") -> bytes:
    request = urllib.request.Request(url, data=body, headers={"Content-Type": content_type})
    with urllib.request.urlopen(request, timeout=30) as response:
        return bytes(response.read())
