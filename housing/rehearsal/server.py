"""The server process: `python -m housing.rehearsal.server FOLDER SETTINGS`, the settings in JSON.

It prints one line of JSON, `{"port": ...}` once it answers or `{"error": ...}`, continues in the background, and ends
when it is stopped, or when it has been idle for a while.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import logging
import os
import secrets
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from housing.rehearsal import files
from housing.rehearsal.process import CONTROL
from housing.rehearsal.responses import HttpResponse
from housing.rehearsal.settings import Settings, from_dict

_LOG_BYTES = 1_000_000
_FREED_WITHIN_S = 5.0
_WATCHES_EVERY_S = 0.1
_log = logging.getLogger(__name__)


def main() -> None:
    folder, wanted = Path(sys.argv[1]), json.loads(sys.argv[2])
    # Forked twice, it is not a child of the command, which neither waits for it nor ends it.
    if os.fork():
        os._exit(0)
    os.setsid()
    if os.fork():
        os._exit(0)
    try:
        with files.locked(folder / "server.lock", wait_s=_FREED_WITHIN_S):  # the last one may still be ending
            _log_to(folder / "server.log")
            _Server(folder, wanted).run()
    except (OSError, ValueError) as error:
        _report({"error": str(error)})
        raise
    except ImportError as error:
        _report({"error": f"{error}; install what it needs: pip install 'housing[rehearsal]'"})
        raise
    finally:
        # Threads of open connections must not keep the process alive.
        os._exit(0)


class _Server:
    def __init__(self, folder: Path, wanted: dict[str, Any]) -> None:
        from housing.rehearsal.running import RunningRehearsal

        self._folder = folder
        self._holders = {_process(int(wanted["holder"]))}
        self._stays = bool(wanted["stays"])
        self._token = secrets.token_hex(32)
        self._lock = threading.Lock()  # a command either keeps it running or is told that it is ending
        self._stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stopping.set())
        self._open = RunningRehearsal(
            from_dict(wanted["settings"]), folder, control=self._control, last_port=_port(folder)
        )

    def run(self) -> None:
        port = self._open.port
        known = {"pid": os.getpid(), "port": port, "token": self._token}
        _write(self._folder / "server.json", known)
        folder = _identity(self._folder)
        _log.info("process %d answers at %s", os.getpid(), self._open.url)
        # If the command was killed meanwhile, nobody knows of the server: it must not stay.
        self._stays = _report({"port": port}) and self._stays
        _output_to(self._folder / "server.log")
        self._open.warm_up()
        unneeded_since = time.monotonic()
        while not self._stopping.wait(_WATCHES_EVERY_S):
            self._stay_known(known, folder)
            with self._lock:
                if self._needed():
                    unneeded_since = time.monotonic()
                elif time.monotonic() - max(unneeded_since, self._open.last_call) > self._open.context.settings.idle_s:
                    _log.info("it is idle")
                    self._stopping.set()
        self._open.close()
        _log.info("process %d ends", os.getpid())

    def _stay_known(self, known: dict[str, Any], folder: tuple[int, int] | None) -> None:
        """Commands need `server.json` to find the server: rewrite a damaged one, end if the folder was replaced."""
        if _identity(self._folder) != folder:
            _log.warning("the folder %s is gone; this rehearsal can no longer be found", self._folder)
            self._stopping.set()
        elif _read(self._folder / "server.json") != known:
            _log.warning("server.json was damaged; it is written again")
            with contextlib.suppress(OSError):
                _write(self._folder / "server.json", known)

    def _needed(self) -> bool:
        self._holders = {process for process in self._holders if process and _lives(process)}
        return self._stays or bool(self._holders) or self._open.context.is_busy()

    def _control(self, path: str, token: str, body: bytes) -> HttpResponse | None:
        """The private calls of commands that start, query and stop rehearsals; None for AWS's."""
        if not path.startswith(CONTROL):
            return None
        if not hmac.compare_digest(token.encode(), self._token.encode()):
            return HttpResponse(b"wrong token", 403)
        answers: dict[str, Callable[[], HttpResponse]] = {
            "state": lambda: HttpResponse(json.dumps(self._state()).encode()),
            "use": lambda: self._use(json.loads(body), self._open.use),
            "reset": lambda: self._use(json.loads(body), self._open.reset),
            "stop": self._stop,
        }
        answer = answers.get(path.removeprefix(CONTROL))
        return answer() if answer else HttpResponse(f"no such call: {path}".encode(), 404)

    def _stop(self) -> HttpResponse:
        self._open.context.faults.forget()
        self._stopping.set()
        return HttpResponse(b"{}")

    def _use(self, wanted: dict[str, Any], go_on: Callable[[Settings], None]) -> HttpResponse:
        with self._lock:
            if self._stopping.is_set():
                return HttpResponse(b"it ends", 503)
            try:
                go_on(from_dict(wanted["settings"]))
            except ValueError as error:
                return HttpResponse(str(error).encode(), 400)
            self._holders.add(_process(int(wanted["holder"])))
            self._stays = self._stays or bool(wanted["stays"])
        return HttpResponse(b"{}")

    def _state(self) -> dict[str, Any]:
        context = self._open.context
        return {
            "region": context.region,
            "since": self._open.since,
            "stays": self._stays,
            "jobs": context.unfinished_jobs(),
            "endpoints": context.store.statuses("endpoint"),
        }


def _port(folder: Path) -> int:
    """The port of the last run, so that its clients find the next one."""
    found = _read(folder / "server.json")
    port = found.get("port") if isinstance(found, dict) else None
    return port if isinstance(port, int) and 0 < port < 65536 else 0


def _identity(folder: Path) -> tuple[int, int] | None:
    """Device and inode of the server's lock: they distinguish a later folder of the same name; None when it is gone."""
    try:
        found = (folder / "server.lock").stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _process(pid: int) -> psutil.Process | None:
    """The process of this id; None when it has ended."""
    try:
        return psutil.Process(pid)
    except psutil.NoSuchProcess:
        return None


def _lives(process: psutil.Process) -> bool:
    """False for a zombie, and for a later process with the same id."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _read(path: Path) -> Any:
    """The content of a JSON file; None where it cannot be read."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None


def _write(path: Path, value: dict[str, Any]) -> None:
    files.write(path, json.dumps(value))


def _log_to(path: Path) -> None:
    if path.exists() and path.stat().st_size > _LOG_BYTES:
        path.replace(path.with_suffix(".log.1"))
    logging.basicConfig(filename=path, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for chatty in ("botocore", "boto3", "urllib3"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _report(value: dict[str, Any]) -> bool:
    """Write a line to the command that waits for it; False when the command is gone."""
    try:
        os.write(1, json.dumps(value).encode() + b"\n")
    except BrokenPipeError:
        return False
    return True


def _output_to(path: Path) -> None:
    nowhere = os.open(os.devnull, os.O_RDONLY)
    log = os.open(path, os.O_WRONLY | os.O_APPEND)
    for source, stream in ((nowhere, 0), (log, 1), (log, 2)):
        os.dup2(source, stream)
    for source in (nowhere, log):
        os.close(source)


if __name__ == "__main__":
    main()
