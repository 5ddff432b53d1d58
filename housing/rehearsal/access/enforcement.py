"""Who signed a call, and whether IAM allows it: for rehearsals with `enforce_iam`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from housing.rehearsal.access.permissions import Need, needs
from housing.rehearsal.access.policies import Statement, Verdict, decide, statements
from housing.rehearsal.account import ACCOUNT
from housing.rehearsal.credentials import ACCESS_KEY
from housing.rehearsal.responses import ApiError

if TYPE_CHECKING:
    from housing.rehearsal.api.calls import Call
    from housing.rehearsal.store import Store

_ALWAYS_ALLOWED = ("sts:GetCallerIdentity",)


@dataclass(frozen=True)
class Principal:
    arn: str
    policy: list[Statement]


def enforce(call: Call, body: bytes, environ: Mapping[str, Any], *, store: Store, region: str) -> None:
    """ApiError unless the caller is allowed everything that the call needs; the account itself always is."""
    if call.signature.access_key == ACCESS_KEY:
        return
    principal = _principal(call)
    if call.operation in _ALWAYS_ALLOWED:
        return
    for need in needs(call, body, environ, store=store, region=region):
        verdict = decide(principal.policy, need.action, need.resource, need.context)
        if verdict != "allowed":
            raise _refusal(call, principal, need, verdict)


def _principal(call: Call) -> Principal:
    from moto.iam.access_control import create_access_key

    token = call.signature.token
    headers = {"X-Amz-Security-Token": token} if token else {}
    key: Any = create_access_key(ACCOUNT, "aws", call.signature.access_key, headers)
    policy = [statement for entry in key.collect_policies() for statement in statements(_document(entry))]
    return Principal(key.arn, policy)


def _document(entry: Any) -> dict[str, Any]:
    """A policy's JSON, from any of the forms in which moto keeps one: managed, inline in a role, inline in a user."""
    if isinstance(entry, str):
        text = entry
    elif isinstance(entry, Mapping):
        text = entry["policy_document"]
    else:
        text = next(version.document for version in entry.versions if version.is_default)
    document: dict[str, Any] = json.loads(text)
    return document


def _refusal(call: Call, principal: Principal, need: Need, verdict: Verdict) -> ApiError:
    why = (
        "with an explicit deny in an identity-based policy"
        if verdict == "denied"
        else f"because no identity-based policy allows the {need.action} action"
    )
    message = f"User: {principal.arn} is not authorized to perform: {need.action} on resource: {need.resource} {why}"
    code = "AccessDenied" if call.in_xml else "AccessDeniedException"
    return ApiError(code, message, 403 if call.in_xml or call.service == "sagemaker-runtime" else 400)
