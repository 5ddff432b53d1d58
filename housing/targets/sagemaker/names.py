"""New names for jobs: unique, and in order of time when sorted."""

from __future__ import annotations

import secrets
import string
from datetime import UTC, datetime

_LONGEST_STUDY = 32
"""SageMaker appends a number and a suffix to a tuning job's name for each of its training jobs."""
_CHARACTERS = string.ascii_lowercase + string.digits


def job_name(prefix: str) -> str:
    """`<prefix>-<UTC, to the millisecond>-<eight random characters>`: 30 characters after the prefix."""
    now = datetime.now(UTC)
    return f"{prefix}-{now:%Y%m%d-%H%M%S}-{now.microsecond // 1000:03d}-{_random(8)}"


def study_name(prefix: str) -> str:
    """`<as much of the prefix as there is room for>-<UTC>-<six random characters>`: 32 characters at most."""
    end = f"-{datetime.now(UTC):%y%m%d%H%M%S}-{_random(6)}"
    return prefix[: _LONGEST_STUDY - len(end)].rstrip("-") + end


def _random(length: int) -> str:
    """Six characters have more than two thousand million values."""
    return "".join(secrets.choice(_CHARACTERS) for _ in range(length))
