"""MLflow's user interface: started with few resources, on this machine only, and opened at a relevant page."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPException
from tempfile import TemporaryFile
from typing import IO
from urllib.parse import quote, urlencode
from urllib.request import urlopen

from housing.errors import TrackingError
from housing.processes import Dependent
from housing.tracking.places import database_path
from housing.tracking.queries import Direction
from housing.tracking.reader import PARENT_TAG, Run

_LOOPBACK = "127.0.0.1"
_STARTS_WITHIN_S = 300
_STOPS_WITHIN_S = 5
_POLL_S = 0.1
# By default MLflow starts 15 processes and takes 3.2 GB, most of it for its job execution, which we do not use.
_LIGHT = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
# Without it the pages for generative AI are shown.
_VIEW = {"workflowType": "machine_learning"}


@dataclass(frozen=True)
class Interface:
    """A server that answers at `url`."""

    url: str
    _server: subprocess.Popen[bytes]

    def wait(self) -> None:
        """Wait until the server ends by itself, or KeyboardInterrupt."""
        self._server.wait()


@contextmanager
def serving(uri: str, *, port: int | None = None) -> Iterator[Interface]:
    """MLflow's server for an SQLite record, on the loopback interface: it answers within the block, and ends after it.

    Raises TrackingError when the port is taken or the server does not start.
    """
    chosen = _port(port)
    command = (sys.executable, "-P", "-m", "mlflow", "server", "--host", _LOOPBACK, "--port", str(chosen))
    with TemporaryFile() as log:
        server = Dependent(
            (*command, "--workers", "1", "--backend-store-uri", f"sqlite:///{database_path(uri)}"),
            env=os.environ | _LIGHT | _nothing_from_here(),
            stdout=log,
            stderr=log,
        )
        try:
            _wait_until_answering(server.process, chosen, log)
            yield Interface(f"http://{_LOOPBACK}:{chosen}", server.process)
        finally:
            _stop(server)


def _nothing_from_here() -> dict[str, str]:
    """Variables that keep Python, and uvicorn by its own setting, from importing from the working folder."""
    return {"PYTHONSAFEPATH": "1", "UVICORN_APP_DIR": sysconfig.get_path("purelib")}


def children_path(parent: Run, objective: str, direction: Direction) -> str:
    """Charts of the runs below a parent, best first; to be appended to a server's URL."""
    wanted = {
        "searchFilter": f'tags.`{PARENT_TAG}` = "{parent.id}"',
        "orderByKey": f"metrics.`{objective}`",
        "orderByAsc": str(direction == "minimize").lower(),
        "compareRunsMode": "CHART",
    }
    return f"/#/experiments/{parent.experiment_id}/runs?{urlencode(_VIEW | wanted, quote_via=quote)}"


def experiment_path(experiment_id: str | None) -> str:
    """All runs of an experiment, or all experiments; to be appended to a server's URL."""
    place = "experiments" if experiment_id is None else f"experiments/{experiment_id}/runs"
    return f"/#/{place}?{urlencode(_VIEW)}"


def run_path(experiment_id: str, run_id: str) -> str:
    """One run; to be appended to a server's URL."""
    return f"/#/experiments/{experiment_id}/runs/{run_id}?{urlencode(_VIEW)}"


def _port(wanted: int | None) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_LOOPBACK, wanted or 0))
        except OSError as e:
            raise TrackingError(f"--port {wanted}: cannot be used ({e.strerror}); without --port a free one is") from e
        return int(probe.getsockname()[1])


def _wait_until_answering(server: subprocess.Popen[bytes], port: int, log: IO[bytes]) -> None:
    deadline = time.monotonic() + _STARTS_WITHIN_S
    while server.poll() is None and time.monotonic() < deadline:
        with suppress(OSError, HTTPException), urlopen(f"http://{_LOOPBACK}:{port}/health", timeout=_POLL_S * 10):
            return
        time.sleep(_POLL_S)
    log.seek(0)
    last = [line for line in log.read().decode(errors="replace").splitlines() if line.strip()][-1:]
    raise TrackingError(f"MLflow's server did not start on port {port}: {' '.join(last) or 'it said nothing'}")


def _stop(server: Dependent) -> None:
    """End the server and its worker, which would otherwise outlive it."""
    try:
        server.signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            server.process.wait(_STOPS_WITHIN_S)
    finally:
        server.close()
