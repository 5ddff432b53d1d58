"""A project folder of its own for each test, and `housing` called as the command line calls it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from housing.cli.dispatch import main
from housing.rehearsal.process import stop
from tests.workflow.processes import run
from tests.workflow.quick import quick
from tests.workflow.rehearsed import Account

Housing = Callable[..., "Answer"]


@dataclass(frozen=True)
class Answer:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """The JSON document of `--json`."""
        return json.loads(self.out)


@pytest.fixture(scope="session", autouse=True)
def own_record() -> Iterator[None]:
    """No test records where the developer's environment points."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(scope="session")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """A rehearsal for those that train in experiments of a name of their own."""
    folder = tmp_path_factory.mktemp("rehearsal")
    yield Account(folder)
    stop(str(folder))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty working folder; whatever is served from it is ended afterwards."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for state in tmp_path.glob(".housing/endpoints/*.json"):
        in_process("destroy", f"deployment.endpoint={state.stem}", folder=tmp_path)


@pytest.fixture
def housing(project: Path) -> Housing:
    """Run a command in this process; what it imports is shared, what it leaves behind is in `project`."""
    return lambda *arguments: called(*arguments, folder=Path.cwd())


def called(*arguments: str, folder: Path) -> Answer:
    """Run a command in this process, in a folder that may belong to one test or to all of a module.

    Jobs are those of the walkthrough (`tests.workflow.quick`), unless a command says otherwise.
    """
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.chdir(folder)
        code = main([*quick(arguments)])
    return Answer(code, out.getvalue(), err.getvalue())


def in_process(*arguments: str, folder: Path) -> Answer:
    """Run a command in a process of its own, forked from one that has imported everything."""
    with TemporaryDirectory() as told:
        out, err = Path(told, "out.txt"), Path(told, "err.txt")
        code = run(*arguments, folder=folder, out=out, err=err)
        return Answer(code, out.read_text(encoding="utf-8"), err.read_text(encoding="utf-8"))
