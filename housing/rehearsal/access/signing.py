"""Whether a request is signed with the secret of the key that it names: AWS's Signature Version 4, and 2 for S3."""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from calendar import timegm
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from housing.rehearsal.api.signature import Signature
from housing.rehearsal.responses import ApiError

_ALGORITHM = "AWS4-HMAC-SHA256"
_UNSIGNED = ("UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
_IN_CHUNKS = ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER")
_NOTHING = hashlib.sha256(b"").hexdigest()
_LONGEST_ADDRESS_S = 7 * 24 * 3600
_STAMP = "%Y%m%dT%H%M%SZ"
Environ = Mapping[str, Any]


def verify(signature: Signature, secret: str, environ: Environ, body: bytes) -> None:
    """ApiError unless it was signed with this secret, recently, and the body is the one that was signed."""
    if signature.version == 2:
        from housing.rehearsal.access import signing_version_2

        signing_version_2.verify(signature, secret, environ)
        return
    _check_time(signature)
    payload = _payload(signature, environ, body)
    request = _canonical(signature, environ, payload)
    key = _key(signature.scope, secret)
    _compare(signature, _sign(key, f"{_ALGORITHM}\n{signature.timestamp}\n{signature.scope}\n{_sha256(request)}"))
    if payload in _IN_CHUNKS:
        _check_chunks(signature, key, body)
    elif payload not in _UNSIGNED and payload != _sha256(body):
        message = "The provided 'x-amz-content-sha256' header does not match what was computed."
        raise ApiError("XAmzContentSHA256Mismatch", message, 400)


def mismatch(service: str) -> ApiError:
    message = (
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access "
        "Key and signing method."
    )
    if service in ("s3", "iam", "sts"):
        return ApiError("SignatureDoesNotMatch", message, 403)
    return ApiError("InvalidSignatureException", message, 403)


def check_lifetime(begin: float, end: float) -> None:
    """ApiError unless a presigned URL is valid now; both ends in seconds since 1970."""
    if not begin <= time.time() <= end:
        raise ApiError("AccessDenied", "Request has expired", 403)


def _compare(signature: Signature, ours: str) -> None:
    if not hmac.compare_digest(ours.encode(), signature.value.encode()):
        raise mismatch(signature.service)


def _check_time(signature: Signature) -> None:
    """At most 5 minutes off, 15 for S3; a presigned URL is valid for as long as it says, at most 7 days."""
    is_s3 = signature.service == "s3"
    signed_at = _seconds(signature.timestamp)
    if signed_at is None or not signature.timestamp.startswith(signature.date):
        message = "AWS authentication requires a valid Date or x-amz-date header, of the day that is in the scope"
        raise ApiError("AccessDenied" if is_s3 else "IncompleteSignatureException", message, 403)
    leeway = 15 * 60 if is_s3 else 5 * 60
    if signature.expires is not None:
        if not re.fullmatch(r"\d{1,6}", signature.expires) or not 1 <= int(signature.expires) <= _LONGEST_ADDRESS_S:
            raise ApiError("AuthorizationQueryParametersError", "X-Amz-Expires must be 1 to 604800 seconds", 400)
        check_lifetime(signed_at - leeway, signed_at + int(signature.expires))
        return
    if abs(time.time() - signed_at) <= leeway:
        return
    if is_s3:
        message = "The difference between the request time and the current time is too large."
        raise ApiError("RequestTimeTooSkewed", message, 403)
    now = time.strftime(_STAMP, time.gmtime())
    word = "expired" if signed_at < time.time() else "not yet current"
    code = "SignatureDoesNotMatch" if signature.service in ("iam", "sts") else "InvalidSignatureException"
    raise ApiError(code, f"Signature {word}: {signature.timestamp} is too far from {now}", 403)


@lru_cache(64)
def _seconds(timestamp: str) -> int | None:
    """Seconds since 1970; None for what is not a time. Cached, as many calls are signed in the same second."""
    try:
        return timegm(time.strptime(timestamp, _STAMP))
    except ValueError:
        return None


def _payload(signature: Signature, environ: Environ, body: bytes) -> str:
    """The last line of the canonical request: the body's SHA-256; for S3, what the client says it is."""
    if signature.service == "s3" and signature.is_address:
        return str(environ.get("HTTP_X_AMZ_CONTENT_SHA256", "UNSIGNED-PAYLOAD"))
    if signature.service == "s3" and "HTTP_X_AMZ_CONTENT_SHA256" in environ:
        return str(environ["HTTP_X_AMZ_CONTENT_SHA256"])
    return _sha256(body)


def _canonical(signature: Signature, environ: Environ, payload: str) -> bytes:
    path, _, query = str(environ["RAW_URI"]).partition("?")
    headers = _headers(signature, environ)
    lines = (
        environ["REQUEST_METHOD"],
        _path(path, signature.service),
        _query(query, without_signature=signature.is_address),
        *(f"{name}:{value}" for name, value in headers.items()),
        "",
        ";".join(headers),
        payload,
    )
    return "\n".join(lines).encode()


def _path(path: str, service: str) -> str:
    """The canonical path: URL-encoded once for S3, twice for all other services."""
    if service == "s3":
        return quote(unquote_to_bytes(path), safe="/~") or "/"
    segments: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            segments = segments[:-1]
        elif segment not in ("", "."):
            segments.append(segment)
    normal = "/".join(["", *segments]) + ("/" if segments and path.endswith("/") else "")
    return quote(normal, safe="/~") or "/"


def _query(query: str, *, without_signature: bool) -> str:
    pairs = []
    for part in filter(None, query.split("&")):
        name, _, value = part.partition("=")
        pairs.append((quote(unquote_to_bytes(name), safe="~"), quote(unquote_to_bytes(value), safe="~")))
    return "&".join(f"{n}={v}" for n, v in sorted(pairs) if not (without_signature and n == "X-Amz-Signature"))


def _headers(signature: Signature, environ: Environ) -> dict[str, str]:
    """The signed headers, by name. The host must be among them; for S3 also whatever begins with `x-amz-`."""
    names = sorted(signature.headers)
    missing = [] if "host" in names else ["host"]
    if signature.service == "s3":
        sent = (key.removeprefix("HTTP_").replace("_", "-").lower() for key in environ if key.startswith("HTTP_X_AMZ_"))
        known = {name.replace("_", "-") for name in names}
        missing += sorted(name for name in sent if name not in known and name != "x-amz-content-sha256")
    if missing:
        message = f"There were headers present in the request which were not signed: {', '.join(missing)}"
        raise ApiError("AccessDenied" if signature.service == "s3" else "InvalidSignatureException", message, 403)
    return {name: " ".join(_sent(environ, name).split()) for name in names}


def _sent(environ: Environ, name: str) -> str:
    key = name.upper().replace("-", "_")
    value = str(environ.get(key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}", ""))
    # Headers are decoded as Latin-1; what was signed are the bytes as they were sent.
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        return value


def _check_chunks(signature: Signature, key: bytes, body: bytes) -> None:
    """Each chunk is signed together with the signature before it, and so are the trailing headers."""
    before, rest, size = signature.value, body, -1
    start = f"{_ALGORITHM}-PAYLOAD\n{signature.timestamp}\n{signature.scope}\n"
    while size != 0:
        line, found, rest = rest.partition(b"\r\n")
        chunk = re.fullmatch(rb"([0-9a-fA-F]{1,16});chunk-signature=([0-9a-f]{64})", line)
        if not found or chunk is None:
            raise mismatch(signature.service)
        size = int(chunk[1], 16)
        data, rest = rest[:size], rest[size:].removeprefix(b"\r\n") if size else rest
        ours = _sign(key, f"{start}{before}\n{_NOTHING}\n{_sha256(data)}")
        before = chunk[2].decode()
        if len(data) != size or not hmac.compare_digest(ours, before):
            raise mismatch(signature.service)
    trailers = [line for line in rest.split(b"\r\n") if line]
    last = trailers.pop().partition(b":") if trailers else None
    if last is not None:
        text = b"".join(line.replace(b": ", b":") + b"\n" for line in trailers)
        start = f"{_ALGORITHM}-TRAILER\n{signature.timestamp}\n{signature.scope}\n"
        ours = _sign(key, f"{start}{before}\n{_sha256(text)}")
        if last[0] != b"x-amz-trailer-signature" or not hmac.compare_digest(ours.encode(), last[2].strip()):
            raise mismatch(signature.service)


@lru_cache(64)
def _key(scope: str, secret: str) -> bytes:
    """The signing key: the same for all calls of one day to one service."""
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def _sign(key: bytes, text: str) -> str:
    return hmac.digest(key, text.encode(), "sha256").hex()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
