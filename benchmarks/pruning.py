"""How many rounds pruning saves, and what it costs: the same trials with and without it, many times over.

Every learning curve is trained once, to its end and without early stopping. A study is then played from the curves: a
pruned trial's curve is a beginning of the whole one, so nothing else would come of training it again. Proposals are
random, since those of a sampler that learns would depend on what was pruned.

    python -m benchmarks.pruning [STUDIES] [CURVES] [OVERRIDE ...]     20 studies of 60 trials, drawn from 300 curves
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

from housing.algorithms.registry import fitting
from housing.config.load import load
from housing.config.schema import Experiment
from housing.data.preparation import prepare
from housing.tuning.space import Int
from housing.tuning.spec import Study
from housing.tuning.study import search
from housing.tuning.trial import Evaluation, Report, Trial

ROUNDS = 500
OVERRIDES = (
    "study=hyperband",
    "search_space=wide",
    f"algorithm.num_round={ROUNDS}",
    "~algorithm.early_stopping_rounds",
    "algorithm.max_bin=64",
)
TOLERANCE = 0.005

Curve = Sequence[float]
"""The objective after every round."""


def curves(experiment: Experiment, count: int) -> list[Curve]:
    """One for each of so many random points of the search space."""
    channels = prepare(experiment.dataset, experiment.features).channels
    algorithm = fitting("xgboost")
    fixed = experiment.algorithm.hyperparameters
    train = algorithm.matrix(channels["train"].features, channels["train"].label, fixed)
    validation = algorithm.matrix(channels["validation"].features, channels["validation"].label, fixed, reference=train)
    found: dict[int, Curve] = {}

    with ThreadPoolExecutor(2) as pool:

        def fit(trial: Trial) -> Evaluation:
            fitted = algorithm.fit({**fixed, **trial.parameters}, train, validation, seed=experiment.seed)
            found[trial.number] = fitted.history["validation"]["mae"]
            return Evaluation((found[trial.number][-1],))

        study = Study("curves", "random", trials=count, parallel=2)
        search(experiment.search_space, study, lambda trial, _: pool.submit(fit, trial), seed=experiment.seed)
    return [found[number] for number in sorted(found)]


def play(known: Sequence[Curve], study: Study, *, seed: int) -> tuple[int, float]:
    """Rounds trained and the best value of a study whose trials are drawn from known curves."""
    trained = 0

    def evaluate(trial: Trial, report: Report) -> Future[Evaluation]:
        nonlocal trained
        curve = known[int(trial.parameters["curve"])]
        done: Future[Evaluation] = Future()
        for number, value in enumerate(curve):
            trained += 1
            if report(number, value):
                done.set_result(Evaluation((value,), stopped=True))
                return done
        done.set_result(Evaluation((curve[-1],)))
        return done

    result = search({"curve": Int(0, len(known) - 1)}, study, evaluate, seed=seed, rounds=len(known[0]))
    assert result.best is not None and result.best.values is not None
    return trained, result.best.values[0]


def compare(known: Sequence[Curve], study: Study, *, studies: int) -> None:
    """Prints rounds and best values of as many studies, each with and without the pruner."""
    drawn = replace(study, sampler="random", parallel=1)
    pruned = [play(known, drawn, seed=seed) for seed in range(studies)]
    whole = [play(known, replace(drawn, pruner="none"), seed=seed) for seed in range(studies)]
    saved = sum(rounds for rounds, _ in whole) / sum(rounds for rounds, _ in pruned)
    least = min(w[0] / p[0] for w, p in zip(whole, pruned, strict=True))
    losses = [p[1] / w[1] - 1 for w, p in zip(whole, pruned, strict=True)]
    print(f"{study.pruner}, prune_every {study.prune_every}, prune_after {study.prune_after}:")
    print(f"  rounds    {saved:.2f} times fewer, {least:.2f} at least (wanted: 2)")
    print(f"  best MAE  {statistics.mean(w[1] for w in whole):,.0f} without; with it {statistics.mean(losses):+.2%} ")
    print(f"            in the mean (wanted: {TOLERANCE:.1%} or less), {max(losses):+.2%} at worst,")
    print(f"            within {TOLERANCE:.1%} in {sum(loss <= TOLERANCE for loss in losses)} of {studies} studies")


def main() -> None:
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    studies, count = (*numbers, *(20, 300)[len(numbers) :])
    experiment = load([*OVERRIDES, *(word for word in sys.argv[1:] if "=" in word)])
    known = curves(experiment, count)
    print(
        f"{studies} studies of {experiment.study.trials} random trials, {len(known[0])} rounds each, wide space, Ames"
    )
    for study in (experiment.study, load(["study=median", "search_space=wide"]).study):
        compare(known, replace(study, trials=experiment.study.trials), studies=studies)


if __name__ == "__main__":
    main()
