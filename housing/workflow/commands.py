"""The function of each command, by the command's name; a module is imported when its command is requested."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from housing.workflow.outcome import Outcome

MODULES = {
    "attach": "attaching",
    "benchmark": "benchmarking",
    "compare": "comparison",
    "deploy": "serving",
    "destroy": "serving",
    "iam": "permissions",
    "lineage": "inspection",
    "monitor": "monitoring",
    "plan": "serving",
    "predict": "predictions",
    "prepare": "preparing",
    "promote": "promotion",
    "rehearsal": "rehearsing",
    "run": "walkthrough",
    "runs": "recorded_runs",
    "status": "inspection",
    "train": "jobs",
    "tune": "studies",
    "ui": "interface",
}


def command(name: str) -> Callable[..., Outcome]:
    """A command's function; it takes experiment, invocation, reporter, and the command's own arguments."""
    found: Any = getattr(import_module(f"housing.workflow.{MODULES[name]}"), name)
    return found  # type: ignore[no-any-return]
