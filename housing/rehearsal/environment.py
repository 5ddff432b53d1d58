"""The part of the environment that the rehearsal's processes inherit: no keys, tokens or endpoints."""

from __future__ import annotations

import os

_KEPT = ("PATH", "LANG", "LANGUAGE", "TZ", "TMPDIR", "HOME", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


def clean() -> dict[str, str]:
    """Paths and locale; AWS's SDKs find no keys in it."""
    kept = {name: value for name, value in os.environ.items() if name in _KEPT or name.startswith("LC_")}
    nowhere = {"AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_CONFIG_FILE": os.devnull}
    return kept | nowhere | {"AWS_EC2_METADATA_DISABLED": "true"}


def clean_for_python() -> dict[str, str]:
    """As `clean`, with PYTHONPATH, on which our own programs may be; an empty one would mean the working folder."""
    path = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    return clean() | ({"PYTHONPATH": os.pathsep.join(path)} if path else {})
