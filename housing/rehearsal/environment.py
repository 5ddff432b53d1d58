"""The part of its environment that a process of the rehearsal inherits: no keys, tokens or endpoints."""

from __future__ import annotations

import os

_KEPT = ("PATH", "LANG", "LANGUAGE", "TZ", "TMPDIR", "HOME", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


def clean() -> dict[str, str]:
    """Paths and locale; AWS's SDKs find no keys in it."""
    kept = {name: value for name, value in os.environ.items() if name in _KEPT or name.startswith("LC_")}
    nowhere = {"AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_CONFIG_FILE": os.devnull}
    return kept | nowhere | {"AWS_EC2_METADATA_DISABLED": "true"}


def clean_for_python() -> dict[str, str]:
    """For programs of our own, which may lie on PYTHONPATH; an empty entry would be the working folder."""
    path = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    return clean() | ({"PYTHONPATH": os.pathsep.join(path)} if path else {})
