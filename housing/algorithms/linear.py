"""Penalised linear models by scikit-learn: elastic net for a number, logistic regression for levels.

Columns are standardised and missing values become the column's median, inside the model. A model is its coefficients as
JSON, so that answering needs nothing but NumPy.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, ClassVar

from housing.algorithms.base import Capabilities, Fitted, FittingAlgorithm, ForTask, Hyperparameter, Hyperparameters
from housing.algorithms.explaining import Contributions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from housing.algorithms.compiled import Compiled

_NUMBER, _LEVELS = "elastic_net", "logistic"
_MOST_STEPS = 10_000
_NEVER = -30.0
"""The score of a level that no training row has."""


@dataclass(frozen=True)
class Coefficients:
    """Of the standardised columns; one row of `weights` a level, a single one for a number or for two levels."""

    objective: str
    medians: list[float]
    means: list[float]
    scales: list[float]
    weights: list[list[float]]
    intercepts: list[float]


class Linear(FittingAlgorithm):
    """A fit without rounds: `alpha` is the penalty for each row, in units of a standardised label."""

    hyperparameters: ClassVar[Hyperparameters] = {
        "alpha": Hyperparameter("float", "strength of the penalty on coefficients", default=0.001, low=1e-6),
        "l1_ratio": Hyperparameter("float", "share of the penalty on absolute values", default=0.0, low=0, high=1),
        "objective": Hyperparameter("text", "kind of model", default=_NUMBER, choices=(_NUMBER, _LEVELS)),
        "num_class": Hyperparameter("int", "levels of the label, of more than two", low=3, tunable=False),
        "seed": Hyperparameter("int", "left out, the experiment's seed", low=0, high=2**31 - 1, tunable=False),
    }
    capabilities: ClassVar[Capabilities] = Capabilities(loss="objective", missing_values=True, weights=True)
    model_format: ClassVar[str] = "json"
    tasks: ClassVar[Mapping[str, ForTask]] = {
        "regression": ForTask((_NUMBER,)),
        "binary": ForTask((_LEVELS,)),
        "multiclass": ForTask((_LEVELS,), levels="num_class"),
    }
    library: ClassVar[str | None] = "sklearn"
    extra: ClassVar[str | None] = "linear"

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
        del hyperparameters, reference, categorical
        return features, label, weights

    def fit(
        self,
        hyperparameters: Mapping[str, Any],
        train: Any,
        validation: Any = None,
        *,
        seed: int,
        threads: int = 1,
        progress: Any = None,
        label_metrics: Any = None,
    ) -> Fitted:
        """See `FittingAlgorithm.fit`; the finished model is measured once."""
        import numpy as np

        del validation, threads, progress, label_metrics
        features, label, weights = train
        values = features.astype(np.float64)
        known = np.isfinite(values)
        columns = zip(values.T, known.T, strict=True)
        medians = np.array([np.median(column[there]) if there.any() else 0.0 for column, there in columns])
        values = np.where(known, values, medians)
        means, scales = values.mean(axis=0), values.std(axis=0)
        scales[scales == 0] = 1.0  # a column of one value says nothing, and is not divided by
        rule = {name: declared.default for name, declared in self.hyperparameters.items()} | dict(hyperparameters)
        seed = seed if rule["seed"] is None else rule["seed"]
        solve = _logistic if rule["objective"] == _LEVELS else _elastic_net
        fitted, intercepts = solve((values - means) / scales, label.astype(np.float64), weights, rule, seed)
        found = Coefficients(
            str(rule["objective"]),
            *(part.tolist() for part in (medians, means, scales, np.atleast_2d(fitted), np.atleast_1d(intercepts))),
        )
        return Fitted(history={}, best_round=0, model=json.dumps(asdict(found)).encode())

    def load(self, model: bytes) -> Model:
        """The model in a file's bytes; raises ValueError when they are not a model of this algorithm."""
        try:
            return Model(Coefficients(**json.loads(model)))
        except (ValueError, TypeError) as e:
            raise ValueError(f"not a linear model: {e}") from e

    def compiled(self, model: bytes) -> Compiled:
        """See `Algorithm.compiled`."""
        from housing.algorithms.compiled import LinearForm

        return LinearForm(model)

    def importance(self, model: bytes, columns: Sequence[str]) -> dict[str, float]:
        """Share of each column in the absolute coefficients of standardised columns, largest first."""
        import numpy as np

        sizes = np.abs(self.load(model).weights).sum(axis=0)
        shares = dict(zip(columns, (sizes / (sizes.sum() or 1.0)).tolist(), strict=True))
        return dict(sorted(shares.items(), key=lambda item: -item[1]))

    def versions(self) -> dict[str, str]:
        """By the name that pip knows."""
        return {"scikit-learn": version("scikit-learn")}


class Model:
    """Coefficients at work; safe to call from several threads."""

    def __init__(self, found: Coefficients) -> None:
        import numpy as np

        self._found = found
        self._medians, self._means, self._scales = map(np.array, (found.medians, found.means, found.scales))
        self.weights, self._intercepts = np.array(found.weights), np.array(found.intercepts)

    def predict(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """See `housing.algorithms.base.Model`."""
        import numpy as np

        values = features.astype(np.float64)
        values = np.where(np.isfinite(values), values, self._medians)
        scores: NDArray[np.float64] = ((values - self._means) / self._scales) @ self.weights.T + self._intercepts
        if self._found.objective == _NUMBER:
            return scores[:, 0]
        if scores.shape[1] == 1:
            return 1 / (1 + np.exp(-np.clip(scores[:, 0], -700, 700)))
        shifted = np.exp(scores - scores.max(axis=1, keepdims=True))
        chances: NDArray[np.float64] = shifted / shifted.sum(axis=1, keepdims=True)
        return chances

    def contributions(self, features: NDArray[np.float32]) -> Contributions:
        """See `housing.algorithms.explaining`: each term, against the column's mean."""
        import numpy as np

        values = np.where(np.isfinite(features), features.astype(np.float64), self._medians)
        terms = (((values - self._means) / self._scales)[:, None, :]) * self.weights[None]
        base = np.broadcast_to(self._intercepts, terms.shape[:2])
        return Contributions(terms, base, "none" if self._found.objective == _NUMBER else "log odds")


def _elastic_net(features: Any, label: Any, weights: Any, rule: Mapping[str, Any], seed: int) -> tuple[Any, Any]:
    """On a standardised label, so that a penalty means the same whatever its unit is."""
    from sklearn.linear_model import ElasticNet, Ridge

    mean, scale = label.mean(), label.std() or 1.0
    if rule["l1_ratio"] == 0:  # ElasticNet converges badly there
        model = Ridge(alpha=rule["alpha"] * len(label))
    else:
        model = ElasticNet(alpha=rule["alpha"], l1_ratio=rule["l1_ratio"], max_iter=_MOST_STEPS, random_state=seed)
    model.fit(features, (label - mean) / scale, sample_weight=weights)
    return model.coef_ * scale, model.intercept_ * scale + mean


def _logistic(features: Any, label: Any, weights: Any, rule: Mapping[str, Any], seed: int) -> tuple[Any, Any]:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(
        C=1 / (rule["alpha"] * len(label)),
        l1_ratio=rule["l1_ratio"],
        solver="lbfgs" if rule["l1_ratio"] == 0 else "saga",
        max_iter=_MOST_STEPS,
        random_state=seed,
    )
    model.fit(features, label.astype(int), sample_weight=weights)
    return (model.coef_, model.intercept_) if rule["num_class"] is None else _of_levels(model, rule["num_class"])


def _of_levels(model: Any, levels: int) -> tuple[Any, Any]:
    """A row for each level, also where the training rows of a fold lack one."""
    import numpy as np

    coefficients, intercepts = model.coef_, model.intercept_
    if len(model.classes_) == 2:  # scikit-learn has one row then, of the second one against the first
        coefficients = np.vstack([np.zeros_like(coefficients), coefficients])
        intercepts = np.concatenate([np.zeros(1), intercepts])
    weights, lowest = np.zeros((levels, coefficients.shape[1])), np.full(levels, _NEVER)
    weights[model.classes_], lowest[model.classes_] = coefficients, intercepts
    return weights, lowest


ALGORITHM = Linear()
