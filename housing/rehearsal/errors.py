"""Errors of the rehearsal itself, raised to callers that start, query or stop it."""

from __future__ import annotations


class RehearsalError(Exception):
    """It does not start, answer or stop."""


class SettingRefused(RehearsalError):
    """A setting cannot be satisfied; the text begins with its name."""


class RunsOtherwise(SettingRefused):
    """A running rehearsal has another value of a setting that is fixed while it runs: stop it first."""
