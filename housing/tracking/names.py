"""Readable names for lists of runs."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping

_LONGEST = 200
_WORD = re.compile(r"[A-Za-z_][\w.-]*", re.ASCII)


def study_name(study: str) -> str:
    """`tune-<study>-3f2a`; the four hex digits distinguish repeated searches."""
    return _told_apart(f"tune-{study}")


def run_name(experiment: str) -> str:
    """`run-<experiment>-3f2a`: all steps in order."""
    return _told_apart(f"run-{experiment}")


def group_name(command: str) -> str:
    """`<command>-multirun-3f2a`: the jobs of one multirun."""
    return _told_apart(f"{command}-multirun")


def trial_name(number: int, varied: Mapping[str, object], *, trials: int = 100) -> str:
    """`t03 eta=0.10 max_depth=5`: the trial's number, as wide as `trials` needs, and what varies between trials."""
    width = max(2, len(str(trials - 1)))
    return job_name(f"t{number:0{width}d}", varied)


def job_name(prefix: str, varied: Mapping[str, object]) -> str:
    """A prefix and `name=value` of what varies, with numbers rounded."""
    shown = (f"{name.rpartition('.')[2]}={_short(value)}" for name, value in varied.items())
    return " ".join([prefix, *shown])[:_LONGEST]


def handle(run_id: str, name: str) -> str:
    """How to refer to a run on a command line: its name if that is one plain word, else the beginning of its id."""
    return name if _WORD.fullmatch(name) else run_id[:8]


def _told_apart(name: str) -> str:
    return f"{name[:_LONGEST]}-{secrets.token_hex(2)}"


def _short(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.2f}" if value == 0 or 0.095 <= abs(value) < 10_000 else f"{value:.2g}"
    return str(value)
