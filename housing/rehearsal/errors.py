"""Errors of the rehearsal itself, for whoever starts, queries or stops it."""

from __future__ import annotations


class RehearsalError(Exception):
    """It does not start, answer or stop."""


class SettingRefused(RehearsalError):
    """A setting cannot be satisfied; the text begins with its name."""


class RunsOtherwise(SettingRefused):
    """A running rehearsal has another value of a setting that is fixed at its start: stop it first."""
