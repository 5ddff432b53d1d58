"""Who signed a request: the account itself, one of its users, or a session of the account, a user or a role."""

from __future__ import annotations

import hmac
import time
from calendar import timegm
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

from housing.rehearsal.access import signing, temporary_credentials
from housing.rehearsal.account import ACCOUNT
from housing.rehearsal.api.signature import Signature
from housing.rehearsal.credentials import Credentials
from housing.rehearsal.responses import ApiError

_WAY_OUT = "this is a rehearsal: `housing rehearsal start` prints its keys"


@dataclass(frozen=True)
class _Key:
    """`owner` is the access key whose permissions it has: its own, or that of the caller who asked for the session."""

    owner: str
    secret: str
    token: str | None = None
    expires: float | None = None


def authenticate(
    signature: Signature,
    environ: Mapping[str, Any],
    body: bytes,
    *,
    account: Credentials,
    exclusive: AbstractContextManager[object],
) -> Signature:
    """The signature, with the access key whose permissions it has. ApiError unless valid; `exclusive` as in Aws."""
    key = _key(signature, account, exclusive)
    if key is None:
        raise _unknown(signature.service)
    if key.token is not None and not hmac.compare_digest(key.token.encode(), (signature.token or "").encode()):
        raise _unknown(signature.service)
    signing.verify(signature, key.secret, environ, body)
    if key.expires is not None and key.expires < time.time():
        code = "ExpiredToken" if signature.service in ("s3", "iam", "sts") else "ExpiredTokenException"
        raise ApiError(code, "The security token included in the request is expired", 403)
    is_own = key.owner == signature.access_key
    return replace(signature, access_key=key.owner, token=signature.token if is_own else None)


def _key(signature: Signature, account: Credentials, exclusive: AbstractContextManager[object]) -> _Key | None:
    asked = signature.access_key
    if asked == account.access_key:
        return _Key(asked, account.secret_key)
    if not asked.startswith("ASIA"):
        with exclusive:
            return _key_of_a_user(asked)
    if signature.token is None:
        return None
    if session := temporary_credentials.find(asked, signature.token, account.secret_key):
        owner = _key(replace(signature, access_key=session.owner), account, exclusive)
        return owner and _Key(session.owner, session.secret, signature.token, session.expires)
    with exclusive:
        return _key_of_a_role(asked)


def _key_of_a_user(asked: str) -> _Key | None:
    from moto.iam.models import iam_backends

    for user in iam_backends[ACCOUNT]["aws"].users.values():
        for key in user.access_keys:
            if key.access_key_id == asked and key.status == "Active":
                return _Key(asked, key.secret_access_key)
    return None


def _key_of_a_role(asked: str) -> _Key | None:
    from moto.sts.models import sts_backends

    role = sts_backends[ACCOUNT]["aws"].get_assumed_role_from_access_key(asked)
    if role is None:
        return None
    return _Key(asked, role.secret_access_key, role.session_token, timegm(role.expiration.utctimetuple()))


def _unknown(service: str) -> ApiError:
    if service == "s3":
        message = "The AWS Access Key Id you provided does not exist in our records"
        return ApiError("InvalidAccessKeyId", f"{message}; {_WAY_OUT}.", 403)
    in_xml = service in ("iam", "sts")
    code = "InvalidClientTokenId" if in_xml else "UnrecognizedClientException"
    message = f"The security token included in the request is invalid; {_WAY_OUT}."
    return ApiError(code, message, 403 if in_xml else 400)
