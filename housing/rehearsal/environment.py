"""What a process of the rehearsal has of the environment of who started it: no keys, no tokens, no addresses."""

from __future__ import annotations

import os

_KEPT = ("PATH", "LANG", "LANGUAGE", "TZ", "TMPDIR", "HOME", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


def clean() -> dict[str, str]:
    """Where programs lie and how people write; and nothing where AWS's SDKs look for keys."""
    kept = {name: value for name, value in os.environ.items() if name in _KEPT or name.startswith("LC_")}
    nowhere = {"AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_CONFIG_FILE": os.devnull}
    return kept | nowhere | {"AWS_EC2_METADATA_DISABLED": "true"}


def clean_for_python() -> dict[str, str]:
    """For programs of our own, which may lie on PYTHONPATH; an empty entry would be the working folder."""
    path = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    return clean() | ({"PYTHONPATH": os.pathsep.join(path)} if path else {})
