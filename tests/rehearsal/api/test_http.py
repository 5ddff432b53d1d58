from __future__ import annotations

import http.client
import io
import json
import re
import socket
import time
import urllib.error
import urllib.request
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from housing.rehearsal.api.http import _plain
from housing.rehearsal.api.validation import service_model
from housing.rehearsal.running import RunningRehearsal
from housing.rehearsal.settings import Settings
from tests.rehearsal.conftest import Served, signed_headers


def test_a_connection_stays_open_between_calls_of_all_kinds(rehearsal: Served) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", rehearsal.open.port)
    sockets = set()
    for method, path, body in (
        ("PUT", "/kept-open", None),
        ("PUT", "/kept-open/key", b"1,2"),
        ("HEAD", "/kept-open/key", None),
        ("PUT", "/kept-open/chunked", iter([b"1,", b"2"])),
        ("GET", "/kept-open/chunked", None),
        ("DELETE", "/kept-open/key", None),
        ("GET", "/kept-open/key", None),
    ):
        signed = signed_headers(method, f"{rehearsal.url}{path}")
        connection.request(method, path, body, signed, encode_chunked=isinstance(body, type(iter([]))))
        answer = connection.getresponse()
        answer.read()
        sockets.add(id(connection.sock))
    connection.close()

    assert len(sockets) == 1
    assert answer.status == 404


def test_objects_come_back_as_they_went(rehearsal: Served) -> None:
    s3 = rehearsal.client("s3")
    s3.create_bucket(Bucket="objects")
    large = bytes(range(256)) * 40_000
    s3.put_object(Bucket="objects", Key="ü/a b+c%.csv", Body=large, Metadata={"with_underscore": "1", "with-dash": "2"})

    answer = s3.get_object(Bucket="objects", Key="ü/a b+c%.csv")

    assert answer["Body"].read() == large
    assert answer["Metadata"] == {"with_underscore": "1", "with-dash": "2"}
    assert s3.head_object(Bucket="objects", Key="ü/a b+c%.csv")["ContentLength"] == len(large)
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket="objects")["Contents"]] == ["ü/a b+c%.csv"]


@pytest.mark.parametrize("name", ["A-big", "a" * 64, "a_b", "192.168.1.1", "-a-b", "a..b", "xn--abc", "abc-s3alias"])
def test_a_bucket_is_called_as_s3_calls_them(rehearsal: Served, name: str) -> None:
    with pytest.raises(ClientError, match="The specified bucket is not valid"):
        rehearsal.client("s3").create_bucket(Bucket=name)


def test_presigned_addresses_work(rehearsal: Served) -> None:
    s3 = rehearsal.client("s3")
    s3.create_bucket(Bucket="presigned")
    s3.put_object(Bucket="presigned", Key="k", Body=b"1")
    address = s3.generate_presigned_url("get_object", {"Bucket": "presigned", "Key": "k"})

    with urllib.request.urlopen(address) as answer:
        assert answer.read() == b"1"


def test_what_nobody_has_signed_is_refused(rehearsal: Served) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(rehearsal.url)

    assert refused.value.code == 403
    assert json.loads(refused.value.read())["__type"] == "MissingAuthenticationTokenException"
    refused.value.close()


def test_a_process_has_one_rehearsal_at_a_time(rehearsal: Served, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="this process has a rehearsal already"):
        RunningRehearsal(Settings(), tmp_path)
    rehearsal.restart()


def test_a_call_for_another_region_is_refused(rehearsal: Served) -> None:
    client = boto3.client(
        "sagemaker",
        endpoint_url=rehearsal.url,
        region_name="eu-west-1",
        aws_access_key_id="rehearsal",
        aws_secret_access_key="rehearsal",
    )

    with pytest.raises(client.exceptions.ClientError, match="not 'eu-west-1': this rehearsal is in us-east-1"):
        client.search(Resource="Endpoint")


def test_clients_that_keep_connections_reach_the_next_rehearsal(rehearsal: Served) -> None:
    s3 = rehearsal.client("s3")
    s3.create_bucket(Bucket="before")
    rehearsal.restart()
    s3.create_bucket(Bucket="after")
    rehearsal.restart()

    assert {"before", "after"} <= {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}


@pytest.mark.parametrize(
    ("service", "call", "code"),
    [
        ("sagemaker", "list_projects", "UnsupportedOperation"),
        ("ec2", "describe_instances", "UnsupportedOperation"),
        ("dynamodb", "list_tables", "UnsupportedOperation"),
        ("lambda", "list_functions", "UnsupportedOperation"),
    ],
)
def test_what_is_not_supported_says_so(rehearsal: Served, service: str, call: str, code: str) -> None:
    client = rehearsal.client(service)

    with pytest.raises(client.exceptions.ClientError, match="does not support") as refused:
        getattr(client, call)()
    assert refused.value.response["Error"]["Code"] == code
    assert 400 <= refused.value.response["ResponseMetadata"]["HTTPStatusCode"] < 500


def test_a_call_of_the_control_plane_takes_milliseconds(rehearsal: Served) -> None:
    client = rehearsal.client("sagemaker")
    seconds = []
    for _ in range(50):
        begun = time.perf_counter()
        client.search(Resource="Endpoint")
        seconds.append(time.perf_counter() - begun)

    # 1 to 2 ms; Nagle's algorithm would make each of them 40, however busy the machine is.
    assert min(seconds) < 0.02


def test_its_page_lists_what_it_answers(rehearsal: Served) -> None:
    page = (Path(__file__).parents[3] / "docs" / "reference" / "rehearsal.md").read_text(encoding="utf-8")
    listed = re.findall(r"`(\w+)`", page.partition("| --- |")[2].partition("Beside SageMaker")[0])
    answered = {name for name in service_model("sagemaker").operation_names if _is_supported(rehearsal, name)}
    runtime = ["InvokeEndpoint", "InvokeEndpointAsync", "InvokeEndpointWithResponseStream"]
    assert sorted(listed) == sorted([*answered, *runtime])


def _is_supported(rehearsal: Served, operation: str) -> bool:
    signed = signed_headers(
        "POST", rehearsal.url, service="sagemaker", body=b"{}", X_Amz_Target=f"SageMaker.{operation}"
    )
    request = urllib.request.Request(rehearsal.url, b"{}", signed)
    try:
        urllib.request.urlopen(request).close()
    except urllib.error.HTTPError as error:
        return json.loads(error.read())["__type"] != "UnsupportedOperation"
    return True


@given(st.lists(st.text("aZ09-_:; ,\t\r\x0b\x85é", max_size=12)))
def test_plain_headers_are_those_that_the_standard_library_reads(lines: list[str]) -> None:
    """Whatever is not plain is left to it."""
    sent = [f"{line}\r\n".encode("latin-1") for line in [*lines, ""]]
    if (found := _plain(sent)) is not None:
        assert found.items() == http.client.parse_headers(io.BytesIO(b"".join(sent))).items()


@pytest.mark.parametrize(
    ("version", "headers", "status", "stays"),
    [
        ("HTTP/1.1", "Host: 127.0.0.1\r\n", 403, True),
        ("HTTP/1.1", "Host: 127.0.0.1\r\nConnection: close\r\n", 403, False),
        ("HTTP/1.0", "Host: 127.0.0.1\r\n", 403, False),
        ("HTTP/1.1", "Host: 127.0.0.1\r\nX: folded\r\n over two lines\r\n", 403, True),
        ("HTTP/1.1", "Host: 127.0.0.1\r\n" + "X: 1\r\n" * 100, 431, False),
        ("HTTP/1.1", f"Host: 127.0.0.1\r\nX: {'1' * 70_000}\r\n", 431, False),
    ],
)
def test_a_head_is_answered_by_what_it_says(
    rehearsal: Served, version: str, headers: str, status: int, stays: bool
) -> None:
    """403, because nobody has signed it."""
    with socket.create_connection(("127.0.0.1", rehearsal.open.port), timeout=10) as connection:
        connection.sendall(f"GET / {version}\r\n{headers}\r\n".encode())
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        answer.read()
        assert answer.status == status
        connection.settimeout(1 if stays else 10)
        if stays:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert connection.recv(12) == b"HTTP/1.1 403"
        else:
            assert not connection.recv(1)
