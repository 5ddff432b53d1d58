"""What an account is from its beginning, and what is kept of it."""

from __future__ import annotations

from pathlib import Path

from housing.rehearsal.account import ROLE_NAME
from housing.rehearsal.aws.services import Aws

REGION = "us-east-1"


def test_nothing_is_loaded_or_kept_for_an_account_that_nobody_has_called(tmp_path: Path) -> None:
    Aws(REGION, tmp_path / "aws").close()

    assert [path.name for path in (tmp_path / "aws").iterdir()] == ["bodies"]


def test_the_default_role_is_always_the_same_and_keeps_what_was_done_to_it(tmp_path: Path) -> None:
    first = Aws(REGION, tmp_path / "first")
    role = first.client("iam").get_role(RoleName=ROLE_NAME)["Role"]
    first.client("iam").put_role_policy(RoleName=ROLE_NAME, PolicyName="more", PolicyDocument=_NOTHING)
    first.close()
    other = Aws(REGION, tmp_path / "other")
    assert other.client("iam").get_role(RoleName=ROLE_NAME)["Role"] == role
    assert other.client("iam").list_role_policies(RoleName=ROLE_NAME)["PolicyNames"] == ["work"]
    other.close()

    again = Aws(REGION, tmp_path / "first")
    assert again.client("iam").get_role(RoleName=ROLE_NAME)["Role"] == role
    assert again.client("iam").list_role_policies(RoleName=ROLE_NAME)["PolicyNames"] == ["work", "more"]
    again.close()


_NOTHING = '{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "s3:*", "Resource": "*"}]}'
