"""What tasks of classes share. Metrics have scikit-learn's values; a label is the code of its level, from 0."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from housing.tasks.base import Metric, Task
from housing.tasks.curves import average_precision
from housing.tasks.predictions import Predictions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def _chances(predictions: Predictions) -> NDArray[np.float64]:
    assert predictions.probabilities is not None  # tasks of classes always give them
    return predictions.probabilities


def _log_losses(label: NDArray[np.float64], predictions: Predictions) -> NDArray[np.float64]:
    import numpy as np

    chances = _chances(predictions)
    epsilon = np.finfo(np.float64).eps
    true = chances[np.arange(len(label)), label.astype(np.int64)] / chances.sum(axis=1)
    found: NDArray[np.float64] = -np.log(np.clip(true, epsilon, 1 - epsilon))
    return found


def _log_loss(label: NDArray[np.float64], predictions: Predictions) -> float:
    return predictions.mean(_log_losses(label, predictions))


def _hits(label: NDArray[np.float64], predictions: Predictions) -> NDArray[np.float64]:
    found: NDArray[np.float64] = (label == predictions.values).astype(float)
    return found


def _accuracy(label: NDArray[np.float64], predictions: Predictions) -> float:
    return predictions.mean(_hits(label, predictions))


def confusion(label: NDArray[np.float64], predictions: Predictions, *, levels: int | None = None) -> NDArray[np.int64]:
    """(levels, levels) counts: a row for each true level, a column for each predicted one."""
    return _cells_of(label, replace(predictions, weights=None), levels)


def _cells_of(label: NDArray[np.float64], predictions: Predictions, levels: int | None = None) -> NDArray[Any]:
    """As `confusion`, weighted if the predictions have weights."""
    import numpy as np

    size = levels or int(max(label.max(), predictions.values.max())) + 1
    cells = label.astype(np.int64) * size + predictions.values.astype(np.int64)
    return np.bincount(cells, predictions.weights, minlength=size * size).reshape(size, size)


def _balanced_accuracy(label: NDArray[np.float64], predictions: Predictions) -> float:
    counts = _cells_of(label, predictions)
    rows = counts.sum(axis=1)
    present = rows > 0
    return float((counts.diagonal()[present] / rows[present]).mean())


def f1_of_levels(label: NDArray[np.float64], predictions: Predictions) -> NDArray[np.float64]:
    """F1 of each level that occurs in the label or in the predictions, in the order of the codes."""
    counts = _cells_of(label, predictions)
    hits, sums = counts.diagonal(), counts.sum(axis=0) + counts.sum(axis=1)
    present = sums > 0
    found: NDArray[np.float64] = 2 * hits[present] / sums[present]
    return found


def by_level(
    metric: str, label: NDArray[np.float64], predictions: Predictions, *, levels: Sequence[str]
) -> dict[str, float]:
    """Recall, precision or F1 of each level that occurs in the label, in the order of the codes."""
    counts = _cells_of(label, predictions, len(levels))
    hits, rows, chosen = counts.diagonal(), counts.sum(axis=1), counts.sum(axis=0)
    below = {"recall": rows, "precision": chosen, "f1": (rows + chosen) / 2}[metric]
    return {
        level: float(hits[code] / below[code]) if below[code] else 0.0
        for code, level in enumerate(levels)
        if rows[code]
    }


def _f1_macro(label: NDArray[np.float64], predictions: Predictions) -> float:
    return float(f1_of_levels(label, predictions).mean())


def _cells(label: NDArray[np.float64], predictions: Predictions) -> tuple[float, float, float, float]:
    """True negatives, false positives, false negatives, true positives; level 1 is the positive one."""
    (tn, fp), (fn, tp) = _cells_of(label, predictions, 2).tolist()
    return tn, fp, fn, tp


def _f1(label: NDArray[np.float64], predictions: Predictions) -> float:
    _, fp, fn, tp = _cells(label, predictions)
    return 2 * tp / (2 * tp + fp + fn) if tp + fp + fn else 0.0


def _precision(label: NDArray[np.float64], predictions: Predictions) -> float:
    _, fp, _, tp = _cells(label, predictions)
    return tp / (tp + fp) if tp + fp else 0.0


def _recall(label: NDArray[np.float64], predictions: Predictions) -> float:
    _, _, fn, tp = _cells(label, predictions)
    return tp / (tp + fn) if tp + fn else 0.0


def _mcc(label: NDArray[np.float64], predictions: Predictions) -> float:
    tn, fp, fn, tp = _cells(label, predictions)
    square = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    return (tp * tn - fp * fn) / square**0.5 if square else 0.0


def _brier(label: NDArray[np.float64], predictions: Predictions) -> float:
    return predictions.mean((_chances(predictions)[:, 1] - label) ** 2)


def _brier_of_levels(label: NDArray[np.float64], predictions: Predictions) -> float:
    import numpy as np

    chances = _chances(predictions)
    return predictions.mean(((chances - np.eye(chances.shape[1])[label.astype(np.int64)]) ** 2).sum(axis=1))


def _ece(label: NDArray[np.float64], predictions: Predictions) -> float:
    from housing.tasks.curves import calibration, expected_calibration_error

    return expected_calibration_error(calibration(label == 1, _chances(predictions)[:, 1]))


def _ece_of_chosen(label: NDArray[np.float64], predictions: Predictions) -> float:
    from housing.tasks.curves import calibration, expected_calibration_error

    chances = _chances(predictions)
    return expected_calibration_error(calibration(chances.argmax(axis=1) == label, chances.max(axis=1)))


def _auc(positive: NDArray[np.bool_], chance: NDArray[np.float64], weights: NDArray[np.float64] | None) -> float:
    """AUC of one level against the rest: how often a positive row has the higher probability; ties count half."""
    import numpy as np

    many, other = int(positive.sum()), int((~positive).sum())
    if not many or not other:
        return float("nan")
    if weights is not None:
        from sklearn.metrics import roc_auc_score

        return float(roc_auc_score(positive, chance, sample_weight=weights))
    _, place, counts = np.unique(chance, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2
    return float((ranks[place][positive].sum() - many * (many + 1) / 2) / (many * other))


def _auc_binary(label: NDArray[np.float64], predictions: Predictions) -> float:
    return _auc(label == 1, _chances(predictions)[:, 1], predictions.weights)


def auc_of_levels(label: NDArray[np.float64], predictions: Predictions) -> list[float]:
    """The area under the ROC curve of each level against the rest; NaN if all labels are that level, or none is."""
    chances = _chances(predictions)
    return [_auc(label == level, chances[:, level], predictions.weights) for level in range(chances.shape[1])]


def _auc_ovr(label: NDArray[np.float64], predictions: Predictions) -> float:
    import numpy as np

    return float(np.mean(auc_of_levels(label, predictions)))


def _pr_auc(label: NDArray[np.float64], predictions: Predictions) -> float:
    positive, chance = label == 1, _chances(predictions)[:, 1]
    if not positive.any():
        return float("nan")
    if predictions.weights is not None:
        from sklearn.metrics import average_precision_score

        return float(average_precision_score(positive, chance, sample_weight=predictions.weights))
    return average_precision(positive, chance)


def _one_level(label: NDArray[np.float64]) -> str | None:
    if label.size and (label == label[0]).all():
        return f"compares levels, and all {label.size:,} labels are one"
    return None


LOG_LOSS = Metric(
    "mean negative log-likelihood of the true level",
    "minimize",
    _log_loss,
    of_probabilities=True,
    weighs=True,
    of_rows=_log_losses,
)
ACCURACY = Metric("share of rows whose level is right", "maximize", _accuracy, weighs=True, of_rows=_hits)
BALANCED_ACCURACY = Metric("mean recall over the levels", "maximize", _balanced_accuracy, weighs=True)
F1_MACRO = Metric("mean F1 over the levels", "maximize", _f1_macro, weighs=True)
F1 = Metric("harmonic mean of precision and recall of the positive level", "maximize", _f1, weighs=True)
PRECISION = Metric("share of the rows called positive that are", "maximize", _precision, weighs=True)
RECALL = Metric("share of the positive rows that are predicted positive", "maximize", _recall, weighs=True)
MCC = Metric("Matthews correlation coefficient", "maximize", _mcc, weighs=True)
BRIER = Metric(
    "mean squared error of the positive level's probability", "minimize", _brier, of_probabilities=True, weighs=True
)
BRIER_OF_LEVELS = Metric(
    "squared errors of the levels' probabilities, added up, mean",
    "minimize",
    _brier_of_levels,
    of_probabilities=True,
    weighs=True,
)
ECE = Metric(
    "how far the positive level's probability is from its share, mean over the rows",
    "minimize",
    _ece,
    of_probabilities=True,
)
ECE_OF_CHOSEN = Metric(
    "how far the likeliest level's probability is from the share that is right, mean over the rows",
    "minimize",
    _ece_of_chosen,
    of_probabilities=True,
)
AUC = Metric(
    "area under the ROC curve", "maximize", _auc_binary, undefined=_one_level, of_probabilities=True, weighs=True
)
AUC_OVR = Metric(
    "area under the ROC curve, each level against the rest, mean",
    "maximize",
    _auc_ovr,
    of_probabilities=True,
    weighs=True,
)
PR_AUC = Metric(
    "average precision of the positive level",
    "maximize",
    _pr_auc,
    undefined=_one_level,
    of_probabilities=True,
    weighs=True,
)


class OfClasses(Task):
    """Predictions have a probability for each level."""

    def naive(
        self,
        label: NDArray[np.float64],
        rows: int,
        *,
        levels: int,
        metric: str,
        weights: NDArray[np.float64] | None = None,
    ) -> Predictions:
        """Every row gets the levels' shares as probabilities, and so the most frequent level."""
        import numpy as np

        del metric
        counts = np.bincount(label.astype(np.int64), weights, minlength=levels).astype(np.float64)
        chances = np.tile(counts / counts.sum(), (rows, 1))
        return Predictions(chances.argmax(axis=1).astype(np.float64), chances)
