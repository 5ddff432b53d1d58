"""iam:SimulatePrincipalPolicy, which moto lacks and SageMaker's SDK calls for every role before it uses it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from housing.rehearsal.access.policies import Statement, decide, statements
from housing.rehearsal.responses import ApiError, HttpResponse, unsupported

if TYPE_CHECKING:
    from housing.rehearsal.context import Context

_DECISIONS = {"allowed": "allowed", "denied": "explicitDeny", "not allowed": "implicitDeny"}


def simulate(context: Context, body: bytes) -> HttpResponse:
    """What the policies of a role decide about some actions. ApiError when there is no such role."""
    parameters = dict(parse_qsl(body.decode()))
    policy = list(_policy(context, parameters.get("PolicySourceArn", "")))
    resources = _members(parameters, "ResourceArns") or ["*"]
    results = "".join(
        f"<member><EvalActionName>{escape(action)}</EvalActionName><EvalResourceName>{escape(resource)}"
        f"</EvalResourceName><EvalDecision>{_DECISIONS[decide(policy, action, resource, {})]}</EvalDecision>"
        "<MatchedStatements/><MissingContextValues/></member>"
        for action in _members(parameters, "ActionNames")
        for resource in resources
    )
    answer = (
        '<SimulatePrincipalPolicyResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">'
        f"<SimulatePrincipalPolicyResult><IsTruncated>false</IsTruncated><EvaluationResults>{results}"
        "</EvaluationResults></SimulatePrincipalPolicyResult></SimulatePrincipalPolicyResponse>"
    )
    return HttpResponse(answer.encode(), headers={"Content-Type": "text/xml"})


def _members(parameters: Mapping[str, str], name: str) -> list[str]:
    return [value for key, value in parameters.items() if key.startswith(f"{name}.member.")]


def _policy(context: Context, principal: str) -> Iterator[Statement]:
    """All statements of a role's inline and attached policies."""
    if ":role/" not in principal:
        raise unsupported(f"the rehearsal simulates the policies of roles alone, got {principal}")
    iam, role = context.client("iam"), principal.rpartition("/")[2]
    try:
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
            yield from statements(_document(iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]))
        for attached in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
            arn = attached["PolicyArn"]
            version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
            document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
            yield from statements(_document(document))
    except iam.exceptions.NoSuchEntityException as error:
        raise ApiError("NoSuchEntity", error.response["Error"]["Message"], 404) from error


def _document(document: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(document) if isinstance(document, str) else document
    return found
