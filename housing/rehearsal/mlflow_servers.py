"""SageMaker's managed MLflow: a tracking server is a real `mlflow server`, reached through the rehearsal.

AWS's plug-in signs each request for `sagemaker-mlflow` and names the server's ARN in a header. Clients send
artifacts directly to S3, as on AWS.
"""

from __future__ import annotations

import http.client
import logging
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from housing.rehearsal import environment
from housing.rehearsal.api import listing
from housing.rehearsal.responses import ApiError, HttpResponse, refused, unsupported

if TYPE_CHECKING:
    from housing.rehearsal.context import Context

KIND = "mlflow-tracking-server"
SERVICE = "sagemaker-mlflow"
"""The service's name in signatures."""

_ARN_HEADER = "HTTP_X_MLFLOW_SM_TRACKING_SERVER_ARN"
_STARTS_WITHIN_S = 300
_POLL_S = 0.1
_ANSWERS_WITHIN_S = 120
_DROPPED = ("connection", "transfer-encoding", "content-length", "date", "server")
_log = logging.getLogger(__name__)


@dataclass
class _Running:
    process: subprocess.Popen[bytes]
    port: int


class MlflowServers:
    """The processes of one account; may be used from any thread."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._lock = threading.Lock()
        self._running: dict[str, _Running] = {}
        self._threads: list[threading.Thread] = []

    def begin(self, name: str) -> None:
        """Start the process of a server whose record exists; the record's status changes once it answers."""
        thread = threading.Thread(target=self._start, args=(name,), name=f"mlflow {name}", daemon=True)
        with self._lock:
            self._threads.append(thread)
        thread.start()

    def end(self, name: str) -> None:
        """Stop a server's process; its runs are kept until `forget` deletes them."""
        with self._lock:
            running = self._running.pop(name, None)
        if running is not None:
            running.process.terminate()
            running.process.wait()

    def forget(self, name: str) -> None:
        self.end(name)
        shutil.rmtree(self._folder(name), ignore_errors=True)

    def resume(self) -> None:
        """Start the servers that were active when the rehearsal ended."""
        for record in self.context.store.list(KIND):
            if record["IsActive"] == "Active" or record["TrackingServerStatus"] in ("Creating", "Starting"):
                self.begin(record["TrackingServerName"])

    def close(self) -> None:
        for thread in self._threads:
            thread.join()
        for name in list(self._running):
            self.end(name)

    def answer(self, environ: Mapping[str, Any], body: bytes) -> HttpResponse:
        """Pass a request on to the server that it names. ApiError where there is none, or it does not answer."""
        arn = str(environ.get(_ARN_HEADER, ""))
        running = self._running.get(arn.rpartition("/")[2]) if self.context.store.by_arn(arn) else None
        if running is None:
            raise ApiError("ResourceNotFound", f"Tracking server {arn or '(none was named)'} does not answer.", 404)
        headers = {
            name.removeprefix("HTTP_").replace("_", "-"): str(value)
            for name, value in environ.items()
            if name in ("CONTENT_TYPE", "HTTP_ACCEPT", "HTTP_USER_AGENT")
        }
        connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=_ANSWERS_WITHIN_S)
        try:
            connection.request(environ["REQUEST_METHOD"], environ["RAW_URI"], body or None, headers)
            answer = connection.getresponse()
            kept = {name: value for name, value in answer.getheaders() if name.lower() not in _DROPPED}
            return HttpResponse(answer.read(), answer.status, kept)
        except OSError as error:
            raise ApiError("InternalFailure", f"Tracking server {arn} does not answer.", 503) from error
        finally:
            connection.close()

    def _start(self, name: str) -> None:
        record = self.context.store.get(KIND, name)
        folder = self._folder(name)
        folder.mkdir(parents=True, exist_ok=True)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
        command += ["--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}", "--workers", "1"]
        command += ["--no-serve-artifacts", "--default-artifact-root", record["ArtifactStoreUri"]]
        own = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
        with (folder / "server.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                env=environment.clean_for_python() | own,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=folder,
            )
        with self._lock:
            self._running[name] = _Running(process, port)
        answers = self._answers(process, port)
        if self.context.ending.is_set() or not self.context.store.has(KIND, name):
            return
        well, badly = (
            ("Created", "CreateFailed") if record["TrackingServerStatus"] == "Creating" else ("Started", "StartFailed")
        )
        self.context.store.update(
            KIND,
            name,
            TrackingServerStatus=well if answers else badly,
            IsActive="Active" if answers else "Inactive",
        )

    def _answers(self, process: subprocess.Popen[bytes], port: int) -> bool:
        give_up = time.monotonic() + _STARTS_WITHIN_S
        while process.poll() is None and time.monotonic() < give_up:
            if self.context.ending.wait(_POLL_S):
                return False
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            try:
                connection.request("GET", "/health")
                if connection.getresponse().status == http.HTTPStatus.OK:
                    return True
            except OSError:
                continue
            finally:
                connection.close()
        return False

    def _folder(self, name: str) -> Path:
        return self.context.folder.parent / "mlflow" / name


def create(servers: MlflowServers, request: dict[str, Any]) -> dict[str, Any]:
    if find_spec("mlflow") is None:
        raise unsupported("A tracking server needs MLflow beside the rehearsal: pip install mlflow")
    if not request["ArtifactStoreUri"].startswith("s3://"):
        raise refused(f"ArtifactStoreUri must be an S3 URI, got {request['ArtifactStoreUri']}.")
    name = request["TrackingServerName"]
    own = {"TrackingServerStatus": "Creating", "IsActive": "Inactive", "TrackingServerSize": "Small"}
    made = servers.context.store.create(
        KIND, name, {**own, "AutomaticModelRegistration": False, "TrackingServerUrl": "", **request}
    )
    servers.begin(name)
    return {"TrackingServerArn": made["TrackingServerArn"]}


def describe(servers: MlflowServers, request: dict[str, Any]) -> dict[str, Any]:
    return listing.describe(servers.context, KIND, request)


def list_servers(servers: MlflowServers, request: dict[str, Any]) -> dict[str, Any]:
    status, version = request.get("TrackingServerStatus"), request.get("MlflowVersion")
    after, before = request.get("CreatedAfter"), request.get("CreatedBefore")
    records = [
        record
        for record in servers.context.store.list(KIND)
        if status in (None, record["TrackingServerStatus"])
        and version in (None, record.get("MlflowVersion"))
        and (after is None or record["CreationTime"] > float(after))
        and (before is None or record["CreationTime"] < float(before))
    ]
    return listing.summaries(
        servers.context, KIND, request, member="TrackingServerSummaries", default=100, records=records
    )


def stop(servers: MlflowServers, request: dict[str, Any]) -> dict[str, Any]:
    """Stop a server; its runs are kept."""
    name = request["TrackingServerName"]
    record = servers.context.store.get(KIND, name)
    if record["IsActive"] != "Active":
        raise ApiError("ConflictException", f"Tracking server {name} is in status {record['TrackingServerStatus']}.")
    servers.end(name)
    servers.context.store.update(KIND, name, TrackingServerStatus="Stopped", IsActive="Inactive")
    return {"TrackingServerArn": record["TrackingServerArn"]}


def start(servers: MlflowServers, request: dict[str, Any]) -> dict[str, Any]:
    name = request["TrackingServerName"]
    with servers.context.store.edit(KIND, name) as record:
        if record["TrackingServerStatus"] != "Stopped":
            raise ApiError(
                "ConflictException", f"Tracking server {name} is in status {record['TrackingServerStatus']}."
            )
        record["TrackingServerStatus"] = "Starting"
    servers.begin(name)
    return {"TrackingServerArn": record["TrackingServerArn"]}


def delete(servers: MlflowServers, request: dict[str, Any]) -> dict[str, Any]:
    """Delete a server and its runs; artifacts stay in S3."""
    name = request["TrackingServerName"]
    arn = servers.context.store.get(KIND, name)["TrackingServerArn"]
    servers.context.store.remove(KIND, name)
    servers.forget(name)
    return {"TrackingServerArn": arn}


OPERATIONS = {
    "CreateMlflowTrackingServer": create,
    "DescribeMlflowTrackingServer": describe,
    "ListMlflowTrackingServers": list_servers,
    "StartMlflowTrackingServer": start,
    "StopMlflowTrackingServer": stop,
    "DeleteMlflowTrackingServer": delete,
}
