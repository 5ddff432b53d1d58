"""Selectable output of SageMaker's XGBoost image: `SAGEMAKER_INFERENCE_OUTPUT=predicted_label,probability`."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from housing.rehearsal.container import recordio

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SCORE = ("predicted_score",)
_LABELS = ("predicted_label", "labels")
_PROBABILITIES = ("probability", "probabilities")
_RAW = ("raw_score", "raw_scores")
_OFFERED = {
    "reg:squarederror": _SCORE,
    "reg:logistic": _SCORE,
    "reg:gamma": _SCORE,
    "reg:absoluteerror": _SCORE,
    "reg:tweedie": _SCORE,
    "binary:logistic": _LABELS + _PROBABILITIES + _RAW,
    "binary:logitraw": _LABELS + _RAW,
    "binary:hinge": _LABELS + _RAW,
    "multi:softmax": _LABELS + _RAW,
    "multi:softprob": _LABELS + _PROBABILITIES + _RAW,
}
"""By objective; a key that an objective does not offer is answered with NaN."""


class NotEncodable(Exception):
    """The objective or the accepted type has no selectable output."""


def select(predictions: NDArray[Any], keys: Sequence[str], objective: str, num_class: int) -> list[dict[str, Any]]:
    """One dictionary per row with the selected keys, in the image's order."""
    if objective not in _OFFERED:
        raise NotEncodable(f"Objective `{objective}` unsupported for selectable inference predictions.")
    wanted = [key for key in _OFFERED[objective] if key in keys]
    unknown = dict.fromkeys((key for key in keys if key not in wanted), math.nan)

    def cells(row: Any) -> dict[str, Any]:
        return {key: _value(key, row, objective, num_class) for key in wanted} | unknown

    return [cells(row) for row in predictions]


def encode_selected(rows: Sequence[dict[str, Any]], keys: Iterable[str], accept: str, *, batch: bool) -> bytes:
    """The rows in the format of `accept`, with members in the order of `keys`."""
    if accept == "application/json":
        return json.dumps({"predictions": rows}).encode()
    if accept == "application/jsonlines":
        return "".join(f"{json.dumps(row)}\n" for row in rows).encode()
    if accept == "application/x-recordio-protobuf":
        return recordio.labelled(rows)
    if accept == "text/csv":
        text = "\n".join(",".join(_cell(row[key]) for key in keys) for row in rows)
        return (f"{text}\n" if batch else text).encode()
    raise NotEncodable(f"Cannot encode selected predictions into accept type '{accept}'.")


def _value(key: str, row: Any, objective: str, num_class: int) -> Any:
    many = objective == "multi:softprob"
    if key == "predicted_score":
        return row.item()
    if key == "labels":
        return list(range(num_class)) if objective.startswith("multi:") else [0, 1]
    if key == "predicted_label":
        return _label(row, objective)
    if key in ("probability", "raw_score"):
        return max(row).item() if many else row.item()
    return row.tolist() if many else [1.0 - row.item(), row.item()]


def _label(row: Any, objective: str) -> float | int:
    if objective == "multi:softprob":
        return int(row.argmax())
    if objective == "binary:logistic":
        return int(row > 0.5)
    if objective == "binary:logitraw":
        return int(row > 0)
    return float(row.item())


def _cell(value: Any) -> str:
    return f'"{value}"' if isinstance(value, list) else str(value)
