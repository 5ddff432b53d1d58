"""A large file of raw rows answered through the local endpoint into a file, and by polars and onnxruntime, in turn.

`pip install onnx onnxruntime polars`, then `python -m benchmarks.large_files [ROWS]`: a million rows of 40 numbers and
20 columns of levels take a minute or two. What starts a command (some seconds) is not counted for either. Seconds of a
processor are those of this process and of the endpoint's; memory is this process's, at its highest while it asks.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from pyarrow import csv

from benchmarks import by_hand
from benchmarks.asking import cpu_s
from housing.algorithms.registry import find, fitting
from housing.algorithms.trees import TreeTables
from housing.api.reporters import LogReporter
from housing.data.description import Dataset, Numeric
from housing.data.encoder import Encoder
from housing.data.inputs import Levels, Number
from housing.data.rows import raw_rows
from housing.data.split_spec import Fractions, Split
from housing.deployment.plan import plan, teardown
from housing.deployment.spec import Deployment, Variant
from housing.in_order import in_order
from housing.targets.local.host import LocalHost
from housing.targets.local.settings import Settings
from housing.training.artifact import Bundle, write_bundle
from housing.workflow.answer_table import AnswerTable
from housing.workflow.file_answers import FileAnswers

TURNS = 2
_MODEL = "models:/price/1"
_NUMBERS, _LEVELS = [f"n{i}" for i in range(40)], [f"l{i}" for i in range(20)]
_COLUMNS = {"n0": Numeric(), "y": Numeric()}
_DATASET = Dataset("bench", "rows.csv", "y", _COLUMNS, Split(fractions=Fractions(0.6, 0.2, 0.2), seed=0))
_TEXTS = ("alpha", "beta", "gamma", "delta", "epsilon")


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    encoder = Encoder(
        label="y",
        label_unit="",
        label_transform="none",
        missing_values=("NA",),
        inputs=(
            *(Number(name, missing="unknown") for name in _NUMBERS),
            *(Levels(name, missing="unknown", levels=_TEXTS, way="one_hot") for name in _LEVELS),
        ),
        derived={},
    )
    model = _model(len(encoder.columns))
    with TemporaryDirectory() as name:
        folder, file = Path(name), Path(name, "rows.csv")
        _write(file, rows)
        write_bundle(folder / "model", Bundle("xgboost", model, "ubj", encoder.to_json()))
        tables = find("xgboost").compiled(model)
        assert isinstance(tables, TreeTables)
        by_hand.write_onnx(tables, folder / "model.onnx")
        host = LocalHost(Settings(folder=str(folder / "state")))
        for action in plan(Deployment("bench", {"champion": Variant(_MODEL)}), None):
            host.apply(action, {_MODEL: folder / "model"})
        try:
            print(f"{rows:,} rows, {file.stat().st_size / 1e6:.0f} MB, load of the machine {os.getloadavg()[0]:.1f}")
            pid = int(json.loads((folder / "state" / "server.json").read_text())["pid"])
            ours, theirs = [], []
            for _ in range(TURNS):
                ours.append(_measured(lambda: _through_the_endpoint(host, file, folder / "answers.csv"), server=pid))
                theirs.append(_measured(lambda: _by_hand(file, folder / "model.onnx")))
                np.testing.assert_allclose(ours[-1].answers, theirs[-1].answers, rtol=1e-4, atol=1e-4)
        finally:
            for action in teardown("bench", host.current("bench")):
                host.apply(action, {})
    for name, turns in (("endpoint into a file", ours), ("polars + onnxruntime", theirs)):
        wall, cpu = (
            statistics.median(values) for values in zip(*((one.wall_s, one.cpu_s) for one in turns), strict=True)
        )
        print(f"{name}: {wall:.1f} s, {cpu:.1f} s of a processor, {turns[0].peak_mb:.0f} MB")
    pairs = list(zip(ours, theirs, strict=True))
    wall, cpu = (statistics.median(getattr(a, key) / getattr(b, key) for a, b in pairs) for key in ("wall_s", "cpu_s"))
    print(f"ratio {wall:.2f}, of the processor {cpu:.2f} (wanted: at most 1.3)")


@dataclass(frozen=True)
class _Measured:
    answers: Any
    wall_s: float
    cpu_s: float
    peak_mb: float


def _measured(answered: Callable[[], Any], *, server: int | None = None) -> _Measured:
    # From here on the highest memory is counted anew.
    Path("/proc/self/clear_refs").write_text("5")
    before, started = time.process_time() + (cpu_s(server) if server else 0), time.perf_counter()
    answers = answered()
    wall_s, after = time.perf_counter() - started, time.process_time() + (cpu_s(server) if server else 0)
    status = Path("/proc/self/status").read_text()
    peak_kb = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    return _Measured(answers() if callable(answers) else answers, wall_s, after - before, peak_kb / 1e3)


def _through_the_endpoint(host: LocalHost, file: Path, output: Path) -> Callable[[], Any]:
    rows, table = raw_rows(str(file), columns=_NUMBERS), AnswerTable(_DATASET)
    answers = FileAnswers(output, rows, table, LogReporter(), {})
    answers.write(
        lambda after: in_order(
            lambda piece: host.predict("bench", piece), rows.pieces(host.rows_a_request, after=after), at_once=2
        )
    )
    return lambda: csv.read_csv(output)["y"].to_numpy()  # noqa: PLW0108 - to be read after the measurement


def _by_hand(file: Path, model: Path) -> Any:
    # Not requirements of the project, so not known to its type checker.
    polars: Any = import_module("polars")
    onnxruntime: Any = import_module("onnxruntime")
    frame = polars.read_csv(file, schema_overrides=dict.fromkeys(_NUMBERS, polars.Float32), null_values="NA")
    columns = [polars.col(name) for name in _NUMBERS]
    columns += [
        (polars.col(name) == text).cast(polars.Float32).alias(name + text) for name in _LEVELS for text in _TEXTS
    ]
    matrix = np.ascontiguousarray(frame.select(columns).to_numpy(), np.float32)
    session = onnxruntime.InferenceSession(str(model))
    parts = (matrix[start : start + 100_000] for start in range(0, len(matrix), 100_000))
    return np.concatenate([session.run(None, {"x": part})[0][:, 0] for part in parts])


def _model(width: int) -> bytes:
    features = np.random.default_rng(0).normal(size=(500, width)).astype(np.float32)
    parameters = {"num_round": 200, "max_depth": 5}
    algorithm = fitting("xgboost")
    matrix = algorithm.matrix(features, features[:, :5].sum(axis=1), parameters)
    return algorithm.fit(parameters, matrix, seed=0).model


def _write(file: Path, rows: int) -> None:
    """The same ten thousand rows again and again."""
    random = np.random.default_rng(0)
    numbers = np.round(random.normal(size=(10_000, len(_NUMBERS))), 3)
    levels = np.array(_TEXTS)[random.integers(0, len(_TEXTS), (10_000, len(_LEVELS)))]
    lines = [",".join([*map(str, a), *b]) + "\n" for a, b in zip(numbers.tolist(), levels.tolist(), strict=True)]
    with file.open("w") as out:
        out.write(",".join(_NUMBERS + _LEVELS) + "\n")
        for start in range(0, rows, len(lines)):
            out.writelines(lines[: rows - start])


if __name__ == "__main__":
    main()
