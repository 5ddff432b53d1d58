"""The rehearsal of a folder from outside: started, looked at and ended, and settings that lead to it."""

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
    """The same settings with the address and region of a rehearsal that answers, started when there was none.

    With them come its account's keys, as boto3 takes them; None where calls are to be signed by who the environment
    says, so that they are held to the policies of that user.
    """
    with _translated(settings.rehearsal):
        address = process.ensure(from_dict(asdict(settings.rehearsal)))
        account = process.credentials_of(settings.rehearsal.folder)
    reached = replace(settings, endpoint_url=address.url, region=settings.region or address.region)
    if settings.rehearsal.enforce_iam and os.environ.get("AWS_ACCESS_KEY_ID"):
        return reached, None
    return reached, {"aws_access_key_id": account.access_key, "aws_secret_access_key": account.secret_key}


def reached(settings: Settings) -> Mapping[str, str]:
    """The environment by which any AWS client reaches a rehearsal that answers, started when there was none."""
    with _translated(settings.rehearsal):
        address = process.ensure(from_dict(asdict(settings.rehearsal)))
        return process.environment_of(address, settings.rehearsal.folder)


def start(settings: Rehearsal) -> tuple[Address, dict[str, str]]:
    """One that stays until it is stopped, and the environment by which any AWS client reaches it, with a role for jobs.

    Raises ConfigError for what cannot be had as it is asked for, CloudError where it does not answer.
    """
    with _translated(settings):
        address = process.ensure(from_dict(asdict(settings)), stays=True)
        return address, process.environment_of(address, settings.folder)


def look(settings: Rehearsal) -> State | None:
    """What it is about; None when there is none. Raises CloudError."""
    with _translated(settings):
        return process.look(settings.folder)


def stop(settings: Rehearsal) -> bool:
    """End it; its state stays. False when there is none. Raises CloudError."""
    with _translated(settings):
        return process.stop(settings.folder)


@contextmanager
def _translated(settings: Rehearsal) -> Iterator[None]:
    """The rehearsal knows no error of ours."""
    try:
        yield
    except RunsOtherwise as error:
        end = ("rehearsal", "stop", setting("rehearsal.folder", settings.folder))
        raise ConfigError(f"rehearsal.{error}", way_out=end) from error
    except SettingRefused as error:
        raise ConfigError(f"rehearsal.{error}") from error
    except RehearsalError as error:
        raise CloudError(str(error)) from error
