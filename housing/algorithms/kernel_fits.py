"""Fits a linear model of similarities to some of the rows (the Nyström approximation), and chooses reach and penalty.

C. Williams, M. Seeger: Using the Nyström method to speed up kernel machines, NIPS 2000.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from housing.algorithms.linear_fits import LEVELS, ROBUST, Rows, held_out_parts, loss
from housing.algorithms.linear_fits import of_levels as for_all_levels

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

SQUARES = "squared_error"
_GAMMAS = (0.05, 0.3, 1.0)
_NUMBER_PENALTIES = tuple(10 ** (power / 2) for power in range(-12, 4))
_LEVEL_PENALTIES, _MIDDLE = (0.001, 0.01, 0.1, 1.0, 10.0, 100.0), 3
_MOST_ROWS, _MOST_TO_CHOOSE, _PARTS = 20_000, 1_000, 3
_LANDMARKS_TO_CHOOSE = 150
"""Of levels, whose fits take steps: enough to tell what reach and penalty are good."""
_LINEAR = 0.1
"""Variance of the linear part before the label is seen, against 1 of the kernel's."""
_STEPS, _OF_TYPICAL = 5, 0.5


@dataclass(frozen=True, eq=False)
class Kernel:
    """Similarities of standardised rows to the (landmarks, columns): exp(-gamma times the mean squared distance)."""

    landmarks: Floats
    gamma: float

    def similarities(self, values: Floats) -> Floats:
        """(rows, landmarks)."""
        import numpy as np

        squares = (values**2).sum(axis=1)[:, None] + (self.landmarks**2).sum(axis=1)
        distances = np.maximum(squares - 2 * values @ self.landmarks.T, 0)
        found: Floats = np.exp(-self.gamma / self.landmarks.shape[1] * distances)
        return found

    def inputs(self, values: Floats) -> Floats:
        """(rows, inputs) What a linear model is fitted to: no more inputs than landmarks, however many the columns."""
        return self._kernel(values) @ self._whitening

    def taken_apart(self, coefficients: Floats) -> tuple[Floats, Floats]:
        """Of the coefficients of `inputs`, (inputs, outputs): those of the similarities, and those of the columns."""
        similar: Floats = self._whitening @ coefficients
        return similar, self._linear * self.landmarks.T @ similar

    def _kernel(self, values: Floats) -> Floats:
        """(rows, landmarks) Similarities, and the linear part."""
        found: Floats = self.similarities(values) + self._linear * values @ self.landmarks.T
        return found

    @cached_property
    def _whitening(self) -> Floats:
        import numpy as np

        sizes, directions = np.linalg.eigh(self._kernel(self.landmarks))
        there = sizes > 1e-9 * sizes[-1]
        found: Floats = directions[:, there] / np.sqrt(sizes[there])
        return found

    @property
    def _linear(self) -> float:
        return _LINEAR / int(self.landmarks.shape[1])


@dataclass(frozen=True, eq=False)
class Solution:
    """`similar` is (landmarks, outputs), `linear` (columns, outputs), `intercepts` (outputs,)."""

    kernel: Kernel
    similar: Floats
    linear: Floats
    intercepts: Floats
    alpha: float


def solved(rows: Rows, rule: Mapping[str, Any], seed: int) -> Solution:
    """The fit; a penalty or a reach that the rule leaves out is the one that does best on rows that are left out.

    Of more than 20,000 rows a random 20,000 are used.
    """
    rows = _some(rows, _MOST_ROWS, seed)
    landmarks = _some(rows, rule["n_components"], seed).features
    gammas = _GAMMAS if rule["gamma"] is None else (rule["gamma"],)
    of_levels = rule["objective"] == LEVELS
    choose, solve = (_chosen_for_levels, _levels) if of_levels else (_chosen_for_number, _number)
    if len(gammas) > 1 or rule["alpha"] is None:
        few = landmarks[:_LANDMARKS_TO_CHOOSE] if of_levels else landmarks
        kernels = [Kernel(few, gamma) for gamma in gammas]
        found, alpha = choose(_some(rows, _MOST_TO_CHOOSE, seed), kernels, rule, seed)
        gammas = (found.gamma,)
    else:
        alpha = rule["alpha"]
    kernel = Kernel(landmarks, gammas[0])
    coefficients, intercepts = solve(Rows(kernel.inputs(rows.features), rows.label, rows.weights), alpha, rule)
    return Solution(kernel, *kernel.taken_apart(coefficients), intercepts, alpha)


def _some(rows: Rows, most: int, seed: int) -> Rows:
    """At most so many of the rows that count, at random."""
    import numpy as np

    counted = np.arange(len(rows.label)) if rows.weights is None else np.flatnonzero(rows.weights)
    return rows.take(np.random.default_rng(seed).permutation(counted)[:most])


def _chosen_for_number(
    rows: Rows, kernels: Sequence[Kernel], rule: Mapping[str, Any], seed: int
) -> tuple[Kernel, float]:
    """By the squared error of each row, were it left out, which one decomposition tells for all penalties."""
    del seed
    penalties = _NUMBER_PENALTIES if rule["alpha"] is None else (rule["alpha"],)
    label, _, _ = _standardised(rows, rule)
    costs = {
        (place, penalty): cost
        for place, kernel in enumerate(kernels)
        for penalty, cost in zip(
            penalties, _left_out(kernel.inputs(rows.features), label, rows, penalties), strict=True
        )
    }
    place, penalty = min(costs, key=lambda key: costs[key])
    return kernels[place], penalty


def _left_out(inputs: Floats, label: Floats, rows: Rows, penalties: Sequence[float]) -> list[float]:
    """The mean squared error of rows that are left out one at a time, with each penalty."""
    import numpy as np

    root = np.ones(len(label)) if rows.weights is None else np.sqrt(rows.weights.astype(np.float64))
    matrix, wanted = _with_constant(inputs) * root[:, None], label * root
    sizes, directions = np.linalg.eigh(matrix.T @ matrix)
    rotated = matrix @ directions
    found = []
    for penalty in penalties:
        inverse = 1 / (np.maximum(sizes, 0) + penalty)
        leverage = rotated**2 @ inverse
        errors = (wanted - rotated @ (inverse * (rotated.T @ wanted))) / np.maximum(1 - leverage, 1e-10)
        found.append(float((errors**2).mean()))
    return found


def _number(inputs: Rows, alpha: float, rule: Mapping[str, Any]) -> tuple[Floats, Floats]:
    """Coefficients (inputs, 1) and intercept (1,); robust: large errors count linearly rather than by their square."""
    import numpy as np

    label, middle, spread = _standardised(inputs, rule)
    matrix = _with_constant(inputs.features)
    own = np.ones(len(label)) if inputs.weights is None else inputs.weights.astype(np.float64)
    found = _ridge(matrix, label, own, alpha)
    for _ in range(_STEPS if rule["objective"] == ROBUST else 0):
        errors = np.abs(label - matrix @ found)
        limit = _OF_TYPICAL * np.median(errors) + 1e-9
        share = np.minimum(1, limit / np.maximum(errors, limit))
        found = _ridge(matrix, label, own * share, alpha * np.average(share, weights=own))
    return found[:-1, None] * spread, found[-1:] * spread + middle


def _ridge(matrix: Floats, label: Floats, weights: Floats, alpha: float) -> Floats:
    import numpy as np

    weighted = matrix.T * weights
    solved: Any = np.linalg.solve(weighted @ matrix + alpha * np.eye(matrix.shape[1]), weighted @ label)
    return np.asarray(solved, np.float64)


def _standardised(rows: Rows, rule: Mapping[str, Any]) -> tuple[Floats, float, float]:
    """The label about 0 and of deviation 1, what was taken away, and what it was divided by."""
    import numpy as np

    robust = rule["objective"] == ROBUST and rows.weights is None
    middle = float(np.median(rows.label) if robust else np.average(rows.label, weights=rows.weights))
    spread = float(rows.label.std()) or 1.0
    return (rows.label - middle) / spread, middle, spread


def _with_constant(inputs: Floats) -> Floats:
    import numpy as np

    return np.hstack([inputs, np.ones((len(inputs), 1))])


def _chosen_for_levels(
    rows: Rows, kernels: Sequence[Kernel], rule: Mapping[str, Any], seed: int
) -> tuple[Kernel, float]:
    """By log loss in three folds: first the reach, then the penalty, from the middle one to its better neighbours."""
    parts = held_out_parts(rows, seed, parts=_PARTS)
    penalty = _LEVEL_PENALTIES[_MIDDLE] if rule["alpha"] is None else rule["alpha"]
    if not parts:
        return kernels[0], penalty

    def costs_with(kernel: Kernel) -> Callable[[float], float]:
        inputs = [tuple(Rows(kernel.inputs(p.features), p.label, p.weights) for p in both) for both in parts]

        def cost(alpha: float) -> float:
            found = 0.0
            for train, held in inputs:
                coefficients, intercepts = _levels(train, alpha, rule)
                found += loss(held, coefficients.T, intercepts, LEVELS)
            return found

        return cost

    costs = [costs_with(kernel) for kernel in kernels]
    of_kernels = [cost(penalty) for cost in costs]
    place = of_kernels.index(min(of_kernels))
    if rule["alpha"] is None:
        penalty = _descended(costs[place], of_kernels[place])
    return kernels[place], penalty


def _descended(cost: Callable[[float], float], least: float) -> float:
    """The penalty beyond which, on either side of the middle one, the cost rises."""
    best = _LEVEL_PENALTIES[_MIDDLE]
    for side in (_LEVEL_PENALTIES[_MIDDLE - 1 :: -1], _LEVEL_PENALTIES[_MIDDLE + 1 :]):
        for penalty in side:
            if (found := cost(penalty)) >= least:
                break
            best, least = penalty, found
        if best != _LEVEL_PENALTIES[_MIDDLE]:
            break
    return best


def _levels(inputs: Rows, alpha: float, rule: Mapping[str, Any]) -> tuple[Floats, Floats]:
    """Coefficients (inputs, outputs) and intercepts (outputs,): one output for two levels, else one for each."""
    from sklearn.linear_model import LogisticRegression

    levels = rule["num_class"]
    # Newton's method is faster for a few hundred coefficients, and slower for as many of each of several levels.
    solver = "newton-cholesky" if levels is None else "lbfgs"
    model = LogisticRegression(C=1 / alpha, solver=solver, max_iter=200)
    model.fit(inputs.features, inputs.label.astype(int), sample_weight=inputs.weights)
    coefficients, intercepts = (model.coef_, model.intercept_) if levels is None else for_all_levels(model, levels)
    return coefficients.T, intercepts
