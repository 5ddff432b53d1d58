"""Starts, finds and stops the rehearsal of a folder.

start.lock    held by a command that is starting or stopping it
server.lock   held by the running server, freed by the kernel when it ends
server.json   the last server: process id, port, token (0600: whoever can read it can change the settings)
credentials.json   the keys of the account (0600: whoever can read them can run anything there)
server.log    its log
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from housing.rehearsal import credentials, environment, files
from housing.rehearsal.account import ACCOUNT, ROLE_NAME
from housing.rehearsal.credentials import Credentials
from housing.rehearsal.errors import RehearsalError, RunsOtherwise, SettingRefused
from housing.rehearsal.settings import Settings

TOKEN_HEADER = "X-Rehearsal-Token"
CONTROL = "/-/rehearsal/"
_STARTS_WITHIN_S = 60.0
_ENDS_WITHIN_S = 60.0
_ANSWERS_WITHIN_S = 10.0
_RESETS_WITHIN_S = 60.0  # running calls and jobs end first


@dataclass(frozen=True)
class Address:
    """Where a rehearsal answers."""

    url: str
    region: str
    pid: int


@dataclass(frozen=True)
class State:
    """The state of a running rehearsal; `since`, its start, in seconds since 1970. Jobs and endpoints: name -> status.

    If it `stays`, it runs until it is stopped; otherwise it ends by itself when idle.
    """

    address: Address
    since: float
    stays: bool
    jobs: dict[str, str]
    endpoints: dict[str, str]


def ensure(settings: Settings, *, stays: bool = False) -> Address:
    """The address of the rehearsal of this folder, which is started if there is none, else given these settings.

    It runs at least as long as this process; with `stays`, until `stop`. Raises SettingRefused for a setting that
    cannot be satisfied, RehearsalError where it does not answer.
    """
    folder = _folder(settings.folder)
    wanted = {"settings": asdict(settings), "holder": os.getpid(), "stays": stays}
    with files.locked(folder / "start.lock"):
        if found := _found(folder):
            server, state = found
            _refuse_to_move(state.address, settings)
            with contextlib.suppress(_NoAnswer):  # it has just ended because it was idle
                server.ask("POST", "use", wanted)
                return state.address
        _start(folder, wanted)
        if (found := _found(folder)) is None:
            raise RehearsalError(
                f"the rehearsal of {folder} ended as soon as it had begun; see {folder / 'server.log'}"
            )
        return found[1].address


def reset(settings: Settings) -> bool:
    """Empty the running rehearsal of this folder and give it these settings. False when none is running.

    Its address and keys are kept. Raises SettingRefused, RehearsalError where it does not answer.
    """
    found = _found(Path(settings.folder).absolute())
    if found is None:
        return False
    server, state = found
    _refuse_to_move(state.address, settings)
    wanted = {"settings": asdict(settings), "holder": os.getpid(), "stays": state.stays}
    server.ask("POST", "reset", wanted, within_s=_RESETS_WITHIN_S)
    return True


def running(folder: str) -> Address | None:
    """The address of the rehearsal of this folder; None when none is running."""
    state = look(folder)
    return state.address if state else None


def look(folder: str) -> State | None:
    """The state of the rehearsal of this folder; None when none is running."""
    found = _found(Path(folder).absolute())
    return found[1] if found else None


def credentials_of(folder: str) -> Credentials:
    """The keys of the rehearsal of this folder. Raises RehearsalError if it was never started."""
    path = Path(folder).absolute()
    try:
        return credentials.read(path)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RehearsalError(
            f"the keys of the rehearsal of {path} cannot be read: {error}; stop it and start it again"
        ) from error


def environment_of(address: Address, folder: str) -> dict[str, str]:
    """Variables with which any AWS client reaches it, as the account itself, and a role for jobs and endpoints."""
    account = credentials_of(folder)
    return {
        "AWS_ENDPOINT_URL": address.url,
        "AWS_ACCESS_KEY_ID": account.access_key,
        "AWS_SECRET_ACCESS_KEY": account.secret_key,
        "AWS_DEFAULT_REGION": address.region,
        "SAGEMAKER_MLFLOW_CUSTOM_ENDPOINT": address.url,
        "SAGEMAKER_ROLE_ARN": f"arn:aws:iam::{ACCOUNT}:role/{ROLE_NAME}",
    }


def stop(folder: str) -> bool:
    """Stop the rehearsal of this folder; its state is kept, fault counts restart. False when none is running."""
    path = Path(folder).absolute()
    if not path.is_dir():
        return False
    with files.locked(path / "start.lock"):
        found = _found(path)
        if found is None:
            return False
        server, _ = found
        with contextlib.suppress(_NoAnswer):  # it ends by itself
            server.ask("POST", "stop")
        give_up = time.monotonic() + _ENDS_WITHIN_S
        while files.is_held(path / "server.lock"):
            if time.monotonic() > give_up:
                raise RehearsalError(
                    f"process {server.pid}: the rehearsal of {path} does not end; see {path / 'server.log'}"
                )
            time.sleep(0.02)
        return True


class _NoAnswer(RehearsalError):
    """The server has ended, or is about to."""


@dataclass(frozen=True)
class _Server:
    """A running server, and the private calls that control it."""

    folder: Path
    pid: int
    port: int
    token: str

    def state(self) -> State:
        value = self.ask("GET", "state")
        address = Address(f"http://127.0.0.1:{self.port}", value["region"], self.pid)
        return State(address, value["since"], value["stays"], value["jobs"], value["endpoints"])

    def ask(self, method: str, what: str, value: Any = None, *, within_s: float = _ANSWERS_WITHIN_S) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=within_s)
        try:
            connection.request(method, CONTROL + what, json.dumps(value), {TOKEN_HEADER: self.token})
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise self._no_answer(repr(error)) from error
        finally:
            connection.close()
        if answer.status == http.client.SERVICE_UNAVAILABLE:
            raise self._no_answer(text.decode(errors="replace"))
        if answer.status == http.client.BAD_REQUEST:
            raise SettingRefused(f"{text.decode(errors='replace')}")
        if answer.status != http.client.OK:
            raise RehearsalError(f"the rehearsal of {self.folder} refused: {text.decode(errors='replace')}")
        return json.loads(text)

    def _no_answer(self, why: str) -> _NoAnswer:
        return _NoAnswer(
            f"the rehearsal of {self.folder}, process {self.pid}, gives no answer: {why}; "
            f"see {self.folder / 'server.log'}"
        )


def _found(folder: Path) -> tuple[_Server, State] | None:
    """The running server of a folder, and its state. A killed one is not found, as it holds no lock."""
    if not files.is_held(folder / "server.lock"):
        return None
    give_up = time.monotonic() + _STARTS_WITHIN_S
    while True:
        with contextlib.suppress(
            OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError, RehearsalError
        ):
            value = json.loads((folder / "server.json").read_text(encoding="utf-8"))
            server = _Server(folder, value["pid"], value["port"], value["token"])
            return server, server.state()
        # It holds its lock, but has not yet written its port, is rewriting a damaged file, or is about to end.
        if not files.is_held(folder / "server.lock"):
            return None
        if time.monotonic() > give_up:
            raise RehearsalError(f"the rehearsal of {folder} is there and gives no answer; see {folder / 'server.log'}")
        time.sleep(0.02)


def _start(folder: Path, wanted: dict[str, Any]) -> None:
    command = [sys.executable, "-P", "-m", "housing.rehearsal.server", str(folder), json.dumps(wanted)]
    # The process starts a daemon and ends.
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=_STARTS_WITHIN_S,
        check=False,
        env=environment.clean_for_python(),
    )
    line = done.stdout.decode(errors="replace").strip()
    problem = json.loads(line).get("error") if line else done.stderr.decode(errors="replace").strip()[-500:]
    if problem or not line:
        raise RehearsalError(f"the rehearsal of {folder} does not start: {problem or 'see server.log there'}")


def _refuse_to_move(address: Address, settings: Settings) -> None:
    port = int(address.url.rpartition(":")[2])
    for key, asked, is_there in (("port", settings.port or port, port), ("region", settings.region, address.region)):
        if asked != is_there:
            raise RunsOtherwise(
                f"{key}: {asked} is asked for, and the rehearsal of {settings.folder} runs with {is_there}; "
                "end it first"
            )


def _folder(folder: str) -> Path:
    path = Path(folder).absolute()
    try:
        files.make_folder(path)
    except files.NotPrivate as error:
        raise SettingRefused(f"folder: {error}") from error
    except OSError as error:
        raise SettingRefused(f"folder: {path} cannot be made: {error.strerror}") from error
    return path
