"""The role that every account has from the beginning, for jobs and endpoints."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from housing.rehearsal.account import ROLE_NAME

if TYPE_CHECKING:
    from housing.rehearsal.context import Context


def create(context: Context) -> None:
    """Create the role unless it exists, with roughly the permissions of AmazonSageMakerFullAccess."""
    iam = context.client("iam")
    trust = _document(Action="sts:AssumeRole", Principal={"Service": "sagemaker.amazonaws.com"})
    services = ("application-autoscaling", "cloudwatch", "logs", "s3", "sagemaker")
    policy = _document(Action=[f"{service}:*" for service in services], Resource="*")
    try:
        iam.create_role(RoleName=ROLE_NAME, AssumeRolePolicyDocument=trust)
    except iam.exceptions.EntityAlreadyExistsException:
        return
    iam.put_role_policy(RoleName=ROLE_NAME, PolicyName="work", PolicyDocument=policy)


def _document(**statement: object) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})
