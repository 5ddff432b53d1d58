"""Which key a request claims to be signed with, and how; `access.signing` checks whether it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qsl

from housing.rehearsal.responses import ApiError

_ALGORITHM = "AWS4-HMAC-SHA256"
_SCOPE = re.compile(r"([^/,\s]+)/(\d{8})/([^/,\s]+)/([^/,\s]+)/aws4_request")
_PART = re.compile(r"(Credential|SignedHeaders|Signature)=([^,\s]+)")


@dataclass(frozen=True)
class Signature:
    """`service` as in the signature: `sagemaker` for the runtime, too.

    `version` 2 is S3's older one, which has no region. `timestamp` and `expires` are as they were sent; only a
    presigned URL has the latter. `headers` are the names of the signed headers.
    """

    access_key: str
    service: str
    region: str | None = None
    version: Literal[2, 4] = 4
    value: str = ""
    date: str = ""
    timestamp: str = ""
    headers: tuple[str, ...] = ()
    expires: str | None = None
    token: str | None = None

    @property
    def is_address(self) -> bool:
        """Whether it is a presigned URL, valid for anyone who has it."""
        return self.expires is not None

    @property
    def scope(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/aws4_request"


def read(environ: Mapping[str, Any]) -> Signature:
    """ApiError for a request without a signature."""
    header = str(environ.get("HTTP_AUTHORIZATION", ""))
    query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
    token = environ.get("HTTP_X_AMZ_SECURITY_TOKEN")
    if header.startswith(f"{_ALGORITHM} "):
        parts = dict(_PART.findall(header))
        stamp = str(environ.get("HTTP_X_AMZ_DATE", ""))
        return _version_4(parts.get("Credential", ""), parts, stamp, token=token)
    if header.startswith("AWS ") and ":" in header:
        access_key, _, value = header.removeprefix("AWS ").strip().partition(":")
        return Signature(access_key, "s3", version=2, value=value, token=token)
    if query.get("X-Amz-Algorithm") == _ALGORITHM:
        parts = {name: query.get(f"X-Amz-{name}", "") for name in ("SignedHeaders", "Signature")}
        stamp, expires = query.get("X-Amz-Date", ""), query.get("X-Amz-Expires", "")
        given = query.get("X-Amz-Security-Token", token)
        return _version_4(query.get("X-Amz-Credential", ""), parts, stamp, expires=expires, token=given)
    if "AWSAccessKeyId" in query:
        return Signature(
            query["AWSAccessKeyId"],
            "s3",
            version=2,
            value=query.get("Signature", ""),
            expires=query.get("Expires", ""),
            token=query.get("x-amz-security-token", token),
        )
    raise ApiError("MissingAuthenticationTokenException", "Missing Authentication Token", 403)


def _version_4(
    credential: str, parts: Mapping[str, str], timestamp: str, *, token: str | None, expires: str | None = None
) -> Signature:
    found = _SCOPE.fullmatch(credential)
    missing = [name for name in ("SignedHeaders", "Signature") if not parts.get(name)]
    if found is None or missing:
        lacks = ", ".join(missing) or "Credential=<key>/<date>/<region>/<service>/aws4_request"
        raise ApiError("IncompleteSignatureException", f"Authorization header requires {lacks}.", 403)
    access_key, date, region, service = found.groups()
    signed = tuple(parts["SignedHeaders"].lower().split(";"))
    return Signature(
        access_key,
        service,
        region,
        value=parts["Signature"],
        date=date,
        timestamp=timestamp,
        headers=signed,
        expires=expires,
        token=token,
    )
