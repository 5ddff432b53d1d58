"""Whole processes of the commands that people wait for: seconds until the first word, until the end, and of CPU."""

from __future__ import annotations

import os
import pty
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.measure import cost

REPEATS = 3
QUICK = ("--version", "--help", "train --help", "train --cfg job", "completion bash")
LOOKING = ("status", "plan", "compare", "runs", "lineage housing-endpoint")
CHANGING = "deploy deployment=single deployment.variants.champion.weight={weight}"
WORKING = ("train", "predict {rows}", "monitor", "destroy")


def main() -> None:
    print(f"{'command':26} {'first word':>10} {'end':>7} {'CPU':>7}   (seconds, medians of {REPEATS})")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        housing = [sys.executable, "-m", "housing"]
        _row("run", [timed([*housing, "run", "study.trials=2", "study.parallel=1"], folder)])
        rows = next(iter(sorted(folder.glob("*.csv"))), None) or some_rows(folder)
        for command in (*QUICK, *LOOKING):
            _row(command, [timed([*housing, *command.split()], folder) for _ in range(REPEATS)])
        changes = [CHANGING.format(weight=weight).split() for weight in range(1, REPEATS + 2)]
        _row("deploy (changed weight)", [timed([*housing, *words], folder) for words in changes][1:])
        for command in WORKING:
            words = command.format(rows=rows).split()
            times = 1 if command == "destroy" else REPEATS
            _row(command.partition(" {")[0], [timed([*housing, *words], folder) for _ in range(times)])
        imports = [cost([sys.executable, "-c", "import mlflow"], folder=folder) for _ in range(REPEATS)]
        _row("(import mlflow alone)", [(each.wall_s, each.wall_s, each.cpu_s) for each in imports])


def some_rows(folder: Path) -> Path:
    import pandas as pd

    from housing.config.files import conf_dir

    table = pd.read_csv(conf_dir().parent / "housing" / "data" / "ames.csv.gz", keep_default_na=False, nrows=20)
    file = folder / "rows.csv"
    table.to_csv(file, index=False)
    return file


def _row(command: str, found: Sequence[tuple[float, float, float]]) -> None:
    first, end, cpu = (_middle(values) for values in zip(*found, strict=True))
    print(f"{command:26} {first:>10} {end} {cpu}", flush=True)


def _middle(values: Sequence[float]) -> str:
    return f"{statistics.median(values):7.2f}"


def timed(
    command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None, *, may_fail: bool = False
) -> tuple[float, float, float]:
    """In a terminal of its own, as a person would see it."""
    ours, theirs = pty.openpty()
    started = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True
    )
    os.close(theirs)
    first, said = None, b""
    try:
        while some := os.read(ours, 65536):
            first = first or time.perf_counter() - started
            said += some
    except OSError:  # of a terminal whose last process has gone
        pass
    os.close(ours)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    ended = time.perf_counter() - started
    if process.returncode and not may_fail:
        print(said.decode(errors="replace"))
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return first or ended, ended, usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
