"""A password in the configuration works where it is needed, and is in nothing that a command shows or leaves behind."""

from __future__ import annotations

import base64
import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.workflow.conftest import Housing

PASSWORD = "Tr0ub4dor/and-3"
SMALL = ("algorithm.num_round=3", "study.trials=2", "study.parallel=1", "study=random")


@contextmanager
def _guarded_server() -> Iterator[tuple[int, list[str | None]]]:
    """Answers to health checks, refuses everything else, and notes with which credentials it was asked."""
    seen: list[str | None] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers.get("Authorization"))
            self.send_response(200 if self.path.endswith("/health") else 403)
            self.end_headers()
            self.wfile.write(b'{"error_code": "PERMISSION_DENIED", "message": "not with this password"}')

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port, seen
    finally:
        server.shutdown()
        server.server_close()


def test_a_server_gets_the_password_and_nobody_else_sees_it(project: Path, housing: Housing) -> None:
    with _guarded_server() as (port, seen):
        uri = f"tracking.uri=http://bob:Tr0ub4dor%2Fand-3@127.0.0.1:{port}"
        answers = [housing("compare", uri), housing("compare", uri, "--json"), housing("compare", uri, "--cfg", "job")]
    basic = "Basic " + base64.b64encode(f"bob:{PASSWORD}".encode()).decode()
    assert set(seen) == {basic}
    for answer in answers:
        assert "Tr0ub4dor" not in answer.out + answer.err
        assert basic not in answer.out + answer.err
    assert [answer.code for answer in answers] == [1, 1, 0]
    assert "MLFLOW_TRACKING_PASSWORD" in answers[0].err
    assert f"uri: http://***@127.0.0.1:{port}" in answers[2].out


def test_how_a_password_is_kept_from_sight_depends_on_where_it_stands(
    project: Path, housing: Housing, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, database = f"http://bob:{PASSWORD}@127.0.0.1:9", f"postgresql://bob:{PASSWORD}@127.0.0.1:9/db"
    typed = housing("compare", f"tracking.uri={server}").err
    assert "the list of processes" in typed
    assert "MLFLOW_TRACKING_USERNAME" in typed
    to_database = housing("compare", f"tracking.uri={database}").err
    assert "MLFLOW_TRACKING_URI" in to_database
    assert "MLFLOW_TRACKING_USERNAME" not in to_database
    monkeypatch.setenv("MLFLOW_TRACKING_URI", database)
    assert "credentials" not in housing("compare").err


@pytest.mark.slow
def test_a_study_begun_with_a_password_is_recorded_without_it_and_resumed_with_todays(
    project: Path, housing: Housing
) -> None:
    own = f"tracking.uri='sqlite:///mlflow.db?password={PASSWORD}'"
    begun = housing("tune", *SMALL, "study.name=guarded", own)
    resumed = housing("tune", "study.resume=guarded", "study.trials=3", own, "--json")
    later = housing("tune", "study.resume=guarded", "study.trials=4", "--json")
    assert (begun.code, resumed.code, later.code) == (0, 0, 0), later.err
    for answer in (begun, resumed, later):
        assert PASSWORD not in answer.out + answer.err
    told = [path for path in project.rglob("*") if path.is_file() and PASSWORD.encode() in path.read_bytes()]
    assert told == []
    with sqlite3.connect(project / "mlflow.db") as database:
        tags = dict(database.execute("SELECT key, value FROM tags WHERE key LIKE 'housing.%' ORDER BY rowid"))
    assert PASSWORD not in json.dumps(tags)
