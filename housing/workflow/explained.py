"""Explanations of answers: for a terminal of the first few rows, for a pipe of all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from housing.targets.base import Prediction
from housing.tasks.written import beside_cells, beside_columns
from housing.workflow.outcome import OutputTable

_SHOWN_ROWS = 4


def explanation_table(predictions: Sequence[Prediction]) -> Iterator[OutputTable]:
    """For each of the first rows: its base, the largest effects of columns, the rest and the sum, a line each."""
    documents = _documents(predictions)
    if not documents:
        return
    lines: list[list[object]] = []
    for row, document in enumerate(documents[:_SHOWN_ROWS], 1):
        lines.append([row, "(all rows start here)", "", document["base"]])
        lines += [[row, one["column"], one.get("value", ""), one["effect"]] for one in document["effects"]]
        total = document["base"] + sum(one["effect"] for one in document["effects"]) + document["rest"]
        lines += [[row, "(all other columns)", "", document["rest"]], [row, "(sum)", "", total]]
    scale = documents[0]["scale"]
    left = f", the first {_SHOWN_ROWS} rows" if len(documents) > _SHOWN_ROWS else ""
    yield OutputTable(f"why, in {scale}{left}", ("row", "column", "value", "effect"), lines)


def explanation_columns(predictions: Sequence[Prediction]) -> list[str]:
    """Names of the columns that `with_explanations` adds."""
    documents = _documents(predictions)
    return beside_columns(documents[0]) if documents else []


def with_explanations(
    answers: Sequence[Sequence[float | str]], predictions: Sequence[Prediction]
) -> list[list[float | str]]:
    """The rows, each followed by its explanation."""
    documents = _documents(predictions)
    if not documents:
        return [list(answer) for answer in answers]
    return [[*answer, *beside_cells(document)] for answer, document in zip(answers, documents, strict=True)]


def _documents(predictions: Sequence[Prediction]) -> list[Mapping[str, Any]]:
    return [document for one in predictions for document in one.explanations]
