"""The server as HTTP clients see it: SageMaker's protocol, and nothing that a client sends ends it."""

from __future__ import annotations

import contextlib
import gzip
import json
import random
import re
import socket
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from housing.deployment.spec import Deployment
from housing.targets.local.host import LocalHost
from housing.targets.local.settings import Settings
from housing.testing.host import AB_TEST, ROWS, deploy
from housing.testing.models import price_bundle
from tests.targets.local.conftest import end_server, server_pid

CSV = {"Content-Type": "text/csv"}
PATH = "/endpoints/house/invocations"
RECORDS: list[dict[str, object]] = [
    {"Area": 900, "Alley": None, "Zone": "RL"},
    {"Area": 2000, "Alley": "Pave", "Zone": "RM"},
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("host") / "state"
    yield path
    end_server(path)


@pytest.fixture(scope="module")
def url(folder: Path, models: Mapping[str, Path]) -> str:
    host = LocalHost(Settings(folder=str(folder)))
    deploy(host, AB_TEST, models)
    status = host.status("house")
    assert status is not None
    return status.url.removesuffix(PATH)


@pytest.fixture
def client(url: str, folder: Path) -> Iterator[httpx.Client]:
    """After each test the same server must still answer."""
    before = server_pid(folder)
    with httpx.Client(base_url=url, timeout=120) as client:
        yield client
        answer = client.post(PATH, content=ROWS, headers=CSV)
    assert answer.status_code == 200
    assert server_pid(folder) == before


def test_csv_is_answered_with_a_value_a_line(client: httpx.Client) -> None:
    answer = client.post(PATH, content=ROWS, headers=CSV)
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["x-Amzn-Invoked-Production-Variant"] in AB_TEST.variants
    assert [float(line) for line in answer.text.splitlines()] == pytest.approx([90_000, 200_000], rel=0.15)


@pytest.mark.parametrize(
    "document",
    [
        {"instances": RECORDS},
        {"dataframe_split": {"columns": list(RECORDS[0]), "data": [list(r.values()) for r in RECORDS]}},
        {"dataframe_records": RECORDS},
        {"inputs": {name: [r[name] for r in RECORDS] for name in RECORDS[0]}},
        RECORDS,
    ],
)
def test_json_rows_are_answered_like_csv_rows(client: httpx.Client, document: object) -> None:
    target = {"X-Amzn-SageMaker-Target-Variant": "champion"}
    rows = client.post(PATH, content=ROWS, headers={**CSV, **target, "Accept": "application/json"})
    answer = client.post(PATH, json=document, headers=target)
    assert answer.json() == rows.json()
    assert client.post(PATH, json=document, headers={**target, "Accept": "text/csv"}).text.splitlines() == [
        repr(value) for value in rows.json()["predictions"]
    ]


def test_json_lines_are_answered_like_csv_rows(client: httpx.Client) -> None:
    target = {"X-Amzn-SageMaker-Target-Variant": "champion"}
    rows = client.post(PATH, content=ROWS, headers={**CSV, **target, "Accept": "application/json"}).json()
    lines = "\n".join(map(json.dumps, RECORDS))
    headers = {**target, "Content-Type": "application/jsonlines"}
    assert client.post(PATH, content=lines, headers=headers).json() == rows
    answer = client.post(PATH, content=lines, headers={**headers, "Accept": "application/jsonlines"})
    assert answer.headers["content-type"] == "application/jsonlines"
    assert [json.loads(line) for line in answer.text.splitlines()] == rows["predictions"]


@pytest.mark.parametrize("end", ["\r", "\r\n"])
def test_lines_may_end_as_on_any_system(client: httpx.Client, end: str) -> None:
    target = {**CSV, "X-Amzn-SageMaker-Target-Variant": "champion"}
    answer = client.post(PATH, content="\ufeff" + ROWS.replace("\n", end), headers=target)
    assert answer.text == client.post(PATH, content=ROWS, headers=target).text
    encoded = ("900,0,0,1,1,0\n2000,0,1,0,0,1\n").replace("\n", end)
    assert client.post(PATH, content=encoded, headers=target).text == answer.text


def test_rows_that_are_compressed_are_refused(client: httpx.Client) -> None:
    packed = gzip.compress(ROWS.encode())
    answer = client.post(PATH, content=packed, headers={**CSV, "Content-Encoding": "gzip"})
    assert (answer.status_code, answer.headers["x-amzn-ErrorType"]) == (415, "UnsupportedMediaTypeException")
    assert "gzip" in answer.json()["message"]


@pytest.mark.parametrize(
    ("body", "content_type", "place"),
    [
        (b"Area,Alley,Zone\n900,NA,RL\n9\x0000,NA,RL\n", "text/csv", r"Area: .*'9\\x0000' \(row 2\)"),
        (b"Area,Alley,Zone\n900,NA,R\x00L\n", "text/csv", r"Zone: .*\(row 1\)"),
        (b'[{"Area": 900, "Alley": "Pa\\u0000ve", "Zone": "RL"}]', "application/json", r"Alley: .*\(row 1\)"),
        (b'[{"Area": true, "Alley": null, "Zone": "RL"}]', "application/json", r"Area: not a number: True \(row 1\)"),
        (b'[{"Area": 1e999, "Alley": null, "Zone": "RL"}]', "application/json", r"Area: not a number: inf \(row 1\)"),
    ],
)
def test_cells_that_mean_no_number_are_refused_with_their_place(
    client: httpx.Client, body: bytes, content_type: str, place: str
) -> None:
    answer = client.post(PATH, content=body, headers={"Content-Type": content_type})
    assert answer.json()["OriginalStatusCode"] == 400
    assert re.search(place, answer.json()["OriginalMessage"])


def test_encoded_rows_are_answered_like_raw_ones(client: httpx.Client) -> None:
    columns = json.loads(price_bundle().encoder)
    assert columns
    target = {**CSV, "X-Amzn-SageMaker-Target-Variant": "champion"}
    encoded = "900,0,0,1,1,0\n2000,0,1,0,0,1\n"
    assert (
        client.post(PATH, content=encoded, headers=target).text == client.post(PATH, content=ROWS, headers=target).text
    )


def test_the_server_is_alive_for_a_ping(client: httpx.Client) -> None:
    assert client.get("/ping").status_code == 200


@pytest.mark.parametrize(
    ("request_", "status", "kind", "reason"),
    [
        (("POST", "/endpoints/shed/invocations", ROWS, CSV), 400, "ValidationError", "shed not found"),
        (
            ("POST", PATH, ROWS, {**CSV, "X-Amzn-SageMaker-Target-Variant": "x"}),
            400,
            "ValidationError",
            "variant x is not one of champion, challenger",
        ),
        (("GET", PATH, "", {}), 405, "UnknownOperationException", "POST"),
        (("POST", "/invocations", ROWS, CSV), 404, "UnknownOperationException", "POST"),
        (("POST", PATH, ROWS, {}), 415, "UnsupportedMediaTypeException", "text/csv"),
        (("POST", PATH, ROWS, {"Content-Type": "text/html"}), 415, "UnsupportedMediaTypeException", "text/html"),
        (
            ("POST", PATH, ROWS, {"Content-Type": "text/csv; charset=latin-1"}),
            415,
            "UnsupportedMediaTypeException",
            "UTF-8",
        ),
        (("POST", PATH, ROWS, {**CSV, "Accept": "image/png"}), 406, "NotAcceptableException", "image/png"),
        (("POST", PATH, "1\n" * 4_000_000, CSV), 413, "RequestEntityTooLargeException", "6291456"),
        (("POST", PATH, ROWS, {**CSV, "Host": "rebound.example"}), 403, "AccessDeniedException", "rebound.example"),
        (("GET", "/control/endpoints", "", {}), 403, "AccessDeniedException", "token"),
        (
            ("GET", "/control/endpoints", "", {"Authorization": "Bearer guess"}),
            403,
            "AccessDeniedException",
            "token",
        ),
        (("POST", "/control/actions", "{}", {}), 403, "AccessDeniedException", "token"),
    ],
)
def test_wrong_requests_are_refused_as_sagemaker_refuses_them(
    client: httpx.Client, request_: tuple[str, str, str, dict[str, str]], status: int, kind: str, reason: str
) -> None:
    method, path, body, headers = request_
    answer = client.request(method, path, content=body, headers=headers)
    assert (answer.status_code, answer.headers["x-amzn-ErrorType"]) == (status, kind)
    assert reason in answer.json()["message"]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", "text/csv"),
        (b"\n\n\n", "text/csv"),
        (b"\xff\xfe\x00A", "text/csv"),
        (b"Area,Alley,Zone\n", "text/csv"),
        (b"Area,Alley,Zone\n1,2\n", "text/csv"),
        (b"Area,Zone\n900,RL\n", "text/csv"),
        (b"Area,Alley,Zone\ninf,NA,RL\n", "text/csv"),
        (b'Area,Alley,Zone\n900,"NA,RL\n', "text/csv"),
        (b"1,2,3\n", "text/csv"),
        (b"1\n" * 3_000_000, "text/csv"),
        (b"Area,Alley,Zone\n" + b"x" * 1_000_000, "text/csv"),
        (b"x" * 200_000 + b",Alley,Zone\n900,NA,RL\n", "text/csv"),
        (b'"' + b"Area\n" * 40_000, "text/csv"),
        (b"\r\r\r", "text/csv"),
        (b"{}\n", "application/jsonlines"),
        (b"", "application/json"),
        (b"{", "application/json"),
        (b"null", "application/json"),
        (b"[" * 100_000, "application/json"),
        (b'{"instances": []}', "application/json"),
        (b'{"instances": [1]}', "application/json"),
        (b'{"instances": [{"Area": NaN, "Alley": null, "Zone": "RL"}]}', "application/json"),
        (b'{"instances": [{"Area": ' + b"9" * 5000 + b', "Alley": null, "Zone": "RL"}]}', "application/json"),
        (b'{"instances": [{"Area": [1], "Alley": {}, "Zone": "RL"}]}', "application/json"),
        (b'{"dataframe_split": {"columns": ["Area"], "data": [[1, 2]]}}', "application/json"),
        (b'{"instances": [{"Area": 900, "Alley": null, "Zone": "RL"}], "intervall": 0.9}', "application/json"),
    ],
)
def test_rows_that_cannot_be_read_are_refused_with_a_reason(
    client: httpx.Client, body: bytes, content_type: str
) -> None:
    answer = client.post(PATH, content=body, headers={"Content-Type": content_type})
    assert (answer.status_code, answer.headers["x-amzn-ErrorType"]) == (424, "ModelError")
    refusal = answer.json()
    assert refusal["OriginalStatusCode"] == 400
    assert 10 < len(refusal["OriginalMessage"]) < 3000


@pytest.mark.parametrize(
    "raw",
    [
        b"nonsense\r\n\r\n",
        b"POST "
        + PATH.encode()
        + b" HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\nContent-Length: 99\r\n\r\nAr",
        b"POST " + PATH.encode() + b" HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"GET /ping HTTP/1.1\r\n" + b"".join(b"X-%d: y\r\n" % i for i in range(20_000)),
        b"GET /ping HTTP/1.1\r\nX-Long: " + b"y" * 1_000_000,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"POST " + PATH.encode() + b" HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_broken_http_harms_nobody_else(client: httpx.Client, raw: bytes) -> None:
    address = (client.base_url.host, client.base_url.port or 0)
    # The server may hang up at any byte.
    with contextlib.suppress(OSError), socket.create_connection(address, timeout=5) as connection:
        connection.sendall(raw)
        connection.shutdown(socket.SHUT_WR)
        connection.recv(1000)


def test_slow_clients_hold_up_nobody_else(client: httpx.Client) -> None:
    address = (client.base_url.host, client.base_url.port or 0)
    slow = [socket.create_connection(address) for _ in range(100)]
    try:
        for connection in slow:
            connection.sendall(b"POST " + PATH.encode() + b" HTTP/1.1\r\nHost: localhost\r\nContent-")
        assert client.post(PATH, content=ROWS, headers=CSV, timeout=60).status_code == 200
    finally:
        for connection in slow:
            connection.close()


def test_boto3_invokes_the_endpoint_and_understands_its_refusals(url: str) -> None:
    runtime = boto3.client(
        "sagemaker-runtime",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",
        config=Config(retries={"total_max_attempts": 1}),
    )
    answer = runtime.invoke_endpoint(
        EndpointName="house", ContentType="text/csv", Accept="text/csv", TargetVariant="champion", Body=ROWS
    )
    assert answer["InvokedProductionVariant"] == "champion"
    assert len(answer["Body"].read().splitlines()) == 2
    with pytest.raises(runtime.exceptions.ModelError, match="Area") as refused:
        runtime.invoke_endpoint(EndpointName="house", ContentType="text/csv", Body="Zone\nRL\n")
    assert refused.value.response["OriginalStatusCode"] == 400
    with pytest.raises(ClientError, match="ValidationError"):
        runtime.invoke_endpoint(EndpointName="shed", ContentType="text/csv", Body=ROWS)
    runtime.close()


def test_traffic_is_shared_out_by_weight(url: str) -> None:
    def count(requests: int) -> int:
        with httpx.Client(base_url=url) as client:
            answers = (client.post(PATH, content=ROWS, headers=CSV) for _ in range(requests))
            return sum(a.headers["x-Amzn-Invoked-Production-Variant"] == "champion" for a in answers)

    total = 1200
    with ThreadPoolExecutor(4) as clients:
        champion = sum(clients.map(count, [total // 4] * 4))
    share = Deployment("house", AB_TEST.variants).shares()["champion"]
    expected = (total * share, total * (1 - share))
    chi_square = sum((o - e) ** 2 / e for o, e in zip((champion, total - champion), expected, strict=True))
    # One degree of freedom: a fair server passes 15.1 once in 10,000 runs.
    assert chi_square < 15.1


def test_no_bytes_at_random_end_the_server(client: httpx.Client) -> None:
    random_bytes = random.Random(0).randbytes
    for size in (1, 100, 10_000):
        for content_type in ("text/csv", "application/json"):
            answer = client.post(PATH, content=random_bytes(size), headers={"Content-Type": content_type})
            assert 400 <= answer.status_code < 500
