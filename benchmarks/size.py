"""Many rows of 50 numbers in Parquet: `housing train` beside the best bare script, each a process of its own.

The script reads batches into XGBoost's bins and predicts the rest by batches. housing reads the table from disk, and
where it is small also into memory. How seconds and memory grow: `python benchmarks/size.py 1000000 10000000`; all cores
are used, or as many as `OMP_NUM_THREADS` says.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

COLUMNS, ROUNDS, PIECE = 50, 20, 100_000
THREADS = int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)
MOST_IN_MEMORY = 2_000_000
POINT = {"max_depth": 6, "eta": 0.3, "objective": "reg:squarederror", "nthread": THREADS, "seed": 0}
DATASET = """
name: big
source: big.parquet
format: parquet
label: y
split: {by_column: {column: part, train: ["0"], validation: ["1"]}}
columns:
"""


def main() -> None:
    """Prints a line for each way and number of rows."""
    for rows in [int(one) for one in sys.argv[1:]] or [1_000_000]:
        with tempfile.TemporaryDirectory() as folder:
            _write(Path(folder), rows)
            for way in ("bare", "disk", *(["memory"] if rows <= MOST_IN_MEMORY else [])):
                found = _measured(way, folder)
                figures = f"{found['s']:6.1f} s  {found['cpu_s']:6.1f} s of CPU  {found['mb']:6.0f} MB"
                print(f"{rows:10,} rows  {way:8} {figures}  rmse {found['rmse']:.6f}", flush=True)


def _measured(way: str, folder: str) -> dict[str, Any]:
    done = subprocess.run([sys.executable, __file__, way], cwd=folder, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _write(folder: Path, rows: int) -> None:
    import numpy as np
    import pyarrow as pa
    from pyarrow import parquet

    rng = np.random.default_rng(0)
    names = [f"x{place}" for place in range(COLUMNS)]
    with parquet.ParquetWriter(folder / "big.parquet", _schema(names)) as writer:
        for start in range(0, rows, PIECE):
            some = min(PIECE, rows - start)
            cells = rng.normal(size=(COLUMNS, some)).astype(np.float32)
            label = cells[0] + np.sin(2 * cells[1]) * cells[2] + rng.normal(0, 0.5, some)
            arrays = [*cells, label.astype(np.float32), (rng.random(some) < 0.2).astype(np.int8)]
            writer.write_batch(pa.record_batch(arrays, schema=_schema(names)))
    columns = [f"  {name}: {{kind: numeric}}" for name in (*names, "y")]
    (folder / "conf" / "dataset").mkdir(parents=True)
    text = DATASET.lstrip() + "\n".join([*columns, "  part: {kind: ignored}", ""])
    (folder / "conf" / "dataset" / "big.yaml").write_text(text, encoding="utf-8")


def _schema(names: list[str]) -> Any:
    import pyarrow as pa

    return pa.schema([*((name, pa.float32()) for name in (*names, "y")), ("part", pa.int8())])


def _bare() -> float:
    import numpy as np
    import xgboost
    from pyarrow import parquet

    names = [f"x{place}" for place in range(COLUMNS)]

    def batches(part: int) -> Any:
        for batch in parquet.ParquetFile("big.parquet", pre_buffer=False).iter_batches(PIECE):
            there = batch.column("part").to_numpy() == part
            features = np.column_stack([batch.column(name).to_numpy()[there] for name in names])
            yield features, batch.column("y").to_numpy()[there]

    class Batches(xgboost.DataIter):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.reset()

        def reset(self) -> None:
            self.batches = batches(0)

        def next(self, input_data: Any) -> bool:
            for features, label in self.batches:
                input_data(data=features, label=label)
                return True
            return False

    booster = xgboost.train(POINT, xgboost.QuantileDMatrix(Batches(), nthread=THREADS), ROUNDS)
    squares = [((booster.inplace_predict(features) - label) ** 2) for features, label in batches(1)]
    return float(np.concatenate(squares).mean() ** 0.5)


def _housing(storage: str) -> float:
    from housing import compose

    point = [f"algorithm.{name}={POINT[name]}" for name in ("max_depth", "eta")]
    rounds = [f"algorithm.num_round={ROUNDS}", "algorithm.eval_metric=[rmse]", "~algorithm.early_stopping_rounds"]
    sampling = ["algorithm.subsample=1", "algorithm.colsample_bytree=1", "algorithm.min_child_weight=1"]
    cores = f"runner.threads_per_job={THREADS}"
    asked = ("dataset=big", f"dataset.storage={storage}", cores, *point, *rounds, *sampling)
    result = compose(*asked, config_dir="conf").train()
    return float(result.data["metrics"]["validation_rmse"])


if __name__ == "__main__":
    if sys.argv[1:] in (["bare"], ["disk"], ["memory"]):
        started = time.perf_counter()
        rmse = _bare() if sys.argv[1] == "bare" else _housing(sys.argv[1])
        used = resource.getrusage(resource.RUSAGE_SELF)
        cpu_s, mb = used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
        print(json.dumps({"s": time.perf_counter() - started, "cpu_s": cpu_s, "mb": mb, "rmse": rmse}))
    else:
        main()
