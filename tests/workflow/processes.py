"""Commands in processes of their own, forked from one that has imported everything: cheap enough to kill many."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import sqlite3
import sys
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from multiprocessing import forkserver
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from tests.workflow.quick import quick

ROOT = Path(__file__).parents[2]
SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(["tests.workflow.preloaded"])


@cache
def ensure_server() -> None:
    """Begin the process that commands are forked from, where it finds what it is to import: it says nothing if not."""
    with contextlib.chdir(ROOT):
        forkserver.ensure_running()


def start(*arguments: str, folder: Path, out: Path | None = None, err: Path | None = None) -> ForkServerProcess:
    """Begin `housing <arguments>` in a folder; what it prints goes to `out.txt` there, after all before.

    Jobs are those of the walkthrough (`tests.workflow.quick`), unless a command says otherwise.
    """
    ensure_server()
    out = out or folder / "out.txt"
    process = SERVER.Process(target=_housing, args=(quick(arguments), folder, dict(os.environ), out, err or out))
    process.start()
    return process


def run(*arguments: str, folder: Path, out: Path | None = None, err: Path | None = None) -> int:
    """The same to its end; returns the exit code."""
    process = start(*arguments, folder=folder, out=out, err=err)
    process.join()
    assert process.exitcode is not None
    return process.exitcode


def _housing(arguments: tuple[str, ...], folder: Path, environment: dict[str, str], out: Path, err: Path) -> None:
    from housing.cli.dispatch import main

    os.chdir(folder)
    os.environ.clear()  # the server's is that of its start
    os.environ.update(environment)
    with (
        out.open("a", encoding="utf-8") as told,
        err.open("a", encoding="utf-8") as failed,
        contextlib.redirect_stdout(told),
        contextlib.redirect_stderr(failed),
    ):
        code = main(arguments)
    sys.exit(code)


@dataclass(frozen=True)
class Child:
    """A run below a study."""

    id: str
    name: str
    status: str
    tags: Mapping[str, str]


@dataclass(frozen=True)
class Recorded:
    """A study as its SQLite database has it, read past MLflow."""

    id: str
    name: str
    status: str
    tags: Mapping[str, str]
    children: tuple[Child, ...]

    @property
    def numbers(self) -> list[int]:
        """The trials that are finished, by number."""
        return sorted(int(child.tags["housing.trial"]) for child in self.children if child.status == "FINISHED")

    @property
    def statuses(self) -> Counter[str]:
        """How many children have each status."""
        return Counter(child.status for child in self.children)


def studies(database: Path) -> list[Recorded]:
    """Every study of a database, the first one first; none where there is no database yet."""
    if not database.is_file() or not database.stat().st_size:
        return []
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=20)) as connection:
        tags: dict[str, dict[str, str]] = {}
        for run, key, value in connection.execute("SELECT run_uuid, key, value FROM tags"):
            tags.setdefault(run, {})[key] = value
        rows = list(connection.execute("SELECT run_uuid, name, status FROM runs ORDER BY start_time"))
    return [
        Recorded(
            run,
            name,
            status,
            tags[run],
            tuple(
                Child(child, child_name, child_status, tags[child])
                for child, child_name, child_status in rows
                if tags.get(child, {}).get("mlflow.parentRunId") == run
            ),
        )
        for run, name, status in rows
        if tags.get(run, {}).get("housing.kind") == "study"
    ]
