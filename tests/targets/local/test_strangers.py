"""Whoever reaches the host's port without its token does nothing: 40 calls, as another user where we may become one."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from housing.targets.local.host import LocalHost
from housing.targets.local.settings import Settings
from housing.testing.host import AB_TEST, ROWS, deploy
from tests.hostile import HostileFolder
from tests.strangers import NOBODY, Attempt, answers
from tests.targets.local.conftest import end_server, server_pid

CSV = {"Content-Type": "text/csv"}
PATH = "/endpoints/house/invocations"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, models: Mapping[str, Path]) -> Iterator[tuple[Path, str]]:
    """The state of a host that serves, and its address; it was started in a folder that it must not import from."""
    folder, here = tmp_path_factory.mktemp("host") / "state", HostileFolder(tmp_path_factory.mktemp("hostile"))
    with contextlib.chdir(here.path):
        host = LocalHost(Settings(folder=str(folder)))
        deploy(host, AB_TEST, models)
    status = host.status("house")
    assert status is not None
    yield folder, status.url.removesuffix(PATH)
    end_server(folder)
    assert here.ran() == []


@pytest.mark.parametrize("uid", [None, NOBODY])
def test_none_of_forty_calls_does_anything(served: tuple[Path, str], uid: int | None) -> None:
    if uid is not None and os.geteuid() != 0:
        pytest.skip("only root may become another user")
    folder, url = served
    port = urlsplit(url).port
    assert port is not None
    pid, before = server_pid(folder), _files(folder)
    # The owner needs no secret to ask for predictions, and another user gets none.
    attempts = (
        _by_web_pages_and_guesses(port) if uid is None else [*_by_web_pages_and_guesses(port)[:30], *_plain(port)]
    )
    assert len(attempts) == 40

    told = answers(port, attempts, uid=uid)

    did = [(attempt, answer) for attempt, answer in zip(attempts, told, strict=True) if answer[0] not in (None, 403)]
    assert did == []
    assert server_pid(folder) == pid
    assert _files(folder) == before
    assert httpx.post(f"{url}{PATH}", content=ROWS, headers=CSV, timeout=60).status_code == 200


def test_a_page_of_its_own_and_every_name_of_loopback_are_answered(served: tuple[Path, str]) -> None:
    port = urlsplit(served[1]).port
    for host in (f"127.0.0.1:{port}", f"localhost:{port}", "localhost", "[::1]"):
        for more in ({}, {"Origin": f"http://{host}"}):
            answer = httpx.post(f"{served[1]}{PATH}", content=ROWS, headers=CSV | {"Host": host} | more, timeout=60)
            assert answer.status_code == 200


def _files(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*") if path.suffix == ".json"}


def _by_web_pages_and_guesses(port: int) -> list[Attempt]:
    deletion = json.dumps({"action": {"action": "DeleteEndpoint", "endpoint": "house"}, "models": {}, "again": False})
    hosts = ("evil.example", f"evil.example:{port}", "127.0.0.1.evil.example", "localhost.evil.example", "0.0.0.0", "")
    origins = (
        "http://evil.example",
        "https://localhost",
        "null",
        f"https://127.0.0.1:{port}",
        "http://127.0.0.1:1",
        "",
    )
    tokens = ("", "Bearer", "Bearer ", f"Bearer {'0' * 64}", "Basic eDp4", "bearer token")
    return [
        *(Attempt("POST", PATH, CSV | {"Host": host}, ROWS) for host in hosts),
        *(Attempt("POST", PATH, CSV | {"Origin": origin}, ROWS) for origin in origins),
        *(Attempt("POST", "/control/actions", {"Authorization": token}, deletion) for token in tokens),
        *(Attempt("GET", "/control/endpoints", {"Authorization": token}) for token in tokens),
        *(Attempt("GET", "/control/endpoints/house", {"Authorization": token}) for token in tokens),
        *(Attempt("POST", "/control/actions", {"Host": host}, deletion) for host in hosts),
        *(Attempt("GET", "/control/endpoints", {"Origin": origin}) for origin in origins[:4]),
    ]


def _plain(port: int) -> list[Attempt]:
    record = json.dumps({"instances": [{"Area": 900, "Alley": None, "Zone": "RL"}]})
    return [
        Attempt("POST", PATH, CSV, ROWS),
        Attempt("POST", PATH, CSV | {"Host": "localhost"}, ROWS),
        Attempt("POST", PATH, CSV | {"Origin": f"http://127.0.0.1:{port}"}, ROWS),
        Attempt("POST", PATH, CSV | {"X-Amzn-SageMaker-Target-Variant": "champion"}, ROWS),
        Attempt("POST", PATH, {"Content-Type": "application/json"}, record),
        Attempt("POST", PATH, CSV | {"Accept": "application/json"}, ROWS),
        Attempt("POST", "/endpoints/other/invocations", CSV, ROWS),
        Attempt("GET", "/ping"),
        Attempt("GET", "/"),
        Attempt("OPTIONS", PATH),
    ]
