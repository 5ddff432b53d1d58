"""Settings that lead to a rehearsal that answers, and the keys that it takes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from housing.rehearsal.process import credentials_of, ensure

if TYPE_CHECKING:
    from housing.targets.rehearsal import Settings


def begun(settings: Settings) -> tuple[Settings, Mapping[str, str] | None]:
    """The same settings with the address and region of a rehearsal that answers, started when there was none.

    With them come its account's keys, as boto3 takes them; None where calls are to be signed by who the environment
    says, so that they are held to the policies of that user.
    """
    address = ensure(settings.rehearsal)
    reached = replace(settings, endpoint_url=address.url, region=settings.region or address.region)
    if settings.rehearsal.enforce_iam and os.environ.get("AWS_ACCESS_KEY_ID"):
        return reached, None
    account = credentials_of(settings.rehearsal.folder)
    return reached, {"aws_access_key_id": account.access_key, "aws_secret_access_key": account.secret_key}
