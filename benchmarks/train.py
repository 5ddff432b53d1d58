"""`housing train` on Ames beside a bare script that imports pandas, xgboost and mlflow and trains the same model."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks.measure import compare, cost

BARE = """
import pandas as pd, xgboost as xgb, mlflow
from importlib.resources import files
table = pd.read_csv(files("housing.data") / "ames.csv.gz", keep_default_na=False, na_values=["NA", ""])
table = table[table.KaggleId.notna()].drop(columns=["Order", "PID", "KaggleId"])
label, features = table.pop("SalePrice"), pd.get_dummies(table)
order = features.sample(frac=1, random_state=0).index
train, validation = order[:1168], order[1168:]
matrices = [xgb.DMatrix(features.loc[rows].astype("float32").to_numpy(), label.loc[rows], nthread=1)
            for rows in (train, validation)]
xgb.train({"max_depth": 5, "eta": 0.5, "eval_metric": "mae", "nthread": 1}, matrices[0], 20,
          evals=[(matrices[0], "train"), (matrices[1], "validation")], early_stopping_rounds=5, verbose_eval=False)
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ours = [sys.executable, "-m", "housing", "train", "hyperparameters=walkthrough"]
        cost(ours, folder=folder)  # the first one makes the record's database
        compare(ours, [sys.executable, "-c", BARE], folder=folder, limit_cpu=0.9)


if __name__ == "__main__":
    main()
