"""Unpacks archives within the limits of a machine's disk."""

from __future__ import annotations

import tarfile
from pathlib import Path

_MOST_ENTRIES = 100_000
_MOST_BYTES = 30 << 30  # the smallest volume that a machine has by default


def extract(archive: tarfile.TarFile, folder: Path) -> None:
    """Write its files below the folder, and nowhere else. Raises TarError when there are more bytes than fit."""
    size = 0
    for number, member in enumerate(archive, 1):
        size += member.size
        if number > _MOST_ENTRIES or size > _MOST_BYTES:
            raise tarfile.ExtractError("No space left on device")
        archive.extract(member, folder, filter="data")
