"""What the walkthrough's figures are over many random splits: how much one split's figures are worth.

Trains the published job and a study of nine on each split, as `housing run experiment=walkthrough` does on one.
"""

from __future__ import annotations

import sys
from concurrent.futures import Future
from dataclasses import replace

import numpy as np

from housing.algorithms.base import Fitted
from housing.algorithms.registry import fitting
from housing.config.load import load
from housing.config.schema import Experiment
from housing.data.preparation import prepare
from housing.tuning.study import search
from housing.tuning.trial import Evaluation, Report, Trial

NAMES = ("train MAE, last round", "validation MAE, last round", "best validation MAE of the study", "rounds trained")


def figures(experiment: Experiment, split_seed: int) -> tuple[float, ...]:
    """One split's figures, in the order of NAMES."""
    dataset = replace(experiment.dataset, split=replace(experiment.dataset.split, seed=split_seed))
    channels = prepare(dataset, experiment.features).channels
    algorithm = fitting("xgboost")
    fixed = experiment.algorithm.hyperparameters
    train = algorithm.matrix(channels["train"].features, channels["train"].label, fixed)
    validation = algorithm.matrix(channels["validation"].features, channels["validation"].label, fixed, reference=train)

    def fit(hyperparameters: dict[str, object]) -> Fitted:
        return algorithm.fit(hyperparameters, train, validation, seed=experiment.seed)

    def evaluate(trial: Trial, _report: Report) -> Future[Evaluation]:
        fitted = fit({**fixed, **trial.parameters})
        done: Future[Evaluation] = Future()
        done.set_result(Evaluation((fitted.history["validation"]["mae"][fitted.best_round],)))
        return done

    job = fit(dict(fixed))
    study = search(experiment.search_space, replace(experiment.study, parallel=1), evaluate, seed=split_seed)
    assert study.best is not None and study.best.values is not None
    train_mae, validation_mae = job.history["train"]["mae"], job.history["validation"]["mae"]
    return train_mae[-1], validation_mae[-1], study.best.values[0], float(len(train_mae))


def main() -> None:
    splits = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    experiment = load(["experiment=walkthrough"])
    values = np.array([figures(experiment, seed) for seed in range(splits)])
    published = experiment.published
    assert published is not None
    known = (published.train_mae.value, published.validation_mae.value, published.best_validation_mae.value)
    print(f"{splits} random splits; mean, standard deviation, percentile of the published value")
    for index, name in enumerate(NAMES):
        column = values[:, index]
        place = f"  {published_place(column, known[index]):3.0f} %" if index < len(known) else ""
        print(f"{name:34} {column.mean():9,.0f} ± {column.std(ddof=1):6,.0f}{place}")


def published_place(column: np.ndarray, value: float) -> float:
    """Share of splits below a published value, in percent."""
    return float(100 * (column < value).mean())


if __name__ == "__main__":
    main()
