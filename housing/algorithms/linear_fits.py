"""Fits a penalised linear model with scikit-learn's solvers, and chooses its penalty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from housing.algorithms.standardising import clipped

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NUMBER, ROBUST, LEVELS = "elastic_net", "huber", "logistic"
_MOST_STEPS = 10_000
_PENALTIES = (1.0, 0.1, 0.01, 0.001, 0.0001, 0.00001)
_CLIP = 4.0
"""In standard deviations: the clip that is tried where neither penalty nor clip is given."""
_PARTS, _MOST_ROWS, _STEPS_TO_CHOOSE = 5, 2_000, 300
_NEVER = -30.0
"""The score of a level that no training row has."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Standardised columns, the label, and the weight of each row; None: all count alike."""

    features: NDArray[np.float64]
    label: NDArray[np.float64]
    weights: NDArray[np.float32] | None

    def take(self, places: NDArray[np.int64]) -> Rows:
        return Rows(self.features[places], self.label[places], None if self.weights is None else self.weights[places])

    def clipped(self, clip: float | None) -> Rows:
        return replace(self, features=clipped(self.features, clip))


def chosen(rows: Rows, rule: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """Of six penalties, from negligible to strong, the one with the least loss in five-fold cross-validation.

    Where no clip is given, it and its neighbours are tried with far values clipped as well.

    Of many rows a random 2,000 are used, which is enough. Each fold has its share of low and high labels, and of each
    level; `seed` decides which row is in which.
    """
    import warnings

    from sklearn.exceptions import ConvergenceWarning

    parts = held_out_parts(rows, seed)
    if not parts:
        return {"alpha": _PENALTIES[0]}

    def costs_of(penalties: Sequence[float], clip: float | None) -> dict[tuple[float, float | None], float]:
        asked = {**rule, "clip": clip}
        found = [_held_out_losses(train, held, asked, penalties, seed) for train, held in parts]
        return {(penalty, clip): sum(losses) for penalty, *losses in zip(penalties, *found, strict=True)}

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fits need not converge to be compared
        costs = costs_of(_PENALTIES, rule["clip"])
        if rule["clip"] is None and abs(rows.features).max(initial=0) > _CLIP:
            best = _PENALTIES.index(min(costs, key=lambda key: costs[key])[0])
            costs |= costs_of(_PENALTIES[max(best - 1, 0) : best + 2], _CLIP)
    penalty, clip = min(costs, key=lambda key: costs[key])
    return {"alpha": penalty, "clip": clip}


def solved(rows: Rows, rule: Mapping[str, Any], seed: int, *, most_steps: int = _MOST_STEPS) -> tuple[Any, Any]:
    """Coefficients and intercepts, one for a number, or one for each level."""
    solve = {LEVELS: _logistic, ROBUST: _huber, NUMBER: _elastic_net}[rule["objective"]]
    return solve(rows, rule, seed, most_steps)


def held_out_parts(rows: Rows, seed: int, *, parts: int = _PARTS) -> list[tuple[Rows, Rows]]:
    """(train, held out) for each fold; every row is held out once."""
    import numpy as np

    counted = np.arange(len(rows.label)) if rows.weights is None else np.flatnonzero(rows.weights)
    places = np.random.default_rng(seed).permutation(counted)[:_MOST_ROWS]
    places = places[np.argsort(rows.label[places], kind="stable")]
    part = np.arange(len(places)) % parts
    pairs = [(rows.take(places[part != each]), rows.take(places[part == each])) for each in range(parts)]
    return [(train, held) for train, held in pairs if len(held.label) and len(set(train.label)) > 1]


def _held_out_losses(
    train: Rows, held: Rows, rule: Mapping[str, Any], penalties: Sequence[float], seed: int
) -> list[float]:
    """The loss on held-out rows, summed, with each penalty."""
    train, held = train.clipped(rule["clip"]), held.clipped(rule["clip"])
    if rule["objective"] == NUMBER and rule["l1_ratio"] == 0:
        solutions = list(zip(*_ridge(train, penalties), strict=True))
    else:
        asked = ({**rule, "alpha": penalty} for penalty in penalties)
        solutions = [solved(train, each, seed, most_steps=_STEPS_TO_CHOOSE) for each in asked]
    return [loss(held, *solution, rule["objective"]) for solution in solutions]


def loss(held: Rows, weights: Any, intercepts: Any, objective: str) -> float:
    """Squared error, absolute error for a robust fit, or log loss, summed over the rows."""
    import numpy as np

    scores = held.features @ np.atleast_2d(weights).T + np.atleast_1d(intercepts)
    if objective == LEVELS:
        if scores.shape[1] == 1:
            scores = np.hstack([np.zeros_like(scores), scores])
        of_its_level = scores[np.arange(len(scores)), held.label.astype(int)]
        losses = np.logaddexp.reduce(scores, axis=1) - of_its_level
    else:
        distances = abs(scores[:, 0] - held.label)
        losses = distances if objective == ROBUST else distances**2
    return float(np.average(losses, weights=held.weights) * len(losses))


def _elastic_net(rows: Rows, rule: Mapping[str, Any], seed: int, most_steps: int) -> tuple[Any, Any]:
    """Fitted to a standardised label, so that a penalty means the same whatever the label's unit."""
    from sklearn.linear_model import ElasticNet

    if rule["l1_ratio"] == 0:  # ElasticNet converges poorly there
        weights, intercepts = _ridge(rows, [rule["alpha"]])
        return weights[0], intercepts[0]
    mean, scale = rows.label.mean(), rows.label.std() or 1.0
    model = ElasticNet(alpha=rule["alpha"], l1_ratio=rule["l1_ratio"], max_iter=most_steps, random_state=seed)
    model.fit(rows.features, (rows.label - mean) / scale, sample_weight=rows.weights)
    return model.coef_ * scale, model.intercept_ * scale + mean


def _ridge(rows: Rows, penalties: Sequence[float]) -> tuple[Any, Any]:
    """Coefficients (penalties, columns) and intercepts (penalties,): one fit for all, which shares most of the work."""
    import numpy as np
    from sklearn.linear_model import Ridge

    mean, scale = rows.label.mean(), rows.label.std() or 1.0
    label = np.repeat(((rows.label - mean) / scale)[:, None], len(penalties), axis=1)
    model = Ridge(alpha=np.array(penalties) * len(rows.label))
    model.fit(rows.features, label, sample_weight=rows.weights)
    return np.atleast_2d(model.coef_) * scale, np.atleast_1d(model.intercept_) * scale + mean


def _huber(rows: Rows, rule: Mapping[str, Any], seed: int, most_steps: int) -> tuple[Any, Any]:
    """As `_elastic_net`, but large errors count linearly rather than by their square."""
    from sklearn.linear_model import HuberRegressor

    del seed
    mean, scale = rows.label.mean(), rows.label.std() or 1.0
    model = HuberRegressor(alpha=rule["alpha"] * len(rows.label), max_iter=most_steps)
    model.fit(rows.features, (rows.label - mean) / scale, sample_weight=rows.weights)
    return model.coef_ * scale, model.intercept_ * scale + mean


def _logistic(rows: Rows, rule: Mapping[str, Any], seed: int, most_steps: int) -> tuple[Any, Any]:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(
        C=1 / (rule["alpha"] * len(rows.label)),
        l1_ratio=rule["l1_ratio"],
        solver="lbfgs" if rule["l1_ratio"] == 0 else "saga",
        max_iter=most_steps,
        random_state=seed,
    )
    model.fit(rows.features, rows.label.astype(int), sample_weight=rows.weights)
    return (model.coef_, model.intercept_) if rule["num_class"] is None else of_levels(model, rule["num_class"])


def of_levels(model: Any, levels: int) -> tuple[Any, Any]:
    """Coefficients with a row for each level, also where the training rows of a fold lack one."""
    import numpy as np

    coefficients, intercepts = model.coef_, model.intercept_
    if len(model.classes_) == 2:  # scikit-learn gives one row then, for the second against the first
        coefficients = np.vstack([np.zeros_like(coefficients), coefficients])
        intercepts = np.concatenate([np.zeros(1), intercepts])
    weights, lowest = np.zeros((levels, coefficients.shape[1])), np.full(levels, _NEVER)
    weights[model.classes_], lowest[model.classes_] = coefficients, intercepts
    return weights, lowest
