"""Kernel ridge and kernel logistic regression: smooth functions of the distance to some of the training rows.

Columns are standardised as for `linear`. A model file holds its arrays in NumPy's own format, so that predicting needs
no scikit-learn, and loading a file runs no code from it.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, ClassVar

from housing.algorithms.base import Capabilities, Fitted, FittingAlgorithm, ForTask, Hyperparameter, Hyperparameters
from housing.algorithms.explaining import Contributions, chances
from housing.algorithms.kernel_fits import SQUARES, Kernel, Solution, solved
from housing.algorithms.linear_fits import LEVELS, ROBUST, Rows
from housing.algorithms.standardising import Scale, clipped

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from housing.algorithms.compiled import Compiled

_CLIP = 4.0
"""In standard deviations: a row beyond is as far from the others as one there."""
_ROWS_A_STEP = 4096


class KernelRegression(FittingAlgorithm):
    """A fit without rounds. Without `gamma` or `alpha`, what does best on rows that are left out is taken."""

    hyperparameters: ClassVar[Hyperparameters] = {
        "n_components": Hyperparameter(
            "int", "training rows, drawn at random, that each row is compared with", default=400, low=1
        ),
        "gamma": Hyperparameter(
            "float", "how fast similarity falls with the mean squared distance; left out, each fit chooses it", low=1e-6
        ),
        "alpha": Hyperparameter(
            "float", "penalty, as in scikit-learn's KernelRidge; left out, each fit chooses it", low=1e-9
        ),
        "objective": Hyperparameter("text", "kind of model", default=ROBUST, choices=(ROBUST, SQUARES, LEVELS)),
        "num_class": Hyperparameter("int", "levels of the label, of more than two", low=3, tunable=False),
        "seed": Hyperparameter("int", "left out, the experiment's seed", low=0, high=2**31 - 1, tunable=False),
    }
    capabilities: ClassVar[Capabilities] = Capabilities(loss="objective", missing_values=True, weights=True)
    model_format: ClassVar[str] = "npz"
    tasks: ClassVar[Mapping[str, ForTask]] = {
        "regression": ForTask((ROBUST, SQUARES)),
        "binary": ForTask((LEVELS,)),
        "multiclass": ForTask((LEVELS,), levels="num_class"),
    }
    library: ClassVar[str | None] = "sklearn"
    extra: ClassVar[str | None] = "kernel"

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
        rule = {name: declared.default for name, declared in self.hyperparameters.items()} | dict(hyperparameters)
        scale = Scale.of(features)
        rows = Rows(clipped(scale.standardised(features), _CLIP), label.astype(np.float64), weights)
        with threadpool_limits(1, user_api="blas"):  # as for `linear`: more threads take more time
            found = solved(rows, rule, seed if rule["seed"] is None else rule["seed"])
        return Fitted(history={}, best_round=0, model=_bytes(scale, found, of_levels=rule["objective"] == LEVELS))

    def load(self, model: bytes) -> Model:
        """The model in a file's bytes; raises ValueError when they are not a model of this algorithm."""
        import numpy as np

        try:
            with np.load(io.BytesIO(model), allow_pickle=False) as found:
                return Model(found)
        except (ValueError, KeyError, EOFError, OSError, zipfile.BadZipFile) as e:
            raise ValueError(f"not a kernel model: {e}") from e

    def compiled(self, model: bytes) -> Compiled:
        """See `Algorithm.compiled`."""
        from housing.algorithms.model_form import KernelForm

        return KernelForm(self.load(model), model)

    def importance(self, model: bytes, columns: Sequence[str]) -> dict[str, float]:
        """Share of each standardised column in the mean absolute slope at the rows compared with, largest first."""
        sizes = self.load(model).slopes()
        shares = dict(zip(columns, (sizes / (sizes.sum() or 1.0)).tolist(), strict=True))
        return dict(sorted(shares.items(), key=lambda item: -item[1]))

    def versions(self) -> dict[str, str]:
        """By the package's name on PyPI."""
        return {"scikit-learn": version("scikit-learn")}


class Model:
    """A loaded kernel model; safe to call from several threads."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self._scale = Scale(*(arrays[name] for name in ("medians", "means", "scales")))
        self._kernel = Kernel(arrays["landmarks"], float(arrays["gamma"]))
        self._similar, self._linear, self._intercepts = (arrays[n] for n in ("similar", "linear", "intercepts"))
        self._of_levels = bool(arrays["of_levels"])

    @property
    def width(self) -> int:
        """Columns of its rows."""
        return int(self._linear.shape[0])

    @property
    def size(self) -> int:
        """How many numbers a row is compared with and multiplied by."""
        return int(self._kernel.landmarks.size + self._similar.size)

    def predict(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """See `housing.algorithms.base.Model`."""
        import numpy as np

        starts = range(0, max(len(features), 1), _ROWS_A_STEP)
        steps = (self._standardised(features[start : start + _ROWS_A_STEP]) for start in starts)
        scores = np.concatenate([self._scores(values) for values in steps])
        found = chances(scores) if self._of_levels else scores
        return found[:, 0] if found.shape[1] == 1 else found

    def contributions(self, features: NDArray[np.float32]) -> Contributions:
        """See `housing.algorithms.explaining`: against a row with the mean of every column."""
        import numpy as np

        from housing.algorithms.kernel_shapley import shapley

        values, mean = self._standardised(features), np.zeros((1, self.width))
        terms = shapley(self._kernel, self._similar, values) + values[:, None, :] * self._linear.T[None]
        base = np.broadcast_to(self._scores(mean), terms.shape[:2])
        return Contributions(terms, base, "log odds" if self._of_levels else "none")

    def slopes(self) -> NDArray[np.float64]:
        """(columns,) The mean absolute slope of the outputs along each standardised column, at the landmarks."""
        import numpy as np

        landmarks, own = self._kernel.landmarks, self._kernel.similarities(self._kernel.landmarks)
        total = np.zeros(self.width)
        for similar, linear in zip(self._similar.T, self._linear.T, strict=True):
            pulled = own @ (similar[:, None] * landmarks) - landmarks * (own @ similar)[:, None]
            total += np.abs(2 * self._kernel.gamma / self.width * pulled + linear).mean(axis=0)
        return total

    def _standardised(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        return clipped(self._scale.standardised(features), _CLIP)

    def _scores(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        found: NDArray[np.float64] = (
            self._kernel.similarities(values) @ self._similar + values @ self._linear + self._intercepts
        )
        return found


def _bytes(scale: Scale, found: Solution, *, of_levels: bool) -> bytes:
    import numpy as np

    buffer = io.BytesIO()
    np.savez(
        buffer,
        medians=scale.medians,
        means=scale.means,
        scales=scale.scales,
        landmarks=found.kernel.landmarks,
        gamma=found.kernel.gamma,
        alpha=found.alpha,
        similar=found.similar,
        linear=found.linear,
        intercepts=found.intercepts,
        of_levels=of_levels,
    )
    return buffer.getvalue()


ALGORITHM = KernelRegression()
