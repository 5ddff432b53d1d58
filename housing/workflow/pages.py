"""Pages that a command writes where it is told to."""

from __future__ import annotations

from pathlib import Path

from housing import files
from housing.errors import ConfigError


def write_page(file: Path, page: bytes) -> None:
    """Whole or not at all. Raises ConfigError where the file cannot be written."""
    try:
        files.write(file, page)
    except OSError as error:
        raise ConfigError(f"--html {file}: cannot be written: {error.strerror}") from error
