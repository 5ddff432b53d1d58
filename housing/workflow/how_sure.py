"""The coverage of a model's intervals on unseen rows, and the importance of its columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from housing.algorithms.registry import find
from housing.errors import DataError
from housing.tasks import base as tasks
from housing.tracking import schema
from housing.workflow.headline import judged_by, label_of, weights_of

if TYPE_CHECKING:
    from housing.data.encoder import Encoder
    from housing.promotion.intervals import Coverage
    from housing.reporting.page import Grid
    from housing.tasks.predictions import Predictions
    from housing.workflow.session import Session


@dataclass(frozen=True)
class MeasuredIntervals:
    """Coverage on the test part: of all rows (None without intervals), and by level of the intervals' column."""

    whole: Coverage | None = None
    groups: Mapping[str, Coverage] = field(default_factory=dict)
    by: str | None = None

    @property
    def metrics(self) -> dict[str, float]:
        """The metrics to be recorded."""
        if self.whole is None:
            return {}
        return {"test_interval_coverage": self.whole.share, "test_interval_size": self.whole.size}

    @property
    def tags(self) -> dict[str, str]:
        """The tags of the run and the version."""
        return {} if self.whole is None else {schema.INTERVALS: self._word(self.whole)}

    def _word(self, whole: Coverage) -> str:
        off = [level for level, one in self.groups.items() if one.is_off]
        groups = f"; outside of their bounds: {', '.join(off[:5])} of {self.by}" if off else ""
        state = "outside of" if whole.is_off else "within"
        return (
            f"{whole.declared:g} asked, {whole.share:.1%} of {whole.rows:,} test rows held, "
            f"{state} {whole.low:.1%} to {whole.high:.1%}{groups}"
        )


def measured_intervals(session: Session, encoder: Encoder, predictions: Predictions) -> MeasuredIntervals:
    """The coverage on the test part, given its predictions; also reported."""
    if encoder.intervals is None:
        return MeasuredIntervals()
    from housing.data.fitted_rows import encoded
    from housing.promotion.intervals import by_group, measured

    test, label = session.prepared.test, label_of(session, "test")
    ranges = encoder.ranges(predictions, test, encoded(encoder, test))
    groups = encoder.intervals.groups_of(test)
    weights = weights_of(session, "test")
    whole = measured(ranges, label, encoder.intervals, weights=weights)
    each = by_group(ranges, label, groups, encoder.intervals, weights=weights) if groups else {}
    found = MeasuredIntervals(whole, each, encoder.intervals.by)
    session.reporter.step("intervals", found.tags[schema.INTERVALS])
    return found


def coverage_grids(session: Session, found: MeasuredIntervals) -> list[Grid]:
    """Tables for the report; empty without intervals."""
    if found.whole is None:
        return []
    from housing.reporting.intervals import coverage_grid

    unit = session.experiment.dataset.label_unit
    return [coverage_grid(found.whole, found.groups, by=found.by, unit=unit, part="test")]


def importance_grids(session: Session, encoder: Encoder, model: bytes) -> list[Grid]:
    """Tables from the test part; empty if the model gives no contributions, or rows are judged by groups."""
    from housing.reporting.explanations import importance_grid
    from housing.training.importances import column_importances, looked_at

    if tasks.find(encoder.task).has_groups:
        return []
    name = judged_by(session)
    metric = tasks.metrics(encoder.task)[name]
    try:
        loaded: Any = find(session.experiment.algorithm.kind).load(model)
        test = session.prepared.test
        rows = looked_at(test.rows)
        found = column_importances(
            loaded,
            encoder,
            encoder.transform(test if rows is None else test.take(rows).held()),
            label_of(session, "test")[... if rows is None else rows],
            metric=metric,
            seed=session.experiment.seed,
        )
    except (DataError, ValueError):
        return []
    return [importance_grid(found, metric=name, part="test")] if found.columns else []
