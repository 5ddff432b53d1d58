"""Both readers of a record give the same answers: that of MLflow's client, and that of its tables."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from housing.deployment.spec import Deployment, Variant
from housing.errors import RegistryError, TrackingError
from housing.testing.models import price_bundle
from housing.tracking.client_reader import ClientReader
from housing.tracking.lineage import trace
from housing.tracking.local_reader import KNOWN_REVISIONS, LocalReader
from housing.tracking.places import database_path
from housing.tracking.queries import RunQueries
from housing.tracking.reader import Reader
from housing.tracking.reading import open_reader
from housing.tracking.registry import Registry
from housing.tracking.run_record import RunRecord
from housing.tracking.runs import Runs
from housing.tracking.store import open_client
from housing.tracking.versions import Versions
from tests.tracking.conftest import result_of

NAN, INF = float("nan"), float("inf")


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> str:
    """With a study, names that MLflow must quote, values that are no numbers, deleted things, and versions."""
    uri = f"sqlite:///{tmp_path_factory.mktemp('record') / 'mlflow.db'}"
    runs = Runs.open(uri, "walkthrough")
    study = runs.start(RunRecord("tune it's", kind="study", tags={"housing.split_digest": "abc"}, yaml="seed: 0\n"))
    for name, values in {
        "t00 a": [3.0, 2.0],
        "t01 b": [1.0, 1.5],
        "t02 C": [NAN],
        "T02 c": [INF],
        "t03": [2.0],
    }.items():
        result = result_of(values, best_round=0)
        runs.record(RunRecord(name, parent=study, params={"algorithm": "xgboost", "eta": 0.3}, result=result))
    runs.record(RunRecord("failed", parent=study, reason="no memory"))
    runs.start(RunRecord("at work", parent=study, tags={"odd `tag`": "100% of _it_"}))
    runs.finish(study, metrics={"best": 1.0})
    gone = runs.record(RunRecord("gone", result=result_of([0.5])))
    runs.client.delete_run(gone)
    final = runs.record(RunRecord("final", kind="final", result=result_of([1.0])))
    runs.annotate(final, metrics={"billed_seconds": 60.0})
    registry = Registry(runs.client)
    for rounds in (3, 5):
        version, _ = registry.register("housing", final, price_bundle(rounds=rounds), tags={"housing.data_digest": "d"})
        registry.set_alias("housing", f"after-{rounds}", version.number)
    registry.set_alias("housing", "champion", 1)
    registry.client.create_registered_model("empty")
    deleted = Runs.open(uri, "deleted").experiment_id
    runs.client.delete_experiment(deleted)
    return uri


@pytest.fixture(scope="module")
def by_client(record: str) -> ClientReader:
    return ClientReader(open_client(record))


@pytest.fixture(scope="module")
def by_tables(record: str) -> Reader:
    reader = open_reader(record)
    assert isinstance(reader, LocalReader)
    return reader


QUESTIONS: dict[str, Callable[[RunQueries], Any]] = {
    "by id": lambda q: q.get(q.named("final")[0].id),
    "by the beginning of an id": lambda q: q.get(q.named("final")[0].id[:10]),
    "by a first word": lambda q: q.named("t02"),
    "case counts": lambda q: q.named("T02"),
    "a name with a quote": lambda q: q.named("tune it's"),
    "named like a pattern": lambda q: q.named("t0% a"),
    "best": lambda q: q.best("validation_mae", "minimize"),
    "best of an algorithm": lambda q: q.best("validation_mae", "maximize", algorithm="xgboost"),
    "best of none": lambda q: q.best("validation_mae", "minimize", algorithm="linear"),
    "finished jobs": lambda q: q.finished_jobs("validation_mae", "maximize", most=2),
    "latest study": lambda q: q.latest_study(split_digest="abc"),
    "no such study": lambda q: q.latest_study(split_digest="x"),
    "with a tag": lambda q: list(q.with_tag("odd `tag`".replace("`", ""))),
    "below a parent": lambda q: q.children(q.named("tune it's")[0].id),
    "billed": lambda q: q.billed_jobs({}, most=3),
    "all": lambda q: list(q.matching("")),
    "a filter of MLflow's": lambda q: list(q.matching("metrics.validation_mae < 2 and params.eta = '0.3'")),
    "history": lambda q: q.history(q.named("t01 b")[0].id, "validation_mae"),
    "no history": lambda q: q.history(q.named("final")[0].id, "nothing"),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_questions_about_runs_have_one_answer(question: str, by_client: Reader, by_tables: Reader) -> None:
    identity = next(e.id for e in by_client.experiments() if e.name == "walkthrough")
    asked = [RunQueries(reader, identity, "walkthrough") for reader in (by_client, by_tables)]

    by_mlflow, by_us = (QUESTIONS[question](queries) for queries in asked)

    assert repr(by_us) == repr(_sorted_like(by_us, by_mlflow))


def test_pages_are_put_together(by_client: Reader, by_tables: Reader) -> None:
    for reader in (by_client, by_tables):
        experiment = next(e for e in reader.experiments() if e.name == "walkthrough")
        assert [r.id for r in reader.search(experiment, [], page=2)] == [r.id for r in reader.search(experiment, [])]
    assert len([*by_tables.search(experiment, [], page=3)]) == 9


@pytest.mark.parametrize(
    "ask",
    [
        lambda reader: reader.experiments(),
        lambda reader: reader.models(),
        lambda reader: reader.versions("housing"),
        lambda reader: reader.versions("empty"),
        lambda reader: reader.versions("not there"),
        lambda reader: Versions(reader).resolve("models:/housing@champion"),
        lambda reader: Versions(reader).download(Versions(reader).resolve("models:/housing/2")),
    ],
)
def test_models_and_experiments_have_one_answer(
    ask: Callable[[Reader], Any], by_client: Reader, by_tables: Reader
) -> None:
    assert ask(by_tables) == ask(by_client)


def test_a_lineage_is_the_same(by_client: Reader, by_tables: Reader) -> None:
    deployment = Deployment("prices", {"a": Variant("models:/housing@champion"), "b": Variant("models:/housing/7")})

    one, other = (trace("prices", deployment, {}, Versions(reader)) for reader in (by_client, by_tables))

    assert one == other
    assert "housing has no such version" in str(one)


@pytest.mark.parametrize(
    ("ask", "error"),
    [
        (lambda reader: reader.run("0" * 32), TrackingError),
        (lambda reader: Versions(reader).resolve("models:/house@champion"), RegistryError),
        (lambda reader: Versions(reader).resolve("models:/housing@champio"), RegistryError),
        (lambda reader: Versions(reader).resolve("models:/empty/1"), RegistryError),
    ],
)
def test_what_is_not_there_is_told_in_the_same_words(
    ask: Callable[[Reader], Any], error: type[Exception], by_client: Reader, by_tables: Reader
) -> None:
    told = []
    for reader in (by_client, by_tables):
        with pytest.raises(error) as caught:
            ask(reader)
        told.append(str(caught.value))

    assert told[0].startswith(told[1])


def test_a_deleted_run_can_be_read_and_is_in_no_search(by_client: Reader, by_tables: Reader, record: str) -> None:
    with closing(sqlite3.connect(database_path(record))) as database:
        (gone,) = database.execute("SELECT run_uuid FROM runs WHERE name = 'gone'").fetchone()

    for reader in (by_client, by_tables):
        experiment = next(e for e in reader.experiments() if e.name == "walkthrough")
        assert reader.run(gone).is_deleted
        assert gone not in [run.id for run in reader.search(experiment, [])]


def test_files_are_read_where_they_lie(by_client: Reader, by_tables: Reader) -> None:
    experiment = next(e for e in by_tables.experiments() if e.name == "walkthrough")
    study = RunQueries(by_tables, experiment.id, experiment.name).get("tune it's")

    assert by_tables.file(study.id, "config.yaml") == by_client.file(study.id, "config.yaml") == b"seed: 0\n"
    for reader in (by_client, by_tables):
        with pytest.raises(TrackingError, match=r"has no file 'report\.html'"):
            reader.file(study.id, "report.html")


def test_tables_that_are_not_known_are_left_to_mlflow(tmp_path: Path, record: str) -> None:
    copy = tmp_path / "mlflow.db"
    with closing(sqlite3.connect(database_path(record))) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    assert LocalReader.can_read(copy)
    with closing(sqlite3.connect(copy)) as target, target:
        target.execute("UPDATE alembic_version SET version_num = 'of another day'")

    assert not LocalReader.can_read(copy)
    with pytest.raises(TrackingError, match="are not those of the MLflow installed here"):
        open_reader(f"sqlite:///{copy}")
    assert not LocalReader.can_read(tmp_path / "nothing.db")
    assert not (tmp_path / "nothing.db").exists()


def test_the_tables_of_the_mlflow_installed_here_are_known(record: str) -> None:
    """Where this fails: see that the other tests hold with the new tables, then add their revision."""
    with closing(sqlite3.connect(database_path(record))) as database:
        assert database.execute("SELECT version_num FROM alembic_version").fetchone()[0] in KNOWN_REVISIONS


def test_a_local_record_is_read_and_its_versions_deployed_without_mlflow(record: str) -> None:
    script = (
        "import sys\n"
        "from housing.tracking.reading import Record\n"
        "from housing.targets.local.host import LocalHost\n"
        "from housing.training.bundle_files import check_bundle\n"
        "from housing.workflow.serving import deploy\n"
        "record = Record.open(sys.argv[1], 'walkthrough')\n"
        "assert record.get('final').kind == 'final'\n"
        "print([name for name in ('mlflow', 'numpy', 'sqlalchemy') if name in sys.modules])\n"
    )

    done = subprocess.run([sys.executable, "-c", script, record], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


def _sorted_like(ours: Any, theirs: Any) -> Any:
    """MLflow's answer, its values in the order of ours: their order is that of a table's rows."""
    if isinstance(theirs, list):
        return [_sorted_like(one, other) for one, other in zip(ours, theirs, strict=True)]
    if not hasattr(theirs, "metrics"):
        return theirs
    from dataclasses import replace

    ordered = {
        name: {key: getattr(theirs, name)[key] for key in getattr(ours, name)} for name in ("metrics", "params", "tags")
    }
    assert all(len(ordered[name]) == len(getattr(theirs, name)) for name in ordered)
    return replace(theirs, **ordered)
