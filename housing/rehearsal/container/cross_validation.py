"""`_kfold` and `_num_cv_round` of SageMaker's XGBoost: a booster per fold, and out-of-fold predictions.

After `train.py` and `prediction_utils.py` of aws/sagemaker-xgboost-container, where the metrics are of the channels as
a whole and not of the rows left out. There the folds are drawn anew by each job; here they follow from `seed`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import xgboost
    from numpy.typing import NDArray

FILE = "predictions.csv"
Fit = Callable[["xgboost.DMatrix", int, dict[str, Any]], "xgboost.Booster"]
"""Fits the rows of a fold, given its number, and fills in the history of its metrics."""
_log = logging.getLogger(__name__)


def boosters(
    whole: xgboost.DMatrix, given: Mapping[str, Any], fit: Fit, *, rounds: int, folder: Path
) -> list[xgboost.Booster]:
    """One booster per fold; out-of-fold predictions are written to a file in `folder`."""
    folds, repeats = given["_kfold"], given.get("_num_cv_round", 1)
    _log.info("Run %d-round of %d-fold cross validation with %d rows", repeats, folds, whole.num_row())
    of_classes = bool(given.get("num_class") or given.get("objective").startswith("binary:"))  # type: ignore[union-attr]
    predicted = _Predictions(whole.get_label(), repeats, of_classes=of_classes)
    made: list[xgboost.Booster] = []
    histories: list[dict[str, Any]] = []
    for rest, left_out in _split(whole, given, of_classes=of_classes):
        _log.info("Train cross validation fold %d", len(made) % folds + 1)
        histories.append({})
        made.append(fit(whole.slice(rest), len(made), histories[-1]))
        predicted.add(left_out, made[-1].predict(whole.slice(left_out)))
        if len(made) % folds == 0:
            _log.info("The metrics of round %d cross validation", len(made) // folds)
            _print_means(rounds, histories[-folds:])
    _log.info("Storing predictions on validation set(s) in %s", folder / FILE)
    predicted.save(folder / FILE)
    if repeats > 1:
        _log.info("The overall metrics of %d-round cross validation", repeats)
        _print_means(rounds, histories)
    return made


def _split(whole: xgboost.DMatrix, given: Mapping[str, Any], *, of_classes: bool) -> Iterator[tuple[Any, Any]]:
    from sklearn.model_selection import RepeatedKFold, RepeatedStratifiedKFold

    kind = RepeatedStratifiedKFold if of_classes else RepeatedKFold
    splitter = kind(
        n_splits=given["_kfold"], n_repeats=given.get("_num_cv_round", 1), random_state=abs(given.get("seed", 0))
    )
    yield from splitter.split(range(whole.num_row()), whole.get_label() if of_classes else None)


class _Predictions:
    """The predictions of each row by the boosters that were not fitted to it, one per repetition."""

    def __init__(self, labels: NDArray[Any], repeats: int, *, of_classes: bool) -> None:
        import numpy as np

        self._labels = labels.copy()
        self._predicted = np.zeros((len(labels), repeats))
        self._probabilities = np.zeros((len(labels), repeats)) if of_classes else None
        self._counts = np.zeros(len(labels), dtype=int)

    def add(self, rows: NDArray[Any], predictions: NDArray[Any]) -> None:
        import numpy as np

        columns = self._counts[rows]
        if self._probabilities is None:
            self._predicted[rows, columns] = predictions
        elif predictions.ndim > 1:
            self._predicted[rows, columns] = predictions.argmax(axis=-1)
            self._probabilities[rows, columns] = np.max(predictions, axis=-1)
        else:
            self._predicted[rows, columns] = predictions > 0.5
            self._probabilities[rows, columns] = predictions
        self._counts[rows] += 1

    def save(self, path: Path) -> None:
        """Write label and mean prediction; for classes label, mean probability and majority vote."""
        import numpy as np

        columns = [self._labels]
        if self._probabilities is None:
            columns.append(self._predicted.mean(axis=-1))
        else:
            from scipy import stats

            columns += [
                self._probabilities.mean(axis=-1),
                stats.mode(self._predicted, axis=1, keepdims=True).mode[:, 0],
            ]
        np.savetxt(path, np.vstack(columns).T, delimiter=",", fmt="%f")


def _print_means(rounds: int, histories: Sequence[Mapping[str, Any]]) -> None:
    import numpy as np

    line = f"[{rounds}]"
    for metric in histories[0]["train"]:
        for channel in histories[0]:
            line += f"\t{channel}-{metric}:{np.mean([history[channel][metric][-1] for history in histories]):.5f}"
    print(line)  # noqa: T201
