from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from housing.errors import ConfigError, TrackingError
from housing.tracking.places import database_path
from housing.tracking.run_record import RunRecord
from housing.tracking.runs import Runs
from housing.tracking.store import open_client
from housing.tracking.vendor import translated
from tests.tracking.conftest import result_of

# A forked process has imported MLflow already; each opens databases of its own.
FORK = multiprocessing.get_context("fork")


@pytest.fixture(autouse=True)
def template(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Imported and migrated before any fork."""
    open_client(f"sqlite:///{tmp_path_factory.mktemp('first') / 'mlflow.db'}")


def record_one(uri: str, name: str) -> None:
    Runs.open(uri, "walkthrough").record(RunRecord(name, result=result_of([1.0])))


def test_eight_processes_that_start_on_an_empty_folder_all_succeed(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    processes = [FORK.Process(target=record_one, args=(uri, f"p{i}")) for i in range(8)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()

    assert [process.exitcode for process in processes] == [0] * 8
    runs = Runs.open(uri, "walkthrough")
    found = runs.client.search_runs([runs.experiment_id])
    assert sorted(run.info.run_name for run in found) == [f"p{i}" for i in range(8)]
    assert {run.info.status for run in found} == {"FINISHED"}
    assert [e.name for e in runs.client.search_experiments(order_by=["experiment_id ASC"])] == [
        "Default",
        "walkthrough",
    ]


@pytest.mark.parametrize("with_template", [True, False])
def test_killed_while_the_database_is_made_leaves_nothing_half_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, with_template: bool
) -> None:
    if not with_template:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
        (tmp_path / "file").touch()
    path = tmp_path / "project" / "mlflow.db"
    process = FORK.Process(target=open_client, args=(f"sqlite:///{path}",))
    process.start()
    while not path.with_name(".mlflow.db.new").exists() and not path.exists():
        time.sleep(0.0002)
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join()

    record_one(f"sqlite:///{path}", "after")
    assert _integrity(path) == "ok"
    assert sorted(p.name for p in path.parent.iterdir() if p.name.startswith(".")) == []


def test_the_database_is_fast_and_its_artifacts_lie_beside_it(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    runs = Runs.open(f"sqlite:///{tmp_path / 'project' / 'mlflow.db'}", "my prices/2")
    run = runs.get(runs.record(RunRecord("job", result=result_of([1.0]), files={"note.txt": b"hello"})))

    assert run.artifact_uri == f"{tmp_path}/project/mlruns/my-prices-2/{run.id}/artifacts"
    assert Path(run.artifact_uri, "note.txt").read_text() == "hello"
    default = runs.client.get_experiment("0")
    assert default.artifact_location == f"{tmp_path}/project/mlruns/0"
    with closing(sqlite3.connect(tmp_path / "project" / "mlflow.db")) as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_relative_uri_is_seen_from_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    open_client("sqlite:///records/mlflow.db")

    assert database_path("sqlite:///records/mlflow.db") == tmp_path / "records" / "mlflow.db"
    assert (tmp_path / "records" / "mlflow.db").is_file()


def test_an_empty_file_is_as_good_as_none(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").touch()
    record_one(f"sqlite:///{tmp_path / 'mlflow.db'}", "job")


def test_the_log_of_a_removed_database_does_not_come_back(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).write_bytes(os.urandom(5000))
    record_one(f"sqlite:///{path}", "job")

    assert _integrity(path) == "ok"


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    path.write_text("hello " * 1000)

    with pytest.raises(TrackingError, match=r"mlflow.db: not a whole SQLite database.*change tracking.uri"):
        open_client(f"sqlite:///{path}")
    assert path.read_text() == "hello " * 1000


def test_a_link_to_a_disk_that_is_not_there_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    path.symlink_to(tmp_path / "disk" / "mlflow.db")

    with pytest.raises(TrackingError, match=r"mlflow.db: a link to .*disk/mlflow.db, which is not there"):
        open_client(f"sqlite:///{path}")
    assert path.is_symlink()


def test_what_a_database_says_is_told_in_one_line() -> None:
    from sqlalchemy.exc import OperationalError

    with (
        pytest.raises(TrackingError, match=r"^mlflow.db: made: \(builtins.OSError\) disk is full; free some space$"),
        translated("mlflow.db: made"),
    ):
        raise OperationalError("INSERT INTO secrets", {}, OSError("disk is full"))


@pytest.mark.parametrize("kept", [0.001, 0.02, 0.5, 0.99])
def test_a_half_cut_database_is_refused(tmp_path: Path, kept: float) -> None:
    path = tmp_path / "mlflow.db"
    open_client(f"sqlite:///{path}")
    content = path.read_bytes()
    cut = tmp_path / "cut.db"
    cut.write_bytes(content[: int(len(content) * kept)])

    with pytest.raises(TrackingError, match=r"cut.db: not a whole SQLite database"):
        open_client(f"sqlite:///{cut}")


def test_a_database_that_another_process_is_writing_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    open_client(f"sqlite:///{path}")
    with closing(sqlite3.connect(path)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        client = open_client(f"sqlite:///{path}")
        assert client.get_experiment("0").name == "Default"


def test_a_database_of_something_else_is_refused(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "other.db")) as database:
        database.execute("CREATE TABLE sales (price)")

    with pytest.raises(TrackingError, match="but not one of MLflow"):
        open_client(f"sqlite:///{tmp_path / 'other.db'}")


def test_an_older_schema_is_refused_with_the_command_that_upgrades_it(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    open_client(f"sqlite:///{path}")
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE alembic_version SET version_num = 'acf3f17fdcc7'")

    with pytest.raises(TrackingError, match=f"revision acf3f17fdcc7.*mlflow db upgrade sqlite:///{path}"):
        open_client(f"sqlite:///{path}")


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(TrackingError, match=r"file/mlflow.db: cannot"):
        open_client(f"sqlite:///{tmp_path / 'file' / 'mlflow.db'}")


@pytest.mark.parametrize("uri", ["sqlite://", "sqlite:///:memory:", "sqlite:///"])
def test_a_record_that_would_be_lost_is_refused(uri: str) -> None:
    with pytest.raises(ConfigError, match=r"must be a file, as in sqlite:///mlflow.db"):
        open_client(uri)


def test_a_server_that_does_not_answer_is_told_at_once() -> None:
    began = time.monotonic()
    with pytest.raises(TrackingError, match=r"http://127.0.0.1:9: no tracking server answers"):
        open_client("http://127.0.0.1:9")
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (503, "{}", r"the tracking server fails \(HTTP 503\); look at its log"),
        (401, '{"message": "who are you?"}', r"refuses access \(HTTP 401\); set MLFLOW_TRACKING_USERNAME and"),
        (403, "Permission denied", r"refuses access \(HTTP 403\); .* MLFLOW_TRACKING_TOKEN"),
        (404, "<html></html>", r"no MLflow tracking server \(HTTP 404, text/html\); is tracking.uri its address"),
        (200, "<html>Welcome</html>", r"no MLflow tracking server \(HTTP 200, text/html\)"),
    ],
)
def test_a_server_that_fails_or_refuses_or_is_another_one_is_told_at_once(status: int, body: str, told: str) -> None:
    with _answering(lambda _: (status, body)) as uri:
        began = time.monotonic()
        with pytest.raises(TrackingError, match=told):
            open_client(uri)
        assert time.monotonic() - began < 5


def test_a_server_that_wants_credentials_gets_the_user_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "letters")
    with _answering(lambda given: (200, "{}") if given == "Bearer letters" else (401, "")) as uri:
        assert open_client(uri).search_experiments() == []


@contextmanager
def _answering(answer: Callable[[str | None], tuple[int, str]]) -> Iterator[str]:
    """The address of a server that gives each request the status and the body that `answer` has for its credentials."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, body = answer(self.headers.get("Authorization"))
            self.send_response(status)
            self.send_header("Content-Type", "text/html" if body.startswith("<") else "application/json")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def test_plug_ins_of_others_do_not_warn_at_each_request(caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("sagemaker_mlflow")
    from mlflow.tracking.request_header.registry import resolve_request_headers

    # MLflow's own loggers do not hand on what they are told.
    logger = logging.getLogger("mlflow.tracking.request_header.registry")
    logger.addHandler(caplog.handler)
    try:
        assert "User-Agent" in resolve_request_headers()
    finally:
        logger.removeHandler(caplog.handler)
    assert caplog.messages == []


def test_a_scheme_that_mlflow_does_not_know_is_told() -> None:
    with pytest.raises(ConfigError, match=r"tracking.uri = 'nonsense://x': .* must be one of sqlite:///mlflow.db"):
        open_client("nonsense://x")


def _integrity(path: Path) -> str:
    with closing(sqlite3.connect(path)) as database:
        return str(database.execute("PRAGMA integrity_check").fetchone()[0])
