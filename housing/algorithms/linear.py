"""Penalised linear models by scikit-learn: elastic net or Huber for a number, logistic regression for levels.

The model standardises columns, fills missing values with the column's median, and may clip far values. A model file
holds its coefficients as JSON, so that predicting needs nothing but NumPy.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, ClassVar

from housing.algorithms.base import Capabilities, Fitted, FittingAlgorithm, ForTask, Hyperparameter, Hyperparameters
from housing.algorithms.explaining import Contributions, chances
from housing.algorithms.linear_fits import LEVELS, NUMBER, ROBUST, Rows, chosen, solved
from housing.algorithms.standardising import Scale, clipped

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from housing.algorithms.compiled import Compiled


@dataclass(frozen=True)
class Coefficients:
    """The coefficients of the standardised columns; `weights` has a row for each level, a single one for a number or
    for two levels.
    """

    objective: str
    medians: list[float]
    means: list[float]
    scales: list[float]
    weights: list[list[float]]
    intercepts: list[float]
    alpha: float | None = None
    """The penalty, given or chosen; None in a model of an earlier version."""
    clip: float | None = None
    """Standardised values are clipped to this on both sides; None: not clipped."""


class Linear(FittingAlgorithm):
    """A fit without rounds; `alpha` is the penalty per row, for a standardised label.

    Without `alpha`, the penalty that does best on held-out rows is taken; where `clip` is not given either, so is
    whether far values are clipped. See `linear_fits.chosen`.
    """

    hyperparameters: ClassVar[Hyperparameters] = {
        "alpha": Hyperparameter(
            "float", "strength of the penalty on coefficients; left out, each fit chooses it", low=1e-6
        ),
        "clip": Hyperparameter(
            "float",
            "standard deviations from its mean at which a column ends; left out with alpha, each fit chooses",
            low=1,
        ),
        "l1_ratio": Hyperparameter("float", "share of the penalty on absolute values", default=0.0, low=0, high=1),
        "objective": Hyperparameter("text", "kind of model", default=NUMBER, choices=(NUMBER, ROBUST, LEVELS)),
        "num_class": Hyperparameter("int", "levels of the label, of more than two", low=3, tunable=False),
        "seed": Hyperparameter("int", "left out, the experiment's seed", low=0, high=2**31 - 1, tunable=False),
    }
    capabilities: ClassVar[Capabilities] = Capabilities(
        loss="objective", missing_values=True, weights=True, reference={"alpha": 0.01}
    )
    model_format: ClassVar[str] = "json"
    tasks: ClassVar[Mapping[str, ForTask]] = {
        "regression": ForTask((NUMBER, ROBUST)),
        "binary": ForTask((LEVELS,)),
        "multiclass": ForTask((LEVELS,), levels="num_class"),
    }
    library: ClassVar[str | None] = "sklearn"
    extra: ClassVar[str | None] = "linear"

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
        scale = Scale.of(features)
        rule = {name: declared.default for name, declared in self.hyperparameters.items()} | dict(hyperparameters)
        seed = seed if rule["seed"] is None else rule["seed"]
        rows = Rows(scale.standardised(features), label.astype(np.float64), weights)
        # On matrices of a thousand rows a second thread takes ten times the CPU time, and more wall time on a busy
        # machine.
        with threadpool_limits(1, user_api="blas"):
            if rule["alpha"] is None:
                rule |= chosen(rows, rule, seed)
            fitted, intercepts = solved(rows.clipped(rule["clip"]), rule, seed)
        found = Coefficients(
            objective=str(rule["objective"]),
            medians=scale.medians.tolist(),
            means=scale.means.tolist(),
            scales=scale.scales.tolist(),
            weights=np.atleast_2d(fitted).tolist(),
            intercepts=np.atleast_1d(intercepts).tolist(),
            alpha=float(rule["alpha"]),
            clip=rule["clip"],
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
        from housing.algorithms.model_form import LinearForm

        return LinearForm(self.load(model), model)

    def importance(self, model: bytes, columns: Sequence[str]) -> dict[str, float]:
        """Share of each column in the absolute coefficients of standardised columns, largest first."""
        import numpy as np

        sizes = np.abs(self.load(model).weights).sum(axis=0)
        shares = dict(zip(columns, (sizes / (sizes.sum() or 1.0)).tolist(), strict=True))
        return dict(sorted(shares.items(), key=lambda item: -item[1]))

    def versions(self) -> dict[str, str]:
        """By the package's name on PyPI."""
        return {"scikit-learn": version("scikit-learn")}


class Model:
    """A loaded linear model; safe to call from several threads."""

    def __init__(self, found: Coefficients) -> None:
        import numpy as np

        self._found = found
        self._scale = Scale(*map(np.array, (found.medians, found.means, found.scales)))
        self.weights, self._intercepts = np.array(found.weights), np.array(found.intercepts)

    @property
    def width(self) -> int:
        """Columns of its rows."""
        return int(self.weights.shape[1])

    @property
    def size(self) -> int:
        """How many coefficients it has."""
        return int(self.weights.size)

    def predict(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """See `housing.algorithms.base.Model`."""
        scores: NDArray[np.float64] = self._standardised(features) @ self.weights.T + self._intercepts
        if self._found.objective != LEVELS:
            return scores[:, 0]
        found = chances(scores)
        return found[:, 0] if found.shape[1] == 1 else found

    def contributions(self, features: NDArray[np.float32]) -> Contributions:
        """See `housing.algorithms.explaining`: each term, against the column's mean."""
        import numpy as np

        terms = self._standardised(features)[:, None, :] * self.weights[None]
        base = np.broadcast_to(self._intercepts, terms.shape[:2])
        return Contributions(terms, base, "log odds" if self._found.objective == LEVELS else "none")

    def _standardised(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        return clipped(self._scale.standardised(features), self._found.clip)


ALGORITHM = Linear()
