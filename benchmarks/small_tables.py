"""`housing run` of small classification tables against a plain LightGBM, by nothing but what `describe` wrote.

The points that `housing run` compares (`search_space=algorithms`) are trained on the train part; the best by validation
is fitted to train and validation, for as many rounds as it kept, and scored once on the test part, as `housing promote`
does; all of it by housing's own functions in this process. LightGBM (500 rounds at 0.03) has the same rows. A test part
of 30 to 110 rows is a matter of luck: so every table is split with several seeds; seed 0, which is `describe`'s, is
shown by itself, too.

    pip install palmerpenguins 'housing[lightgbm,catboost]'
    python -m benchmarks.small_tables [SPLITS]
"""

from __future__ import annotations

import math
import sys
import time
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory

from benchmarks.choices import answers, chosen
from benchmarks.defaults import naive, peer, score
from benchmarks.tables import JUDGED_ON, Make
from housing.config.load import load
from housing.config.schema import Experiment
from housing.data.describe import describe
from housing.data.preparation import Prepared, prepare
from housing.tasks import base as tasks
from housing.tuning.space import Categorical

_TRIALS = 5
TABLES = ("breast cancer", "wine", "iris", "penguins", "digits")


def compared(folder: Path, seed: int) -> dict[str, Experiment]:
    """The algorithms that `housing run` compares, each at its own point."""
    words = ["dataset=mine", f"dataset.split.seed={seed}"]
    algorithms = load([*words, "search_space=algorithms"], folder, search=True).search_space["algorithm"]
    assert isinstance(algorithms, Categorical)
    return {str(name): load([*words, f"algorithm={name}"], folder) for name in algorithms.choices[:_TRIALS]}


def one_split(experiments: dict[str, Experiment]) -> tuple[str, float, float, float]:
    """The algorithm that was chosen, and the test metric of its final fit, of LightGBM, and of the naive predictor."""
    experiment = next(iter(experiments.values()))
    prepared: Prepared = prepare(experiment.dataset, experiment.features)
    points = {name: answers(each, prepared) for name, each in experiments.items()}
    question, encoder = experiment.dataset.task_name, prepared.encoder
    metric = tasks.metrics(question)[tasks.find(question).metric]
    label = encoder.decode_label(prepared.channels["validation"].label)
    (best,) = chosen(points, lambda answer: metric.compute(label, encoder.decode(answer)))
    ours = score(experiment, prepared, prepared.final()[0].decode(points[best].test))
    return best, ours, peer(experiment, prepared), naive(experiment, prepared)


def table(name: str, make: Make, splits: int) -> bool:
    """Prints a line; whether the mean over splits is not worse than LightGBM's."""
    frame, label = make()
    began = time.monotonic()
    with TemporaryDirectory() as folder:
        file = Path(folder, "table.csv")
        frame.to_csv(file, index=False)
        (Path(folder) / "dataset").mkdir()
        Path(folder, "dataset", "mine.yaml").write_text(describe(file, label), encoding="utf-8")
        found = [one_split(compared(Path(folder), seed)) for seed in range(splits)]
    ours, theirs, ignorant = (mean(each[place] for each in found) for place in (1, 2, 3))
    chose = ", ".join(f"{best} {sum(best == each[0] for each in found)}" for best in dict.fromkeys(e[0] for e in found))
    ratio = math.exp(mean(math.log(each[1] / each[2]) for each in found))
    print(
        f"| {name} | {found[0][1]:.4f} | {found[0][2]:.4f} | {ours:.4f} | {theirs:.4f} | {ignorant:.3f} | {ratio:.2f} "
        f"| {sum(each[1] <= each[2] for each in found)} of {splits} | {chose} | {time.monotonic() - began:.0f} |",
        flush=True,
    )
    return ours <= theirs


def main() -> None:
    splits = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    print("| table | seed 0 | LightGBM | mean | LightGBM | naive | ratio | splits not worse | chosen | s |")
    print("|---" * 10 + "|")
    wins = sum(table(name, JUDGED_ON[name], splits) for name in TABLES)
    print(f"\nnot worse in the mean over {splits} splits: {wins} of {len(TABLES)}")


if __name__ == "__main__":
    main()
