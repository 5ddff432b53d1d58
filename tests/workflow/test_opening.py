"""What cannot be recorded is told before data are read: nothing is trained that would be lost."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.workflow.conftest import Housing

COMMANDS = (("train",), ("train", "-m", "seed=1,2"), ("tune",), ("promote",), ("run",))


def _mistyped(_: Path) -> str:
    return "sqllite:///mlflow.db"


def _dead(_: Path) -> str:
    return "http://127.0.0.1:9"


def _without_driver(_: Path) -> str:
    return "mysql+cymysql://me@db.example/runs"


def _corrupt(folder: Path) -> str:
    (folder / "mlflow.db").write_text("hello " * 1000)
    return "sqlite:///mlflow.db"


def _newer(folder: Path) -> str:
    _made(folder, "UPDATE alembic_version SET version_num = 'cbc13b556ace'")
    return "sqlite:///mlflow.db"


def _deleted(folder: Path) -> str:
    _made(
        folder,
        "INSERT INTO experiments (experiment_id, name, lifecycle_stage, workspace) "
        "VALUES (7, 'housing', 'deleted', 'default')",
    )
    return "sqlite:///mlflow.db"


def _without_files(folder: Path) -> str:
    _made(folder)
    (folder / "mlruns").write_text("no folder")
    return "sqlite:///mlflow.db"


def _without_folder(folder: Path) -> str:
    (folder / "here").write_text("no folder")
    return "sqlite:///here/mlflow.db"


def _made(folder: Path, *statements: str) -> None:
    from housing.tracking.store import open_client

    open_client(f"sqlite:///{folder / 'mlflow.db'}")
    with closing(sqlite3.connect(folder / "mlflow.db")) as database, database:
        for statement in statements:
            database.execute(statement)


BROKEN = {
    _mistyped: (3, "tracking.uri = 'sqllite:///mlflow.db'"),
    _without_driver: (3, "pip install cymysql"),
    _dead: (1, "http://127.0.0.1:9: no tracking server answers"),
    _corrupt: (1, "not a whole SQLite database"),
    _newer: (1, "mlflow db upgrade"),
    _deleted: (1, "experiment 'housing' was deleted in sqlite:///mlflow.db"),
    _without_files: (1, "the record cannot be written"),
    _without_folder: (1, "mlflow.db: cannot"),
}


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.__name__.strip("_"))
def test_a_record_that_cannot_be_written_is_told_before_data_are_read(
    housing: Housing, project: Path, broken: Callable[[Path], str]
) -> None:
    uri, (code, told) = broken(project), BROKEN[broken]
    for command in COMMANDS if broken is _deleted else COMMANDS[:1]:
        answer = housing(*command, f"tracking.uri='{uri}'")
        assert answer.code == code, answer.err
        assert told in answer.err
        assert "encoded as" not in answer.err, command
        assert "bug in housing" not in answer.err


def test_comparing_names_a_deleted_experiment_as_training_does(housing: Housing, project: Path) -> None:
    _deleted(project)
    answer = housing("compare")
    assert answer.code == 1
    assert "experiment 'housing' was deleted" in answer.err
    assert "mlflow experiments restore --experiment-id 7" in answer.err
