"""Temporary credentials of GetSessionToken: signed tokens with owner and expiry; nothing is stored.

moto returns the same ones to every caller.
"""

from __future__ import annotations

import base64
import hmac
import json
import secrets
import time
import uuid
from dataclasses import dataclass

from housing.rehearsal.api.calls import Call
from housing.rehearsal.responses import HttpResponse, refused

_SHORTEST_S, _USUAL_S, _LONGEST_S = 900, 43_200, 129_600
_XML = """<GetSessionTokenResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetSessionTokenResult><Credentials>\
<AccessKeyId>{key}</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey><SessionToken>{token}</SessionToken>\
<Expiration>{end}</Expiration></Credentials></GetSessionTokenResult>\
<ResponseMetadata><RequestId>{request}</RequestId></ResponseMetadata></GetSessionTokenResponse>"""


@dataclass(frozen=True)
class TemporaryCredentials:
    """`owner` is the access key that asked for it; `expires` in seconds since 1970."""

    owner: str
    secret: str
    expires: float


def begin(call: Call, account_secret: str) -> HttpResponse:
    """Answer GetSessionToken. ApiError for a duration that AWS does not allow."""
    asked = str(call.parameters.get("DurationSeconds", _USUAL_S))
    if not asked.isdecimal() or not _SHORTEST_S <= int(asked[:9]) <= _LONGEST_S:
        raise refused(f"DurationSeconds must be {_SHORTEST_S} to {_LONGEST_S}, got {asked[:20]}")
    key = f"ASIA{base64.b32encode(secrets.token_bytes(10)).decode()}"
    expires = int(time.time()) + int(asked)
    about = base64.urlsafe_b64encode(json.dumps([key, call.signature.access_key, expires]).encode()).decode()
    token = f"{about}.{_proof(account_secret, 'token', about)}"
    end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(expires))
    secret = _proof(account_secret, "secret", about)
    text = _XML.format(key=key, secret=secret, token=token, end=end, request=uuid.uuid4())
    return HttpResponse(text.encode(), headers={"Content-Type": "text/xml"})


def find(access_key: str, token: str, account_secret: str) -> TemporaryCredentials | None:
    """The session of this key; None where the token is not ours, or is another key's."""
    about, _, proof = token.partition(".")
    if not hmac.compare_digest(_proof(account_secret, "token", about).encode(), proof.encode()):
        return None
    key, owner, expires = json.loads(base64.urlsafe_b64decode(about))
    if key != access_key:
        return None
    return TemporaryCredentials(owner, _proof(account_secret, "secret", about), expires)


def _proof(account_secret: str, what: str, about: str) -> str:
    digest = hmac.digest(account_secret.encode(), f"{what} {about}".encode(), "sha256")
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
