"""Gradient-boosted symmetric trees, by CatBoost's own names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
from housing.algorithms.catboost_model import Model, with_levels

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from housing.algorithms.trees import TreeTables

_POSITIVE = 1e-16
_CHANNELS = {"learn": "train", "validation": "validation"}

_HYPERPARAMETERS: Hyperparameters = {
    "iterations": Hyperparameter("int", "rounds of boosting", low=1),
    "early_stopping_rounds": Hyperparameter(
        "int", "stop after this many rounds without a better validation metric", low=1, tunable=False
    ),
    "loss_function": Hyperparameter(
        "text", "loss to minimise", default="RMSE", choices=("RMSE", "MAE", "MAPE", "Logloss", "MultiClass")
    ),
    "eval_metric": Hyperparameter(
        "text",
        "metrics of every round; the last one decides early stopping",
        choices=("MAE", "RMSE", "MAPE", "Logloss", "AUC", "Accuracy", "MultiClass"),
        many=True,
        tunable=False,
    ),
    "classes_count": Hyperparameter("int", "levels of the label (MultiClass)", low=2, tunable=False),
    "learning_rate": Hyperparameter("float", "weight of each new tree", low=_POSITIVE),
    "depth": Hyperparameter("int", "depth of a tree", low=1, high=16),
    "l2_leaf_reg": Hyperparameter("float", "L2 penalty on leaf values", low=0),
    "random_strength": Hyperparameter("float", "noise on the scores of splits", low=0),
    "bootstrap_type": Hyperparameter("text", "how rows are drawn", choices=("Bayesian", "Bernoulli", "MVS", "No")),
    "subsample": Hyperparameter("float", "share of rows drawn (Bernoulli, MVS)", low=_POSITIVE, high=1),
    "bagging_temperature": Hyperparameter("float", "how much rows' weights differ (Bayesian)", low=0),
    "rsm": Hyperparameter("float", "share of columns drawn for each split", low=_POSITIVE, high=1),
    "border_count": Hyperparameter("int", "most bins of a column", low=1, high=65535),
    "grow_policy": Hyperparameter("text", "how trees grow", choices=("SymmetricTree", "Depthwise", "Lossguide")),
    "min_data_in_leaf": Hyperparameter("int", "least rows in a leaf (Depthwise, Lossguide)", low=1),
    "max_leaves": Hyperparameter("int", "most leaves of a tree (Lossguide)", low=2, high=64),
    "random_seed": Hyperparameter(
        "int", "randomness of sampling; left out, the experiment's seed", low=0, high=2**31 - 1, tunable=False
    ),
}

_ALIASES = {
    **dict.fromkeys(("num_boost_round", "n_estimators", "num_trees", "num_round"), "iterations"),
    **dict.fromkeys(("eta",), "learning_rate"),
    **dict.fromkeys(("max_depth",), "depth"),
    **dict.fromkeys(("reg_lambda", "lambda", "lambda_l2"), "l2_leaf_reg"),
    **dict.fromkeys(("colsample_bylevel", "feature_fraction"), "rsm"),
    **dict.fromkeys(("max_bin",), "border_count"),
    **dict.fromkeys(("min_child_samples",), "min_data_in_leaf"),
    **dict.fromkeys(("num_leaves",), "max_leaves"),
    **dict.fromkeys(("objective",), "loss_function"),
    **dict.fromkeys(("metric",), "eval_metric"),
    **dict.fromkeys(("seed", "random_state"), "random_seed"),
}
"""Names of CatBoost's scikit-learn classes and of other libraries -> CatBoost's own."""

_TASKS = {
    "regression": ForTask(("RMSE", "MAE", "MAPE"), ("MAE", "RMSE", "MAPE")),
    "binary": ForTask(("Logloss",), ("Logloss", "AUC", "Accuracy")),
    "multiclass": ForTask(("MultiClass",), ("MultiClass", "Accuracy"), levels="classes_count"),
}
_METRIC_NAMES = {
    "MAE": "mae",
    "RMSE": "rmse",
    "MAPE": "mape",
    "Logloss": "log_loss",
    "MultiClass": "log_loss",
    "AUC": "auc",
    "Accuracy": "accuracy",
}
_OF_THIS_MOMENT = ("model_guid", "train_finish_time", "output_options")
"""What makes two files of the same model differ."""


@dataclass(frozen=True, eq=False)
class Matrix:
    """What CatBoost reads, and the label that other metrics are measured against."""

    pool: Any
    label: NDArray[np.float32]


class CatBoost(FittingAlgorithm):
    """Jobs share pools; each bins the columns for itself."""

    hyperparameters: ClassVar[Hyperparameters] = _HYPERPARAMETERS
    capabilities: ClassVar[Capabilities] = Capabilities(
        rounds="iterations",
        early_stopping="early_stopping_rounds",
        round_metrics="eval_metric",
        loss="loss_function",
        missing_values=True,
        weights=True,
        categorical_inputs=True,
        monotone="monotone_constraints",
        not_with={"monotone": {"loss_function": ("MultiClass",), "grow_policy": ("Depthwise", "Lossguide")}},
    )
    model_format: ClassVar[str] = "cbm"
    required: ClassVar[Sequence[str]] = ("iterations",)
    aliases: ClassVar[Mapping[str, str]] = _ALIASES
    tasks: ClassVar[Mapping[str, ForTask]] = _TASKS
    metric_names: ClassVar[Mapping[str, str]] = _METRIC_NAMES
    library: ClassVar[str | None] = "catboost"
    extra: ClassVar[str | None] = "catboost"

    def matrix(
        self,
        features: NDArray[np.float32],
        label: NDArray[np.float32],
        hyperparameters: Mapping[str, Any],
        *,
        reference: Any = None,
        weights: NDArray[np.float32] | None = None,
        categorical: Sequence[int] = (),
    ) -> Any:
        """See `FittingAlgorithm.matrix`."""
        import catboost

        del hyperparameters, reference
        rows = with_levels(features, categorical)
        pool = catboost.Pool(rows, label, weight=weights, cat_features=list(categorical) or None, thread_count=1)
        return Matrix(pool, label)

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
        """See `FittingAlgorithm.fit`. `label_metrics` are measured when the rounds are done: `progress` has none."""
        import catboost

        parameters = {"random_seed": seed, **hyperparameters}
        if directions := parameters.get("monotone_constraints"):
            parameters["monotone_constraints"] = list(directions)
        patience = parameters.pop("early_stopping_rounds", None)
        metrics = list(parameters.pop("eval_metric", ()))
        if metrics:
            parameters["eval_metric"] = metrics[-1]
            parameters["custom_metric"] = [f"{name}:hints=skip_train~false" for name in metrics]
        stops = patience is not None and validation is not None and bool(metrics)
        if stops:
            parameters |= {"od_type": "Iter", "od_wait": patience}
        model = catboost.CatBoost(
            {**parameters, "thread_count": threads, "allow_writing_files": False, "logging_level": "Silent"}
        )
        watch = _Watch(progress, measured=metrics)
        model.fit(
            train.pool,
            eval_set=validation.pool if validation is not None else None,
            use_best_model=False,  # the rounds after the best one are measured, too
            callbacks=[watch] if progress is not None else None,
        )
        history = {
            _CHANNELS[channel]: {
                _METRIC_NAMES[_plain(name)]: list(values)
                for name, values in measured.items()
                if _plain(name) in metrics
            }
            for channel, measured in model.get_evals_result().items()
        }
        for channel, matrix in (("train", train), ("validation", validation)):
            if label_metrics and matrix is not None:
                history.setdefault(channel, {}).update(_staged(model, matrix, label_metrics))
        rounds = model.tree_count_
        best_round = model.get_best_iteration() if stops else rounds - 1
        best_round = rounds - 1 if best_round is None else best_round
        if best_round + 1 < rounds:
            model.shrink(best_round + 1)
        return Fitted(history, best_round, _bytes(model), stopped=watch.stopped)

    def load(self, model: bytes) -> Model:
        """The model in a file's bytes; raises ValueError when they are not a CatBoost model."""
        import catboost

        try:
            return Model(catboost.CatBoost().load_model(blob=model))
        except catboost.CatBoostError as e:
            raise ValueError(f"not a CatBoost model: {e}") from e

    def compiled(self, model: bytes) -> TreeTables:
        """See `Algorithm.compiled`."""
        from housing.algorithms.catboost_trees import read

        return read(model)

    def importance(self, model: bytes, columns: Sequence[str]) -> dict[str, float]:
        """Share of each encoded column in the change of predictions, largest first; unused columns are left out."""
        changes = self.load(model).importance()
        total = float(sum(changes)) or 1.0
        shares = {name: float(change) / total for name, change in zip(columns, changes, strict=True) if change > 0}
        return dict(sorted(shares.items(), key=lambda item: -item[1]))


class _Watch:
    """CatBoost's callback: reports each round to `progress`."""

    def __init__(self, progress: RoundWatch | None, *, measured: Sequence[str]) -> None:
        self._progress = progress
        self._measured = measured
        self.stopped = False

    def after_iteration(self, info: Any) -> bool:
        """Called by CatBoost after each round; False ends the fit."""
        newest = {
            _CHANNELS[channel]: {
                _METRIC_NAMES[_plain(name)]: float(values[-1])
                for name, values in metrics.items()
                if _plain(name) in self._measured
            }
            for channel, metrics in info.metrics.items()
        }
        self.stopped = self._progress is not None and self._progress(info.iteration - 1, newest)
        return not self.stopped


def _plain(metric: str) -> str:
    """A metric's name without what CatBoost adds to it."""
    return metric.partition(":")[0]


def _staged(model: Any, matrix: Matrix, label_metrics: LabelMetrics) -> dict[str, list[float]]:
    import numpy as np

    found: dict[str, list[float]] = {name: [] for name in label_metrics}
    weights = np.array(matrix.pool.get_weight())
    for prediction in model.staged_predict(matrix.pool, thread_count=1):
        for name, metric in label_metrics.items():
            found[name].append(metric(matrix.label.astype("float64"), prediction, weights))
    return found


def _bytes(model: Any) -> bytes:
    metadata = model.get_metadata()
    for name in _OF_THIS_MOMENT:
        if name in metadata.keys():  # noqa: SIM118
            metadata[name] = ""
    written: bytes = model._serialize_model()
    return written


ALGORITHM = CatBoost()
