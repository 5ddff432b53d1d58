"""`make bench`: every quick benchmark of this folder in turn, or those that are named: `python -m benchmarks train`."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
SHARED = {"asking", "by_hand", "gateway", "measure", "rehearsed", "tables"}
BY_NAME_ONLY = {"defaults", "large_files", "killed_endpoints", "kills", "permissions", "size"}
"""These run for minutes, or need packages of tables."""


def main() -> int:
    known = sorted(
        m.name for m in pkgutil.iter_modules([str(FOLDER)]) if not m.name.startswith("_") and m.name not in SHARED
    )
    wanted = sys.argv[1:] or [name for name in known if name not in BY_NAME_ONLY]
    if unknown := [name for name in wanted if name not in known]:
        print(f"no such benchmark: {', '.join(unknown)}; there are: {', '.join(known)}", file=sys.stderr)
        return 3
    failures = 0
    for name in wanted:
        print(f"== {name}", flush=True)
        failures += (
            subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], cwd=FOLDER.parent, check=False).returncode != 0
        )
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
