"""Predictions as people and programs read them: numbers, or a level with the probability of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from housing.tasks.base import Predictions

PREDICTION = "prediction"
PROBABILITIES = "probabilities"
_PROBABILITY = "probability_"


def columns(label: str, levels: Sequence[str]) -> list[str]:
    """Names of the columns of a table of predictions: the label's, or `prediction` and one for each level."""
    return [PREDICTION, *(f"{_PROBABILITY}{level}" for level in levels)] if levels else [label]


def rows(predictions: Predictions, levels: Sequence[str]) -> list[list[float | str]]:
    """The same predictions, a list for each row, one cell for each of `columns`."""
    if predictions.probabilities is None:
        return [[value] for value in predictions.values.tolist()]
    chosen = [levels[int(code)] for code in predictions.values.tolist()]
    return [[level, *chances] for level, chances in zip(chosen, predictions.probabilities.tolist(), strict=True)]


def documents(predictions: Predictions, levels: Sequence[str]) -> list[Any]:
    """For JSON: a number for each row, or `{"prediction": level, "probabilities": {level: probability}}`."""
    if predictions.probabilities is None:
        return list(predictions.values.tolist())
    return [
        {PREDICTION: level, PROBABILITIES: dict(zip(levels, chances, strict=True))}
        for level, *chances in rows(predictions, levels)
    ]


def read_documents(found: Sequence[Any]) -> tuple[list[float | str], list[Mapping[str, float]]]:
    """The reverse of `documents`: what is predicted, and the probabilities, none for numbers. Raises ValueError."""
    if not all(isinstance(one, Mapping) for one in found):
        return [float(one) for one in found], []
    try:
        return [one[PREDICTION] for one in found], [one[PROBABILITIES] for one in found]
    except KeyError as e:
        raise ValueError(f"a prediction has no {e}") from None
