"""A column of 5,000 levels in 20,000 rows: the encodings of housing beside LightGBM's own handling of categories.

Each way is a process of its own, so that its memory is its own: `python benchmarks/levels.py`.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

ROWS, LEVELS = 20_000, 5_000
PARAMETERS = {"objective": "regression", "learning_rate": 0.05, "num_leaves": 31, "verbosity": -1, "num_threads": 1}
ROUNDS = 300
VALUES: dict[str, dict[str, Any]] = {
    "lightgbm": {"objective": "regression", "learning_rate": 0.05, "num_leaves": 31, "num_boost_round": ROUNDS},
    "xgboost": {
        "objective": "reg:squarederror",
        "eta": 0.05,
        "num_round": ROUNDS,
        "max_depth": 0,
        "max_leaves": 31,
        "grow_policy": "lossguide",
        "min_child_weight": 20.0,
    },
}
BARE = "lightgbm"
WAYS = (BARE, "lightgbm target", "lightgbm native", "xgboost target", "xgboost native")
"""The library alone, and algorithms behind an encoding of housing."""


def main() -> None:
    """Prints a line for each way."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "levels.csv")
        _write(file)
        for way in WAYS:
            done = subprocess.run(
                [sys.executable, __file__, way, str(file)], check=True, capture_output=True, text=True
            )
            found = json.loads(done.stdout.splitlines()[-1])
            print(f"{way:20} {found['seconds']:6.2f} s   {found['mb']:5.0f} MB   rmse {found['rmse']:.4f}")


def _write(file: Path) -> None:
    rng = np.random.default_rng(0)
    level = rng.integers(0, LEVELS, ROWS)
    numbers = rng.normal(size=(ROWS, 6))
    effect = rng.normal(0, 2, LEVELS)
    label = effect[level] + numbers[:, 0] + np.sin(2 * numbers[:, 1]) + rng.normal(0, 1, ROWS)
    with file.open("w", encoding="utf-8") as text:
        text.write("level," + ",".join(f"x{place}" for place in range(6)) + ",y\n")
        for row in range(ROWS):
            cells = ",".join(f"{value:.5f}" for value in [*numbers[row], label[row]])
            text.write(f"level {level[row]},{cells}\n")


def _lightgbm(file: str) -> float:
    import lightgbm
    import pandas

    table = pandas.read_csv(file)
    table["level"] = table["level"].astype("category")
    order = np.random.RandomState(0).permutation(ROWS)
    train, test = table.iloc[order[: ROWS * 4 // 5]], table.iloc[order[ROWS * 4 // 5 :]]
    data = lightgbm.Dataset(train.drop(columns="y"), train["y"])
    model = lightgbm.train(PARAMETERS, data, ROUNDS)
    return float(((model.predict(test.drop(columns="y")) - test["y"]) ** 2).mean() ** 0.5)


def _housing(file: str, name: str, nominal: Any) -> float:
    from housing.algorithms.registry import fitting
    from housing.data.description import Dataset, Nominal, Numeric
    from housing.data.features import Features
    from housing.data.preparation import prepare
    from housing.data.split_spec import Fractions, Split

    columns = {"level": Nominal(), **{f"x{place}": Numeric() for place in range(6)}, "y": Numeric()}
    dataset = Dataset("levels", file, "y", columns, Split(fractions=Fractions(0.8, 0.2)))
    prepared = prepare(dataset, Features("plain", nominal=nominal))
    train, validation = prepared.channels["train"], prepared.channels["validation"]
    algorithm = fitting(name)
    matrix = algorithm.matrix(train.features, train.label, VALUES[name], **_levels(train.categorical))
    fitted = algorithm.fit(VALUES[name], matrix, seed=0)
    found = algorithm.load(fitted.model).predict(validation.features)
    return float(((found - validation.label) ** 2).mean() ** 0.5)


def _levels(categorical: tuple[int, ...]) -> dict[str, Any]:
    return {"categorical": categorical} if categorical else {}


if __name__ == "__main__":
    if len(sys.argv) == 1:
        main()
    else:
        started = time.process_time()
        algorithm, _, nominal = sys.argv[1].partition(" ")
        rmse = _housing(sys.argv[2], algorithm, nominal) if nominal else _lightgbm(sys.argv[2])
        used = {"seconds": time.process_time() - started, "rmse": rmse}
        print(json.dumps(used | {"mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
