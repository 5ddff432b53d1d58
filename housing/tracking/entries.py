"""Our values as MLflow's: flattened parameters, metrics of every round, dataset inputs, within MLflow's limits."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from housing.secrets import masked, masked_values
from housing.tracking.writer import DatasetUse, Point

if TYPE_CHECKING:
    from housing.training.job import TrainingResult

METRICS_A_BATCH = 1000
PARAMS_A_BATCH = 100
_PARAM_LIMIT = 6000
_TAG_LIMIT = 8000
_KEY_LIMIT = 250
_DIGEST_LIMIT = 36
_SCHEMA_LIMIT = 65_535
_CUT = "... (cut; the whole value is in config.yaml)"

_NOTHING: Mapping[str, Collection[int]] = {}

T = TypeVar("T")


@dataclass(frozen=True)
class Input:
    """A part of a table that a job read; `context` is its role (train, validation, test).

    `kinds` are MLflow's types of its raw columns, by name; `columns` counts those of the encoded matrix.
    """

    name: str
    context: str
    digest: str
    source: str
    rows: int
    columns: int
    kinds: Mapping[str, str] = field(default_factory=dict)


def flatten(value: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested mappings as dotted names, in the given order; lists and scalars as JSON, text without quotes."""
    flat: dict[str, str] = {}
    for name, item in value.items():
        key = f"{prefix}{name}"
        if isinstance(item, Mapping) and item:
            flat |= flatten(item, f"{key}.")
        else:
            flat[key] = item if isinstance(item, str) else json.dumps(item, default=str, ensure_ascii=False)
    return flat


def params(values: Mapping[str, str]) -> dict[str, str]:
    """Parameters as MLflow accepts them: odd characters in names become `_`, long values are cut, secrets masked."""
    keys = _unique(_key(name) for name in values)
    shown = masked_values(values).values()
    return {key: cut(value, _PARAM_LIMIT) for key, value in zip(keys, shown, strict=True)}


def bounded_tags(values: Mapping[str, str]) -> dict[str, str]:
    """Tags as MLflow accepts them: long values are cut, with a note, and secrets masked."""
    return {key: cut(value, _TAG_LIMIT) for key, value in masked_values(values).items()}


def round_metrics(number: int, values: Mapping[str, float], at_ms: int) -> list[Point]:
    """One round (from 0) of a running job."""
    return [Point(name, float(value), at_ms, number) for name, value in values.items()]


def job_metrics(result: TrainingResult, *, known: Mapping[str, Collection[int]] = _NOTHING) -> list[Point]:
    """Every round (step = round, from 0), then the metrics of the best round, the round and the seconds.

    `known` are the rounds of each metric that were logged while the job ran; they are left out. The times of the others
    are spread evenly between start and end of the job. MLflow shows the latest point of a metric's last step as its
    value: the metrics of the model that was kept come after all others, so that lists and searches rank by them and
    not by the last round.
    """
    ended_at_ms = result.started_at_ms + round(result.seconds * 1000)
    steps = (len(values) - 1 for values in result.history.values())
    last = max((0, *steps, *(step for logged in known.values() for step in logged)))
    points = [
        Point(name, value, result.started_at_ms + round(result.seconds * 1000 * (step + 1) / len(values)), step)
        for name, values in result.history.items()
        for step, value in enumerate(values)
        if step not in known.get(name, ())
    ]
    kept = {
        name: value
        for name, value in result.metrics.items()
        # Values logged live may be rounded, and include rounds that were later cut off.
        if known.get(name) or name not in result.history or not _same(result.history[name][-1], value)
    }
    # Rounds logged live have the times at which they were received, which may be after the job's end.
    kept_at_ms = 1 + (max(ended_at_ms, int(time.time() * 1000)) if any(known.values()) else ended_at_ms)
    points += [Point(name, value, kept_at_ms, last) for name, value in kept.items()]
    summary = {"best_round": float(result.best_round), "training_seconds": result.seconds}
    if result.billed_seconds is not None:
        summary["billed_seconds"] = result.billed_seconds
    return points + metrics(summary, ended_at_ms)


def metrics(values: Mapping[str, float], timestamp_ms: int) -> list[Point]:
    """Single values, without a step."""
    return [Point(name, float(value), timestamp_ms, 0) for name, value in values.items()]


def dataset_uses(inputs: Sequence[Input]) -> list[DatasetUse]:
    """The argument of `log_inputs`. MLflow stores 36 characters of a digest; whole digests belong in tags."""
    return [
        DatasetUse(
            name=masked(item.name),
            digest=item.digest[:_DIGEST_LIMIT],
            source_type="local",
            source=json.dumps({"uri": masked(item.source)}),
            schema=_columns(item.kinds),
            profile=json.dumps({"num_rows": item.rows, "num_elements": item.rows * item.columns}),
            context=item.context,
        )
        for item in inputs
    ]


def _columns(kinds: Mapping[str, str]) -> str | None:
    """Columns in the form of a dataset's schema in MLflow; None for none, or for more than it stores."""
    told = json.dumps({"mlflow_colspec": [{"name": name, "type": kind} for name, kind in kinds.items()]})
    return told if kinds and len(told) <= _SCHEMA_LIMIT else None


def batches(items: Sequence[T], size: int) -> Iterator[list[T]]:
    """Consecutive lists of at most `size` items."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


def cut(text: str, limit: int) -> str:
    """`text`, or its beginning with a note that it was cut; at most `limit` characters."""
    return text if len(text) <= limit else text[: limit - len(_CUT)] + _CUT


def _key(name: str) -> str:
    return re.sub(r"[^\w\-. :]", "_", name)[:_KEY_LIMIT]


def _unique(keys: Iterable[str]) -> list[str]:
    seen: dict[str, int] = {}
    result = []
    for key in keys:
        seen[key] = seen.get(key, 0) + 1
        result.append(key if seen[key] == 1 else f"{key[: _KEY_LIMIT - 8]}_{seen[key]}")
    return result


def _same(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))
