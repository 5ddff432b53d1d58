"""Predictions as text, written and read: those for raw rows, and a container's own output."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from housing.data.content_type import JSON, JSON_LINES
from housing.errors import DataError, ModelError
from housing.tasks import written
from housing.tasks.predictions import Predictions, of_matrix

if TYPE_CHECKING:
    from housing.data.encoder import Encoder


def write(predictions: Predictions, levels: Sequence[str], form: str) -> str:
    """Predictions as text in one of `content_type.FORMS`: `{"predictions": [...]}`, or a line for each row."""
    if form == JSON:
        return json.dumps({"predictions": written.documents(predictions, levels)})
    if form == JSON_LINES:
        return "".join(f"{json.dumps(one)}\n" for one in written.documents(predictions, levels))
    if predictions.probabilities is None and predictions.quantiles is None:
        return "".join([f"{value!r}\n" for value in predictions.values.tolist()])
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(written.rows(predictions, levels))
    return text.getvalue()


def read(text: str, encoder: Encoder, *, encoded: bool) -> Predictions:
    """The reverse of `write`, in any form; with `encoded`, reads what SageMaker's built-in container answers.

    Raises DataError for any other text.
    """
    try:
        found = _rows(text)
        return _of_container(found, encoder) if encoded else _of_levels(found, encoder)
    except (ValueError, TypeError, KeyError, IndexError, ModelError) as e:
        raise DataError(f"is not the answer of a model for {encoder.label}: {text[:200]!r}") from e


def _rows(text: str) -> list[Any]:
    """The answer for each row: a number, a list of cells, or a document."""
    try:
        document = json.loads(text)
    except ValueError:
        return _lines(text)
    found = document.get("predictions", document) if isinstance(document, Mapping) else document
    return list(found) if isinstance(found, list) else [found]


def _lines(text: str) -> list[Any]:
    try:
        # Not splitlines, which also splits at characters that texts may contain.
        return [json.loads(line) for line in text.split("\n") if line.strip()]
    except ValueError:
        return [cells for cells in csv.reader(io.StringIO(text, newline="")) if cells]


def _of_container(found: Sequence[Any], encoder: Encoder) -> Predictions:
    """Numbers, `{"score": ...}` or lists of numbers; older containers separate rows by commas."""
    import numpy as np

    scores = [one["score"] if isinstance(one, Mapping) else one for one in found]
    numbers = np.array([np.atleast_1d(np.asarray(one, np.float64)) for one in scores])
    return encoder.decode(numbers.reshape(-1) if encoder.outputs == 1 else numbers)


def _of_levels(found: Sequence[Any], encoder: Encoder) -> Predictions:
    import numpy as np

    levels, quantiles = encoder.label_levels, encoder.quantiles
    if not levels and not quantiles:
        keys = [
            written.PREDICTION if isinstance(one, Mapping) and written.PREDICTION in one else "score" for one in found
        ]
        scores = [one[key] if isinstance(one, Mapping) else one for one, key in zip(found, keys, strict=True)]
        return Predictions(np.array([np.atleast_1d(np.asarray(one, np.float64)) for one in scores]).reshape(-1))
    names = [*levels, *map(str, quantiles)]
    if all(isinstance(one, Mapping) for one in found):
        values, beside = written.read_documents(found)
        numbers = next(beside[key] for key in written.BESIDE if key in beside)
        rows = [[value, *(one[name] for name in names)] for value, one in zip(values, numbers, strict=True)]
    else:
        rows = [list(one)[: 1 + len(names)] for one in found]
    matrix = [[levels.index(str(value)) if levels else value, *numbers] for value, *numbers in rows]
    return of_matrix(np.array(matrix, np.float64).reshape(len(rows), 1 + len(names)), quantiles)
