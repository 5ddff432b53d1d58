"""Single mistakes about tasks on the command line and in files: no traceback, exit code 3, the word that was meant.

`python -m benchmarks.task_mistakes` makes 300 of them and runs each through the command line, in this process.
"""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
from collections import Counter
from pathlib import Path

from housing.cli.dispatch import main as housing
from tests.task_mistakes import Mistake, mistakes, verdict

_COUNT = 300


def main() -> None:
    found: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="mistakes-") as name, contextlib.chdir(name):
        for number, mistake in enumerate(mistakes(_COUNT)):
            code, output = answered(mistake)
            told = verdict(mistake, code, output)
            found[told] += 1
            if told != "right":
                print(f"{number} {told}: meant {mistake.meant}: {mistake.overrides[1:]} exit {code}")
                print("    " + " ".join(output.split())[:300], flush=True)
    print(", ".join(f"{count} {verdict}" for verdict, count in found.items()))
    sys.exit(0 if not found["traceback"] and found["right"] >= 0.95 * _COUNT else 1)


def answered(mistake: Mistake) -> tuple[int, str]:
    """Exit code and all that was printed."""
    mistake.put(Path.cwd())
    told = io.StringIO()
    with contextlib.redirect_stdout(told), contextlib.redirect_stderr(told):
        code = housing(["train", "--config-dir", "conf", *mistake.overrides])
    return code, told.getvalue()


if __name__ == "__main__":
    main()
