"""Both writers of a local record leave the same rows and files: MLflow's client, and the one that writes its tables."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from housing.errors import TrackingError
from housing.tracking.client_writer import ClientWriter
from housing.tracking.local_writer import LocalWriter
from housing.tracking.places import database_path
from housing.tracking.reading import open_reader
from housing.tracking.store import open_client
from housing.tracking.vendor import translated
from housing.tracking.writer import DatasetUse, Point, Writer
from housing.tracking.writing import open_writer

NAN, INF = float("nan"), float("inf")
BEGAN = 1_700_000_000_000


def use(name: str, digest: str = "d1", context: str = "train") -> DatasetUse:
    return DatasetUse(name, digest, "local", '{"uri": "rows.csv"}', None, '{"num_rows": 3}', context)


def everything(writer: Writer) -> None:
    """All that is ever written, in the ways that MLflow treats apart."""
    experiment = writer.experiment("prices", str(Path("mlruns", "prices").absolute()))
    assert writer.experiment("prices", "elsewhere") == experiment
    for value in ("1", "2"):
        writer.tag_experiment(experiment.id, "housing.used_at_ms", value)
    parent = writer.create_run(experiment.id, "tune it's", BEGAN, {"mlflow.user": "me", "odd `key`": "100% _it_"})
    child = writer.create_run(experiment.id, "t00 eta=0.10", BEGAN + 5, {"mlflow.parentRunId": "none"})
    assert writer.experiment_of(child) == experiment
    writer.log(child)
    points = [Point("mae", value, BEGAN + step, step) for step, value in enumerate([3.0, 1.0, 2.0])]
    writer.log(child, metrics=points, params={"eta": "0.1", "text": "äöü 'x'"}, tags={"housing.kind": "job"})
    writer.log(child, metrics=[*points[:2], points[1], Point("mae", 9.0, BEGAN - 1, 1)])  # behind, and there already
    for step, value in ((2, NAN), (2, NAN), (3, INF), (3, -INF), (1, 1e-320)):
        writer.log(child, metrics=[Point("odd/metric a:b", value, BEGAN, step)])
    writer.log(child, params={"eta": "0.1", "depth": "5"}, tags={"housing.kind": "final", "housing.rank": "001"})
    writer.delete_tag(child, "housing.rank")
    writer.log_inputs(child, [use("ames"), use("ames", context="validation"), use("ames", "d2"), use("other")])
    writer.log_inputs(child, [use("ames", context="test")])
    writer.log_inputs(parent, [use("ames", "d2")])
    writer.rename(child, "best of all")
    writer.log_files(child, {"config.yaml": b"seed: 0\n", "figures/a.svg": b"<svg/>", "data.bin": b"\x00\xff"})
    writer.set_status(parent, "KILLED", BEGAN + 50)
    writer.set_status(parent, "RUNNING")
    writer.log(parent, tags={"mlflow.runName": "renamed by its tag"})
    writer.set_status(child, "FINISHED", BEGAN + 70)


def written(folder: Path) -> dict[str, list[tuple[object, ...]]]:
    """All rows, with ids numbered in the order of their runs and without the moments at which they were written."""
    with closing(sqlite3.connect(folder / "mlflow.db")) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found = {table: database.execute(f'SELECT * FROM "{table}"').fetchall() for table in tables}
        runs = [run for (run,) in database.execute("SELECT run_uuid FROM runs ORDER BY start_time")]
        datasets = database.execute("SELECT dataset_uuid FROM datasets ORDER BY name, digest").fetchall()
        used = database.execute(
            "SELECT input_uuid FROM inputs JOIN runs ON run_uuid = destination_id "
            "JOIN datasets ON dataset_uuid = source_id ORDER BY start_time, datasets.name, digest"
        ).fetchall()
    told = {identity: f"id {i}" for i, identity in enumerate([*runs, *(i for (i,) in datasets), *(i for (i,) in used)])}
    assert len(told) == 2 + 3 + 4
    text = {table: sorted(map(repr, rows)) for table, rows in found.items() if rows}

    def plain(row: str) -> str:
        row = re.sub(r"\b[0-9a-f]{32}\b", lambda match: told[match[0]], row).replace(str(folder), "<here>")
        return re.sub(r"\b17\d{11}\b", lambda match: match[0] if int(match[0]) < BEGAN + 100 else "now", row)

    return {table: sorted(map(plain, rows)) for table, rows in text.items()}


def files(folder: Path) -> dict[str, bytes]:
    found = (path for path in (folder / "mlruns").rglob("*") if path.is_file())
    return {re.sub(r"/[0-9a-f]{32}/", "/<run>/", str(path.relative_to(folder))): path.read_bytes() for path in found}


@pytest.fixture
def opened(tmp_path: Path) -> Callable[[str], Writer]:
    def opened(kind: str) -> Writer:
        (tmp_path / kind).mkdir()
        client = open_client(f"sqlite:///{tmp_path / kind / 'mlflow.db'}")
        return ClientWriter(client) if kind == "mlflow" else LocalWriter(tmp_path / kind / "mlflow.db")

    return opened


def test_the_rows_and_files_are_those_that_mlflow_writes(
    opened: Callable[[str], Writer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in ("mlflow", "tables"):
        writer = opened(kind)
        monkeypatch.chdir(tmp_path / kind)
        everything(writer)

    assert written(tmp_path / "tables") == written(tmp_path / "mlflow")
    assert files(tmp_path / "tables") == files(tmp_path / "mlflow")
    assert len(files(tmp_path / "tables")) == 3


@pytest.mark.parametrize("kind", ["mlflow", "tables"])
@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda w, run: w.log(run, params={"eta": "0.2"}), "param"),
        (lambda w, run: w.log(run, metrics=[Point("a/../b", 1.0, BEGAN, 0)]), "a/../b"),
        (lambda w, run: w.log(run, tags={"k" * 251: "v"}), "250"),
        (lambda w, run: w.delete_tag(run, "nothing"), "nothing"),
        (lambda w, run: w.log("0" * 32, tags={"a": "b"}), "0" * 32),
        (lambda w, run: w.experiment_by_id("77"), "77"),
    ],
)
def test_what_mlflow_refuses_is_refused(
    opened: Callable[[str], Writer], kind: str, call: Callable[[Writer, str], object], told: str
) -> None:
    writer = opened(kind)
    run = writer.create_run("0", "job", BEGAN, {})
    writer.log(run, params={"eta": "0.1"})

    with pytest.raises(TrackingError, match=rf"^writing: .*{re.escape(told)}"), translated("writing"):
        call(writer, run)


def test_a_refused_call_leaves_nothing(uri: str) -> None:
    reader, writer = open_writer(uri)
    run = writer.create_run("0", "job", BEGAN, {})
    writer.log(run, params={"eta": "0.1"})
    with pytest.raises(sqlite3.IntegrityError):
        writer.log(run, params={"depth": "5", "eta": "0.2"}, tags={"housing.kind": "job"})

    assert reader.run(run).params == {"eta": "0.1"}
    assert "housing.kind" not in reader.run(run).tags


def test_a_job_is_recorded_without_mlflow(uri: str) -> None:
    open_client(uri)  # and so the migrated template is there
    code = (
        "import sys\n"
        "from housing.tracking.run_record import RunRecord\n"
        "from housing.tracking.runs import Runs\n"
        "runs = Runs.open(sys.argv[1], 'prices')\n"
        "runs.check_writable()\n"
        "runs.finish(runs.start(RunRecord('job', params={'eta': 0.1}, yaml='seed: 0')), metrics={'mae': 1.0})\n"
        "print(sorted({'mlflow', 'sqlalchemy', 'alembic', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, uri.replace("mlflow.db", "new.db")], check=False, capture_output=True, text=True
    )

    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr
    reader = open_reader(uri.replace("mlflow.db", "new.db"))
    assert database_path(reader.uri).name == "new.db"
    (experiment,) = [each for each in reader.experiments() if each.name == "prices"]
    (run,) = reader.search(experiment, [])
    assert (run.status, run.params, run.metrics) == ("FINISHED", {"eta": "0.1"}, {"mae": 1.0})


def test_a_wait_for_another_process_is_told(
    uri: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("housing.tracking.local_writer._TOLD_AFTER_S", 0)
    open_client(uri)
    path = database_path(uri)
    writer = LocalWriter(path)
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        ending = threading.Timer(0.3, other.execute, ("COMMIT",))
        ending.start()
        assert writer.experiment("prices", "here").name == "prices"
        ending.join()
        assert "mlflow.db is locked by another process; waits up to 20 s for it" in caplog.text

        monkeypatch.setattr("housing.tracking.local_writer._BUSY_TIMEOUT_S", 0)
        other.execute("BEGIN IMMEDIATE")
        with (
            pytest.raises(TrackingError, match="is locked; another process keeps it so: end that one"),
            translated("x"),
        ):
            writer.experiment("others", "here")
