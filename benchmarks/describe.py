"""`housing describe` of a long file and of a wide one: seconds and memory of a process, beside the size of the file."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv

FILES = {"long": (1_000_000, 16), "wide": (2_000, 1_200)}
"""Rows and columns, all of them numbers."""


def main() -> None:
    """Prints a line for each file."""
    with tempfile.TemporaryDirectory() as folder:
        for name, (rows, columns) in FILES.items():
            file = Path(folder, f"{name}.csv")
            random = np.random.default_rng(0)
            numbers = {f"x{place}": random.normal(size=rows).round(6) for place in range(columns - 1)}
            csv.write_csv(pa.table({**numbers, "price": random.gamma(2, 1000, rows).round(2)}), str(file))
            started = time.perf_counter()
            command = [sys.executable, "-m", "housing", "describe", str(file), "--label", "price"]
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                raise SystemExit(f"describe ended with {process.returncode}")
            wall_s, cpu_s = time.perf_counter() - started, used.ru_utime + used.ru_stime
            size_mb, peak_mb = file.stat().st_size / 1e6, used.ru_maxrss / 1e3
            print(
                f"{name}: {rows:,} x {columns:,}, {size_mb:.0f} MB: {wall_s:.1f} s ({cpu_s:.1f} s of a processor), "
                f"{peak_mb:.0f} MB"
            )


if __name__ == "__main__":
    main()
