"""Statistics of a column's levels: which are frequent, their numbers of rows, and their mean label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from housing.data.description import Missing
from housing.data.more_inputs import LevelNumbers

_FOLDS = 5
_MOST_ROWS = 1e6


def frequent(values: Sequence[str | None], levels: Sequence[str], least: int) -> tuple[str, ...]:
    """The levels with at least `least` rows."""
    counts = Counter(values)
    return tuple(level for level in levels if counts[level] >= least)


def counted(name: str, missing: Missing, values: Sequence[str | None], levels: Sequence[str]) -> LevelNumbers:
    """Encodes each level as its number of rows."""
    counts = np.bincount(_codes(values, levels), minlength=len(levels) + 2).tolist()
    *numbers, otherwise, absent = ((float(count),) for count in counts)
    return LevelNumbers(name, missing, "count", (), tuple(levels), tuple(numbers), otherwise, absent)


def averaged(
    name: str,
    missing: Missing,
    values: Sequence[str | None],
    levels: Sequence[str],
    *,
    label: NDArray[np.float64],
    of: tuple[str, ...],
    weights: NDArray[np.float64] | None,
) -> LevelNumbers:
    """Encodes each level as its mean of `label`, (rows, of) or (rows, 1), shrunk towards the overall mean.

    The fewer its rows, the more it is shrunk; how strongly follows from the variances within and between levels.
    """
    means = _means(_codes(values, levels), label, weights, size=len(levels) + 2)
    *numbers, otherwise, absent = (tuple(map(float, row)) for row in means)
    return LevelNumbers(name, missing, "target", of, tuple(levels), tuple(numbers), otherwise, absent)


def out_of_fold(
    one: LevelNumbers,
    values: Sequence[str | None],
    *,
    label: NDArray[np.float64],
    weights: NDArray[np.float64] | None,
    groups: NDArray[np.int64] | None,
) -> NDArray[np.float64]:
    """(rows, columns) As `averaged`, but without the labels of a row's own fold, which contains its group."""
    codes, size = _codes(values, one.levels), len(one.levels) + 2
    found = np.empty(label.shape)
    for held in _folds(len(codes), groups):
        rest = ~held
        means = _means(codes[rest], label[rest], None if weights is None else weights[rest], size=size)
        found[held] = means[codes[held]]
    return found


def _folds(rows: int, groups: NDArray[np.int64] | None) -> Iterator[NDArray[np.bool_]]:
    """Masks of the held-out rows, fold by fold; every row is held out once."""
    generator = np.random.RandomState(0)
    if groups is None:
        dealt = generator.permutation(rows) % _FOLDS
    else:
        dealt = (generator.permutation(int(groups.max(initial=-1)) + 1) % _FOLDS)[groups]
    for number in range(_FOLDS):
        held = dealt == number
        if held.any() and not held.all():
            yield held


def _codes(values: Sequence[str | None], levels: Sequence[str]) -> NDArray[np.int64]:
    """Codes of levels; all unlisted levels share one code, missing has the last one."""
    known: dict[str | None, int] = {None: len(levels) + 1, **{level: code for code, level in enumerate(levels)}}
    return np.array([known.get(value, len(levels)) for value in values], np.int64)


def _means(
    codes: NDArray[np.int64], label: NDArray[np.float64], weights: NDArray[np.float64] | None, *, size: int
) -> NDArray[np.float64]:
    """(size, columns) The shrunk mean of each code; the overall mean for a code without rows."""
    weigh = np.ones(len(codes)) if weights is None else weights / weights.mean()
    count: NDArray[np.float64] = np.bincount(codes, weigh, minlength=size).astype(np.float64)
    prior = (label * weigh[:, None]).sum(axis=0) / weigh.sum()
    means = np.empty((size, label.shape[1]))
    for column in range(label.shape[1]):
        total = np.bincount(codes, weigh * label[:, column], minlength=size)
        raw = np.divide(total, count, out=np.full(size, prior[column]), where=count > 0)
        within = float((weigh * (label[:, column] - raw[codes]) ** 2).sum())
        rows = _rows_of_the_prior(count, raw - prior[column], within)
        means[:, column] = prior[column] + (raw - prior[column]) * count / (count + rows)
    return means


def _rows_of_the_prior(count: NDArray[np.float64], away: NDArray[np.float64], within: float) -> float:
    """The weight of the overall mean in a level's mean, in rows: the variance within levels over that between them.

    By analysis of variance; `away` is each level's mean minus the overall mean, `within` the sum of squares within
    levels.
    """
    total, used = count.sum(), int((count > 0).sum())
    if total <= used or used <= 1:
        return 1.0
    variance = within / (total - used)
    spread = float((count * away**2).sum()) / (used - 1)
    typical = (total - (count**2).sum() / total) / (used - 1)
    between = (spread - variance) / typical
    if variance <= 0:
        return 0.0
    return float(variance / between) if between * _MOST_ROWS > variance else _MOST_ROWS
