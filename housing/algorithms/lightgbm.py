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
    Hyperparameters,
    LabelMetrics,
    RoundWatch,
)
from housing.algorithms.explaining import Contributions, Link, split
from housing.algorithms.groups import by_group
from housing.algorithms.lightgbm_parameters import (
    ALIASES,
    HYPERPARAMETERS,
    LARGER_IS_BETTER,
    METRIC_NAMES,
    OF_THE_MATRIX,
    TASKS,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from housing.algorithms.trees import TreeTables


class LightGBM(FittingAlgorithm):
    """Jobs with the same binning parameters share one binned matrix; all else belongs to a single job."""

    hyperparameters: ClassVar[Hyperparameters] = HYPERPARAMETERS
    capabilities: ClassVar[Capabilities] = Capabilities(
        rounds="num_boost_round",
        early_stopping="early_stopping_rounds",
        round_metrics="metric",
        loss="objective",
        missing_values=True,
        weights=True,
        level_weights=("scale_pos_weight",),
        categorical_inputs=True,
        monotone="monotone_constraints",
        not_with={"monotone": {"objective": ("regression_l1", "quantile", "mape")}},
    )
    model_format: ClassVar[str] = "txt"
    required: ClassVar[Sequence[str]] = ("num_boost_round",)
    aliases: ClassVar[Mapping[str, str]] = ALIASES
    tasks: ClassVar[Mapping[str, ForTask]] = TASKS
    metric_names: ClassVar[Mapping[str, str]] = METRIC_NAMES
    library: ClassVar[str | None] = "lightgbm"
    extra: ClassVar[str | None] = "lightgbm"

    def matrix_key(self, hyperparameters: Mapping[str, Any]) -> Hashable:
        """The hyperparameters that decide the bins."""
        return tuple(hyperparameters.get(name) for name in OF_THE_MATRIX)

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
        """See `FittingAlgorithm.matrix`; constructed here rather than lazily, so that no two jobs construct it."""
        import lightgbm
        import numpy as np

        bins = {name: hyperparameters[name] for name in OF_THE_MATRIX if name in hyperparameters}
        sizes = None
        if label.ndim > 1:
            order, groups = by_group(label)
            features, label, sizes = features[order], label[order, 0], np.bincount(groups)
        return lightgbm.Dataset(
            features,
            label,
            weight=weights,
            group=sizes,
            reference=reference,
            categorical_feature=list(categorical),
            # Otherwise columns that no split could use with this job's min_data_in_leaf would be dropped for all other
            # jobs, too.
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
        if quantiles := parameters.pop("quantile_alpha", None):
            (parameters["alpha"],) = quantiles
        if directions := parameters.get("monotone_constraints"):
            parameters["monotone_constraints"] = list(directions)
        parameters.setdefault("seed", seed)
        parameters |= {
            **_at_cuts(metrics),
            "num_threads": threads,
            "deterministic": True,
            "force_row_wise": True,
            "feature_pre_filter": False,
            "verbosity": -1,
        }
        with _booster_lock:  # the booster writes its parameters into the shared matrix
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
            # The library ends the whole process when it reads a truncated model.
            raise ValueError(f"not a LightGBM model: {fault}")
        try:
            text = model.decode()
            objective = re.search(r"^objective=(\w+)", text, re.MULTILINE)
            return Model(lightgbm.Booster(model_str=text), _LINKS.get(objective[1], "none") if objective else "none")
        except (lightgbm.basic.LightGBMError, UnicodeDecodeError) as e:
            raise ValueError(f"not a LightGBM model: {e}") from e

    def compiled(self, model: bytes) -> TreeTables:
        """See `Algorithm.compiled`."""
        from housing.algorithms import lightgbm_trees

        return lightgbm_trees.read(model)

    def importance(self, model: bytes, columns: Sequence[str]) -> dict[str, float]:
        """Share of the total gain by encoded column, largest first; columns that were never used are left out."""
        gains = self.load(model).gains()
        total = float(sum(gains)) or 1.0
        shares = {name: float(gain) / total for name, gain in zip(columns, gains, strict=True) if gain > 0}
        return dict(sorted(shares.items(), key=lambda item: -item[1]))


_LINKS: Mapping[str, Link] = {
    **dict.fromkeys(("poisson", "gamma", "tweedie"), "log"),
    **dict.fromkeys(("binary", "multiclass"), "log odds"),
}


class Model:
    """A fitted booster; safe to call from several threads."""

    def __init__(self, booster: Any, link: Link = "none") -> None:
        self._booster = booster
        self._link: Link = link

    def predict(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """See `housing.algorithms.base.Model`."""
        result: NDArray[np.float64] = self._booster.predict(features, num_threads=1)
        return result

    def contributions(self, features: NDArray[np.float32]) -> Contributions:
        """See `housing.algorithms.explaining`: TreeSHAP."""
        found = self._booster.predict(features, num_threads=1, pred_contrib=True)
        return split(found, features.shape[1], self._link)

    def gains(self) -> Sequence[float]:
        """Total gain of each encoded column, in their order."""
        found: Sequence[float] = self._booster.feature_importance(importance_type="gain")
        return found


_booster_lock = threading.Lock()


class _Patience:
    """Early stopping by one metric of the validation part; `best` is None where there is none."""

    def __init__(self, rounds: int | None, metric: str | None) -> None:
        self._rounds, self._metric = rounds, metric
        self._sign = -1 if metric in LARGER_IS_BETTER else 1
        self._lowest = float("inf")
        self.best: int | None = None

    def is_over(self, number: int, newest: Mapping[str, Mapping[str, float]]) -> bool:
        """Note the metric after a round; return whether patience is exhausted."""
        if self._rounds is None or self._metric is None:
            return False
        value = self._sign * newest["validation"][self._metric]
        if self.best is None or value < self._lowest:
            self.best, self._lowest = number, value
        return number - self.best >= self._rounds


def _at_cuts(metrics: Sequence[str]) -> dict[str, Any]:
    """LightGBM's parameters for `ndcg@10` and the like: each metric once, and `eval_at`."""
    names = dict.fromkeys(metric.partition("@")[0] for metric in metrics)
    cuts = [int(cut) for cut in (metric.partition("@")[2] for metric in metrics) if cut]
    return {"metric": list(names) or "none", **({"eval_at": cuts} if cuts else {})}


def _measured(
    booster: Any, label_metrics: LabelMetrics | None, *, with_validation: bool
) -> dict[str, dict[str, float]]:
    """Channel -> metric -> value, after the newest round."""
    evaluate = _evaluate(label_metrics) if label_metrics else None
    found = {"train": booster.eval_train(evaluate)}
    if with_validation:
        found["validation"] = booster.eval_valid(evaluate)
    return {
        channel: {METRIC_NAMES.get(name, name): float(value) for _, name, value, _ in values}
        for channel, values in found.items()
    }


def _damage(model: bytes) -> str | None:
    """Why these bytes cannot be a complete model; None when its trees are as long as its header says."""
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
        label, weights = matrix.get_label(), matrix.get_weight()
        weights = weights if weights is not None and len(weights) else None
        return [(name, metric(label, prediction, weights), False) for name, metric in label_metrics.items()]

    return evaluate


ALGORITHM = LightGBM()
