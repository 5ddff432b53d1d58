"""Several processes answer for one endpoint as one does, however they end."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit
from urllib.request import urlopen

import pytest

from housing.deployment.spec import Capture, Deployment, Variant
from housing.targets.local.connections import Returned, give, give_back, received
from housing.targets.local.host import LocalHost
from housing.targets.local.request_counts import RequestCounts
from housing.targets.local.settings import Settings
from housing.testing.host import AB_TEST, GOOD, OTHER, ROWS, HostContract, ShiftingContract, deploy, destroy
from tests.targets.local.conftest import command_line, end_server, processes_of, server_pid, wait_until

RAW = replace(AB_TEST, interface="raw")
ALL_OTHER = Deployment("house", {"champion": Variant(OTHER), "challenger": Variant(GOOD, weight=0)})
CONNECTIONS = 8
CSV = {"Content-Type": "text/csv"}


@pytest.fixture
def host(folder: Path) -> LocalHost:
    return LocalHost(Settings(folder=str(folder), processes=2))


@pytest.mark.slow
class TestThreeProcesses(HostContract, ShiftingContract):
    @pytest.fixture
    def host(self, folder: Path) -> LocalHost:
        return LocalHost(Settings(folder=str(folder), processes=3))


def _url(host: LocalHost) -> SplitResult:
    status = host.status("house")
    assert status is not None
    return urlsplit(status.url)


def responders_of(folder: Path) -> list[int]:
    return [pid for pid in processes_of(folder) if b"local.responder" in command_line(pid) and _is_python(pid)]


def _is_python(pid: int) -> bool:
    return b"python" in command_line(pid).partition(b"\0")[0]


Answered = tuple[int, str | None, str]
"""Status, variant, body."""


class Client:
    """Keeps one connection."""

    def __init__(self, url: SplitResult) -> None:
        self.url = url
        self.connection = http.client.HTTPConnection("127.0.0.1", self.url.port, timeout=60)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def ask(self, rows: str = ROWS, headers: Mapping[str, str] = CSV) -> Answered:
        self.connection.request("POST", self.url.path, rows.encode(), dict(headers))
        response = self.connection.getresponse()
        return response.status, response.getheader("x-Amzn-Invoked-Production-Variant"), response.read().decode()


def ask(url: SplitResult, rows: str = ROWS, headers: Mapping[str, str] = CSV) -> Answered:
    with Client(url) as client:
        return client.ask(rows, headers)


@contextmanager
def asking(
    url: SplitResult, *, connections: int = CONNECTIONS, pause_s: float = 0
) -> Iterator[list[Answered | Exception]]:
    """Clients that ask all the time; what they were answered. One whose connection breaks begins another."""
    answers: list[Answered | Exception] = []
    done = threading.Event()

    def go_on() -> None:
        with Client(url) as client:
            while not done.wait(pause_s):
                try:
                    answers.append(client.ask())
                except (OSError, http.client.HTTPException) as error:
                    answers.append(error)
                    client.connection.close()

    threads = [threading.Thread(target=go_on) for _ in range(connections)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        done.set()
        for thread in threads:
            thread.join()


def more_than(answers: list[Any], count: int) -> int:
    """How many there are by then."""
    wait_until(lambda: len(answers) > count, "they ask")
    return len(answers)


def ready(host: LocalHost, folder: Path, models: Mapping[str, Path], wanted: Deployment = RAW) -> SplitResult:
    """Where two processes answer."""
    deploy(host, wanted, models)
    url = _url(host)
    wait_until(lambda: responders_of(folder), "the responder lives")
    wait_until(lambda: _takes_connections(url, folder), "it takes connections")
    return url


def _takes_connections(url: SplitResult, folder: Path) -> bool:
    """Whether it has one of these, which wait for more."""
    with ExitStack() as stack:
        for _ in range(4):
            stack.enter_context(Client(url)).connection.connect()
        time.sleep(0.05)
        return all(_sockets(pid) for pid in responders_of(folder))


def _sockets(pid: int) -> int:
    inodes = {os.readlink(f"/proc/{pid}/fd/{name}") for name in os.listdir(f"/proc/{pid}/fd")}  # noqa: PTH115, PTH208
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return sum(f"socket:[{line.split()[9]}]" in inodes for line in lines)


def test_whatever_is_asked_is_answered_as_by_one_process(
    host: LocalHost, folder: Path, models: Mapping[str, Path]
) -> None:
    url = ready(host, folder, models, Deployment("house", {"champion": Variant(GOOD)}))
    alone = LocalHost(Settings(folder=str(folder / "alone")))
    try:
        deploy(alone, Deployment("house", {"champion": Variant(GOOD)}), models)
        many = ROWS + "900,NA,RL\n" * 5000
        json_rows = json.dumps({"instances": [{"Area": 900, "Alley": None, "Zone": "RL"}]})
        asked: list[tuple[str, dict[str, str]]] = [
            (ROWS, CSV),
            (ROWS, {**CSV, "Accept": "application/json"}),
            (json_rows, {"Content-Type": "application/json"}),
            (many, CSV),
            ("Area,Alley,Zone\nbig,NA,RL\n", CSV),
            ("", CSV),
            (ROWS, {"Content-Type": "text/html"}),
            (ROWS, {"Content-Type": "text/csv; explain=2", "Accept": "application/json"}),
            (ROWS, {**CSV, "Host": "elsewhere.example"}),
            (ROWS, {**CSV, "X-Amzn-SageMaker-Target-Variant": "champion"}),
            (ROWS, {**CSV, "X-Amzn-SageMaker-Target-Variant": "nobody"}),
            ("x" * (7 << 20), CSV),
            (ROWS, CSV),
        ]
        for rows, headers in asked:
            expected = ask(_url(alone), rows, headers)
            assert {ask(url, rows, headers) for _ in range(4)} == {expected}, headers
        with ExitStack() as stack:
            clients = [stack.enter_context(Client(url)) for _ in range(4)]
            for rows, headers in asked[:7]:
                expected = ask(_url(alone), rows, headers)
                assert {client.ask(rows, headers) for client in clients} == {expected}, "a connection goes on"
    finally:
        destroy(alone, "house")


@pytest.mark.parametrize(
    "cut", [20, *(pytest.param(rarer, marks=pytest.mark.slow) for rarer in (1, 90, 140, 180, 300))]
)
def test_requests_that_come_in_pieces_or_together_are_answered_once_each(
    host: LocalHost, folder: Path, models: Mapping[str, Path], cut: int
) -> None:
    url = ready(host, folder, models, Deployment("house", {"champion": Variant(GOOD)}))
    head = (
        f"POST {url.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/csv\r\nContent-Length: {len(ROWS)}\r\n\r\n"
    )
    last = head.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")
    sent = (2 * (head + ROWS) + last + ROWS).encode()
    for _ in range(4):
        with socket.create_connection(("127.0.0.1", url.port or 0), timeout=60) as connection:
            for piece in (sent[:cut], sent[cut : cut + 60], sent[cut + 60 :]):
                connection.sendall(piece)
                time.sleep(0.01)
            found = b"".join(iter(lambda: connection.recv(1 << 16), b""))
        assert found.count(b"HTTP/1.1 200 OK") == 3


def test_what_processes_answer_is_counted_and_captured_once(
    host: LocalHost, folder: Path, models: Mapping[str, Path]
) -> None:
    url = ready(host, folder, models, replace(RAW, capture=Capture(100)))
    with asking(url) as answers:
        more_than(answers, 500)
    assert {a[0] for a in answers if not isinstance(a, Exception)} == {200}
    status = host.status("house")
    assert status is not None
    for variant, count in status.invocations.items():
        assert count == sum(a[1] == variant for a in answers if not isinstance(a, Exception))
    assert status.test is not None
    assert status.test.requests == status.invocations
    captured = host.captured("house")
    assert len(captured) == len(answers)
    for variant in AB_TEST.variants:
        moments = [rows.at_s for rows in captured if rows.variant == variant]
        assert moments == sorted(moments)
    with urlopen(f"http://127.0.0.1:{url.port}/metrics", timeout=60) as page:
        told = page.read().decode()
    counts = [int(line.split()[1]) for line in told.splitlines() if line.startswith("housing_requests_total")]
    assert sum(counts) == len(answers)


def test_once_a_change_is_made_no_process_answers_as_before(
    host: LocalHost, folder: Path, models: Mapping[str, Path]
) -> None:
    url = ready(host, folder, models)
    old = ask(url, headers={**CSV, "X-Amzn-SageMaker-Target-Variant": "champion"})
    with asking(url) as answers:
        more_than(answers, 50)
        deploy(host, ALL_OTHER, models)
        # Those that were under way are through.
        known = more_than(answers, len(answers) + CONNECTIONS)
        more_than(answers, known + 100)
        assert {answer[:2] for answer in answers[known:] if isinstance(answer, tuple)} == {(200, "champion")}
        assert old not in answers[known:]
        deploy(host, replace(RAW, capture=Capture(50)), models)
        known = more_than(answers, len(answers) + CONNECTIONS)
        more_than(answers, known + 200)
        assert {answer[1] for answer in answers[known:] if isinstance(answer, tuple)} == {"champion", "challenger"}
    assert {answer[0] if isinstance(answer, tuple) else answer for answer in answers} == {200}


def test_a_killed_process_takes_along_its_connections_alone_and_is_replaced(
    host: LocalHost, folder: Path, models: Mapping[str, Path]
) -> None:
    url = ready(host, folder, models)
    (killed,) = responders_of(folder)
    with asking(url, pause_s=0.02) as answers:  # which leaves the cores to the process that begins
        more_than(answers, 100)
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: {*responders_of(folder)} - {killed}, "another takes its place")
        more_than(answers, len(answers) + 200)
    broken = [a for a in answers if isinstance(a, Exception)]
    assert len(broken) <= CONNECTIONS
    assert {a[0] for a in answers if not isinstance(a, Exception)} == {200}
    assert host.predict("house", ROWS).variant in AB_TEST.variants


@pytest.mark.slow
def test_a_process_that_hangs_holds_no_change_up_for_ever(
    host: LocalHost, folder: Path, models: Mapping[str, Path]
) -> None:
    url = ready(host, folder, models)
    (hung,) = responders_of(folder)
    os.kill(hung, signal.SIGSTOP)
    deploy(host, ALL_OTHER, models)
    wait_until(lambda: hung not in responders_of(folder), "it is ended")
    assert {ask(url)[1] for _ in range(20)} == {"champion"}


def test_no_process_is_left_when_the_server_is_killed_or_serves_nothing(
    host: LocalHost, folder: Path, models: Mapping[str, Path]
) -> None:
    ready(host, folder, models)
    end_server(folder, signal.SIGKILL)
    assert host.predict("house", ROWS).variant in AB_TEST.variants
    wait_until(lambda: responders_of(folder), "the next server has as many")
    pid = server_pid(folder)
    destroy(host, "house")
    wait_until(lambda: not processes_of(folder), f"{pid} and all others end")


def test_their_number_is_what_the_last_deployment_said(
    host: LocalHost, folder: Path, models: Mapping[str, Path]
) -> None:
    url = ready(host, folder, models)
    deploy(LocalHost(Settings(folder=str(folder))), ALL_OTHER, models)
    assert responders_of(folder) == []
    assert ask(url)[0] == 200
    deploy(host, RAW, models)
    wait_until(lambda: len(responders_of(folder)) == 1, "it has one again")


def test_a_connection_changes_hands_with_what_was_read_of_it() -> None:
    ours, theirs = socket.socketpair()
    server, client = socket.socketpair()
    returned = Returned(ours)
    assert list(returned.read()) == []
    assert give(ours, server.fileno())
    (taken,) = received(theirs)
    read = os.urandom(100_000)
    handing_back = threading.Thread(target=give_back, args=(theirs, taken.fileno(), "b", read))
    handing_back.start()
    found: list[tuple[socket.socket, str | None, bytes]] = []
    wait_until(lambda: found.extend(returned.read()) or found, "it is back")
    handing_back.join()
    (back, variant, again), *_ = found
    assert (variant, again) == ("b", read)
    for ended in (server, taken):
        ended.close()
    client.sendall(b"hello")
    assert back.recv(5) == b"hello"
    theirs.close()
    with pytest.raises(EOFError):
        list(returned.read())
    for open_ in (back, client):
        open_.close()
    returned.close()


def test_counts_of_two_processes_are_those_of_one() -> None:
    alone, first, second = RequestCounts(), RequestCounts(), RequestCounts()
    for number in range(3000):
        kind = {"failed": number % 7 == 0, "refused": number % 21 == 0}
        alone.record(number / 1e4, **kind)
        (first, second)[number % 2].record(number / 1e4, **kind)
    taken = json.loads(json.dumps(second.taken()))
    first.add(taken)
    assert second.invocations == 0
    for name in ("invocations", "failures", "server_errors", "buckets"):
        assert getattr(first, name) == getattr(alone, name)
    assert first.seconds == pytest.approx(alone.seconds)
    assert first.last_minute() == alone.last_minute() == 3000
    again: Callable[[], int] = first.last_minute
    first.add(second.taken())
    assert again() == 3000
