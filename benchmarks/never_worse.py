"""Random searches on random tables: how often is the best of a study worse than what the configuration had before it?

Each pair of a space, a study and a table is one `housing tune` in this process, with a small table, few rounds and a
record of its own; trial 0 is the configured point, and the study's best must not be worse.

    python -m benchmarks.never_worse [PAIRS [SEED]]
"""

from __future__ import annotations

import random
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np
import pandas as pd

from housing.api import experiment as library
from housing.data.describe import describe
from housing.errors import HousingError
from housing.tracking.runs import Runs
from housing.tracking.trial import finished_trial
from housing.training.metrics import direction

_TABLES = 8
_SPACES = {
    "xgboost": ("quick", "narrow", "wide", "boosters", "algorithms"),
    "lightgbm": ("quick", "narrow", "wide", "algorithms"),
    "linear": ("quick", "narrow", "algorithms"),
    "forest": ("quick", "narrow"),
}
_ROUNDS = {"xgboost": "algorithm.num_round=12", "lightgbm": "algorithm.num_boost_round=12"}
_SAMPLERS = ("tpe", "random", "qmc", "cmaes")


def table(seed: int) -> pd.DataFrame:
    """A label that is a number, or one of two or three levels, of a few columns, some of whose values are missing."""
    draw = np.random.default_rng(seed)
    rows, columns = int(draw.integers(80, 300)), int(draw.integers(2, 8))
    frame = pd.DataFrame(draw.normal(size=(rows, columns)), columns=[f"x{i}" for i in range(columns)])
    law = frame["x0"] * draw.normal() + frame["x1"] ** 2 + draw.normal(size=rows) * draw.random()
    frame["group"] = draw.choice(list("abc"), rows)
    frame = frame.mask(draw.random(frame.shape) < 0.05)
    levels = seed % 3
    number = law * 10.0 ** draw.integers(-3, 5)
    frame["y"] = number if levels == 0 else pd.qcut(law, levels + 1, labels=[f"level {i}" for i in range(levels + 1)])
    return frame


def pair(folder: Path, draw: random.Random, number: int) -> tuple[str, bool]:
    """What was searched, and whether the best is worse than trial 0."""
    algorithm = draw.choice(list(_SPACES))
    space, sampler = draw.choice(_SPACES[algorithm]), draw.choice(_SAMPLERS)
    words = [
        f"dataset=table{draw.randrange(_TABLES)}",
        f"algorithm={algorithm}",
        f"search_space={space}",
        f"study.sampler={sampler}",
        f"study.trials={draw.randint(2, 5)}",
        f"study.parallel={draw.randint(1, 2)}",
        f"study.folds={draw.choice((1, 1, 1, 3))}",
        f"study.repeats={draw.choice((1, 1, 1, 2))}",
        f"seed={number}",
        f"tracking.uri=sqlite:///{folder}/mlflow.db",
        *([_ROUNDS[algorithm]] if algorithm in _ROUNDS else []),
    ]
    if algorithm in _ROUNDS and space != "algorithms" and draw.random() < 0.3:
        words.append("study.pruner=median")
    experiment = library.compose(*words, config_dir=folder)
    told = experiment.tune()
    objective = experiment.config.study.objectives[0]
    runs = Runs.open(f"sqlite:///{folder}/mlflow.db", experiment.config.name)
    trials = [t for run in runs.children(str(told.run_id)) if (t := finished_trial(run)) is not None]
    (first,) = (t for t in trials if t.number == 0)
    best = float(told.data["best"][objective])
    assert first.values is not None, "trial 0 is never pruned"
    worse = best > first.values[0] if direction(objective) == "minimize" else best < first.values[0]
    return f"{' '.join(words[:7])}: {best!r} against {first.values[0]!r}", worse


def main() -> None:
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    draw = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    worse, failed, began = 0, 0, perf_counter()
    with TemporaryDirectory() as told:
        folder = Path(told)
        (folder / "dataset").mkdir()
        for seed in range(_TABLES):
            file = folder / f"table{seed}.csv"
            table(seed).to_csv(file, index=False)
            text = describe(file, "y")
            (folder / "dataset" / f"table{seed}.yaml").write_text(text, encoding="utf-8")
        for number in range(pairs):
            try:
                what, is_worse = pair(folder, draw, number)
            except HousingError as error:
                failed += 1
                print(f"failed: {error}", flush=True)
                continue
            worse += is_worse
            if is_worse:
                print(f"WORSE than trial 0: {what}", flush=True)
            if number % 10 == 9:
                print(f"{number + 1} pairs in {perf_counter() - began:.0f} s", flush=True)
    print(f"{pairs} pairs of a search and a table: {worse} with a best worse than trial 0, {failed} failed")


if __name__ == "__main__":
    main()
