"""Random models against random rows: what the tables of their trees answer, and what their libraries answer.

`python -m benchmarks.compiled [MODELS [LIBRARY]]`: each model is answered to the last bit or refused; a difference
that the check before serving does not find ends with exit code 1.
"""

from __future__ import annotations

import re
import sys
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from housing.algorithms.registry import find
from housing.training.compiled import difference, rows_about

MODELS, ROWS = 10_000, 100
_XGBOOST = (
    "reg:squarederror",
    "reg:absoluteerror",
    "reg:pseudohubererror",
    "reg:squaredlogerror",
    "reg:gamma",
    "reg:tweedie",
    "count:poisson",
    "binary:logistic",
    "multi:softprob",
    "reg:quantileerror",
)
_LIGHTGBM = ("regression", "regression_l1", "huber", "quantile", "poisson", "tweedie", "gamma", "binary", "multiclass")


@dataclass(frozen=True)
class Compared:
    """`differing` counts the answers to rows of another kind than those of the check, where that found nothing."""

    about: str
    is_compiled: bool
    differing: int = 0
    reason: str = ""


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else MODELS
    started = time.perf_counter()
    compiled, refused, differing = 0, Counter[str](), 0
    library = sys.argv[2] if len(sys.argv) > 2 else None
    for seed in range(count):
        if seed and seed % 500 == 0:
            seconds = time.perf_counter() - started
            print(f"{seed} models: {compiled} compiled, {differing} silent differences ({seconds:.0f} s)", flush=True)
        found = compare(seed, library)
        compiled += found.is_compiled
        differing += bool(found.differing)
        if not found.is_compiled:
            refused[re.sub(r"\d+", "N", found.reason)] += 1
        if found.differing:
            print(f"seed {seed}: {found}")
    print(
        f"{count} models, {ROWS} rows each: {compiled} compiled, {sum(refused.values())} refused, "
        f"{differing} silent differences ({time.perf_counter() - started:.0f} s)"
    )
    for reason, times in refused.most_common():
        print(f"  refused {times} times: {reason}")
    sys.exit(1 if differing else 0)


def compare(seed: int, library: str | None = None) -> Compared:
    """One model of the seed's library, objective, depth, columns and missing values."""
    random = np.random.default_rng(seed)
    features = _features(random)
    drawn = str(random.choice(list(_FITTED), p=[0.55, 0.3, 0.15]))
    algorithm = drawn if library is None else library
    about, model = _FITTED[algorithm](random, features)
    try:
        tables = find(algorithm).compiled(model)
    except ValueError as error:
        return Compared(about, is_compiled=False, reason=f"{algorithm}: {error}")
    assert tables is not None
    original = find(algorithm).load(model)
    if (fault := difference(tables, original, rows_about(tables, ROWS, features.shape[1]))) is not None:
        return Compared(about, is_compiled=False, reason=f"{algorithm}: {fault}")
    others = _features(np.random.default_rng(seed + 1), like=features)
    ours, theirs = tables.predict(others), np.asarray(original.predict(others))
    return Compared(about, is_compiled=True, differing=int((ours != theirs).sum()))


def _features(random: np.random.Generator, like: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
    """Numbers of several sizes, whole ones, one-hot columns; some missing."""
    width = int(random.integers(2, 12)) if like is None else like.shape[1]
    found = random.normal(size=(ROWS, width)) * 10.0 ** random.integers(-6, 7, width)
    kinds = random.integers(0, 4, width)
    found[:, kinds == 1] = np.round(found[:, kinds == 1])
    found[:, kinds == 2] = random.random((ROWS, int((kinds == 2).sum()))) < 0.3
    found[random.random(found.shape) < random.choice([0, 0.05, 0.4])] = np.nan
    if like is not None:
        known = random.random(found.shape) < 0.7
        found[known] = like[known]
    return found.astype(np.float32)


def _with_levels(random: np.random.Generator, features: NDArray[np.float32]) -> NDArray[np.float32]:
    """The first column's cells that are there, as one of a few or many levels."""
    found = features.copy()
    levels = random.integers(0, random.choice([2, 6, 40, 90]), ROWS)
    found[:, 0] = np.where(np.isnan(found[:, 0]), np.nan, levels)
    return found


def _label(random: np.random.Generator, features: NDArray[np.float32], kind: str) -> NDArray[np.float64]:
    ranks = np.nan_to_num(features[:, :3]).argsort(axis=0).argsort(axis=0).sum(axis=1) / (3 * ROWS)
    label = ranks + 0.1 * random.normal(size=ROWS)
    if "logistic" in kind or kind == "binary":
        return (label > np.median(label)).astype(np.float64)
    if "multi" in kind:
        return np.digitize(label, np.quantile(label, [0.3, 0.6])).astype(np.float64)
    scale = 10.0 ** random.integers(-3, 6)
    return label * scale if kind.startswith(("reg:squarederror", "regression")) else np.exp(label)


def _xgboost(random: np.random.Generator, features: NDArray[np.float32]) -> tuple[str, bytes]:
    import xgboost

    objective = str(random.choice(_XGBOOST))
    parameters: dict[str, Any] = {
        "objective": objective,
        "max_depth": int(random.integers(1, 13)),
        "eta": float(random.choice([0.05, 0.3, 1.0])),
        "lambda": float(random.choice([0, 1])),
        "min_child_weight": 0.01,
        "booster": str(random.choice(["gbtree", "gbtree", "dart"])),
        "num_parallel_tree": int(random.choice([1, 1, 1, 3])),
        "tree_method": str(random.choice(["hist", "exact", "approx"])),
        "nthread": 1,
        "seed": 0,
    }
    if parameters["booster"] == "dart":
        parameters |= {"rate_drop": 0.3, "normalize_type": str(random.choice(["tree", "forest"]))}
    if objective == "multi:softprob":
        parameters["num_class"] = 3
    if objective == "reg:quantileerror":
        parameters["quantile_alpha"] = [0.1, 0.5, 0.9]
    options: dict[str, Any] = {}
    if random.random() < 0.3 and parameters["tree_method"] != "exact":
        features = _with_levels(random, features)
        options = {"feature_types": ["c"] + ["q"] * (features.shape[1] - 1), "enable_categorical": True}
        parameters["max_cat_to_onehot"] = int(random.choice([1, 10]))
    matrix = xgboost.DMatrix(features, _label(random, features, objective), nthread=1, **options)
    booster = xgboost.train(parameters, matrix, int(random.integers(1, 25)))
    return f"{parameters}", bytes(booster.save_raw("ubj"))


def _lightgbm(random: np.random.Generator, features: NDArray[np.float32]) -> tuple[str, bytes]:
    import lightgbm

    objective = str(random.choice(_LIGHTGBM))
    parameters: dict[str, Any] = {
        "objective": objective,
        "max_depth": int(random.integers(1, 13)),
        "num_leaves": int(random.choice([4, 31, 100])),
        "min_data_in_leaf": int(random.choice([1, 5])),
        "boosting": str(random.choice(["gbdt", "gbdt", "dart"])),
        "max_bin": int(random.choice([7, 255])),
        "use_missing": bool(random.random() < 0.8),
        "num_threads": 1,
        "verbosity": -1,
        "seed": 0,
    }
    if objective == "multiclass":
        parameters["num_class"] = 3
    options: dict[str, Any] = {}
    if random.random() < 0.3:
        features = _with_levels(random, features)
        options = {"categorical_feature": [0]}
        parameters |= {"min_data_per_group": 1, "cat_smooth": 1.0, "max_cat_to_onehot": int(random.choice([1, 10]))}
    table = lightgbm.Dataset(features, _label(random, features, objective), **options)
    booster = lightgbm.train(parameters, table, int(random.integers(1, 25)))
    return f"{parameters}", booster.model_to_string().encode()


def _catboost(random: np.random.Generator, features: NDArray[np.float32]) -> tuple[str, bytes]:
    import catboost

    loss = str(random.choice(["RMSE", "MAE", "Logloss", "MultiClass"], p=[0.4, 0.25, 0.25, 0.1]))
    kinds = {"Logloss": "binary", "MultiClass": "multiclass"}
    parameters: dict[str, Any] = {
        "loss_function": loss,
        "depth": int(random.integers(1, 11)),
        "iterations": int(random.integers(1, 25)),
        "learning_rate": float(random.choice([0.05, 0.3, 1.0])),
        "border_count": int(random.choice([7, 254])),
        "grow_policy": str(random.choice(["SymmetricTree", "SymmetricTree", "Depthwise", "Lossguide"])),
        "nan_mode": str(random.choice(["Min", "Min", "Max"])),
        "random_seed": 0,
    }
    if (features == features[0]).all():  # which the library refuses to fit
        features[0, 0] = 1 - features[0, 0]
    pool = catboost.Pool(features, _label(random, features, kinds.get(loss, "reg:squarederror")), thread_count=1)
    quiet = {"thread_count": 1, "logging_level": "Silent", "allow_writing_files": False}
    return f"{parameters}", bytes(catboost.CatBoost(parameters | quiet).fit(pool)._serialize_model())


_FITTED = {"xgboost": _xgboost, "lightgbm": _lightgbm, "catboost": _catboost}

if __name__ == "__main__":
    main()
