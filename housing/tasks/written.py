"""Predictions as people and programs read them: numbers, a level with the probability of each, a range of quantiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from housing.tasks.base import Predictions

PREDICTION = "prediction"
PROBABILITIES, QUANTILES = BESIDE = ("probabilities", "quantiles")
"""What may stand beside a prediction, as documents and `targets.base.Prediction` call it."""


def columns(label: str, levels: Sequence[str], quantiles: Sequence[float] = ()) -> list[str]:
    """Names of the columns of a table of predictions: the label's; or `prediction`, one for each level or quantile."""
    beside = [*(f"probability_{level}" for level in levels), *(f"quantile_{share}" for share in quantiles)]
    return [PREDICTION, *beside] if beside else [label]


def rows(predictions: Predictions, levels: Sequence[str]) -> list[list[float | str]]:
    """The same predictions, a list for each row, one cell for each of `columns`."""
    if predictions.probabilities is None:
        return list(predictions.matrix().tolist())
    chosen = [levels[int(code)] for code in predictions.values.tolist()]
    return [[level, *chances] for level, chances in zip(chosen, predictions.probabilities.tolist(), strict=True)]


def documents(predictions: Predictions, levels: Sequence[str]) -> list[Any]:
    """For JSON: a number for each row, or `{"prediction": level, "probabilities": {level: probability}}`.

    Of quantiles, `{"prediction": number, "quantiles": {"0.1": number}}`.
    """
    if predictions.probabilities is None and predictions.quantiles is None:
        return list(predictions.values.tolist())
    key = PROBABILITIES if predictions.quantiles is None else QUANTILES
    names = levels if predictions.quantiles is None else [str(share) for share in predictions.quantiles]
    return [
        {PREDICTION: value, key: dict(zip(names, beside, strict=True))} for value, *beside in rows(predictions, levels)
    ]


def read_documents(found: Sequence[Any]) -> tuple[list[float | str], dict[str, list[Mapping[str, float]]]]:
    """The reverse of `documents`: what is predicted, and what stands beside it, by one of `BESIDE`, if anything.

    Raises ValueError.
    """
    if not found or not all(isinstance(one, Mapping) for one in found):
        return [float(one) for one in found], {}
    key = next((key for key in BESIDE if key in found[0]), PROBABILITIES)
    try:
        return [one[PREDICTION] for one in found], {key: [one[key] for one in found]}
    except KeyError as e:
        raise ValueError(f"a prediction has no {e}") from None
