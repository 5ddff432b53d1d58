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
_PENALTIES = (1.0, 0.1, 0.01, 0.001, 0.0001, 0.00001)
_PARTS, _MOST_ROWS, _STEPS_TO_CHOOSE = 5, 2_000, 300
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
    alpha: float | None = None
    """The penalty, given or chosen; None in a model of an earlier version."""


class Linear(FittingAlgorithm):
    """A fit without rounds: `alpha` is the penalty for each row, in units of a standardised label.

    Without one, a fit takes the penalty that answers best for rows it was not fitted to: see `_chosen_penalty`.
    """

    hyperparameters: ClassVar[Hyperparameters] = {
        "alpha": Hyperparameter(
            "float", "strength of the penalty on coefficients; left out, each fit chooses it", low=1e-6
        ),
        "l1_ratio": Hyperparameter("float", "share of the penalty on absolute values", default=0.0, low=0, high=1),
        "objective": Hyperparameter("text", "kind of model", default=_NUMBER, choices=(_NUMBER, _LEVELS)),
        "num_class": Hyperparameter("int", "levels of the label, of more than two", low=3, tunable=False),
        "seed": Hyperparameter("int", "left out, the experiment's seed", low=0, high=2**31 - 1, tunable=False),
    }
    capabilities: ClassVar[Capabilities] = Capabilities(
        loss="objective", missing_values=True, weights=True, reference={"alpha": 0.01}
    )
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
        import sklearn.linear_model  # noqa: F401 - its library has a pool of threads, which must be there to be limited
        from threadpoolctl import threadpool_limits

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
        rows = Rows((values - means) / scales, label.astype(np.float64), weights)
        # On matrices of a thousand rows a second thread takes ten times the processor, and longer where others work.
        with threadpool_limits(1, user_api="blas"):
            if rule["alpha"] is None:
                rule["alpha"] = _chosen_penalty(rows, rule, seed)
            fitted, intercepts = solve(rows, rule, seed)
        found = Coefficients(
            objective=str(rule["objective"]),
            medians=medians.tolist(),
            means=means.tolist(),
            scales=scales.tolist(),
            weights=np.atleast_2d(fitted).tolist(),
            intercepts=np.atleast_1d(intercepts).tolist(),
            alpha=float(rule["alpha"]),
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
        from housing.algorithms.linear_form import LinearForm

        return LinearForm(self.load(model), model)

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


@dataclass(frozen=True, eq=False)
class Rows:
    """Standardised columns, the label, and what each row weighs; None: alike."""

    features: NDArray[np.float64]
    label: NDArray[np.float64]
    weights: NDArray[np.float32] | None

    def take(self, places: NDArray[np.int64]) -> Rows:
        return Rows(self.features[places], self.label[places], None if self.weights is None else self.weights[places])


def _chosen_penalty(rows: Rows, rule: Mapping[str, Any], seed: int) -> float:
    """Of six, from none to speak of to strong: the one with the least loss on five held-out parts of the rows.

    Where rows are many, two thousand of them tell as much. Every part has its share of low and high labels, and of each
    level; which row is in which is drawn from `seed`.
    """
    import warnings

    import numpy as np
    from sklearn.exceptions import ConvergenceWarning

    counted = np.arange(len(rows.label)) if rows.weights is None else np.flatnonzero(rows.weights)
    places = np.random.default_rng(seed).permutation(counted)[:_MOST_ROWS]
    places = places[np.argsort(rows.label[places], kind="stable")]
    part = np.arange(len(places)) % _PARTS
    parts = [(rows.take(places[part != each]), rows.take(places[part == each])) for each in range(_PARTS)]
    parts = [(train, held) for train, held in parts if len(held.label) and len(set(train.label)) > 1]
    if not parts:
        return _PENALTIES[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # it need not be fitted to the end to be compared
        costs = {
            alpha: sum(_held_out_loss(train, held, {**rule, "alpha": alpha}, seed) for train, held in parts)
            for alpha in _PENALTIES
        }
    return min(costs, key=lambda alpha: costs[alpha])


def _held_out_loss(train: Rows, held: Rows, rule: Mapping[str, Any], seed: int) -> float:
    """What a fit minimises, on other rows: squared error, or log loss."""
    import numpy as np

    solve = _logistic if rule["objective"] == _LEVELS else _elastic_net
    weights, intercepts = solve(train, rule, seed, most_steps=_STEPS_TO_CHOOSE)
    scores = held.features @ np.atleast_2d(weights).T + np.atleast_1d(intercepts)
    if rule["objective"] == _LEVELS:
        if scores.shape[1] == 1:
            scores = np.hstack([np.zeros_like(scores), scores])
        of_its_level = scores[np.arange(len(scores)), held.label.astype(int)]
        losses = np.logaddexp.reduce(scores, axis=1) - of_its_level
    else:
        losses = (scores[:, 0] - held.label) ** 2
    return float(np.average(losses, weights=held.weights) * len(losses))


def _elastic_net(rows: Rows, rule: Mapping[str, Any], seed: int, *, most_steps: int = _MOST_STEPS) -> tuple[Any, Any]:
    """On a standardised label, so that a penalty means the same whatever its unit is."""
    from sklearn.linear_model import ElasticNet, Ridge

    mean, scale = rows.label.mean(), rows.label.std() or 1.0
    if rule["l1_ratio"] == 0:  # ElasticNet converges badly there
        model = Ridge(alpha=rule["alpha"] * len(rows.label))
    else:
        model = ElasticNet(alpha=rule["alpha"], l1_ratio=rule["l1_ratio"], max_iter=most_steps, random_state=seed)
    model.fit(rows.features, (rows.label - mean) / scale, sample_weight=rows.weights)
    return model.coef_ * scale, model.intercept_ * scale + mean


def _logistic(rows: Rows, rule: Mapping[str, Any], seed: int, *, most_steps: int = _MOST_STEPS) -> tuple[Any, Any]:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(
        C=1 / (rule["alpha"] * len(rows.label)),
        l1_ratio=rule["l1_ratio"],
        solver="lbfgs" if rule["l1_ratio"] == 0 else "saga",
        max_iter=most_steps,
        random_state=seed,
    )
    model.fit(rows.features, rows.label.astype(int), sample_weight=rows.weights)
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
