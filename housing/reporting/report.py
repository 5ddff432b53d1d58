"""Reports stored with a run: `report.html` to read, and each of its charts as a file for papers and slides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from housing.reporting.job_plots import Series, learning_curves, shares
from housing.reporting.judged import Judged, judged_parts
from housing.reporting.page import Cell, Grid, Page, Part, plots_of
from housing.reporting.parallel_coordinates import parallel_coordinates
from housing.reporting.plot import Small
from housing.reporting.scales import readable
from housing.reporting.study_plots import Objective, optimisation_history, slices, timeline
from housing.reporting.svg import Chart
from housing.tuning.leaderboard import Row, leaderboard, shown_names, shown_values
from housing.tuning.study import StudyResult

if TYPE_CHECKING:
    from housing.tuning.importance import Importance

REPORT_FILE = "report.html"
FIGURES_FOLDER = "figures"
_MOST_ROWS = 1000
_MOST_BARS = 15
_LEAST_FOR_SLICES = 4


def study_report(
    name: str,
    result: StudyResult,
    objectives: Sequence[Objective],
    *,
    importances: Mapping[str, Importance],
    lead: Sequence[str],
    curves: Sequence[Series],
    spans: Mapping[int, tuple[float, float]],
    further: Sequence[Part] = (),
    link: str = "",
) -> dict[str, bytes]:
    """Files by path: the course of the search, the importance of parameters, and the `curves` of the best trials, best
    first.

    `spans` are start and end of trials by number, in seconds since the first one started.
    """
    rows = leaderboard(result.trials, result.directions)
    first = objectives[0]
    parts: list[Part] = [optimisation_history(rows, first), *parallel_coordinates(rows, result.space, objectives)]
    over_each = slices(rows, result.space, first)
    if over_each and len(rows) >= _LEAST_FOR_SLICES:
        about = f"{first.title} over each parameter; the stronger a dot, the later the trial."
        parts.append(Small("Slices", about, over_each))
    if importances:
        about = (
            "How much each parameter decided which trials were good (PED-ANOVA over the complete trials); in brackets, "
            "the range in which it lies in nine of ten resamplings of the trials."
        )
        values = {name: found.share for name, found in importances.items()}
        ranges = {name: f"({found.low:.0%} to {found.high:.0%})" for name, found in importances.items()}
        parts.append(shares("importances", "What mattered", about, values, of="share of what decided", ranges=ranges))
    if curves:
        title = f"Learning curves of the best {len(curves)}"
        parts.append(learning_curves(title, first.title, curves, lower_is_better=first.lower_is_better))
    parts.append(_leaderboard(rows, result, objectives))
    if spans:
        parts.append(timeline(rows, spans))
    return files(Page(name, lead, [*parts, *further], link=link))


def job_report(
    name: str,
    *,
    objective: Objective,
    history: Mapping[str, Sequence[float]],
    kept: int,
    importances: Mapping[str, float],
    judged: Judged | None,
    lead: Sequence[str],
    before: Sequence[Part] = (),
    errors: Sequence[Part] = (),
    further: Sequence[Part] = (),
    link: str = "",
) -> dict[str, bytes]:
    """Files by path: the objective's metric on every channel, which columns matter, and the errors.

    `history` is `TrainingResult.history`; `importances` are shares by encoded column, largest first; `judged` is None
    where the model cannot answer. `before` and `further` come before and after everything else, `errors` after the
    charts of `judged`.
    """
    metric = objective.name.split("_", 1)[1]
    series = [Series(key, values, kept) for key, values in history.items() if key.split("_", 1)[1] == metric]
    parts = list(before)
    if judged is not None and len(judged.label):
        parts += judged_parts(judged)
    parts += errors
    if importances:
        few = dict(list(importances.items())[:_MOST_BARS])
        about = "Share of the total gain by encoded column" + (
            f"; {len(importances) - len(few):,} columns with less are left out." if len(few) < len(importances) else "."
        )
        parts.append(shares("importances", "What the model looks at", about, few, of="share of the gain"))
    if any(len(each.values) > 1 for each in series):
        title = objective.title.replace(objective.name, metric)
        parts.append(learning_curves("Learning curves", title, series, lower_is_better=objective.lower_is_better))
    return files(Page(name, lead, [*parts, *further], link=link))


def files(page: Page) -> dict[str, bytes]:
    """A page as `report.html`, and each of its charts as a separate file."""
    charts = {f"{FIGURES_FOLDER}/{part.name}.svg": part.file() for part in page.parts if isinstance(part, Chart)}
    charts |= {f"{FIGURES_FOLDER}/{plot.name}.vl.json": plot.file() for plot in plots_of(page.parts)}
    return {name: content.encode() for name, content in ({REPORT_FILE: page.html()} | charts).items()}


def _leaderboard(rows: Sequence[Row], result: StudyResult, objectives: Sequence[Objective]) -> Grid:
    shown = rows[:_MOST_ROWS]
    return Grid(
        "Leaderboard",
        f"The best {len(shown):,} of {len(rows):,} trials." if len(shown) < len(rows) else "Click a heading to sort.",
        ("rank", "trial", *(each.title for each in objectives), *shown_names(result.space), "seconds", "state"),
        [
            [
                _cell(row.rank),
                Cell(f"t{row.number:02d}"),
                *(_cell(value, best=row.rank == 1) for value in row.values or [None] * len(objectives)),
                *map(_cell, shown_values(row.parameters, result.space)),
                _cell(row.seconds),
                Cell(row.state),
            ]
            for row in shown
        ],
        sortable=True,
    )


def _cell(value: object, *, best: bool = False) -> Cell:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Cell(readable(value), number=True, best=best, value=float(value))
    return Cell(readable(value), best=best)
