"""The files of a bundle on disk: checked for completeness, without loading the model."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from housing.errors import DataError

BUNDLE_FOLDER = "bundle"
BUNDLE_IN_MODEL = f"data/{BUNDLE_FOLDER}"
"""Where MLflow puts the bundle inside its model."""
BUNDLE_FILE = "bundle.json"
ENCODER_FILE = "encoder.json"


def check_bundle(folder: Path) -> dict[str, Any]:
    """The content of `bundle.json`. Raises DataError with every file that is missing, altered, or superfluous."""
    try:
        about: dict[str, Any] = json.loads((folder / BUNDLE_FILE).read_bytes())
        expected = {name: about["sha256"][name] for name in (about["model_file"], ENCODER_FILE)}
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise DataError(f"{folder}: {BUNDLE_FILE} cannot be read, so this is not a model bundle: {e}") from e
    faults = []
    for name, sha256 in expected.items():
        try:
            if sha256_of((folder / name).read_bytes()) != sha256:
                faults.append(f"{name} is not the file that was written")
        except OSError:
            faults.append(f"{name} is missing")
    present = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    faults += [f"{name} does not belong there" for name in sorted(present - expected.keys() - {BUNDLE_FILE})]
    if faults:
        raise DataError(f"{folder}: {'; '.join(faults[:5])}")
    return about


def sha256_of(content: bytes) -> str:
    """SHA-256 in hex, as `bundle.json` has it for each file."""
    return hashlib.sha256(content).hexdigest()
