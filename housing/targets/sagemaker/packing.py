"""The part of housing that goes into a framework's container: what fits and predicts, and needs no more than that."""

from __future__ import annotations

from pathlib import Path

import housing

FRAMEWORK = ("sklearn", "1.9-0", "py3")
"""Framework, its version and Python's: the image for whatever has none of its own."""

_PARTS = ("algorithms", "data", "training")


def predicting_part() -> dict[str, bytes]:
    """Contents by path, `housing/...`; the layers guarantee that no other module is imported."""
    package = Path(housing.__file__).parent
    found = {f"housing/{name}": (package / name).read_bytes() for name in ("__init__.py", "archives.py", "errors.py")}
    for part in _PARTS:
        for source in sorted((package / part).glob("*.py")):
            found[f"housing/{part}/{source.name}"] = source.read_bytes()
    return found
