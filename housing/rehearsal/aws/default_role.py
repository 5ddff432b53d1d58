"""The role that every account has from the beginning, for jobs and endpoints."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from housing.rehearsal.account import ROLE_NAME

_SERVICES = ("application-autoscaling", "cloudwatch", "logs", "s3", "sagemaker")
_SINCE = datetime(2026, 1, 1)  # naive, as all dates of moto


def add(iam: Any) -> None:
    """Add the role to moto's IAM, with roughly the permissions of AmazonSageMakerFullAccess.

    It is the same each time it is made, and so is not journalled.
    """
    from moto.moto_api._internal import mock_random

    mock_random.seed(0)
    trust = _document(Action="sts:AssumeRole", Principal={"Service": "sagemaker.amazonaws.com"})
    role = iam.create_role(ROLE_NAME, trust, "/", None, "", [], 3600)
    role.create_date = _SINCE
    policy = _document(Action=[f"{service}:*" for service in _SERVICES], Resource="*")
    iam.put_role_policy(ROLE_NAME, "work", policy)


def _document(**statement: object) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})
