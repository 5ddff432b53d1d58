"""`housing describe` of long files and of a wide one: seconds and memory of a process, beside the size of the file."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv, parquet

FILES = {
    "long.csv": (1_000_000, 16),
    "wide.csv": (2_000, 1_200),
    "long.parquet": (1_000_000, 16),
    "texts.csv": (1_000_000, 16),
    "texts.parquet": (1_000_000, 16),
    "commas.csv": (1_000_000, 16),
    "stamps.csv": (1_000_000, 13),
    "stamps.parquet": (1_000_000, 13),
}
"""Rows and columns: numbers; of `texts` half are levels, dates and names; `commas` are decimal; two columns of `stamps`
have another time in each row.
"""


def main() -> None:
    """Prints a line for each file; words say which."""
    with tempfile.TemporaryDirectory() as folder:
        for name in sys.argv[1:] or FILES:
            rows, columns = FILES[name]
            file = Path(folder, name)
            # In a process of its own: memory of this one would count as that of the command that it starts.
            writing = multiprocessing.get_context("spawn").Process(target=_write, args=(file, rows, columns))
            writing.start()
            writing.join()
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


def _write(file: Path, rows: int, columns: int) -> None:
    random = np.random.default_rng(0)
    table: dict[str, Any] = {f"x{place}": random.normal(size=rows).round(6) for place in range(columns - 1)}
    table["price"] = random.gamma(2, 1000, rows).round(2)
    if file.stem == "texts":
        cities = np.array([f"city {number}" for number in range(200)])
        days = np.datetime_as_string(np.datetime64("2020-01-01") + np.arange(1500)).astype(str)
        for place in range(3):
            table[f"x{place}"] = cities[random.integers(0, len(cities), rows)]
            table[f"x{place + 3}"] = days[random.integers(0, len(days), rows)]
        for place in (6, 7):
            table[f"x{place}"] = [f"owner of home {number:07d}" for number in random.permutation(rows)]
    if file.stem == "stamps":
        times = np.datetime64("2020-01-01") + np.sort(random.integers(0, 126_000_000, rows)).astype("timedelta64[s]")
        table["x0"] = pa.array(np.datetime_as_string(times).astype(str))
        table["x1"] = pc.strftime(pa.array(random.permutation(times)), "%d.%m.%Y %H:%M:%S")
    written = pa.table(table)
    if file.suffix == ".parquet":
        parquet.write_table(written, file)
    elif file.stem == "commas":
        texts = [pc.replace_substring(pc.cast(column, pa.string()), ".", ",") for column in written.columns]
        csv.write_csv(pa.table(texts, written.column_names), str(file), csv.WriteOptions(delimiter=";"))
    else:
        csv.write_csv(written, str(file))


if __name__ == "__main__":
    main()
