"""`housing ui`: a real MLflow server, asked over HTTP."""

from __future__ import annotations

import os
import re
import signal
import socket
import time
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from urllib.error import URLError
from urllib.parse import unquote
from urllib.request import urlopen

import pytest

from tests.hostile import HostileFolder
from tests.workflow.conftest import Answer, called
from tests.workflow.processes import start
from tests.workflow.rehearsed import until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("interface")


@pytest.fixture(scope="module")
def study(folder: Path) -> Answer:
    return called("tune", "study.trials=2", "algorithm.num_round=3", "--json", folder=folder)


def test_ui_serves_the_latest_study_s_view_until_ctrl_c(folder: Path, study: Answer) -> None:
    here = HostileFolder(folder)
    ui, url = _opened(folder)
    base, _, view = unquote(url).partition("/#/")
    assert f'parentRunId` = "{study.data["run_id"]}"' in view
    assert "workflowType=machine_learning" in view
    assert "orderByKey=metrics.`validation_mae`&orderByAsc=true" in view
    with urlopen(base) as answer:
        assert b"MLflow" in answer.read()
    _end(ui, signal.SIGINT)
    assert ui.exitcode == 0
    assert here.ran() == []
    with pytest.raises(URLError):
        urlopen(base)


def test_mlflow_s_server_ends_with_ui_whatever_ends_it(folder: Path, study: Answer) -> None:
    for how, code in ((signal.SIGHUP, 0), (signal.SIGKILL, -signal.SIGKILL)):
        ui, url = _opened(folder)
        _end(ui, how)
        assert ui.exitcode == code
        _wait_until_nobody_listens(url.partition("#")[0])


def _opened(folder: Path) -> tuple[ForkServerProcess, str]:
    """The command, once it has said where the record is shown."""
    out = folder / "ui.txt"
    out.unlink(missing_ok=True)
    ui = start("ui", folder=folder, out=out)
    until(lambda: not ui.is_alive() or (out.exists() and "Ctrl-C ends it" in out.read_text(encoding="utf-8")))
    found = re.search(r"http://\S+", out.read_text(encoding="utf-8"))
    assert ui.is_alive() and found, out.read_text(encoding="utf-8")
    return ui, found[0]


def _end(ui: ForkServerProcess, how: signal.Signals) -> None:
    assert ui.pid is not None
    os.kill(ui.pid, how)
    ui.join()


def _wait_until_nobody_listens(url: str) -> None:
    deadline = time.monotonic() + 120
    while True:
        try:
            urlopen(url).close()
        except URLError:
            return
        except OSError:
            pass  # it ended while it answered
        assert time.monotonic() < deadline, f"{url} still answers"
        time.sleep(0.05)


def test_a_port_that_is_taken_is_refused(folder: Path, study: Answer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        answer = called("ui", "--port", str(taken.getsockname()[1]), folder=folder)
    assert answer.code == 1
    assert "cannot be used" in answer.err
    assert "without --port a free one is" in answer.err
