"""Warns of leaks between training rows and the rows that a model is judged by, with figures, before training."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from housing.data.description import Identifier, Numeric
from housing.data.moments import Date, seconds_of_all

if TYPE_CHECKING:
    from housing.data.preparation import Prepared
    from housing.data.table import Table

_FEW_ROWS = 20_000
"""Up to this many rows, sorting marks is as fast as looking them up."""

_BITS = 26
"""Bits of a mark by which rows are prefiltered without sorting; the table takes 64 MB."""

_MOST_BINS, _ROWS_A_BIN = 256, 5
_ALMOST_ALL = 0.98
_FEWEST_ROWS = 50


def leaks(prepared: Prepared) -> Iterator[str]:
    """A sentence for each suspected leak; often none."""
    yield from _equal_rows(prepared)
    yield from _groups(prepared)
    yield from _times(prepared)
    yield from _telling(prepared)
    yield from _numbering(prepared)


def _parts(prepared: Prepared) -> dict[str, NDArray[np.int64]]:
    return {"validation": prepared.parts.validation, "test": prepared.parts.test}


def _equal_rows(prepared: Prepared) -> Iterator[str]:
    dataset, parts = prepared.dataset, _parts(prepared)
    equal = _also_learnt(prepared.table, [dataset.label, *dataset.inputs], prepared.parts.train, list(parts.values()))
    for (part, rows), count in zip(parts.items(), equal, strict=True):
        if count:
            yield (
                f"{count:,} of {len(rows):,} rows of {part} ({count / len(rows):.1%}) are equal to rows of training in "
                "every feature and in the label: remembering them passes for learning; leave such rows out of the file"
            )


def _also_learnt(
    table: Table, names: list[str], learnt: NDArray[np.int64], judged: list[NDArray[np.int64]]
) -> list[int]:
    """For each part in `judged`, how many of its rows equal a training row in all columns.

    Rows without an equal in the first columns are not compared in the others.
    """
    rows = np.concatenate([learnt, *judged])
    owner = np.repeat(np.arange(len(judged) + 1), [len(learnt), *map(len, judged)])
    marks = np.zeros(len(rows), np.uint64)
    for name in names:
        if not len(rows):
            break
        marks = _marked(marks, table[name], rows)
        for may_be_equal in (*([_perhaps_there] if len(rows) > _FEW_ROWS else []), _there):
            there = may_be_equal(marks, owner == 0)
            rows, owner, marks = rows[there], owner[there], marks[there]
    return [int((owner == number).sum()) for number in range(1, len(judged) + 1)]


def _perhaps_there(marks: NDArray[np.uint64], of_train: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """For each row, False only if its mark is certainly not on the other side (train or judged); needs no sorting."""
    places = marks >> np.uint64(64 - _BITS)
    there = np.ones(len(marks), bool)
    for one in (of_train, ~of_train):
        known = np.zeros(1 << _BITS, bool)
        known[places[one & there]] = True
        there[~one] &= known[places[~one]]
    return there


def _there(marks: NDArray[np.uint64], of_train: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """For each row, whether its mark is on the other side."""
    there = np.zeros(len(marks), bool)
    there[~of_train] = _isin(marks[~of_train], np.unique(marks[of_train]))
    there[of_train] = _isin(marks[of_train], np.unique(marks[there]))
    return there


def _isin(marks: NDArray[np.uint64], known: NDArray[np.uint64]) -> NDArray[np.bool_]:
    if not len(known):
        return np.zeros(len(marks), bool)
    places = np.minimum(np.searchsorted(known, marks), len(known) - 1)
    found: NDArray[np.bool_] = known[places] == marks
    return found


def _marked(marks: NDArray[np.uint64], values: NDArray[Any], rows: NDArray[np.int64]) -> NDArray[np.uint64]:
    """The rows' hashes, extended by one more column: equal for equal rows, and for others only by chance."""
    some = values[rows]
    if some.dtype == object:
        known = {value: np.uint64(hash(value) & (2**64 - 1)) for value in set(some.tolist())}
        bits = np.array([known[value] for value in some.tolist()], np.uint64)
    else:
        bits = np.where(np.isnan(some), np.nan, some + 0.0).astype(np.float64).view(np.uint64)
    marks = (marks ^ bits) * np.uint64(0x9E3779B97F4A7C15)
    return marks ^ (marks >> np.uint64(29))


def _groups(prepared: Prepared) -> Iterator[str]:
    table, split = prepared.table, prepared.dataset.split
    for name, column in prepared.dataset.columns.items():
        if not isinstance(column, Identifier) or column.unique or name in (split.by_group, prepared.dataset.group):
            continue
        learnt = set(table[name][prepared.parts.train].tolist()) - {None}
        for part, rows in _parts(prepared).items():
            known = sum(value in learnt for value in table[name][rows].tolist())
            if known:
                yield (
                    f"{known:,} of {len(rows):,} rows of {part} have a {name} that training has, too; where new ones "
                    f"are to be predicted, write split.by_group: {name}"
                )


def _times(prepared: Prepared) -> Iterator[str]:
    table, parts = prepared.table, prepared.parts
    part, rows = ("test", parts.test) if len(parts.test) else ("validation", parts.validation)
    for name, column in prepared.dataset.columns.items():
        if not isinstance(column, Date) or prepared.dataset.split.by_time is not None:
            continue
        learnt, judged = (seconds_of_all(table[name][some].tolist(), column.format) for some in (parts.train, rows))
        if np.isnan(learnt).all() or np.isnan(judged).all():
            continue
        later = float(np.mean(learnt[~np.isnan(learnt)] > np.nanmedian(judged)))
        if later > 0:
            yield (
                f"{later:.0%} of the rows of training have a later {name} than half of {part}; where the future is to "
                f"be predicted, write split.by_time: {{column: {name}}}"
            )


def _telling(prepared: Prepared) -> Iterator[str]:
    """Warnings of single features that determine almost all of the label."""
    dataset, table = prepared.dataset, prepared.table
    sample = prepared.sample
    rows = sample.rows
    if min(len(rows["train"]), len(rows["validation"])) < _FEWEST_ROWS or dataset.event is not None:
        return
    label = table[dataset.label]
    learnt, true = (prepared.encoder.label_values(label[rows[part]]) for part in ("train", "validation"))
    of_levels = bool(dataset.label_levels)
    for name in dataset.inputs:
        codes, there = _codes(sample.of(name, "train"), sample.of(name, "validation"))
        share = (_share_of_levels if of_levels else _share_of_variance)(codes, there, learnt, true)
        if share >= _ALMOST_ALL:
            what = (
                "of the errors that ignoring every column makes" if of_levels else f"of the variance of {dataset.label}"
            )
            yield (
                f"{name} alone explains {share:.1%} {what}: is it known before {dataset.label} is? If not, describe it "
                "as kind: ignored"
            )


def _codes(train: NDArray[Any], judged: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Both columns as codes of levels, or of quantile bins; the last code is for values that training lacks."""
    if train.dtype == object:
        known = {value: code for code, value in enumerate(dict.fromkeys(train.tolist()))}
        found = [np.array([known.get(value, len(known)) for value in some.tolist()]) for some in (train, judged)]
        return found[0], found[1]
    bins = max(2, min(_MOST_BINS, len(train) // _ROWS_A_BIN))
    present = train[~np.isnan(train)]
    ends = np.unique(np.quantile(present, np.linspace(0, 1, bins + 1)[1:-1])) if len(present) else np.empty(0)
    first, second = (
        np.where(np.isnan(some), len(ends) + 1, np.searchsorted(ends, some, side="left")) for some in (train, judged)
    )
    return first.astype(np.int64), second.astype(np.int64)


def _share_of_variance(
    codes: NDArray[np.int64], there: NDArray[np.int64], learnt: NDArray[np.float64], true: NDArray[np.float64]
) -> float:
    size = int(max(codes.max(), there.max())) + 1
    counts = np.bincount(codes, minlength=size)
    sums = np.bincount(codes, learnt, minlength=size)
    means = np.where(counts > 0, sums / np.maximum(counts, 1), learnt.mean())
    spread = float(((true - true.mean()) ** 2).sum())
    return 1 - float(((true - means[there]) ** 2).sum()) / spread if spread else 0.0


def _share_of_levels(
    codes: NDArray[np.int64], there: NDArray[np.int64], learnt: NDArray[np.float64], true: NDArray[np.float64]
) -> float:
    size, levels = int(max(codes.max(), there.max())) + 1, int(max(learnt.max(), true.max())) + 1
    counts = np.bincount(codes * levels + learnt.astype(np.int64), minlength=size * levels).reshape(size, levels)
    most = int(counts.sum(axis=0).argmax())
    chosen = np.where(counts.sum(axis=1) > 0, counts.argmax(axis=1), most)
    naive = float((true != most).mean())
    return 1 - float((true != chosen[there]).mean()) / naive if naive else 0.0


def _numbering(prepared: Prepared) -> Iterator[str]:
    """Warnings of features that number the rows."""
    table = prepared.table
    beginning = next(table.blocks(prepared.dataset.inputs), None)
    for name, column in prepared.dataset.inputs.items():
        if beginning is None or not isinstance(column, Numeric) or table.rows < _FEWEST_ROWS:
            continue
        # For most columns the first rows are enough to decide.
        if _rises(beginning[name][:_FEWEST_ROWS]) and _rises(table[name]):
            yield (
                f"{name} rises from each row to the next, so it carries the order of the file; describe it as kind: "
                "identifier where it only numbers the rows"
            )


def _rises(values: NDArray[np.float64]) -> bool:
    return bool((np.diff(values) > 0).all())
