"""The one account that a rehearsal has, and what is in it from the beginning."""

from __future__ import annotations

ACCOUNT = "123456789012"
ROLE_NAME = "housing"
"""The role that every rehearsal has, for jobs and endpoints."""
