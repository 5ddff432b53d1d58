"""A fitted CatBoost model: its predictions, and what contributed to them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from housing.algorithms.explaining import Contributions, split

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Model:
    """A fitted model; safe to call from several threads."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._categorical: list[int] = model.get_cat_feature_indices()
        loss = json.loads(model.get_metadata()["params"])["loss_function"]["type"]
        self._answers = {"Logloss": "second", "MultiClass": "each"}.get(loss, "number")

    def predict(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """See `housing.algorithms.base.Model`."""
        kind = "RawFormulaVal" if self._answers == "number" else "Probability"
        rows = with_levels(features, self._categorical)
        result: NDArray[np.float64] = self._model.predict(rows, prediction_type=kind, thread_count=1)
        return result[:, 1] if self._answers == "second" else result

    def contributions(self, features: NDArray[np.float32]) -> Contributions:
        """See `housing.algorithms.explaining`: CatBoost's exact Shapley values."""
        import catboost

        pool = catboost.Pool(with_levels(features, self._categorical), cat_features=self._categorical or None)
        found = self._model.get_feature_importance(pool, type="ShapValues", shap_calc_type="Exact", thread_count=1)
        return split(found, features.shape[1], "none" if self._answers == "number" else "log odds")

    def importance(self) -> Sequence[float]:
        """CatBoost's own importances, in the order of the encoded columns."""
        found: Sequence[float] = self._model.get_feature_importance()
        return found


def with_levels(features: NDArray[np.float32], categorical: Sequence[int]) -> Any:
    """The rows as CatBoost takes them: levels in columns of their own type, none of them missing."""
    if not categorical:
        return features
    import numpy as np
    import pandas

    columns = {place: features[:, place] for place in range(features.shape[1])}
    codes = {place: np.nan_to_num(columns[place], nan=-1).astype(np.int32) for place in categorical}
    return pandas.DataFrame(columns | codes)
