"""The coverage of a served model's intervals, once actual labels are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from housing.errors import DataError

if TYPE_CHECKING:
    from housing.config.schema import Experiment
    from housing.monitoring.sample import Sample
    from housing.promotion.intervals import Coverage
    from housing.training.predictor import Predictor


@dataclass(frozen=True)
class MonitoredCoverage:
    """Coverage over labelled rows: all of them, and each level of the column `by`, if any."""

    whole: Coverage
    groups: Mapping[str, Coverage] = field(default_factory=dict)
    by: str | None = None

    @property
    def is_off(self) -> bool:
        """Whether the coverage of all rows, or of one of the levels, is off by more than chance explains."""
        return self.whole.is_off or any(one.is_off for one in self.groups.values())

    @property
    def sentences(self) -> list[str]:
        """Sentences about all rows, then about levels that are out of bounds."""
        off = {f"{self.by} = {level}": one for level, one in self.groups.items() if one.is_off}
        return [_sentence("", self.whole), *(_sentence(f" of {name}", one) for name, one in off.items())]


def monitored_coverage(
    experiment: Experiment, found: Sample, predictor: Predictor, actual: Mapping[str, float]
) -> MonitoredCoverage | None:
    """`actual` is the label by id, levels as codes. None if no interval can be compared with it."""
    import numpy as np

    from housing.monitoring.ab_test import LEAST_ROWS
    from housing.promotion.intervals import by_group, measured

    encoder = predictor.encoder
    # If a row was answered twice, the last answer counts, as for errors.
    last = {row: place for place, row in enumerate(found.ids) if row in actual and found.answered[place]}
    rows = np.zeros(found.rows, bool)
    rows[list(last.values())] = True
    if encoder.intervals is None or rows.sum() < LEAST_ROWS:
        return None
    known = found.take(rows)
    label = np.array([actual[str(row)] for row in known.ids])
    if encoder.label_levels:
        codes = [encoder.label_levels.index(level) for level in experiment.dataset.label_levels]
        label = np.array([codes[int(code)] for code in label], np.float64)
    columns = None if known.encoded else known.columns
    matrix = known.matrix() if columns is None else encoder.transform(columns)
    try:
        ranges = encoder.ranges(known.answers, columns, matrix)
    except DataError:
        return None
    chance = experiment.monitoring.chance
    groups = None if columns is None else encoder.intervals.groups_of(columns)
    whole = measured(ranges, label, encoder.intervals, chance=chance)
    each = by_group(ranges, label, groups, encoder.intervals, chance=chance) if groups else {}
    return MonitoredCoverage(whole, each, encoder.intervals.by)


def _sentence(of: str, one: Coverage) -> str:
    state = "has left its bounds" if one.is_off else "is within"
    return (
        f"intervals of {one.declared:g} hold {one.share:.1%} of {one.rows:,} labelled rows{of}, which {state} "
        f"({one.low:.1%} to {one.high:.1%})"
    )
