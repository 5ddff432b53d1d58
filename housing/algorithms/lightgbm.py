"""Gradient-boosted trees that grow leaf by leaf, by LightGBM's own names."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from housing.algorithms.base import (
    Capabilities,
    Fitted,
    FittingAlgorithm,
    ForTask,
    Hyperparameter,
    Hyperparameters,
    LabelMetrics,
    RoundWatch,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_POSITIVE = 1e-16
_INT32_MAX = 2**31 - 1

_OF_NUMBERS = ("regression", "regression_l1", "huber", "fair", "poisson", "mape", "gamma", "tweedie")

_HYPERPARAMETERS: Hyperparameters = {
    "num_boost_round": Hyperparameter("int", "rounds of boosting", low=1),
    "early_stopping_rounds": Hyperparameter(
        "int", "stop after this many rounds without a better validation metric", low=1, tunable=False
    ),
    "objective": Hyperparameter(
        "text",
        "loss to minimise",
        default="regression",
        choices=(*_OF_NUMBERS, "binary", "multiclass", "multiclassova"),
    ),
    "metric": Hyperparameter(
        "text",
        "metrics of every round; the last one decides early stopping",
        choices=(
            "mae",
            "rmse",
            "mape",
            "poisson",
            "binary_logloss",
            "auc",
            "average_precision",
            "binary_error",
            "multi_logloss",
            "multi_error",
        ),
        many=True,
        tunable=False,
    ),
    "num_class": Hyperparameter("int", "levels of the label (multiclass)", low=2, tunable=False),
    "scale_pos_weight": Hyperparameter("float", "weight of the positive level's rows (binary)", low=_POSITIVE),
    "boosting": Hyperparameter("text", "kind of learner", choices=("gbdt", "dart")),
    "learning_rate": Hyperparameter("float", "weight of each new tree", low=_POSITIVE),
    "num_leaves": Hyperparameter("int", "most leaves of a tree", low=2, high=131072),
    "max_depth": Hyperparameter("int", "deepest level of a tree, -1 for no limit", low=-1, high=_INT32_MAX),
    "min_data_in_leaf": Hyperparameter("int", "least rows in a leaf", low=0),
    "min_sum_hessian_in_leaf": Hyperparameter("float", "least sum of second derivatives in a leaf", low=0),
    "min_gain_to_split": Hyperparameter("float", "least gain of a split", low=0),
    "max_delta_step": Hyperparameter("float", "largest output of a leaf, 0 for no limit", low=0),
    "bagging_fraction": Hyperparameter("float", "share of rows drawn (bagging_freq)", low=_POSITIVE, high=1),
    "bagging_freq": Hyperparameter("int", "draw rows anew after this many rounds, 0 for never", low=0),
    "feature_fraction": Hyperparameter("float", "share of columns drawn for each tree", low=_POSITIVE, high=1),
    "feature_fraction_bynode": Hyperparameter("float", "share of columns drawn for each split", low=_POSITIVE, high=1),
    "lambda_l1": Hyperparameter("float", "L1 penalty on leaf values", low=0),
    "lambda_l2": Hyperparameter("float", "L2 penalty on leaf values", low=0),
    "path_smooth": Hyperparameter("float", "pull of a leaf towards its parent", low=0),
    "extra_trees": Hyperparameter("bool", "split at one random value of each column"),
    "max_bin": Hyperparameter("int", "most bins of a column", low=2, high=_INT32_MAX),
    "min_data_in_bin": Hyperparameter("int", "least rows in a bin", low=1),
    "tweedie_variance_power": Hyperparameter("float", "spread of tweedie", low=1, high=1.999),
    "drop_rate": Hyperparameter("float", "share of trees that dart drops", low=0, high=1),
    "skip_drop": Hyperparameter("float", "chance that dart drops nothing in a round", low=0, high=1),
    "seed": Hyperparameter(
        "int", "randomness of sampling; left out, the experiment's seed", low=0, high=_INT32_MAX, tunable=False
    ),
}

_ALIASES = {
    **dict.fromkeys(("num_iterations", "num_iteration", "num_trees", "num_rounds", "num_round"), "num_boost_round"),
    "n_estimators": "num_boost_round",
    **dict.fromkeys(("eta", "shrinkage_rate"), "learning_rate"),
    **dict.fromkeys(("early_stopping_round", "n_iter_no_change"), "early_stopping_rounds"),
    **dict.fromkeys(("max_leaves", "max_leaf_nodes"), "num_leaves"),
    **dict.fromkeys(("min_child_samples", "min_samples_leaf"), "min_data_in_leaf"),
    **dict.fromkeys(("min_child_weight", "min_sum_hessian"), "min_sum_hessian_in_leaf"),
    **dict.fromkeys(("min_split_gain", "gamma"), "min_gain_to_split"),
    **dict.fromkeys(("subsample", "bagging"), "bagging_fraction"),
    **dict.fromkeys(("colsample_bytree", "sub_feature"), "feature_fraction"),
    "subsample_freq": "bagging_freq",
    "colsample_bynode": "feature_fraction_bynode",
    **dict.fromkeys(("reg_alpha", "alpha"), "lambda_l1"),
    **dict.fromkeys(("reg_lambda", "lambda"), "lambda_l2"),
    **dict.fromkeys(("boosting_type", "boost", "booster"), "boosting"),
    **dict.fromkeys(("application", "loss"), "objective"),
    "eval_metric": "metric",
    **dict.fromkeys(("random_state", "random_seed"), "seed"),
}
"""Names of LightGBM's scikit-learn classes and of other libraries -> LightGBM's own."""

_OF_THE_MATRIX = ("max_bin", "min_data_in_bin")
_TASKS = {
    "regression": ForTask(_OF_NUMBERS, ("mae", "rmse", "mape")),
    "count": ForTask(("poisson", "tweedie", "regression", "regression_l1"), ("poisson", "rmse", "mae")),
    "binary": ForTask(("binary",), ("binary_logloss", "auc", "average_precision", "binary_error")),
    "multiclass": ForTask(("multiclass", "multiclassova"), ("multi_logloss", "multi_error"), levels="num_class"),
}
_METRIC_NAMES = {
    "l1": "mae",
    "poisson": "poisson_nloglik",
    "binary_logloss": "log_loss",
    "multi_logloss": "log_loss",
    "average_precision": "pr_auc",
    "binary_error": "error",
    "multi_error": "error",
}
_LARGER_IS_BETTER = ("auc", "pr_auc")


class LightGBM(FittingAlgorithm):
    """Jobs that read the same bins share them; what else a job needs it keeps to itself."""

    hyperparameters: ClassVar[Hyperparameters] = _HYPERPARAMETERS
    capabilities: ClassVar[Capabilities] = Capabilities(
        rounds="num_boost_round",
        early_stopping="early_stopping_rounds",
        round_metrics="metric",
        loss="objective",
        missing_values=True,
        weights=True,
        level_weights=("scale_pos_weight",),
        categorical_inputs=True,
    )
    model_format: ClassVar[str] = "txt"
    required: ClassVar[Sequence[str]] = ("num_boost_round",)
    aliases: ClassVar[Mapping[str, str]] = _ALIASES
    tasks: ClassVar[Mapping[str, ForTask]] = _TASKS
    metric_names: ClassVar[Mapping[str, str]] = _METRIC_NAMES
    library: ClassVar[str | None] = "lightgbm"
    extra: ClassVar[str | None] = "lightgbm"

    def matrix_key(self, hyperparameters: Mapping[str, Any]) -> Hashable:
        """What decides the bins."""
        return tuple(hyperparameters.get(name) for name in _OF_THE_MATRIX)

    def matrix(
        self,
        features: NDArray[np.float32],
        label: NDArray[np.float32],
        hyperparameters: Mapping[str, Any],
        *,
        reference: Any = None,
        weights: NDArray[np.float32] | None = None,
    ) -> Any:
        """See `FittingAlgorithm.matrix`; built at once, so that no two jobs build it."""
        import lightgbm

        bins = {name: hyperparameters[name] for name in _OF_THE_MATRIX if name in hyperparameters}
        return lightgbm.Dataset(
            features,
            label,
            weight=weights,
            reference=reference,
            # Columns that no split of this min_data_in_leaf could use would be left out for all other jobs as well.
            params={**bins, "feature_pre_filter": False, "num_threads": 1, "verbosity": -1},
            free_raw_data=False,
        ).construct()

    def fit(
        self,
        hyperparameters: Mapping[str, Any],
        train: Any,
        validation: Any = None,
        *,
        seed: int,
        threads: int = 1,
        progress: RoundWatch | None = None,
        label_metrics: LabelMetrics | None = None,
    ) -> Fitted:
        """See `FittingAlgorithm.fit`. With dart every round changes earlier trees: none can be taken back."""
        import lightgbm

        parameters = dict(hyperparameters)
        rounds = parameters.pop("num_boost_round")
        patience = parameters.pop("early_stopping_rounds", None)
        metrics = list(parameters.pop("metric", ()))
        parameters.setdefault("seed", seed)
        parameters |= {
            "metric": metrics or "none",
            "num_threads": threads,
            "deterministic": True,
            "force_row_wise": True,
            "feature_pre_filter": False,
            "verbosity": -1,
        }
        with _booster_lock:  # it notes its parameters in the matrix
            booster = lightgbm.Booster(parameters, train)
            if validation is not None:
                booster.add_valid(validation, "validation")
        watched = self.metric_names.get(metrics[-1], metrics[-1]) if metrics and validation is not None else None
        stopping = _Patience(patience, watched)
        history: dict[str, dict[str, list[float]]] = {}
        stopped = False
        for number in range(rounds):
            has_ended = booster.update()
            newest = _measured(booster, label_metrics, with_validation=validation is not None)
            for channel, values in newest.items():
                for name, value in values.items():
                    history.setdefault(channel, {}).setdefault(name, []).append(value)
            stopped = progress is not None and progress(number, newest)
            if stopped or has_ended or (parameters.get("boosting") != "dart" and stopping.is_over(number, newest)):
                break
        kept = stopping.best if patience is not None and parameters.get("boosting") != "dart" and metrics else None
        best_round = number if kept is None or validation is None else kept
        return Fitted(
            history=history,
            best_round=best_round,
            model=booster.model_to_string(num_iteration=best_round + 1).encode(),
            stopped=stopped,
        )

    def load(self, model: bytes) -> Model:
        """The model in a file's bytes; raises ValueError when they are not a LightGBM model."""
        import lightgbm

        if fault := _damage(model):
            # The library itself ends the process when it reads a model that is cut.
            raise ValueError(f"not a LightGBM model: {fault}")
        try:
            return Model(lightgbm.Booster(model_str=model.decode()))
        except (lightgbm.basic.LightGBMError, UnicodeDecodeError) as e:
            raise ValueError(f"not a LightGBM model: {e}") from e

    def importance(self, model: bytes, columns: Sequence[str]) -> dict[str, float]:
        """Share of the total gain by encoded column, largest first; columns that were never used are left out."""
        gains = self.load(model).gains()
        total = float(sum(gains)) or 1.0
        shares = {name: float(gain) / total for name, gain in zip(columns, gains, strict=True) if gain > 0}
        return dict(sorted(shares.items(), key=lambda item: -item[1]))


class Model:
    """A fitted booster; safe to call from several threads."""

    def __init__(self, booster: Any) -> None:
        self._booster = booster

    def predict(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """See `housing.algorithms.base.Model`."""
        result: NDArray[np.float64] = self._booster.predict(features, num_threads=1)
        return result

    def gains(self) -> Sequence[float]:
        """Total gain of each encoded column, in their order."""
        found: Sequence[float] = self._booster.feature_importance(importance_type="gain")
        return found


_booster_lock = threading.Lock()


class _Patience:
    """Watches one metric of the validation part; best is None without one."""

    def __init__(self, rounds: int | None, metric: str | None) -> None:
        self._rounds, self._metric = rounds, metric
        self._sign = -1 if metric in _LARGER_IS_BETTER else 1
        self._lowest = float("inf")
        self.best: int | None = None

    def is_over(self, number: int, newest: Mapping[str, Mapping[str, float]]) -> bool:
        """Take the metric after a round; whether it has waited for long enough."""
        if self._rounds is None or self._metric is None:
            return False
        value = self._sign * newest["validation"][self._metric]
        if self.best is None or value < self._lowest:
            self.best, self._lowest = number, value
        return number - self.best >= self._rounds


def _measured(
    booster: Any, label_metrics: LabelMetrics | None, *, with_validation: bool
) -> dict[str, dict[str, float]]:
    """Channel -> metric -> value, after the newest round."""
    evaluate = _evaluate(label_metrics) if label_metrics else None
    found = {"train": booster.eval_train(evaluate)}
    if with_validation:
        found["validation"] = booster.eval_valid(evaluate)
    return {
        channel: {_METRIC_NAMES.get(name, name): float(value) for _, name, value, _ in values}
        for channel, values in found.items()
    }


def _damage(model: bytes) -> str | None:
    """Why these bytes cannot be a whole model; None when its trees are as long as its head says."""
    if not model.startswith(b"tree\n"):
        return "it does not begin with `tree`"
    sizes = re.search(rb"^tree_sizes=([\d ]*)$", model, re.MULTILINE)
    start = model.find(b"Tree=0\n")
    if sizes is None or start < 0:
        return "it has no trees"
    end = start + sum(map(int, sizes[1].split()))
    whole = model[end:].startswith(b"end of trees\n") and b"\nend of parameters\n" in model[end:]
    return None if whole else "it is cut, or was changed"


def _evaluate(label_metrics: LabelMetrics) -> Callable[[Any, Any], list[tuple[str, float, bool]]]:
    def evaluate(prediction: Any, matrix: Any) -> list[tuple[str, float, bool]]:
        label = matrix.get_label()
        return [(name, metric(label, prediction), False) for name, metric in label_metrics.items()]

    return evaluate


ALGORITHM = LightGBM()
