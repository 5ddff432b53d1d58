"""How far the rows that an endpoint saw are from those that its model was trained on. Pure computation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from housing.monitoring.spec import Monitoring

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SMOOTHING = 0.5
_RARE = 0.01  # of the training rows; rarer levels share a bin
_DRAWN_BINS = 20


@dataclass(frozen=True)
class Shares:
    """Fractions of the training rows and of the rows seen."""

    trained: float
    seen: float


@dataclass(frozen=True)
class Bin:
    """A range of numbers, or a level, and the fractions of the rows that have it."""

    name: str
    trained: float
    seen: float


@dataclass(frozen=True)
class ColumnDrift:
    """The drift of one column. `psi` is its distance, `by_chance` the distance that chance alone would rarely exceed.

    `out_of_range` is the share of numbers beyond those of training, `unseen` of levels that training never had.
    `faults` say what has drifted, in words; empty for a column without drift. `bins` are both distributions, side by
    side, and `shape` is what to draw: numbers (`is_numeric`) in ranges of one width, the outermost open, and levels as
    in `bins`.
    """

    column: str
    psi: float
    by_chance: float
    missing: Shares
    out_of_range: float
    unseen: float
    faults: tuple[str, ...]
    bins: tuple[Bin, ...] = ()
    shape: tuple[Bin, ...] = ()
    is_numeric: bool = False


@dataclass(frozen=True)
class DriftReport:
    """`columns` are ordered worst first; from `least_rows` seen rows on, a distance of `Monitoring.psi` is
    detectable.
    """

    trained_rows: int
    seen_rows: int
    columns: tuple[ColumnDrift, ...]
    least_rows: int

    @property
    def drifted(self) -> tuple[ColumnDrift, ...]:
        return tuple(column for column in self.columns if column.faults)

    @property
    def word(self) -> str:
        """The finding in a few words."""
        if self.drifted:
            return f"drift in {len(self.drifted):,} of {len(self.columns):,} columns"
        if self.seen_rows < self.least_rows:
            return f"too few rows to tell: drift would show from about {self.least_rows:,} on"
        return "no drift"


def compare(trained: Mapping[str, NDArray[Any]], seen: Mapping[str, NDArray[Any]], settings: Monitoring) -> DriftReport:
    """The drift of every column of `trained`; `seen` has the same columns, each with at least one row.

    A numeric column is float64, NaN for missing; any other holds str, None for missing.
    """
    # With many columns, one exceeds a limit by chance more often (Bonferroni).
    chance = settings.chance / len(trained)
    columns = [_column(name, values, seen[name], settings, chance=chance) for name, values in trained.items()]
    trained_rows, seen_rows = (len(next(iter(table.values()))) for table in (trained, seen))
    ordered = sorted(columns, key=lambda c: (len(c.faults) > 0, c.psi), reverse=True)
    return DriftReport(trained_rows, seen_rows, tuple(ordered), _least_rows(trained_rows, settings, chance=chance))


def stability_index(trained: Sequence[int], seen: Sequence[int]) -> float:
    """The population stability index between two histograms over the same bins, given as counts; 0 when they agree.

    Half a row is added to every bin, so that an empty one gives a large but finite value.
    """
    width = len(trained)
    trained_total, seen_total = sum(trained) + _SMOOTHING * width, sum(seen) + _SMOOTHING * width
    index = 0.0
    for was, is_now in zip(trained, seen, strict=True):
        p, q = (is_now + _SMOOTHING) / seen_total, (was + _SMOOTHING) / trained_total
        index += (p - q) * math.log(p / q)
    return index


def index_by_chance(bins: int, trained_rows: int, seen_rows: int, *, chance: float) -> float:
    """The index that two samples of one distribution exceed with probability `chance`.

    It is (1/n + 1/m) times a chi-square variable with `bins - 1` degrees of freedom (Yurdakul 2018).
    """
    return _chi_square(bins - 1, chance) * (1 / trained_rows + 1 / seen_rows)


def _column(
    name: str, trained: NDArray[Any], seen: NDArray[Any], settings: Monitoring, *, chance: float
) -> ColumnDrift:
    numeric = trained.dtype.kind == "f"
    were, are = _missing(trained, numeric=numeric), _missing(seen, numeric=numeric)
    before, now = trained[~were], seen[~are]
    drawn: _Bins | None = None
    if numeric:
        names, counts = _numeric_bins(before, now, settings.bins)
        drawn = _even_bins(before, now)
        out_of_range, unseen = _beyond(before, now) / len(seen), 0.0
    else:
        names, counts = _level_bins(before.tolist(), now.tolist())
        known = set(before.tolist())
        out_of_range, unseen = 0.0, sum(level not in known for level in now.tolist()) / len(seen)
    if were.any() or are.any():
        missing_rows = [(int(were.sum()), int(are.sum()))]
        names, counts = [*names, "(missing)"], [*counts, *missing_rows]
        drawn = ([*drawn[0], "(missing)"], [*drawn[1], *missing_rows]) if drawn else None
    psi = stability_index(*zip(*counts, strict=True)) if len(counts) > 1 else 0.0
    by_chance = index_by_chance(len(counts), len(trained), len(seen), chance=chance)
    missing = Shares(float(were.mean()), float(are.mean()))
    faults = []
    if psi >= settings.psi and psi > by_chance:
        faults.append("distribution")
    for what, share, was, limit in (
        ("missing", missing.seen, missing.trained, settings.missing_share),
        ("out of range", out_of_range, 0.0, settings.out_of_range_share),
        ("unseen levels", unseen, 0.0, settings.unseen_share),
    ):
        if surely(share, len(seen), chance=chance) > was + limit:
            faults.append(what)
    bins, shape = (
        tuple(Bin(one, was / len(trained), is_now / len(seen)) for one, (was, is_now) in zip(*each, strict=True))
        for each in ((names, counts), drawn or (names, counts))
    )
    return ColumnDrift(name, psi, by_chance, missing, out_of_range, unseen, tuple(faults), bins, shape, numeric)


def _missing(values: NDArray[Any], *, numeric: bool) -> NDArray[np.bool_]:
    import numpy as np

    return np.isnan(values) if numeric else np.array([value is None for value in values], bool)


_ENDLESS = 1e15
_Bins = tuple[list[str], list[tuple[int, int]]]
"""Names of bins, and the rows in each: (training, seen)."""


def _numeric_bins(trained: NDArray[np.float64], seen: NDArray[np.float64], bins: int) -> _Bins:
    """Counts in bins with about equally many training rows each; equal values are always in one bin."""
    import numpy as np

    if not len(trained):
        return ["any number"], [(0, len(seen))]
    shares = np.arange(1, bins) / bins
    upper = np.unique(np.quantile(trained, shares, method="inverted_cdf"))
    upper = upper[upper < trained.max()]
    counts = [
        np.bincount(np.searchsorted(upper, values, side="left"), minlength=len(upper) + 1).tolist()
        for values in (trained, seen)
    ]
    ends = [_written(end, digits=5) for end in upper.tolist()]
    between = [f"{low} to {high}" for low, high in pairwise(ends)]
    names = [f"up to {ends[0]}", *between, f"above {ends[-1]}"] if ends else ["all numbers"]
    return names, list(zip(*counts, strict=True))


def _even_bins(trained: NDArray[np.float64], seen: NDArray[np.float64]) -> _Bins:
    """Counts in equal ranges between the 1st and 99th percentile of training, or by value where there are few."""
    import numpy as np

    values = np.unique(np.concatenate([trained, seen]))
    if len(values) <= _DRAWN_BINS:
        counts = [[int((rows == value).sum()) for rows in (trained, seen)] for value in values.tolist()]
        return [_written(value, digits=4) for value in values.tolist()], [(was, is_now) for was, is_now in counts]
    low, high = np.quantile(trained if len(trained) else seen, [0.01, 0.99]).tolist()
    inner = np.linspace(low, high, _DRAWN_BINS - 1) if high > low else np.array([low])
    inside = [np.bincount(np.searchsorted(inner, rows), minlength=len(inner) + 1).tolist() for rows in (trained, seen)]
    ends = [_written(end, digits=4) for end in inner.tolist()]
    names = [f"up to {ends[0]}", *(f"{one} to {other}" for one, other in pairwise(ends)), f"above {ends[-1]}"]
    return names, list(zip(*inside, strict=True))


def _written(value: float, *, digits: int) -> str:
    """With so many significant digits; large numbers as whole ones rather than as 4.998e+04."""
    return f"{value:.0f}" if 10**digits <= abs(value) < _ENDLESS else f"{value:.{digits}g}"


def _level_bins(trained: Sequence[str], seen: Sequence[str]) -> _Bins:
    """Counts of every level that is not rare in training, then of all other levels together."""
    from collections import Counter

    before, now = Counter(trained), Counter(seen)
    own = [level for level, count in before.items() if count >= _RARE * len(trained)]
    counts = [(before[level], now[level]) for level in own]
    others = len(trained) - sum(c for c, _ in counts), len(seen) - sum(c for _, c in counts)
    return ([*own, "(all others)"], [*counts, others]) if any(others) else (own, counts)


def _beyond(trained: NDArray[np.float64], seen: NDArray[np.float64]) -> int:
    if not len(trained):
        return 0
    return int(((seen < trained.min()) | (seen > trained.max())).sum())


def surely(share: float, rows: int, *, chance: float) -> float:
    """The lower end of Wilson's interval for a `share` that was observed in `rows` rows."""
    z = NormalDist().inv_cdf(1 - chance)
    middle = share + z * z / (2 * rows)
    width = z * math.sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows))
    return (middle - width) / (1 + z * z / rows)


def _least_rows(trained_rows: int, settings: Monitoring, *, chance: float) -> int:
    """The least number of seen rows at which chance explains less than `settings.psi`; 0 when there is none."""
    left = settings.psi / _chi_square(settings.bins - 1, chance) - 1 / trained_rows
    return math.ceil(1 / left) if left > 0 else 0


def _chi_square(freedom: int, chance: float) -> float:
    """The value exceeded with probability `chance`, by the Wilson-Hilferty approximation (1931)."""
    if freedom == 0:
        return 0.0
    spread = 2 / (9 * freedom)
    return freedom * (1 - spread + NormalDist().inv_cdf(1 - chance) * math.sqrt(spread)) ** 3
