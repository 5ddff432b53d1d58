"""Whole processes timed in turn (A B A B ...), so that a ratio holds when the machine's speed drifts."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cost:
    """Seconds of some work: on the clock, and of all cores; and what it said."""

    wall_s: float
    cpu_s: float
    output: str = ""


def cost(command: Sequence[str], *, folder: Path, env: Mapping[str, str] | None = None) -> Cost:
    """Run a command to its end; a failure is shown and raised."""
    started = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=folder, env={**os.environ, **(env or {})}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert process.stdout is not None
    output = process.stdout.read().decode(errors="replace")
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        print(output)
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return Cost(time.perf_counter() - started, usage.ru_utime + usage.ru_stime, output)


def compare(
    ours: Sequence[str],
    bare: Sequence[str],
    *,
    folder: Path,
    repeats: int = 5,
    limit_cpu: float | None = None,
    limit_wall: float | None = None,
) -> None:
    """Print the medians of both commands and of their ratios, after one run of each that is not counted."""
    pairs = [(cost(ours, folder=folder), cost(bare, folder=folder)) for _ in range(repeats + 1)][1:]
    for name, limit in (("wall_s", limit_wall), ("cpu_s", limit_cpu)):
        a, b = [getattr(x, name) for x, _ in pairs], [getattr(y, name) for _, y in pairs]
        ratio = statistics.median(x / y for x, y in zip(a, b, strict=True))
        wanted = f" (wanted: at most {limit})" if limit else ""
        print(f"{name:7} ours {statistics.median(a):6.2f}  bare {statistics.median(b):6.2f}  ratio {ratio:.2f}{wanted}")
