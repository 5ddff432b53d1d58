"""Writes pages to the file that the user names."""

from __future__ import annotations

from pathlib import Path

from housing import files
from housing.errors import ConfigError


def write_page(file: Path, page: bytes) -> None:
    """Write the page atomically. Raises ConfigError if the file cannot be written."""
    try:
        files.write(file, page)
    except OSError as error:
        raise ConfigError(f"--html {file}: cannot be written: {error.strerror}") from error
