"""A framework image that serves a user's script: a real process that answers one request at a time over a socket."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import sysconfig
import threading
from multiprocessing.connection import Connection
from pathlib import Path

from housing.rehearsal import environment
from housing.rehearsal.container import request_formats, requirements, script_worker
from housing.rehearsal.container.inference import CRASHED, Answer, Framework, Log, Setup, TimedOut, Unhealthy
from housing.rehearsal.container.threads import ONE_THREAD

_START_S = 480.0
"""How long SageMaker waits for a container's first answer to a ping."""
ANSWER_S = 60.0
"""How long SageMaker waits for a container's answer."""
_END_S = 5.0


class ScriptContainer:
    """`code` is the folder with the script `program`; `setup.model` is what its `model_fn` is given."""

    def __init__(
        self, setup: Setup, *, code: Path, program: str, framework: Framework, answer_s: float = ANSWER_S
    ) -> None:
        self._setup = setup
        self._code = code
        self._module = program.removesuffix(".py").replace("/", ".")
        self._framework = framework
        self._answer_s = answer_s
        self._lock = threading.Lock()
        self._closed = False
        if not (code / program).is_file():
            self._refuse(f"ModuleNotFoundError: No module named '{self._module}': there is no {program} in {code.name}")
        if (code / "requirements.txt").is_file() and (problem := requirements.problem(code / "requirements.txt")):
            self._refuse(problem)
        self._worker = self._start()

    def invoke(self, body: bytes, content_type: str | None, accept: str | None) -> Answer:
        with self._lock:
            if self._closed:
                return Answer.text(502, "Bad Gateway")
            if not self._worker.alive():
                self._worker = self._start()
            try:
                return self._worker.ask(body, content_type, accept, answer_s=self._answer_s)
            except TimedOut:
                self._worker.kill()
                raise
            except (EOFError, OSError):
                self._worker.kill()
                self._setup.log("[ERROR] Worker was sent a signal or has exited")
                return Answer.text(502, "<html><head><title>502 Bad Gateway</title></head></html>\n")

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._worker.kill()

    def _start(self) -> _Worker:
        worker = _Worker(
            {
                "model": str(self._setup.model),
                "code": str(self._code),
                "module": self._module,
                "framework": self._framework,
                "formats": request_formats.__file__,
                "crashed": CRASHED,
                "libraries": sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}),
            },
            {**self._setup.environment, "SM_MODEL_DIR": str(self._setup.model)},
            self._setup.log,
        )
        if not worker.ready():
            raise Unhealthy(worker.last_line or f"{self._module}.py gave no sign of life in {_START_S:.0f} seconds")
        return worker

    def _refuse(self, reason: str) -> None:
        self._setup.log(reason)
        raise Unhealthy(reason)


class _Worker:
    """The process, its channel, and the thread that passes its output on."""

    def __init__(self, settings: dict[str, object], variables: dict[str, str], log: Log) -> None:
        ours, theirs = socket.socketpair()
        self._log = log
        self.last_line = ""
        # -S hides editable installs, which the image does not have; its libraries are passed one by one.
        command = [sys.executable, "-S", "-u", script_worker.__file__]
        with theirs:
            self._process = subprocess.Popen(
                [*command, json.dumps({**settings, "channel": theirs.fileno()})],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                pass_fds=[theirs.fileno()],
                env=environment.clean() | ONE_THREAD | variables,
                cwd=str(settings["code"]),
            )
        self._channel = Connection(ours.detach())
        self._reader = threading.Thread(target=self._pass_on, name="script-output", daemon=True)
        self._reader.start()

    def ready(self) -> bool:
        try:
            told = self._channel.poll(_START_S) and json.loads(self._channel.recv_bytes())["ready"]
        except (EOFError, OSError):
            told = False
        if not told:
            self.kill()
        return bool(told)

    def alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, body: bytes, content_type: str | None, accept: str | None, *, answer_s: float) -> Answer:
        self._channel.send_bytes(json.dumps({"content_type": content_type, "accept": accept}).encode())
        self._channel.send_bytes(body)
        if not self._channel.poll(answer_s):
            raise TimedOut
        head = json.loads(self._channel.recv_bytes())
        return Answer(head["status"], self._channel.recv_bytes(), head["content_type"])

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join(timeout=_END_S)  # a process that the script started may hold its output open
        self._channel.close()

    def _pass_on(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as output:
            for line in output:
                if line.strip():
                    self.last_line = line.rstrip("\n")
                    self._log(self.last_line)
