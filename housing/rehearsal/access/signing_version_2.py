"""S3's older signature, with which boto3 still presigns URLs by default."""

from __future__ import annotations

import hmac
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from housing.rehearsal.access import signing
from housing.rehearsal.api.signature import Signature
from housing.rehearsal.responses import ApiError

_LEEWAY_S = 15 * 60


def verify(signature: Signature, secret: str, environ: Mapping[str, Any]) -> None:
    """ApiError unless it was signed with this secret, recently."""
    from botocore.auth import HmacV1Auth
    from botocore.compat import HTTPHeaders
    from botocore.credentials import Credentials

    date = _address_date(signature) if signature.is_address else _request_date(environ)

    class Signer(HmacV1Auth):  # type: ignore[misc]
        def _get_date(self) -> str:
            return date

    headers = HTTPHeaders()
    for name, value in _signed(signature, environ).items():
        headers[name] = value
    signer, address = Signer(Credentials(signature.access_key, secret)), urlsplit(str(environ["RAW_URI"]))
    # A bucket's path is signed with a slash at its end, whether or not it was sent with one.
    path = address.path if "/" in address.path[1:] or address.path == "/" else f"{address.path}/"
    ours = signer.get_signature(environ["REQUEST_METHOD"], address, headers, auth_path=path)
    if not hmac.compare_digest(ours.encode(), signature.value.encode()):
        raise signing.mismatch("s3")


def _address_date(signature: Signature) -> str:
    assert signature.expires is not None
    if not re.fullmatch(r"\d{1,12}", signature.expires):
        raise ApiError("AccessDenied", "Invalid date (should be seconds since epoch)", 403)
    signing.check_lifetime(0, int(signature.expires))
    return signature.expires


def _request_date(environ: Mapping[str, Any]) -> str:
    """The date line of the text that is signed; empty where `x-amz-date` is sent. ApiError for a date too far off."""
    given = str(environ.get("HTTP_X_AMZ_DATE") or environ.get("HTTP_DATE") or "")
    try:
        signed_at = parsedate_to_datetime(given).timestamp()
    except ValueError:
        raise ApiError("AccessDenied", "AWS authentication requires a valid Date or x-amz-date header", 403) from None
    if abs(time.time() - signed_at) > _LEEWAY_S:
        message = "The difference between the request time and the current time is too large."
        raise ApiError("RequestTimeTooSkewed", message, 403)
    return "" if "HTTP_X_AMZ_DATE" in environ else given


def _signed(signature: Signature, environ: Mapping[str, Any]) -> dict[str, str]:
    """The headers that are signed; a presigned URL may have them in its query."""
    found = {
        key.removeprefix("HTTP_").replace("_", "-").lower(): str(value)
        for key, value in environ.items()
        if key.startswith("HTTP_X_AMZ_") or key in ("HTTP_CONTENT_MD5", "CONTENT_TYPE")
    }
    if signature.is_address:
        query = parse_qsl(str(environ.get("QUERY_STRING", "")), keep_blank_values=True)
        found |= {k: v for k, v in query if k.startswith("x-amz-") or k in ("content-md5", "content-type")}
    return found
