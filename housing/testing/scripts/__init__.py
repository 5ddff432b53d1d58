"""Training scripts as users write them."""

from __future__ import annotations

from pathlib import Path

from housing.algorithms.own_code import Program
from housing.algorithms.script import files_in, pack

METRICS = {f"{channel}_mae": rf"{channel}-mae: ([0-9.e+-]+)" for channel in ("train", "validation")}


def linear(**changed: object) -> Program:
    """The script in `linear/`."""
    sources = {name: text for name, text in files_in(Path(__file__).parent / "linear").items() if name.endswith(".py")}
    return program(sources, **changed)


def program(sources: dict[str, bytes], **changed: object) -> Program:
    """A script made from its files; `train.py` is the entry point."""
    fields: dict[str, object] = {
        "entry_point": "train.py",
        "archive": pack(sources),
        "framework": "sklearn",
        "framework_version": "1.9-0",
        "py_version": "py3",
        "metrics": METRICS,
    }
    return Program(**fields | changed)  # type: ignore[arg-type]
