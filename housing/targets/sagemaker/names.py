"""New names for jobs: in the order of time when sorted, and never the same twice."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

_LONGEST_STUDY = 32
"""SageMaker puts a number and a suffix behind a tuning job's name for each of its training jobs."""


def job_name(prefix: str) -> str:
    """`<prefix>-<UTC, to the millisecond>-<eight random letters>`: 30 characters behind the prefix."""
    now = datetime.now(UTC)
    return f"{prefix}-{now:%Y%m%d-%H%M%S}-{now.microsecond // 1000:03d}-{secrets.token_hex(4)}"


def study_name(prefix: str) -> str:
    """`<as much of the prefix as there is room for>-<UTC>-<six random letters>`: 32 characters at most."""
    end = f"-{datetime.now(UTC):%y%m%d%H%M%S}-{secrets.token_hex(3)}"
    return prefix[: _LONGEST_STUDY - len(end)].rstrip("-") + end
