"""Gradient-boosted trees, by the names and rules of SageMaker's built-in XGBoost 3.2 container.

One file of rules for every target: what this table accepts, the container accepts too (aws/sagemaker-xgboost-container,
hyperparameter_validation.py). Models are trained without feature names, as the container does, so that a model file is
the same wherever it was trained.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, ClassVar

from housing.algorithms import xgboost_collective
from housing.algorithms.base import (
    Capabilities,
    Fitted,
    FittingAlgorithm,
    ForTask,
    Hyperparameters,
    LabelMetrics,
    RoundWatch,
)
from housing.algorithms.collective import Checkpoints, Meeting
from housing.algorithms.explaining import Contributions, Link, split
from housing.algorithms.groups import by_group
from housing.algorithms.xgboost_matrix import Batches, binned_batches
from housing.algorithms.xgboost_parameters import AFT, ALIASES, HYPERPARAMETERS, LINKS, LOG_ODDS, METRIC_NAMES, TASKS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from housing.algorithms.trees import TreeTables


class XGBoost(FittingAlgorithm):
    """Boosted trees."""

    hyperparameters: ClassVar[Hyperparameters] = HYPERPARAMETERS
    capabilities: ClassVar[Capabilities] = Capabilities(
        rounds="num_round",
        early_stopping="early_stopping_rounds",
        round_metrics="eval_metric",
        loss="objective",
        missing_values=True,
        weights=True,
        level_weights=("scale_pos_weight",),
        categorical_inputs=True,
        batches=True,
        collective=True,
        monotone="monotone_constraints",
        not_with={
            "batches": {"tree_method": ("exact", "approx"), "booster": ("gblinear",)},
            "collective": {"tree_method": ("exact",), "booster": ("gblinear",)},
            "categorical_inputs": {"tree_method": ("exact",)},
            # Their leaves are reset to quantiles of the residuals once a tree is grown, regardless of constraints.
            "monotone": {"objective": ("reg:absoluteerror", "reg:quantileerror")},
        },
    )
    model_format: ClassVar[str] = "ubj"
    required: ClassVar[Sequence[str]] = ("num_round",)
    aliases: ClassVar[Mapping[str, str]] = ALIASES
    tasks: ClassVar[Mapping[str, ForTask]] = TASKS
    metric_names: ClassVar[Mapping[str, str]] = METRIC_NAMES
    library: ClassVar[str | None] = "xgboost"

    def matrix_key(self, hyperparameters: Mapping[str, Any]) -> Hashable:
        """What jobs must agree on to share one matrix.

        Threads that share a matrix with differing values crash or predict wrongly without an error.
        """
        is_of_ranges = hyperparameters.get("objective") == AFT
        return hyperparameters.get("max_bin"), hyperparameters.get("tree_method", "auto"), is_of_ranges

    def matrix(
        self,
        features: NDArray[np.float32],
        label: NDArray[np.float32],
        hyperparameters: Mapping[str, Any],
        *,
        reference: Any = None,
        weights: NDArray[np.float32] | None = None,
        categorical: Sequence[int] = (),
        batches: Batches | None = None,
    ) -> Any:
        """See `FittingAlgorithm.matrix`; binned where the tree method allows it."""
        import numpy as np

        from housing.algorithms.xgboost_library import xgboost

        max_bin, tree_method = hyperparameters.get("max_bin"), hyperparameters.get("tree_method", "auto")
        of_rows: dict[str, Any] = {} if weights is None else {"weight": weights}
        types = ["c" if place in categorical else "q" for place in range(features.shape[1])] if categorical else None
        options: dict[str, Any] = {"nthread": 1, "enable_categorical": bool(categorical)}
        if label.ndim > 1:
            order, of_rows["qid"] = by_group(label)
            features, label = features[order], label[order, 0]
        elif hyperparameters.get("objective") == AFT:
            of_rows |= {"label_lower_bound": abs(label), "label_upper_bound": np.where(label > 0, label, np.inf)}
        of_rows["label"] = label
        if tree_method in ("auto", "hist"):
            options |= {"ref": reference} | ({} if max_bin is None else {"max_bin": max_bin})
            if batches is not None:
                # All cores: other jobs wait for these bins, which are the same whatever the number of threads.
                return binned_batches(batches, of_rows, types, **options | {"nthread": 0})
            return xgboost.QuantileDMatrix(features, feature_types=types, **of_rows, **options)
        made = xgboost.DMatrix(features, feature_types=types, **of_rows, **options)
        if tree_method == "exact":
            # The first training sorts the columns and caches them in the matrix. Two first trainings at once crash or
            # silently fit different trees; afterwards, threads share the matrix safely.
            xgboost.train({"tree_method": "exact", "max_depth": 1, "nthread": 1}, made, 1)
        return made

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
        checkpoints: Checkpoints | None = None,
    ) -> Fitted:
        """See `FittingAlgorithm.fit`; early stopping goes by the last `eval_metric`.

        `progress` sees the newest value of every metric after each round and may return True to stop. `label_metrics`
        are computed each round beside `eval_metric`. The same inputs give the same bytes when `threads` is 1.
        """
        from housing.algorithms.xgboost_library import xgboost

        parameters = dict(hyperparameters)
        rounds = parameters.pop("num_round")
        patience = parameters.pop("early_stopping_rounds", None)
        metrics = list(parameters.pop("eval_metric", ()))
        if quantiles := parameters.get("quantile_alpha"):
            parameters["quantile_alpha"] = list(quantiles)
        parameters.setdefault("seed", seed)
        parameters |= {"nthread": threads, "eval_metric": metrics, "verbosity": 1}
        if not metrics:
            parameters["disable_default_eval_metric"] = True
        channels = [(train, "train")] + ([(validation, "validation")] if validation is not None else [])

        callbacks: list[Any] = []
        if patience is not None and validation is not None and metrics:
            callbacks.append(
                xgboost.callback.EarlyStopping(
                    rounds=patience, metric_name=metrics[-1], data_name="validation", save_best=True
                )
            )
        before = None if checkpoints is None else checkpoints.newest
        done = 0 if before is None else before.rounds
        watch = None if progress is None else xgboost_collective.watching(progress, self.metric_names, done)
        callbacks += [] if watch is None else [watch]
        if checkpoints is not None:
            callbacks.append(xgboost_collective.checkpointing(checkpoints, before, self.model_format))

        history: dict[str, dict[str, list[float]]] = {}
        booster = xgboost.train(
            parameters,
            train,
            rounds - done,
            xgb_model=None if before is None else bytearray(before.model),
            evals=channels,
            evals_result=history,
            custom_metric=_evaluate(label_metrics) if label_metrics else None,
            callbacks=callbacks,
            verbose_eval=False,
        )
        return Fitted(
            history={
                channel: {self.metric_names.get(name, name): values for name, values in measured.items()}
                for channel, measured in xgboost_collective.continued(before, history).items()
            },
            best_round=booster.num_boosted_rounds() - 1,
            model=bytes(booster.save_raw(self.model_format)),
            stopped=watch is not None and watch.stopped,
        )

    def meeting(self, workers: int, host: str) -> AbstractContextManager[Meeting]:
        """See `CollectiveAlgorithm.meeting`."""
        return xgboost_collective.meeting(workers, host)

    def joined(self, meeting: Meeting, rank: int) -> AbstractContextManager[None]:
        """See `CollectiveAlgorithm.joined`."""
        return xgboost_collective.joined(meeting, rank)

    def load(self, model: bytes) -> Model:
        """The model in a file's bytes; raises ValueError when they are not an XGBoost model."""
        from housing.algorithms.xgboost_library import xgboost

        booster = xgboost.Booster({"nthread": 1})
        try:
            booster.load_model(bytearray(model))
        except xgboost.core.XGBoostError as e:
            raise ValueError(f"not an XGBoost model: {str(e).splitlines()[-1].strip()}") from e
        return Model(booster)

    def compiled(self, model: bytes) -> TreeTables:
        """See `Algorithm.compiled`."""
        from housing.algorithms import xgboost_trees
        from housing.algorithms.xgboost_library import xgboost

        booster = xgboost.Booster()
        booster.load_model(bytearray(model))
        return xgboost_trees.read(bytes(booster.save_raw("json")))

    def importance(self, model: bytes, columns: Sequence[str]) -> dict[str, float]:
        """Share of the total gain by encoded column, largest first; columns that were never used are left out."""
        from housing.algorithms.xgboost_library import xgboost

        booster = xgboost.Booster()
        booster.load_model(bytearray(model))
        gains = {
            columns[int(name[1:])]: float(gain)
            for name, gain in booster.get_score(importance_type="total_gain").items()
        }
        total = sum(gains.values()) or 1.0
        return {name: gain / total for name, gain in sorted(gains.items(), key=lambda item: -item[1])}

    def versions(self) -> dict[str, str]:
        """The package that is installed here; `xgboost-cpu` is the same module and release without GPU support."""
        try:
            return {"xgboost": version("xgboost")}
        except PackageNotFoundError:
            return {"xgboost": version("xgboost-cpu")}


class Model:
    """A fitted booster; safe to call from several threads."""

    def __init__(self, booster: Any) -> None:
        self._booster = booster

    def predict(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `housing.algorithms.base.Model`."""
        result: NDArray[np.float32] = self._booster.inplace_predict(features, validate_features=False)
        return result

    def contributions(self, features: NDArray[np.float32]) -> Contributions:
        """See `housing.algorithms.explaining`: TreeSHAP; for a linear booster, its terms."""
        from housing.algorithms.xgboost_library import xgboost

        objective = json.loads(self._booster.save_config())["learner"]["objective"]["name"]
        link: Link = "none" if objective not in LINKS else "log odds" if objective in LOG_ODDS else "log"
        found = self._booster.predict(
            xgboost.DMatrix(features, nthread=1), pred_contribs=True, validate_features=False, strict_shape=True
        )
        return split(found, features.shape[1], link)

    @property
    def rounds(self) -> int:
        """Rounds of boosting in the model."""
        return int(self._booster.num_boosted_rounds())

    def staged(self, features: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
        """`predict` as it was after each round, the first one first.

        Raises ValueError for dart: each of its rounds changes the trees of those before.
        """
        from housing.algorithms.xgboost_library import xgboost

        learner = json.loads(self._booster.save_config())["learner"]
        if learner["gradient_booster"]["name"] == "dart":
            raise ValueError("dart's earlier rounds are not in its model")
        has_link = learner["objective"]["name"] in LINKS
        # Each round is added to the margins before it, in the order in which training sums them.
        matrix = xgboost.DMatrix(features, nthread=1)
        for number in range(self.rounds):
            only = {"iteration_range": (number, number + 1), "validate_features": False}
            margin = self._booster.predict(matrix, output_margin=True, **only)
            yield self._booster.predict(matrix, **only) if has_link else margin
            matrix.set_base_margin(margin)


def _evaluate(label_metrics: LabelMetrics) -> Callable[[Any, Any], list[tuple[str, float]]]:
    known: dict[int, tuple[Any, Any]] = {}  # reading a label from a matrix takes as long as the metric itself

    def evaluate(prediction: Any, matrix: Any) -> list[tuple[str, float]]:
        if id(matrix) not in known:
            weights = matrix.get_weight()
            known[id(matrix)] = matrix.get_label(), (weights if weights is not None and len(weights) else None)
        label, weights = known[id(matrix)]
        return [(name, metric(label, prediction, weights)) for name, metric in label_metrics.items()]

    return evaluate


ALGORITHM = XGBoost()
