"""A client that knows nobody's secret, as another user where we may become one: `python strangers.py`, calls on stdin.

It reads a line of JSON, `{"port": ..., "uid": ... or null, "calls": [{"method", "path", "headers", "body"}, ...]}`, and
answers with a list of `[status or null, text]`.
"""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

NOBODY = 65534


@dataclass(frozen=True)
class Attempt:
    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""


def answers(port: int, attempts: list[Attempt], *, uid: int | None) -> list[tuple[int | None, str]]:
    """What a stranger gets: status, None where the connection was closed, and text; `uid` None: as we are."""
    asked = {"port": port, "uid": uid, "calls": [asdict(attempt) for attempt in attempts]}
    command = [sys.executable, "-I", str(Path(__file__).absolute())]
    done = subprocess.run(
        command, input=json.dumps(asked), capture_output=True, text=True, check=True, timeout=200, cwd="/"
    )
    return [(status, text) for status, text in json.loads(done.stdout)]


def _main() -> None:
    asked = json.loads(sys.stdin.read())
    "".encode("idna")  # what is imported late might lie where the other user may not read
    if asked["uid"] is not None:
        os.setgroups([])
        os.setgid(asked["uid"])
        os.setuid(asked["uid"])
    print(json.dumps([_answer(asked["port"], Attempt(**call)) for call in asked["calls"]]))


def _answer(port: int, attempt: Attempt) -> tuple[int | None, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.putrequest(attempt.method, attempt.path, skip_host=True, skip_accept_encoding=True)
        body = attempt.body.encode()
        default = {"Host": f"127.0.0.1:{port}", "Content-Length": str(len(body))}
        for name, value in (default | attempt.headers).items():
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")[:500]
    except (OSError, http.client.HTTPException) as error:
        return None, repr(error)
    finally:
        connection.close()


if __name__ == "__main__":
    _main()
