"""Sweeps beside the same fits without a record, beside Hydra's and Optuna's with autolog; and their cost by trial.

`python -m benchmarks.sweep [PART ...]`: the parts are `hundred`, `nine`, `others` and `flat`; all when none is named.
"""

from __future__ import annotations

import contextlib
import io
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.measure import Cost, compare, cost

TRIALS, ROUNDS, THREADS = 100, 100, 2
REPEATS = 3
_ROUNDS = (f"algorithm.num_round={ROUNDS}", "~algorithm.early_stopping_rounds")

DATA = """
import pandas as pd, xgboost as xgb, mlflow, optuna, hydra
from importlib.resources import files
table = pd.read_csv(files("housing.data") / "ames.csv.gz", keep_default_na=False, na_values=["NA", ""])
table = table[table.KaggleId.notna()].drop(columns=["Order", "PID", "KaggleId"])
label, features = table.pop("SalePrice"), pd.get_dummies(table)
order = features.sample(frac=1, random_state=0).index
parts = [(features.loc[rows].astype("float32").to_numpy(), label.loc[rows]) for rows in (order[:1168], order[1168:])]
def matrices():
    return [xgb.DMatrix(*part, nthread=1) for part in parts]
def fit(train, validation, point, rounds, **more):
    history = {}
    return xgb.train({"eval_metric": "mae", "nthread": 1, **point}, train, rounds, verbose_eval=False,
                     evals=[(train, "train"), (validation, "validation")], evals_result=history, **more), history
"""

NINE = (
    DATA
    + """
from concurrent.futures import ThreadPoolExecutor
train = xgb.QuantileDMatrix(*parts[0], nthread=1)
validation = xgb.QuantileDMatrix(*parts[1], ref=train, nthread=1)
points = [{"eta": eta, "max_depth": depth} for eta in (0.1, 0.3, 0.5) for depth in (3, 5, 7)]
with ThreadPoolExecutor(3) as pool:
    list(pool.map(lambda point: fit(train, validation, point, 20, early_stopping_rounds=5), points))
"""
)

HYDRA = """
import os, sys, time
os.environ["MLFLOW_TRACKING_URI"] = "sqlite:///theirs.db"
{data}
open("app.yaml", "w").write("eta: 0.3\\nmax_depth: 5\\nhydra:\\n  output_subdir: null\\n")
@hydra.main(version_base=None, config_path=os.getcwd(), config_name="app")
def app(cfg):
    with mlflow.start_run():
        fit(*matrices(), dict(cfg), {rounds})
mlflow.set_experiment("bench")
mlflow.xgboost.autolog()
sys.argv = ["app.py", "-m", "max_depth=" + ",".join(map(str, {depths})), "hydra.sweep.dir=."]
started = time.perf_counter()
app()
print("seconds", time.perf_counter() - started)
"""

OPTUNA = """
import os, time
os.environ["MLFLOW_TRACKING_URI"] = "sqlite:///theirs.db"
{data}
def objective(trial):
    depth = trial.suggest_categorical("max_depth", {depths})
    point = {{"eta": trial.suggest_float("eta", 0.1, 0.5), "max_depth": depth}}
    with mlflow.start_run():
        return fit(*matrices(), point, {rounds})[1]["validation"]["mae"][-1]
mlflow.set_experiment("bench")
mlflow.xgboost.autolog()
optuna.logging.set_verbosity(optuna.logging.ERROR)
started = time.perf_counter()
optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0)).optimize(objective, n_trials=len({depths}), n_jobs=2)
print("seconds", time.perf_counter() - started)
"""


def hundred() -> None:
    """The trials of a whole `housing tune` in a warm process, and the same fits in a loop of two threads."""
    print(f"{TRIALS} trials of {ROUNDS} rounds, {THREADS} at once, recorded; and the same fits with no record at all")
    _tune(trials=3)
    walls, cpus = [], []
    for _ in range(REPEATS):
        ours = _timed(lambda: _tune(trials=TRIALS))
        fits = _fits(_points())
        bare = _timed(lambda fits=fits: fits(THREADS))
        walls.append((ours.wall_s, bare.wall_s))
        cpus.append((ours.cpu_s, bare.cpu_s))
    _print_ratio("wall", walls, "wanted: at most 1.8")
    _print_ratio("cpu", cpus)


def nine() -> None:
    """`housing tune` as a process, beside a script with its imports and nine fits on three threads."""
    print("9 trials of the walkthrough as a whole process; and a script with the same imports and fits")
    ours = [sys.executable, "-m", "housing", "tune"]
    cost(ours, folder=Path.cwd())  # the first one makes the record's database
    compare(ours, [sys.executable, "-c", NINE], folder=Path.cwd(), repeats=REPEATS, limit_wall=1.5)


def others() -> None:
    """Seconds a trial of the two usual ways to do this, imports not counted."""
    depths = [3, 4, 5, 6, 7, 8, 9, 10]
    print(f"seconds a trial of {ROUNDS} rounds; of the others only {len(depths)} trials are run")
    _tune(trials=3)
    ours = _timed(lambda: _tune(trials=TRIALS)).wall_s / TRIALS
    print(f"  {f'housing tune, {TRIALS} trials':43}  {ours:6.3f}")
    for name, script in (("Hydra's basic launcher + autolog", HYDRA), ("Optuna, n_jobs=2, + autolog", OPTUNA)):
        text = script.format(data=DATA, rounds=ROUNDS, depths=depths)
        Path("theirs.py").write_text(text, encoding="utf-8")
        output = cost([sys.executable, "theirs.py"], folder=Path.cwd()).output
        theirs = float(output.rpartition("seconds ")[2].split()[0]) / len(depths)
        print(f"  {name:43}  {theirs:6.3f}  {theirs / ours:.1f} times ours (wanted: at least 10)")


def flat() -> None:
    """From one trial to the next in a study of 1,000 tiny fits: proposal, fit, record, leaderboard."""
    from housing.api.invocation import invocation_of
    from housing.config.load import check, compose
    from housing.workflow.studies import tune

    print("one study of 1,000 fits of one round, one at a time: milliseconds a trial (wanted: a ratio of at most 1.2)")
    tiny = ("algorithm.num_round=1", "algorithm.max_depth=1", "~search_space.max_depth")
    overrides = ("study=random", "study.trials=1000", "study.parallel=1", *tiny)
    composed = compose(overrides, search=True)
    experiment = check(composed)
    clock = _Clock()
    tune(experiment, invocation_of("tune", overrides, composed=composed, experiment=experiment), clock)
    for what, at in (("wall", clock.wall), ("cpu", clock.cpu)):
        early, late = (1000 * (at[last] - at[last - 100]) / 100 for last in (150, 1000))
        print(f"  {what:4} around trial 100: {early:.1f}  around trial 950: {late:.1f}  ratio {late / early:.2f}")


class _Clock:
    """Hears of a study as a console does, and notes by number of ended trials how late it is: seconds."""

    def __init__(self) -> None:
        self.wall: dict[int, float] = {}
        self.cpu: dict[int, float] = {}

    def step(self, name: str, text: str) -> None:
        """Of no interest."""

    def working(self, _text: str) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    def board(self, standing: Any) -> None:
        self.wall.setdefault(standing.done, time.perf_counter())
        self.cpu.setdefault(standing.done, time.process_time())


PARTS: Mapping[str, Callable[[], None]] = {"hundred": hundred, "nine": nine, "others": others, "flat": flat}


def _tune(*, trials: int) -> None:
    _housing("tune", "study=random", f"study.trials={trials}", f"study.parallel={THREADS}", *_ROUNDS)


def _housing(*arguments: str) -> None:
    from housing.cli.dispatch import main

    told = io.StringIO()
    with contextlib.redirect_stdout(told), contextlib.redirect_stderr(told):
        code = main(arguments)
    if code:
        raise SystemExit(told.getvalue())


def _points() -> list[dict[str, Any]]:
    """The hyperparameters of the newest study's trials."""
    import json

    return [json.loads(run.tags["housing.hyperparameters"]) for run in _newest_trials()]


def _newest_trials() -> Sequence[Any]:
    from housing.config.load import load
    from housing.tracking.runs import Runs

    experiment = load()
    runs = Runs.open(experiment.tracking.uri, experiment.name)
    study = runs.latest_study()
    assert study is not None
    return runs.children(study.id)


def _fits(points: Sequence[Mapping[str, Any]]) -> Callable[[int], None]:
    from housing.algorithms.registry import fitting
    from housing.config.load import load
    from housing.data.preparation import prepare

    experiment = load()
    channels = prepare(experiment.dataset, experiment.features).channels
    algorithm = fitting("xgboost")
    train = algorithm.matrix(channels["train"].features, channels["train"].label, {})
    validation = algorithm.matrix(channels["validation"].features, channels["validation"].label, {}, reference=train)

    def run(threads: int) -> None:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(lambda point: algorithm.fit(point, train, validation, seed=experiment.seed), points))

    return run


def _timed(work: Callable[[], None]) -> Cost:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Cost(time.perf_counter() - wall, time.process_time() - cpu)


def _print_ratio(what: str, pairs: Sequence[tuple[float, float]], wanted: str = "") -> None:
    ours, bare = zip(*pairs, strict=True)
    ratio = statistics.median(a / b for a, b in pairs)
    note = f" ({wanted})" if wanted else ""
    a, b = statistics.median(ours), statistics.median(bare)
    print(f"  {what:4} ours {a:6.2f} s  bare {b:6.2f} s  ratio {ratio:.2f}{note}")


@contextlib.contextmanager
def _empty_folder() -> Iterator[None]:
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)


def main() -> None:
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(Path.cwd()), os.environ.get("PYTHONPATH"))))
    for part in sys.argv[1:] or PARTS:
        with _empty_folder():
            PARTS[part]()


if __name__ == "__main__":
    main()
