"""Serve on this machine: the commands' side; `server` is the other."""

from __future__ import annotations

import contextlib
import http.client
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from housing.data.extras import Extras
from housing.deployment.plan import Action, ReplaceVariants
from housing.deployment.spec import Deployment
from housing.errors import ConfigError, DataError, DeploymentError, RolledBack
from housing.monitoring.captured import CapturedRows
from housing.targets.base import EndpointStatus, Prediction, SinceChange
from housing.targets.local import wire
from housing.targets.local.captures import captured
from housing.targets.local.settings import Settings
from housing.targets.local.state import Address, StateFolder
from housing.tasks.written import read_answer

_START_WITHIN_S = 120.0
_ANSWER_WITHIN_S = 180.0
_HELLO_WITHIN_S = 5.0
_TELLS_ADDRESS_WITHIN_S = 5.0
_DEPLOY_WAITS_S = 60.0


class LocalHost:
    """A server that has died is restarted by the first request about an endpoint that it served."""

    rows_a_request = 5000

    def __init__(self, settings: Settings) -> None:
        self._folder = StateFolder(Path(settings.folder))
        self._port = settings.port
        self._processes = settings.processes

    def endpoints(self) -> Sequence[str]:
        return self._folder.endpoints()

    def check(self, wanted: Deployment) -> None:
        """Refuse queues, serverless variants, and alarms that exist elsewhere or watch metrics not measured here."""
        asked = {
            "asynchronous": wanted.asynchronous is not None,
            "update.existing_alarms": bool(wanted.update.existing_alarms),
        }
        if wanted.update.alarms:
            from housing.targets.local.shifting import MEASURED

            asked |= {f"update.alarms.{name}": one.metric not in MEASURED for name, one in wanted.update.alarms.items()}
        asked |= {f"variants.{name}.serverless": one.serverless is not None for name, one in wanted.variants.items()}
        if keys := [f"deployment.{key}" for key, is_set in asked.items() if is_set]:
            raise ConfigError(
                f"{', '.join(keys)}: target@host=local serves at once, without it; "
                "target@host=rehearsal and target@host=sagemaker have it"
            )

    def current(self, endpoint: str) -> Deployment | None:
        """None also for an endpoint that could not be restored, so that a plan creates it again."""
        value = self._show(endpoint)
        return wire.deployment(value["deployment"]) if value and "deployment" in value else None

    def apply(self, action: Action, models: Mapping[str, Path]) -> None:
        self._folder.create()
        document = {
            "action": wire.from_action(action),
            "models": {model: str(folder.absolute()) for model, folder in models.items()},
            "again": False,
            "processes": self._processes,
        }
        takes_s = action.deployment.update.seconds if isinstance(action, ReplaceVariants) else 0
        self._control("POST", "/control/actions", document, within_s=_ANSWER_WITHIN_S + takes_s)

    @contextlib.contextmanager
    def hold(self, purpose: str) -> Iterator[None]:
        """Keep other commands from changing endpoints in the block; DeploymentError names the one that does."""
        self._folder.create()
        with self._folder.locked("deploy", wait_s=_DEPLOY_WAITS_S, purpose=purpose):
            yield

    def predict(
        self,
        endpoint: str,
        rows: str,
        variant: str | None = None,
        *,
        extras: Extras = Extras(),  # noqa: B008 - frozen
    ) -> Prediction:
        """Raises DataError when the model refuses the rows, DeploymentError when nobody answers them."""
        if endpoint not in self._folder.endpoints():
            raise DeploymentError(self._unknown(endpoint))
        headers = {"Content-Type": f"text/csv{extras.parameters}", "Accept": "application/json"}
        if variant:
            headers["X-Amzn-SageMaker-Target-Variant"] = variant
        try:
            address = self._serving()
            status, answered, content = _request(address, "POST", _invocations(endpoint), rows.encode(), headers)
        except ConnectionError as error:
            raise DeploymentError(f"{endpoint}: the server ended before it answered: {error}; try again") from error
        with _as_housing_answers(address):
            if status == 200:
                values, beside = read_answer(content)
                return Prediction(values, answered or "", **beside)
            value = json.loads(content)
        if value.get("OriginalStatusCode") == 400:
            raise DataError(f"{endpoint}: {value['OriginalMessage']}")
        if status == 413:
            raise DataError(f"{endpoint}: {value['message']}")
        raise DeploymentError(f"{endpoint}: {value.get('message', value)}")

    def status(self, endpoint: str) -> EndpointStatus | None:
        value = self._show(endpoint)
        if value is None:
            return None
        address = self._serving()
        deployment = value.get("deployment")
        return EndpointStatus(
            endpoint=endpoint,
            state=value["state"],
            url=f"http://127.0.0.1:{address.port}{_invocations(endpoint)}",
            deployment=wire.deployment(deployment) if deployment else self._folder.read(endpoint).deployment,
            instances=value.get("instances", {}),
            invocations=value.get("invocations", {}),
            failures=value.get("failures", {}),
            latency_ms=value.get("median_latency_ms", {}),
            p99_ms=value.get("p99_ms", {}),
            server_errors=value.get("server_errors", {}),
            models=value.get("models", {}),
            test=SinceChange(**value["test"]) if "test" in value else None,
            slow={name: reason for name, reason in value.get("compiled", {}).items() if reason},
        )

    def captured(self, endpoint: str) -> Sequence[CapturedRows]:
        """Raises DeploymentError for an endpoint that does not exist."""
        if endpoint not in self._folder.endpoints():
            raise DeploymentError(self._unknown(endpoint))
        if address := self._folder.address():
            _is_ours(address)  # makes the server write all of them
        return captured(self._folder.captures, endpoint, self._folder.read(endpoint).deployment.variants)

    def _show(self, endpoint: str) -> dict[str, Any] | None:
        if endpoint not in self._folder.endpoints():
            return None
        value: dict[str, Any] | None = self._control("GET", f"/control/endpoints/{quote(endpoint, safe='')}")
        return value

    def _unknown(self, endpoint: str) -> str:
        known = ", ".join(self._folder.endpoints()) or "none"
        return f"endpoint {endpoint} does not exist in {self._folder.path} (there: {known}); `housing deploy` makes it"

    def _control(
        self,
        method: str,
        path: str,
        document: Mapping[str, Any] | None = None,
        *,
        within_s: float = _ANSWER_WITHIN_S,
    ) -> Any:
        """The server's answer to a control request; DeploymentError has its reason for a refusal."""
        deadline = time.monotonic() + _START_WITHIN_S
        while True:
            # It may have ended since the last request, or during it.
            address = self._serving()
            headers = {"Authorization": f"Bearer {address.token}"}
            try:
                content = json.dumps(document).encode()
                status, _, content = _request(address, method, path, content, headers, within_s=within_s)
                with _as_housing_answers(address):
                    value = json.loads(content)
            except ConnectionError as error:
                status, value = 503, {"message": f"the server ended: {error}; see {self._folder.log}"}
                document = {**document, "again": True} if document else None
            if status == 200:
                return value
            # A server that is ending answers 503; its successor will have the answer.
            if status != 503 or time.monotonic() > deadline:
                raise (RolledBack if value.get("RolledBack") else DeploymentError)(value["message"])
            time.sleep(0.1)

    def _serving(self) -> Address:
        """The address of a running server of this folder."""
        address = self._folder.address()
        if not (address and _is_ours(address)):
            self._folder.create()
            with self._folder.locked("start", wait_s=_START_WITHIN_S, purpose="the server cannot start"):
                address = self._known()
                # Another command may have started one while this one waited.
                if not address:
                    self._start()
                    address = self._folder.address()
        if address is None:
            raise DeploymentError(f"the server of {self._folder.path} ended at once; see {self._folder.log}")
        if self._port not in (0, address.port):
            raise DeploymentError(
                f"host.port: the server of {self._folder.path} listens on {address.port}, not on {self._port}; "
                "`housing destroy` ends it, host.port=0 takes it as it is"
            )
        return address

    def _known(self) -> Address | None:
        """The server's address, if it answers; a live server rewrites a damaged address file."""
        deadline = time.monotonic() + _TELLS_ADDRESS_WITHIN_S
        while True:
            address = self._folder.address()
            if address and _is_ours(address):
                return address
            if not self._folder.has_server() or time.monotonic() > deadline:
                return None
            time.sleep(0.05)

    def _start(self) -> None:
        """Start a server; returns when one answers, which may be one from a command that was killed."""
        command = [sys.executable, "-P", "-m", "housing.targets.local.server", str(self._folder.path)]
        try:
            started = subprocess.run(
                [*command, "--port", str(self._port), "--processes", str(self._processes)],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_START_WITHIN_S,
                check=False,
                cwd="/",
            )
        except subprocess.TimeoutExpired:
            raise DeploymentError(
                f"the server did not start in {_START_WITHIN_S:g} s; see {self._folder.log}"
            ) from None
        address = self._folder.address()
        if address and _is_ours(address):
            return
        try:
            reason = json.loads(started.stdout)["error"]
        except (ValueError, KeyError):
            reason = started.stderr.decode(errors="replace").strip()[-500:] or f"see {self._folder.log}"
        raise DeploymentError(f"the server did not start: {reason}")


def _is_ours(address: Address) -> bool:
    """The token distinguishes our server from another program that has its port now."""
    try:
        status, _, _ = _request(
            address,
            "GET",
            "/control/endpoints",
            b"",
            {"Authorization": f"Bearer {address.token}"},
            within_s=_HELLO_WITHIN_S,
        )
    except (ConnectionError, DeploymentError):
        return False
    return status == 200


def _request(
    address: Address,
    method: str,
    path: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    within_s: float = _ANSWER_WITHIN_S,
) -> tuple[int, str | None, bytes]:
    """Status, answering variant, body. Raises ConnectionError when nobody listens, or the connection broke."""
    connection = http.client.HTTPConnection("127.0.0.1", address.port, timeout=within_s)
    try:
        connection.request(method, path, body, dict(headers))
        response = connection.getresponse()
        return response.status, response.getheader("x-Amzn-Invoked-Production-Variant"), response.read()
    except http.client.HTTPException as error:
        raise ConnectionError(str(error)) from error
    except TimeoutError as error:
        raise DeploymentError(f"port {address.port} did not answer as housing does: {error}") from error
    finally:
        connection.close()


@contextlib.contextmanager
def _as_housing_answers(address: Address) -> Iterator[None]:
    try:
        yield
    except (ValueError, KeyError, TypeError) as error:
        raise DeploymentError(f"port {address.port} did not answer as housing does: {error}") from error


def _invocations(endpoint: str) -> str:
    return f"/endpoints/{quote(endpoint, safe='')}/invocations"
