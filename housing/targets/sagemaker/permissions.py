"""The policies of an experiment's settings: what `housing iam` prints."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from housing.targets.sagemaker.clients import Clients
from housing.targets.sagemaker.policy import (
    Account,
    Policy,
    Use,
    caller_policy,
    merged,
    record_policy,
    role_policy,
    trust_policy,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from housing.targets.sagemaker.settings import Settings

_ROLE = re.compile(r"arn:(?P<partition>[\w-]+):iam::(?P<number>\d{12}):role/.+")


def policies(uses: Sequence[tuple[Settings, Use]], *, record: str | None = None) -> dict[str, Policy]:
    """`caller`, `role` and `trust`, each for all uses together. Does not call AWS if the role's ARN has the account.

    `record` is the ARN of the managed MLflow in which the caller keeps the record, None if it is elsewhere.
    """
    each = [(_account(settings), use) for settings, use in uses]
    return {
        "caller": merged(
            [*(caller_policy(account, use) for account, use in each), *([record_policy(record)] if record else [])]
        ),
        "role": merged([role_policy(account, use) for account, use in each]),
        "trust": trust_policy(),
    }


def _account(settings: Settings) -> Account:
    clients = Clients(settings)
    role = _ROLE.fullmatch(clients.role_arn)
    partition, number = (role["partition"], role["number"]) if role else (clients.partition, clients.account)
    return Account(
        partition=partition,
        region=clients.region,
        number=number,
        bucket=settings.bucket or f"sagemaker-{clients.region}-{number}",
        prefix=settings.prefix,
        role_arn=clients.role_arn,
        makes_bucket=settings.bucket is None,
        kms_key=settings.kms_key,
        in_vpc=settings.vpc is not None,
        model_package_group=settings.model_package_group,
    )
