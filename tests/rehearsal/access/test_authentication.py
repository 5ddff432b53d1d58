"""Whoever calls must hold the secret of who signs: of the account, a user, a role or a session."""

from __future__ import annotations

import http.client
import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.rehearsal.conftest import ACCOUNT, Served, signed_headers

_TRUST = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}


def _session(url: str, service: str, keys: dict[str, Any], **config: Any) -> Any:
    return boto3.client(
        service,
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys.get("SessionToken"),
        config=Config(retries={"total_max_attempts": 1}, **config),
    )


def _code(call: Callable[..., Any], **request: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**request)
    return str(caught.value.response["Error"]["Code"])


def _send(url: str, method: str, path: str, headers: dict[str, str], body: bytes = b"") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in {"Host": urlsplit(url).netloc, "Content-Length": str(len(body)), **headers}.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("service", "call", "code"),
    [
        ("sagemaker", "list_models", "InvalidSignatureException"),
        ("logs", "describe_log_groups", "InvalidSignatureException"),
        ("s3", "list_buckets", "SignatureDoesNotMatch"),
        ("iam", "list_users", "SignatureDoesNotMatch"),
        ("sts", "get_caller_identity", "SignatureDoesNotMatch"),
    ],
)
def test_another_secret_is_refused_in_the_service_s_words(
    rehearsal: Served, service: str, call: str, code: str
) -> None:
    assert _code(getattr(rehearsal.client(service, "rehearsal", "guessed"), call)) == code


def test_policies_that_are_not_enforced_let_nobody_in(rehearsal: Served, settings: Callable[..., None]) -> None:
    settings(enforce_iam=False)

    assert _code(rehearsal.client("sagemaker", "AKIAUNKNOWN000000000").list_models) == "UnrecognizedClientException"
    assert _code(rehearsal.client("s3", "AKIAUNKNOWN000000000").list_buckets) == "InvalidAccessKeyId"


def test_a_user_signs_with_their_own_secret_until_the_key_is_taken_away(rehearsal: Served) -> None:
    iam = rehearsal.client("iam")
    iam.create_user(UserName="signer")
    key = iam.create_access_key(UserName="signer")["AccessKey"]
    sts = _session(rehearsal.url, "sts", key)

    assert sts.get_caller_identity()["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/signer"
    assert (
        _code(rehearsal.client("sts", key["AccessKeyId"], "rehearsal").get_caller_identity) == "SignatureDoesNotMatch"
    )
    iam.update_access_key(UserName="signer", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    assert _code(sts.get_caller_identity) == "InvalidClientTokenId"


@pytest.mark.parametrize("enforced", [False, True])
def test_sessions_have_keys_of_their_own_that_work(
    rehearsal: Served, settings: Callable[..., None], enforced: bool
) -> None:
    settings(enforce_iam=enforced)
    iam, name = rehearsal.client("iam"), f"sessions-{enforced}"
    policy = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=json.dumps(policy))
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Statement": [_TRUST]}))["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=json.dumps(policy))
    user = _session(rehearsal.url, "sts", iam.create_access_key(UserName=name)["AccessKey"])

    assumed = user.assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
    own = user.get_session_token(DurationSeconds=900)["Credentials"]
    whole = rehearsal.client("sts").get_session_token()["Credentials"]

    for keys, arn in (
        (assumed, f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/session"),
        (own, f"arn:aws:iam::{ACCOUNT}:user/{name}"),
        (whole, rehearsal.client("sts").get_caller_identity()["Arn"]),
    ):
        assert _session(rehearsal.url, "sts", keys).get_caller_identity()["Arn"] == arn
        assert _session(rehearsal.url, "sagemaker", keys).list_models()["Models"] == []
        s3 = _session(rehearsal.url, "s3", keys, signature_version="s3v4")
        s3.create_bucket(Bucket="of-sessions")
        s3.put_object(Bucket="of-sessions", Key="k", Body=b"1")
        with urllib.request.urlopen(
            s3.generate_presigned_url("get_object", {"Bucket": "of-sessions", "Key": "k"})
        ) as got:
            assert got.read() == b"1"
        for spoiled in (keys | {"SessionToken": whole["SessionToken"] + "x"}, keys | {"SecretAccessKey": "rehearsal"}):
            assert _code(_session(rehearsal.url, "sagemaker", spoiled).list_models).endswith("Exception")
        without = {name: value for name, value in keys.items() if name != "SessionToken"}
        assert _code(_session(rehearsal.url, "sagemaker", without).list_models) == "UnrecognizedClientException"
    assert own["AccessKeyId"] != whole["AccessKeyId"]


def test_sessions_outlive_the_process(rehearsal: Served) -> None:
    keys = rehearsal.client("sts").get_session_token()["Credentials"]
    rehearsal.restart()

    assert _session(rehearsal.url, "sagemaker", keys).list_models()["Models"] == []


@pytest.mark.parametrize(
    ("service", "minutes", "code"),
    [
        ("sagemaker", 4, None),
        ("sagemaker", -4, None),
        ("sagemaker", 6, b"InvalidSignatureException"),
        ("sagemaker", -6, b"InvalidSignatureException"),
        ("s3", 14, None),
        ("s3", -16, b"RequestTimeTooSkewed"),
        ("s3", 16, b"RequestTimeTooSkewed"),
    ],
)
def test_clocks_may_differ_as_much_as_at_aws(
    rehearsal: Served, monkeypatch: pytest.MonkeyPatch, service: str, minutes: int, code: bytes | None
) -> None:
    import datetime

    shifted = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=minutes)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda **_: shifted.replace(tzinfo=None))
    body = b"{}" if service == "sagemaker" else b""
    more = {"X_Amz_Target": "SageMaker.ListModels"} if service == "sagemaker" else {}
    method = "POST" if service == "sagemaker" else "GET"
    headers = signed_headers(method, f"{rehearsal.url}/", service=service, body=body, **more)

    status, answer = _send(rehearsal.url, method, "/", headers, body)

    assert (status == 200) == (code is None), answer
    assert code is None or code in answer


def test_what_was_signed_cannot_be_changed(rehearsal: Served) -> None:
    rehearsal.client("s3").create_bucket(Bucket="signed")
    url, body = f"{rehearsal.url}/signed/k", b"as it was signed"
    put = signed_headers("PUT", url, body=body)
    control = signed_headers(
        "POST", f"{rehearsal.url}/", service="sagemaker", body=b"{}", X_Amz_Target="SageMaker.ListModels"
    )

    assert _send(rehearsal.url, "PUT", "/signed/k", put, body)[0] == 200
    refused = [
        _send(rehearsal.url, "PUT", "/signed/k", put, b"something else!!"),
        _send(rehearsal.url, "PUT", "/signed/other", put, body),
        _send(rehearsal.url, "PUT", "/signed/k?acl", put, body),
        _send(rehearsal.url, "DELETE", "/signed/k", put, body),
        _send(rehearsal.url, "PUT", "/signed/k", put | {"x-amz-tagging": "a=b"}, body),
        _send(rehearsal.url, "PUT", "/signed/k", put | {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}, body),
        _send(rehearsal.url, "POST", "/", control, b'{"MaxResults": 1}'),
        _send(rehearsal.url, "POST", "/", control | {"X-Amz-Target": "SageMaker.ListEndpoints"}, b"{}"),
    ]

    assert [status for status, _ in refused] == [400, *[403] * 7], refused


@pytest.mark.parametrize("version", ["s3v4", "s3"])
def test_presigned_addresses_are_good_for_their_call_and_time(rehearsal: Served, version: str) -> None:
    own = {"AccessKeyId": "rehearsal", "SecretAccessKey": "rehearsal"}
    s3 = _session(rehearsal.url, "s3", own, signature_version=version)
    bucket = f"presigned-{version}"
    s3.create_bucket(Bucket=bucket)
    key = {"Bucket": bucket, "Key": "a b/ü+%.csv"}
    put = s3.generate_presigned_url("put_object", {**key, "ContentType": "text/csv"}, HttpMethod="PUT")
    get = s3.generate_presigned_url("get_object", {**key, "ResponseContentType": "text/x"}, ExpiresIn=60)
    stale = s3.generate_presigned_url("get_object", key, ExpiresIn=1)

    request = urllib.request.Request(put, b"1", {"Content-Type": "text/csv"}, method="PUT")
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 200
    with urllib.request.urlopen(get) as answer:
        assert answer.read() == b"1"
    signature = re.search(r"Signature=([^&]+)", get)
    assert signature is not None
    forged = get.replace(signature[1], signature[1][::-1])
    time.sleep(2.1)
    for url in (stale, forged, get.replace("text%2Fx", "text%2Fy"), get.replace(".csv", ".json")):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(url)
        assert refused.value.code == 403
        refused.value.close()
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(urllib.request.Request(get, method="DELETE"))
    assert refused.value.code == 403
    refused.value.close()


def test_objects_are_sent_in_parts_and_in_signed_and_unsigned_chunks(rehearsal: Served) -> None:
    s3 = rehearsal.client("s3")
    s3.create_bucket(Bucket="chunks")
    content = bytes(range(256)) * 30_000

    class Unseekable:
        """What makes botocore send chunks with a checksum behind them."""

        def __init__(self) -> None:
            self._at = 0

        def read(self, size: int = -1) -> bytes:
            end = len(content) if size < 0 else self._at + size
            block, self._at = content[self._at : end], min(end, len(content))
            return block

    started = s3.create_multipart_upload(Bucket="chunks", Key="parts")["UploadId"]
    about = {"Bucket": "chunks", "Key": "parts", "UploadId": started}
    parts = [content[: 6 << 20], content[6 << 20 :]]
    tags = [s3.upload_part(**about, PartNumber=n, Body=part)["ETag"] for n, part in enumerate(parts, 1)]
    listed = [{"ETag": tag, "PartNumber": n} for n, tag in enumerate(tags, 1)]
    s3.complete_multipart_upload(**about, MultipartUpload={"Parts": listed})
    for algorithm in ("CRC32", "SHA256"):
        s3.put_object(Bucket="chunks", Key=algorithm, Body=content, ChecksumAlgorithm=algorithm)
    s3.upload_fileobj(Unseekable(), "chunks", "streamed")

    for key in ("parts", "CRC32", "SHA256", "streamed"):
        assert s3.get_object(Bucket="chunks", Key=key)["Body"].read() == content


@pytest.mark.parametrize("spoil", [None, b"65,66", b"trailer"])
def test_signed_chunks_are_held_to_their_signatures(rehearsal: Served, spoil: bytes | None) -> None:
    """As the Java SDK sends them over plain HTTP."""
    import hmac
    from hashlib import sha256

    rehearsal.client("s3").create_bucket(Bucket="signed-chunks")
    kind = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
    chunks = [b"1,2\n" * 2048, b"65,66\n", b""]
    headers = _signed_for_chunks(f"{rehearsal.url}/signed-chunks/k", kind, sum(map(len, chunks)))
    stamp, before = headers["X-Amz-Date"], headers["Authorization"].rpartition("=")[2]
    scope = f"{stamp[:8]}/us-east-1/s3/aws4_request"
    key = b"AWS4rehearsal"
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    body = b""
    for chunk in chunks:
        nothing = sha256(b"").hexdigest()
        text = f"AWS4-HMAC-SHA256-PAYLOAD\n{stamp}\n{scope}\n{before}\n{nothing}\n{sha256(chunk).hexdigest()}"
        before = hmac.digest(key, text.encode(), "sha256").hex()
        sent = chunk.replace(b"65", b"99") if spoil == b"65,66" else chunk
        body += f"{len(chunk):x};chunk-signature={before}\r\n".encode() + sent + (b"\r\n" if chunk else b"")
    trailer = b"x-amz-checksum-crc32:AAAAAA==\n"
    text = f"AWS4-HMAC-SHA256-TRAILER\n{stamp}\n{scope}\n{before}\n{sha256(trailer).hexdigest()}"
    last = hmac.digest(key, text.encode(), "sha256").hex() if spoil != b"trailer" else "0" * 64
    body += b"x-amz-checksum-crc32:AAAAAA==\r\nx-amz-trailer-signature:" + last.encode() + b"\r\n\r\n"

    status, answer = _send(rehearsal.url, "PUT", "/signed-chunks/k", headers, body)

    assert status == (200 if spoil is None else 403), answer
    if spoil is None:
        there = rehearsal.client("s3").get_object(Bucket="signed-chunks", Key="k")["Body"].read()
        assert there == b"".join(chunks)


def _signed_for_chunks(url: str, kind: str, length: int) -> dict[str, str]:
    from botocore.auth import S3SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    class Chunked(S3SigV4Auth):  # type: ignore[misc]
        def payload(self, request: Any) -> str:
            return kind

    headers = {"x-amz-decoded-content-length": str(length), "content-encoding": "aws-chunked"}
    request = AWSRequest("PUT", url, headers, b"")
    Chunked(Credentials("rehearsal", "rehearsal"), "s3", "us-east-1").add_auth(request)
    return dict(request.headers.items())
