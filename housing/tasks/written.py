"""Predictions as output: numbers, a level with the probability of each, a range of quantiles."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, overload

from housing.tasks.predictions import Predictions

PREDICTION = "prediction"
PROBABILITIES, QUANTILES = BESIDE = ("probabilities", "quantiles")
"""What may accompany a prediction, by its name in documents and in `targets.base.Prediction`."""
INTERVAL, EXPLANATION = EXTRAS = ("interval", "explanation")
"""What accompanies it on request."""
_BEGINS, _ENDS = b'{"predictions": [', b"]}"
# The characters of Python's floats; what JSON has no number for (NaN, Infinity) is written as a word.
_OF_NUMBERS = b"+-.e0123456789, "


def columns(label: str, levels: Sequence[str], quantiles: Sequence[float] = ()) -> list[str]:
    """Names of the columns of a table of predictions: the label's; or `prediction` and one per level or quantile."""
    beside = [*(f"probability_{level}" for level in levels), *(f"quantile_{share}" for share in quantiles)]
    return [PREDICTION, *beside] if beside else [label]


def rows(predictions: Predictions, levels: Sequence[str]) -> list[list[float | str]]:
    """The predictions as rows, with one cell for each of `columns`."""
    if predictions.probabilities is None:
        return list(predictions.matrix().tolist())
    chosen = [levels[int(code)] for code in predictions.values.tolist()]
    return [[level, *chances] for level, chances in zip(chosen, predictions.probabilities.tolist(), strict=True)]


def documents(predictions: Predictions, levels: Sequence[str]) -> list[Any]:
    """JSON values: a number per row, or `{"prediction": level, "probabilities": {level: probability}}`.

    For quantiles, `{"prediction": number, "quantiles": {"0.1": number}}`.
    """
    if predictions.probabilities is None and predictions.quantiles is None:
        return list(predictions.values.tolist())
    key = PROBABILITIES if predictions.quantiles is None else QUANTILES
    names = levels if predictions.quantiles is None else [str(share) for share in predictions.quantiles]
    return [
        {PREDICTION: value, key: dict(zip(names, beside, strict=True))} for value, *beside in rows(predictions, levels)
    ]


class WrittenNumbers(Sequence[float]):
    """Numbers as text from a server, parsed only when accessed: what is only written to a file is not parsed."""

    def __init__(self, text: str) -> None:
        self._text = text
        """Separated as in JSON, by a comma and a space."""
        self._numbers: list[float] | None = None

    def lines(self, end: str) -> str:
        """One line per number, as it was written, followed by `end`."""
        return (self._text + ", ").replace(", ", f"{end}\n")

    def _read(self) -> list[float]:
        if self._numbers is None:
            self._numbers = list(map(float, self._text.split(", ")))
        return self._numbers

    def __len__(self) -> int:
        return self._text.count(", ") + 1

    @overload
    def __getitem__(self, index: int) -> float: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[float]: ...
    def __getitem__(self, index: int | slice) -> float | Sequence[float]:
        return self._read()[index]

    def __iter__(self) -> Iterator[float]:
        return iter(self._read())

    def __eq__(self, other: object) -> bool:
        return self._read() == other

    __hash__ = None  # type: ignore[assignment]


def read_answer(body: bytes) -> tuple[Sequence[float | str], dict[str, list[Mapping[str, Any]]]]:
    """`read_documents` of `{"predictions": [...]}`. Raises ValueError."""
    numbers = body.removeprefix(_BEGINS).removesuffix(_ENDS)
    if numbers and not numbers.translate(None, _OF_NUMBERS):
        return WrittenNumbers(numbers.decode()), {}
    return read_documents(json.loads(body)["predictions"])


def read_documents(found: Sequence[Any]) -> tuple[list[float | str], dict[str, list[Mapping[str, Any]]]]:
    """The reverse of `documents`: the predictions, and what accompanies them, by name, if anything.

    The latter includes requested `intervals` and `explanations`. Raises ValueError.
    """
    if not found or not all(isinstance(one, Mapping) for one in found):
        return [float(one) for one in found], {}
    has_extras = any(key in found[0] for key in EXTRAS)
    key = next((key for key in BESIDE if key in found[0]), None if has_extras else PROBABILITIES)
    names = [*([key] if key else []), *(name for name in EXTRAS if name in found[0])]
    try:
        beside = {f"{name}s" if name in EXTRAS else name: [one[name] for one in found] for name in names}
        return [one[PREDICTION] for one in found], beside
    except KeyError as e:
        raise ValueError(f"a prediction has no {e}") from None


def beside_cells(document: Mapping[str, Any]) -> list[float | str]:
    """An interval or an explanation as cells of CSV: one for each of `beside_columns`."""
    if "levels" in document:
        return ["|".join(document["levels"])]
    if "low" in document:
        return [document["low"], document["high"]]
    effects = (cell for one in document["effects"] for cell in (one["column"], one["effect"]))
    return [document["base"], *effects, document["rest"]]


def beside_columns(document: Mapping[str, Any]) -> list[str]:
    """Names of `beside_cells`."""
    if "levels" in document:
        return ["levels"]
    if "low" in document:
        return ["low", "high"]
    numbers = range(1, len(document["effects"]) + 1)
    return ["base", *(name for number in numbers for name in (f"column_{number}", f"effect_{number}")), "other_effects"]
