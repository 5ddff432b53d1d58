"""`housing ui`: a real MLflow server, asked over HTTP."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.parse import unquote
from urllib.request import urlopen

import pytest

from tests.hostile import HostileFolder
from tests.workflow.conftest import Housing


def test_ui_serves_the_latest_study_s_view_until_ctrl_c(housing: Housing, project: Path) -> None:
    study = housing("tune", "study.trials=2", "algorithm.num_round=3", "--json").data["run_id"]
    here = HostileFolder(project)
    command = (sys.executable, "-P", "-m", "housing", "ui")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as ui:
        assert ui.stdout is not None
        url = next(found[0] for line in ui.stdout if (found := re.search(r"http://\S+", line)))
        base, _, view = unquote(url).partition("/#/")
        assert f'parentRunId` = "{study}"' in view
        assert "workflowType=machine_learning" in view
        assert "orderByKey=metrics.`validation_mae`&orderByAsc=true" in view
        with urlopen(base) as answer:
            assert b"MLflow" in answer.read()
        os.kill(ui.pid, signal.SIGINT)
        assert ui.wait(20) == 0
    assert here.ran() == []
    with pytest.raises(URLError):
        urlopen(base)


def test_mlflow_s_server_ends_with_ui_whatever_ends_it(housing: Housing) -> None:
    assert housing("train", "algorithm.num_round=3").code == 0
    command = (sys.executable, "-m", "housing", "ui")
    for how, code in ((signal.SIGHUP, 0), (signal.SIGKILL, -signal.SIGKILL)):
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as ui:
            assert ui.stdout is not None
            url = next(found[0] for line in ui.stdout if (found := re.search(r"http://[^/]+/", line)))
            os.kill(ui.pid, how)
            assert ui.wait(120) == code
        _wait_until_nobody_listens(url)


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


def test_a_port_that_is_taken_is_refused(housing: Housing) -> None:
    assert housing("train", "algorithm.num_round=3").code == 0
    with socket.create_server(("127.0.0.1", 0)) as taken:
        answer = housing("ui", "--port", str(taken.getsockname()[1]))
    assert answer.code == 1
    assert "cannot be used" in answer.err
    assert "without --port a free one is" in answer.err
