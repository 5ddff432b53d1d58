"""Hostile configurations and files: no traceback, no fault called ours, no hang, no secret shown or recorded.

`python -m benchmarks.hostile` runs all 500 of them; `--from 100 --to 200` a part, `--cases 77 121` some again.
"""

from __future__ import annotations

import argparse
import os
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from housing.cli.dispatch import main as housing
from tests.hostile_inputs import Case, cases

_HANGS_S = 10
_GIVEN_UP_S = 120


@dataclass(frozen=True)
class Answer:
    """What a command did; its processor seconds tell it from others that this machine was busy with."""

    code: int
    output: str
    wall_s: float
    cpu_s: float


def main() -> None:
    numbers = _chosen()
    made = cases(max(numbers) + 1)
    _warm_up()
    found: Counter[str] = Counter()
    codes: Counter[int] = Counter()
    slowest = (0.0, 0.0, "")
    for number in numbers:
        case = made[number]
        with tempfile.TemporaryDirectory(prefix="hostile-") as name:
            folder = Path(name).resolve()
            case.put(folder)
            answer = answered(case, folder)
            faults = case.faults(answer.code, answer.output, folder)
            faults += ["hang"] if answer.cpu_s > _HANGS_S or answer.wall_s > _GIVEN_UP_S else []
        found.update(faults)
        codes[answer.code] += 1
        slowest = max(slowest, (answer.cpu_s, answer.wall_s, f"{number} {case.kind}"))
        for fault in faults:
            command = [word[:100] for word in case.arguments]
            print(f"{number} {case.kind}: {fault}: {command}\n    {answer.output[-400:]!r}", flush=True)
    print(f"{len(numbers)} cases; exit codes {dict(sorted(codes.items()))}")
    print(f"slowest: {slowest[0]:.1f} s of processor time, {slowest[1]:.1f} s in all ({slowest[2]})")
    for kind in ("traceback", "bug", "killed", "hang", "secret shown", "secret recorded"):
        print(f"{kind}: {found[kind]}")
    sys.exit(1 if found else 0)


def _chosen() -> list[int]:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hostile", description=__doc__)
    parser.add_argument("--from", dest="first", type=int, default=0, help="the first case")
    parser.add_argument("--to", dest="end", type=int, default=500, help="the case before which to end")
    parser.add_argument("--cases", type=int, nargs="+", help="these alone")
    given = parser.parse_args()
    return given.cases or list(range(given.first, given.end))


def answered(case: Case, folder: Path) -> Answer:
    """The command in a process of its own, forked from this one, which has imported everything."""
    began = time.monotonic()
    with tempfile.TemporaryFile() as output:
        child = os.fork()
        if child == 0:
            _become(case, folder, output.fileno())
        status, usage = _waited(child, began)
        output.seek(0)
        text = output.read().decode(errors="replace")
    return Answer(os.waitstatus_to_exitcode(status), text, time.monotonic() - began, usage.ru_utime + usage.ru_stime)


def _become(case: Case, folder: Path, output: int) -> None:
    code = 99
    try:
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.chdir(folder)
        for name in ("MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID"):
            os.environ.pop(name, None)
        os.environ.update(case.environment)
        if case.memory_mb is not None:
            pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
            most = pages * resource.getpagesize() + case.memory_mb * 1_000_000
            resource.setrlimit(resource.RLIMIT_AS, (most, most))
        code = housing(list(case.arguments))
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _waited(child: int, began: float) -> tuple[int, resource.struct_rusage]:
    while True:
        done, status, usage = os.wait4(child, os.WNOHANG)
        if done:
            return status, usage
        if time.monotonic() - began > _GIVEN_UP_S:
            os.killpg(child, signal.SIGKILL)
            _, status, usage = os.wait4(child, 0)
            return status, usage
        time.sleep(0.005)


def _warm_up() -> None:
    for module in ("mlflow.store.tracking.sqlalchemy_store", "pandas", "xgboost", "housing.workflow.walkthrough"):
        import_module(module)


if __name__ == "__main__":
    main()
