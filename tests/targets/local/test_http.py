"""The server's connections: whoever is refused hears why, and nobody who only sits there keeps others out."""

from __future__ import annotations

import contextlib
import json
import resource
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from housing.targets.local.app import MAX_BODY_BYTES
from housing.targets.local.host import LocalHost
from housing.targets.local.http import MAX_CONNECTIONS
from housing.targets.local.settings import Settings
from housing.testing.host import AB_TEST, ROWS, deploy
from tests.targets.local.conftest import end_server, server_pid

PATH = "/endpoints/house/invocations"
HEAD = f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\n".encode()
WAITS_S = 60.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("host") / "state"
    yield path
    end_server(path)


@pytest.fixture(scope="module")
def address(folder: Path, models: Mapping[str, Path]) -> tuple[str, int]:
    host = LocalHost(Settings(folder=str(folder)))
    deploy(host, AB_TEST, models)
    status = host.status("house")
    assert status is not None
    url = httpx.URL(status.url)
    return url.host, url.port or 0


@pytest.fixture(autouse=True)
def _the_same_server_answers_afterwards(address: tuple[str, int], folder: Path) -> Iterator[None]:
    before = server_pid(folder)
    yield
    assert _predicts(address)
    assert server_pid(folder) == before


def test_a_client_that_sends_all_before_it_reads_hears_that_its_body_is_too_large(address: tuple[str, int]) -> None:
    for size in (MAX_BODY_BYTES + 1, 8 * MAX_BODY_BYTES):
        with _connected(address) as connection:
            connection.sendall(HEAD + f"Content-Length: {size}\r\n\r\n".encode())
            connection.sendall(b"1" * size)
            assert _refusal(connection) == (413, "RequestEntityTooLargeException")


def test_a_body_of_just_the_limit_is_read(address: tuple[str, int]) -> None:
    with _connected(address) as connection:
        connection.sendall(HEAD + f"Content-Length: {MAX_BODY_BYTES}\r\n\r\n".encode() + b"\n" * MAX_BODY_BYTES)
        assert _refusal(connection) == (424, "ModelError")


def test_a_body_in_chunks_is_refused_once_it_is_too_large(address: tuple[str, int]) -> None:
    chunk = b"100000\r\n" + b"1" * 0x100000 + b"\r\n"
    with _connected(address) as connection:
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 9 + b"0\r\n\r\n")
        assert _refusal(connection) == (413, "RequestEntityTooLargeException")


def test_who_asks_first_is_answered_before_the_body(address: tuple[str, int]) -> None:
    with _connected(address) as connection:
        connection.sendall(HEAD + f"Expect: 100-continue\r\nContent-Length: {MAX_BODY_BYTES + 1}\r\n\r\n".encode())
        assert _refusal(connection) == (413, "RequestEntityTooLargeException")
    with _connected(address) as connection:
        connection.sendall(HEAD + f"Expect: 100-continue\r\nContent-Length: {len(ROWS)}\r\n\r\n".encode())
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(ROWS.encode())
        assert _status(connection) == 200


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (HEAD + b"Content-Length: -1\r\n\r\n", 400),
        (HEAD + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\n", 400),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (HEAD + b"X-Long: " + b"y" * 1_000_000, 431),
    ],
)
def test_what_is_no_request_is_answered_in_the_shape_of_sagemaker(
    address: tuple[str, int], raw: bytes, status: int
) -> None:
    with _connected(address) as connection:
        connection.sendall(raw)
        assert _refusal(connection) == (status, "ValidationError")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD"])
def test_other_methods_are_not_offered(address: tuple[str, int], method: str) -> None:
    answer = httpx.request(method, _url(address) + PATH)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def test_requests_sent_at_once_are_answered_in_their_order(address: tuple[str, int]) -> None:
    request = HEAD + f"Content-Length: {len(ROWS)}\r\n\r\n{ROWS}".encode()
    with _connected(address) as connection:
        connection.sendall(request + b"GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n" + request)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while data := connection.recv(65536):
            received += data
    heads = [answer.partition(b"\r\n\r\n")[0] for answer in received.split(b"HTTP/1.1 200 OK")[1:]]
    assert [b"x-amzn-invoked-production-variant" in head.lower() for head in heads] == [True, False, True]


@pytest.mark.parametrize("begun", [b"", HEAD, HEAD + b"Content-Length: 5\r\n\r\n1"], ids=["idle", "head", "body"])
def test_connections_without_a_request_make_room_for_new_ones(address: tuple[str, int], begun: bytes) -> None:
    with _many_files(), ExitStack() as open_ones:
        for _ in range(MAX_CONNECTIONS + 100):
            connection = open_ones.enter_context(_connected(address))
            # Those that had to make room are closed at the other end.
            with contextlib.suppress(ConnectionError):
                connection.sendall(begun)
        # Who has sent half a body may pause for a second before others count more.
        deadline = time.monotonic() + WAITS_S
        while not _predicts(address):
            assert time.monotonic() < deadline, "those that send nothing keep everybody out"
        assert all(_predicts(address) for _ in range(20))


def _connected(address: tuple[str, int]) -> socket.socket:
    return socket.create_connection(address, timeout=WAITS_S)


def _url(address: tuple[str, int]) -> str:
    return f"http://{address[0]}:{address[1]}"


def _predicts(address: tuple[str, int]) -> bool:
    answer = httpx.post(_url(address) + PATH, content=ROWS, headers={"Content-Type": "text/csv"}, timeout=WAITS_S)
    return answer.status_code == 200


def _status(connection: socket.socket) -> int:
    return int(connection.recv(65536).split()[1])


def _refusal(connection: socket.socket) -> tuple[int, str]:
    """Status and AWS's name for it, of an answer with a body as SageMaker writes it."""
    received = b""
    while b"\r\n\r\n" not in received or not received.endswith(b"}"):
        data = connection.recv(65536)
        assert data, f"closed after {received!r}"
        received += data
    head, _, body = received.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    assert headers["content-type"] == "application/json"
    assert json.loads(body)["message"]
    return int(status.split()[1]), headers["x-amzn-errortype"]


@contextlib.contextmanager
def _many_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 4000:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(4000, hard) if hard > 0 else 4000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
