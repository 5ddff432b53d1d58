"""The keys of a rehearsal's account: generated at its first start, readable by its owner only."""

from __future__ import annotations

import json
import os
import secrets
import stat
from dataclasses import asdict, dataclass, field
from pathlib import Path

from housing.rehearsal import files

ACCESS_KEY = "rehearsal"
"""The access key of the account itself, which has all permissions."""
_FILE = "credentials.json"
_OTHERS = 0o077


@dataclass(frozen=True)
class Credentials:
    access_key: str
    secret_key: str = field(repr=False)


def read(folder: Path) -> Credentials:
    """The keys of the rehearsal with its state in `folder`. Raises OSError or ValueError where there are none."""
    with files.open_trusted(folder / _FILE) as file:
        if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & _OTHERS:
            raise files.NotPrivate(f"{folder / _FILE} can be read by others; remove it, and start again")
        value = json.load(file)
    return Credentials(str(value["access_key"]), str(value["secret_key"]))


def read_or_create(folder: Path) -> Credentials:
    """As `read`; creates new ones where there are none, or where others may have read them."""
    try:
        return read(folder)
    except (OSError, ValueError, KeyError, TypeError):
        drawn = Credentials(ACCESS_KEY, secrets.token_urlsafe(30))
        files.write(folder / _FILE, json.dumps(asdict(drawn)))
        return drawn
