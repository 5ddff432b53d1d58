"""Forests by scikit-learn: random forests, or extremely randomised trees, for a number, a count or levels.

A model file holds the arrays of its trees in NumPy's own format, so that predicting needs no scikit-learn, and loading
a file runs no code from it.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, ClassVar

from housing.algorithms.base import Capabilities, Fitted, FittingAlgorithm, ForTask, Hyperparameter, Hyperparameters

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from housing.algorithms.compiled import Compiled

_OF_LEVELS = ("log_loss", "gini")
_ARRAYS = ("roots", "features", "thresholds", "left", "right", "missing_left", "values", "shares", "prior")
_BEST, _RANDOM = "best", "random"


class Forest(FittingAlgorithm):
    """A fit without rounds; the trees are independent of each other."""

    hyperparameters: ClassVar[Hyperparameters] = {
        "n_estimators": Hyperparameter("int", "number of trees", default=300, low=1),
        "splitter": Hyperparameter(
            "text", "best: a random forest; random: extra trees", default=_RANDOM, choices=(_BEST, _RANDOM)
        ),
        "max_features": Hyperparameter("float", "share of columns tried at a split", default=0.5, low=1e-13, high=1),
        "min_samples_leaf": Hyperparameter("int", "fewest rows in a leaf", default=1, low=1),
        "max_depth": Hyperparameter("int", "most splits in a row; left out, any number", low=1),
        "bootstrap": Hyperparameter("bool", "rows of each tree drawn with replacement", default=False),
        "criterion": Hyperparameter(
            "text",
            "what splits make smaller",
            default="squared_error",
            choices=("squared_error", "poisson", *_OF_LEVELS),
        ),
        "num_class": Hyperparameter("int", "levels of the label, of more than two", low=3, tunable=False),
        "seed": Hyperparameter("int", "left out, the experiment's seed", low=0, high=2**31 - 1, tunable=False),
    }
    capabilities: ClassVar[Capabilities] = Capabilities(loss="criterion", missing_values=True, weights=True)
    model_format: ClassVar[str] = "npz"
    tasks: ClassVar[Mapping[str, ForTask]] = {
        "regression": ForTask(("squared_error",)),
        # The mean of squared errors may be 0, for which no deviance is defined; splits by Poisson's leave no such leaf.
        "count": ForTask(("poisson", "squared_error")),
        "binary": ForTask(_OF_LEVELS),
        "multiclass": ForTask(_OF_LEVELS, levels="num_class"),
    }
    library: ClassVar[str | None] = "sklearn"
    extra: ClassVar[str | None] = "forest"

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
        from sklearn import ensemble

        del validation, progress, label_metrics
        features, label, weights = train
        rule = {name: declared.default for name, declared in self.hyperparameters.items()} | dict(hyperparameters)
        kinds = {
            (_BEST, True): ensemble.RandomForestClassifier,
            (_BEST, False): ensemble.RandomForestRegressor,
            (_RANDOM, True): ensemble.ExtraTreesClassifier,
            (_RANDOM, False): ensemble.ExtraTreesRegressor,
        }
        of_levels = rule["criterion"] in _OF_LEVELS
        model = kinds[rule["splitter"], of_levels](
            random_state=seed if rule["seed"] is None else rule["seed"],
            n_jobs=threads,
            **{name: rule[name] for name in ("n_estimators", "max_features", "min_samples_leaf", "max_depth")},
            **{name: rule[name] for name in ("bootstrap", "criterion")},
        )
        model.fit(features, label.astype(int) if of_levels else label, sample_weight=weights)
        return Fitted(history={}, best_round=0, model=_bytes(model, levels=rule["num_class"] or 2 if of_levels else 0))

    def load(self, model: bytes) -> Model:
        """The model in a file's bytes; raises ValueError when they are not a model of this algorithm."""
        import numpy as np

        try:
            with np.load(io.BytesIO(model), allow_pickle=False) as found:
                return Model({name: found[name] for name in _ARRAYS})
        except (ValueError, KeyError, EOFError, OSError, zipfile.BadZipFile) as e:
            raise ValueError(f"not a forest: {e}") from e

    def compiled(self, model: bytes) -> Compiled:
        """See `Algorithm.compiled`."""
        from housing.algorithms import forest_trees

        return forest_trees.read(self.load(model).arrays)

    def importance(self, model: bytes, columns: Sequence[str]) -> dict[str, float]:
        """Each column's share of the total decrease of impurity, largest first; unused columns are left out."""
        found = self.load(model).shares.tolist()
        shares = {name: share for name, share in zip(columns, found, strict=True) if share > 0}
        return dict(sorted(shares.items(), key=lambda item: -item[1]))

    def versions(self) -> dict[str, str]:
        """By the package's name on PyPI."""
        return {"scikit-learn": version("scikit-learn")}


class Model:
    """A loaded forest, the nodes of all trees in flat arrays; safe to call from several threads."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self.arrays = arrays
        self.shares = arrays["shares"]

    def predict(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """See `housing.algorithms.base.Model`."""
        import numpy as np

        values, roots = self.arrays["values"], self.arrays["roots"]
        total = np.zeros((len(features), values.shape[1]))
        for root in roots:
            total += values[self._leaves(features, int(root))]
        prior = self.arrays["prior"]
        if not len(prior):
            answer: NDArray[np.float64] = total[:, 0] / len(roots)
            return answer
        # The levels' shares among all training rows count as one more tree: no level ever has probability 0.
        chances: NDArray[np.float64] = (total + prior) / (len(roots) + 1)
        return chances[:, 1] if chances.shape[1] == 2 else chances

    def _leaves(self, features: NDArray[np.float32], root: int) -> NDArray[np.int64]:
        import numpy as np

        a = self.arrays
        node, going = np.full(len(features), root, dtype=np.int64), np.arange(len(features))
        while len(going):
            here = node[going]
            inside = a["left"][here] >= 0
            going, here = going[inside], here[inside]
            value = features[going, a["features"][here]]
            is_left = np.where(np.isnan(value), a["missing_left"][here], value <= a["thresholds"][here])
            node[going] = np.where(is_left, a["left"][here], a["right"][here])
        return node


def _bytes(model: Any, *, levels: int) -> bytes:
    """The model file. `levels` is the number of the label's levels, 0 for a number; a level without training rows keeps
    its column.
    """
    import numpy as np

    trees = [each.tree_ for each in model.estimators_]
    starts = np.cumsum([0, *(tree.node_count for tree in trees)])[:-1]

    def joined(of: Any, kind: Any) -> NDArray[Any]:
        return np.concatenate([of(tree, start) for tree, start in zip(trees, starts, strict=True)]).astype(kind)

    def below(children: NDArray[Any], start: int) -> NDArray[Any]:
        return np.where(children >= 0, children + start, -1)

    values = joined(lambda tree, _: tree.value[:, 0, :], np.float64)
    prior = np.zeros(0)
    if levels:
        placed = np.zeros((len(values), levels))
        placed[:, model.classes_] = values / values.sum(axis=1, keepdims=True)
        rows = int(trees[0].n_node_samples[0])
        # One more row is added, which is of every level equally.
        values, prior = placed, (placed[starts].mean(axis=0) * rows + 1 / levels) / (rows + 1)
    arrays = {
        "roots": starts.astype(np.int32),
        "features": joined(lambda tree, _: np.maximum(tree.feature, 0), np.int32),
        "thresholds": joined(lambda tree, _: tree.threshold, np.float64),
        "left": joined(lambda tree, start: below(tree.children_left, start), np.int32),
        "right": joined(lambda tree, start: below(tree.children_right, start), np.int32),
        "missing_left": joined(lambda tree, _: tree.missing_go_to_left, np.bool_),
        "values": values,
        "shares": np.asarray(model.feature_importances_),
        "prior": prior,
    }
    written = io.BytesIO()
    np.savez_compressed(written, allow_pickle=False, **arrays)
    return written.getvalue()


ALGORITHM = Forest()
