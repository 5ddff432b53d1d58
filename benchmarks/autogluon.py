"""AutoGluon on the outer parts of `housing benchmark benchmark=suite`, in an environment of its own.

    python -m venv ag
    ag/bin/pip install 'autogluon.tabular[lightgbm,catboost,xgboost]==1.6.3'
    python -m benchmarks.autogluon ag/bin/python FOLDS SECONDS [TABLE...]

It gets the rows of train and validation together, as they stand in the file, `medium_quality`, one core and at most
SECONDS for each part; no neural nets, which need another gigabyte. Scores are the suite's: log loss where the label has
levels, else mean absolute error. What came of it: benchmarks/protocols.md.
"""

from __future__ import annotations

import json
import subprocess
import sys
from statistics import fmean
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from housing.config.load import load
from housing.config.schema import Experiment
from housing.data.preparation import prepare
from housing.workflow.benchmark_tables import described

_IN_ITS_OWN_ENVIRONMENT = """
import json, os, sys, time
import numpy as np, pandas as pd
from autogluon.tabular import TabularPredictor
folder, label, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
text = {label: str} if sys.argv[4] == "levels" else {}
train, test = (pd.read_csv(f"{folder}/{part}.csv", dtype=text) for part in ("train", "test"))
began, used = time.perf_counter(), os.times()
predictor = TabularPredictor(
    label, path=f"{folder}/model", verbosity=0, eval_metric="log_loss" if text else "mean_absolute_error"
).fit(train, presets="medium_quality", time_limit=seconds, num_cpus=1, excluded_model_types=["NN_TORCH", "FASTAI"])
if text:
    chances = predictor.predict_proba(test, as_multiclass=True)
    own = chances.to_numpy()[np.arange(len(test)), [chances.columns.get_loc(level) for level in test[label]]]
    score = -np.log(np.clip(own, 1e-15, 1)).mean()
else:
    score = (predictor.predict(test) - test[label]).abs().mean()
now = os.times()
cpu = sum(getattr(now, name) - getattr(used, name) for name in ("user", "system", "children_user", "children_system"))
print(json.dumps({"score": float(score), "seconds": time.perf_counter() - began, "cpu": cpu}))
"""


def part(experiment: Experiment, python: str, seconds: str) -> dict[str, float]:
    """Score and seconds of one outer part."""
    prepared, dataset = prepare(experiment.dataset, experiment.features), experiment.dataset
    columns = [*dataset.inputs, dataset.label]
    rows = {"train": np.sort(np.r_[prepared.parts.train, prepared.parts.validation]), "test": prepared.parts.test}
    with TemporaryDirectory() as folder:
        for name, places in rows.items():
            taken = prepared.table.take(places)
            pd.DataFrame({column: taken[column] for column in columns}).to_csv(f"{folder}/{name}.csv", index=False)
        kind = "levels" if dataset.label_levels else "number"
        words = [python, "-W", "ignore", "-c", _IN_ITS_OWN_ENVIRONMENT, folder, dataset.label, seconds, kind]
        told = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    found: dict[str, float] = json.loads(told.splitlines()[-1])
    return found


def main() -> None:
    python, folds, seconds, *names = sys.argv[1:]
    suite = load(["benchmark=suite"]).benchmark
    tables = {name: suite.tables[name] for name in names or suite.tables}
    folder = described(tables, name="autogluon", config_dir=None)
    for name, table in tables.items():
        found = []
        for fold in range(int(folds)):
            outer = f"dataset.split.outer={{folds: {folds}, fold: {fold}, seed: 0}}"
            words = [f"dataset={name}", *table.overrides, outer, "dataset.split.seed=0", "seed=0"]
            found.append(part(load(words, folder), python, seconds))
        means = {key: fmean(one[key] for one in found) for key in found[0]}
        print(
            f"{name:12} {means['score']:12.5g}  {means['seconds']:6.1f} s, {means['cpu']:6.1f} s CPU a part", flush=True
        )


if __name__ == "__main__":
    main()
