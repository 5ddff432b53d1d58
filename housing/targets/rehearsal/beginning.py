"""Starts, queries and stops the rehearsal of a folder, and makes settings that point to it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from housing.errors import CloudError, ConfigError
from housing.rehearsal import process
from housing.rehearsal.errors import RehearsalError, RunsOtherwise, SettingRefused
from housing.rehearsal.process import Address, State
from housing.rehearsal.settings import from_dict
from housing.shell import setting

__all__ = ["Address", "State", "begun", "look", "reached", "start", "stop"]

if TYPE_CHECKING:
    from housing.targets.rehearsal.settings import Rehearsal, Settings


def begun(settings: Settings) -> tuple[Settings, Mapping[str, str] | None]:
    """The settings with the address and region of a running rehearsal, started if there was none.

    Also its account's keys, as boto3 takes them; None where calls are signed with the environment's keys, so that the
    policies of that user apply.
    """
    with _translated(settings.rehearsal):
        address = process.ensure(from_dict(asdict(settings.rehearsal)))
        account = process.credentials_of(settings.rehearsal.folder)
    reached = replace(settings, endpoint_url=address.url, region=settings.region or address.region)
    if settings.rehearsal.enforce_iam and os.environ.get("AWS_ACCESS_KEY_ID"):
        return reached, None
    return reached, {"aws_access_key_id": account.access_key, "aws_secret_access_key": account.secret_key}


def reached(settings: Settings) -> Mapping[str, str]:
    """The variables with which any AWS client reaches a running rehearsal, started if there was none."""
    with _translated(settings.rehearsal):
        address = process.ensure(from_dict(asdict(settings.rehearsal)))
        return process.environment_of(address, settings.rehearsal.folder)


def start(settings: Rehearsal) -> tuple[Address, dict[str, str]]:
    """Start one that runs until it is stopped; returns also the variables for any AWS client, with a role for jobs.

    Raises ConfigError for settings that cannot be satisfied, CloudError where it does not answer.
    """
    with _translated(settings):
        address = process.ensure(from_dict(asdict(settings)), stays=True)
        return address, process.environment_of(address, settings.folder)


def look(settings: Rehearsal) -> State | None:
    """The rehearsal's state; None when none is running. Raises CloudError."""
    with _translated(settings):
        return process.look(settings.folder)


def stop(settings: Rehearsal) -> bool:
    """Stop it; its state is kept. False when none is running. Raises CloudError."""
    with _translated(settings):
        return process.stop(settings.folder)


@contextmanager
def _translated(settings: Rehearsal) -> Iterator[None]:
    """Turn the rehearsal's errors into ours, which it does not import."""
    try:
        yield
    except RunsOtherwise as error:
        end = ("rehearsal", "stop", setting("rehearsal.folder", settings.folder))
        raise ConfigError(f"rehearsal.{error}", way_out=end) from error
    except SettingRefused as error:
        raise ConfigError(f"rehearsal.{error}") from error
    except RehearsalError as error:
        raise CloudError(str(error)) from error
