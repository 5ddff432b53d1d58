"""An endpoint as a report: what it serves, and how far the rows of each variant are from those of training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from housing.monitoring.drift import ColumnDrift, DriftReport, Shares
from housing.reporting.class_charts import side_by_side
from housing.reporting.histograms import histogram
from housing.reporting.page import Cell, Gallery, Grid, Page, Part
from housing.reporting.report import files
from housing.reporting.svg import ACCENT, SERIES_COLOURS, Chart, box, path, text

_WIDTH, _TOP, _RIGHT, _NAME_WIDTH, _BAR = 900, 58, 120, 220, 24
_MOST_BARS = 20
_MOST_DISTRIBUTIONS = 6
_MOST_HISTOGRAMS = 200
_LONGEST = 1.0  # longest bar: a column that has changed completely must not shrink the other bars to nothing
_LONGEST_NAME = 34


@dataclass(frozen=True)
class VariantDrift:
    """One variant of an endpoint; `drift` is None where there was nothing to compare.

    `levels` are the shares of the predicted levels, empty where a number is predicted.
    """

    name: str
    model: str
    drift: DriftReport | None
    levels: Mapping[str, Shares] = field(default_factory=dict)


def monitoring_report(
    endpoint: str,
    *,
    lead: Sequence[str],
    warnings: Sequence[str],
    variants: Sequence[VariantDrift],
    tables: Sequence[Part],
    further: Sequence[Part] = (),
) -> dict[str, bytes]:
    """Files by path, as of a study's or job's report; `tables` come before the variants' drift, `further` after it."""
    parts: list[Part] = [*tables]
    for one in variants:
        if one.drift is not None:
            parts.append(distances(one.name, one.model, one.drift))
            if one.levels:
                parts.append(predicted_levels(one.name, one.levels))
            parts += distributions(one.name, one.drift)
            parts.append(histograms(one.name, one.drift))
            parts.append(_columns(one.name, one.drift))
    return files(Page(f"Endpoint {endpoint}", lead, [*parts, *further], warnings))


def distances(variant: str, model: str, drift: DriftReport) -> Chart:
    """A bar for each of the columns with the largest distance; a tick marks what chance alone would reach."""
    shown = sorted(drift.columns, key=lambda c: c.psi, reverse=True)[:_MOST_BARS]
    longest = min(_LONGEST, max([*(c.psi for c in shown), *(c.by_chance for c in shown), 1e-9]))
    room = _WIDTH - _NAME_WIDTH - _RIGHT
    elements = []
    for place, column in enumerate(shown):
        top = _TOP - 12 + place * _BAR
        title = f"{column.column}: {column.psi:.3f}, by chance {column.by_chance:.3f}"
        end, mark = (_NAME_WIDTH + room * min(1.0, value / longest) for value in (column.psi, column.by_chance))
        colour = ACCENT if column.faults else SERIES_COLOURS[0]
        elements.append(text((_NAME_WIDTH - 8, top + 15), _cut(column.column), anchor="end"))
        width = max(1.0, end - _NAME_WIDTH)
        elements.append(box((_NAME_WIDTH, top + 3), width=width, height=_BAR - 8, colour=colour, title=title))
        elements.append(path([(mark, top + 1), (mark, top + _BAR - 3)], colour="var(--quiet, #656d76)", title=title))
        elements.append(
            text(
                (max(end, mark) + 8, top + 15), f"{column.psi:.3f}{', drifted' if column.faults else ''}", style="quiet"
            )
        )
    about = (
        f"Population stability index of {drift.seen_rows:,} captured rows against {drift.trained_rows:,} of training, "
        "the farthest columns first, bars cut at 1; a tick is what chance alone would hardly pass."
    )
    height = _TOP + _BAR * len(shown)
    return Chart(f"drift_{variant}", f"{variant} ({model}): {drift.word}", about, _WIDTH, height, elements)


def histograms(variant: str, drift: DriftReport) -> Gallery:
    """A histogram of every column; those that drifted come first."""
    shown = drift.columns[:_MOST_HISTOGRAMS]
    left = len(drift.columns) - len(shown)
    about = (
        "Bars: shares of the rows of training; orange: of those that the endpoint saw. Drifted columns first, then the "
        "farthest" + (f"; {left:,} columns that are nearer are left out." if left else ".")
    )
    title = f"{variant}: reference and current, {len(shown):,} columns"
    return Gallery(title, about, [histogram(one, name=f"{variant}_{i}") for i, one in enumerate(shown)])


def distributions(variant: str, drift: DriftReport) -> list[Chart]:
    """Training and endpoint side by side, for the columns that drifted most."""
    shown = drift.drifted[:_MOST_DISTRIBUTIONS]
    return [
        side_by_side(
            f"distribution_{variant}_{place}",
            f"{variant}: {column.column}",
            f"Shares of the rows; distance {column.psi:.3f}, drifted: {', '.join(column.faults)}.",
            ("training", {one.name: one.trained for one in column.bins[:_MOST_BARS]}),
            ("endpoint", {one.name: one.seen for one in column.bins[:_MOST_BARS]}),
        )
        for place, column in enumerate(shown, 1)
    ]


def predicted_levels(variant: str, levels: Mapping[str, Shares]) -> Chart:
    """The most frequently predicted levels, in training or at the endpoint, in the order given."""
    most = sorted(levels, key=lambda level: max(levels[level].trained, levels[level].seen), reverse=True)[:_MOST_BARS]
    shown = {level: shares for level, shares in levels.items() if level in most}
    left = len(levels) - len(shown)
    return side_by_side(
        f"levels_{variant}",
        f"{variant}: predicted levels",
        "Share of each level among the predictions for the rows of training, and among the endpoint's answers"
        + (f"; {left:,} rarer levels are left out." if left else "."),
        ("training", {level: shares.trained for level, shares in shown.items()}),
        ("endpoint", {level: shares.seen for level, shares in shown.items()}),
    )


def _columns(variant: str, drift: DriftReport) -> Grid:
    return Grid(
        f"{variant}: every column",
        "Worst first; a click on a heading sorts. Shares are of the rows.",
        ("column", "distance", "by chance", "missing in training", "missing", "out of range", "unseen", "drifted"),
        [_row(column) for column in drift.columns],
        sortable=True,
        folded=len(drift.columns) > _MOST_BARS,
    )


def _row(column: ColumnDrift) -> list[Cell]:
    shares = (column.missing.trained, column.missing.seen, column.out_of_range, column.unseen)
    return [
        Cell(column.column),
        *(Cell(f"{value:.3f}", number=True, value=value) for value in (column.psi, column.by_chance)),
        *(Cell(f"{share:.1%}", number=True, value=share) for share in shares),
        Cell(", ".join(column.faults)),
    ]


def _cut(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
