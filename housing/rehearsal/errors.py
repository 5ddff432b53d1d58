"""What goes wrong with a rehearsal itself, told to whoever starts, asks or ends it."""

from __future__ import annotations


class RehearsalError(Exception):
    """It does not start, answer or end."""


class SettingRefused(RehearsalError):
    """It cannot be had as it is asked for; the text begins with the setting's name."""


class RunsOtherwise(SettingRefused):
    """A rehearsal that answers already has other settings that only a start decides: it must be ended first."""
