"""Whole processes of every command, of an older checkout and of this one in turn: first word, CPU seconds.

`python -m benchmarks.before_after OLD_CHECKOUT [REPEATS]`: both run in this environment, each in a folder of its own.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from benchmarks.starts import some_rows, timed

POINT = "hyperparameters=walkthrough"
COMMANDS = (
    *("--version", "--help", "train --help", "train --cfg job"),
    f"train {POINT}",
    f"train -m {POINT} seed=1,2",
    f"tune {POINT} search_space=walkthrough study.trials=2",
    f"promote {POINT} gate.against_champion=nothing",
    *("plan", "deploy", "status", "predict rows.csv", "monitor", "lineage housing-endpoint", "compare", "runs"),
    *("attach", "describe rows.csv --label SalePrice", "destroy"),
    f"run {POINT} search_space=walkthrough study.trials=2",
    *("destroy", "rehearsal status", "iam role target=sagemaker"),
)


def main(old: Path, repeats: int = 3) -> None:
    here = Path(__file__).resolve().parents[1]
    checkouts = {"before": old.resolve(), "after": here}
    with tempfile.TemporaryDirectory() as name:
        found: dict[tuple[str, str], list[tuple[float, float]]] = {}
        for _ in range(repeats):
            folders = {word: Path(tempfile.mkdtemp(dir=name)) for word in checkouts}
            for folder in folders.values():
                some_rows(folder)
            for place, command in enumerate(COMMANDS):
                for word, checkout in checkouts.items():
                    first, _, cpu = timed(_housing(command), folders[word], _environment(checkout), may_fail=True)
                    found.setdefault((f"{place:02} {command}", word), []).append((first, cpu))
                    print(f"{word:6} {cpu:6.2f} {first:6.2f}  {command}", file=sys.stderr, flush=True)
    print(f"medians of {repeats}: CPU seconds, then seconds until the first word\n")
    print(f"{'command':62} {'before':>7} {'after':>7}   {'before':>7} {'after':>7}")
    for command in dict.fromkeys(command for command, _ in found):
        cpus = [statistics.median(cpu for _, cpu in found[command, word]) for word in checkouts]
        firsts = [statistics.median(first for first, _ in found[command, word]) for word in checkouts]
        print(f"{command[3:]:62} {cpus[0]:7.2f} {cpus[1]:7.2f}   {firsts[0]:7.2f} {firsts[1]:7.2f}", flush=True)


def _housing(command: str) -> list[str]:
    return [sys.executable, "-m", "housing", *command.split()]


def _environment(checkout: Path) -> Mapping[str, str]:
    return {**os.environ, "PYTHONPATH": str(checkout), "SAGEMAKER_ROLE_ARN": "arn:aws:iam::123456789012:role/mine"}


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:3]))
