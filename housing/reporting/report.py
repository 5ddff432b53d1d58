"""Reports that stand beside a run: `report.html` to read, and each of its charts as a file for a paper or a slide."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from housing.reporting.charts import (
    Axis,
    Line,
    Series,
    Tried,
    learning_curves,
    optimisation_history,
    parallel_coordinates,
    shares,
)
from housing.reporting.judged import Judged, judged_parts
from housing.reporting.page import Cell, Grid, Page
from housing.reporting.scales import readable, without_outliers
from housing.reporting.svg import Chart
from housing.tuning.leaderboard import Row, leaderboard
from housing.tuning.space import Categorical, Distribution
from housing.tuning.study import StudyResult

REPORT_FILE = "report.html"
FIGURES_FOLDER = "figures"
_MOST_LINES = 300
_MOST_ROWS = 20
_MOST_BARS = 15


def study_report(
    name: str,
    result: StudyResult,
    objectives: Sequence[str],
    *,
    importances: Mapping[str, float],
    lead: Sequence[str],
    curves: Sequence[Series],
) -> dict[str, bytes]:
    """Files by path: how the search went, what mattered, and the `curves` of its best trials, best first."""
    rows = leaderboard(result.trials, result.directions)
    parts: list[Chart | Grid] = [
        optimisation_history(
            [_tried(row) for row in rows], objectives[0], lower_is_better=result.directions[0] == "minimize"
        ),
        _parallel(rows, result, objectives),
    ]
    if importances:
        parts.append(
            shares(
                "importances",
                "What mattered",
                "How much each parameter decided which trials were good (PED-ANOVA over the complete trials).",
                importances,
            )
        )
    if curves:
        title = f"Learning curves of the best {len(curves)}"
        lower = result.directions[0] == "minimize"
        parts.append(learning_curves(title, objectives[0], curves, lower_is_better=lower))
    parts.append(_leaderboard(rows, result, objectives))
    return files(Page(name, lead, parts))


def job_report(
    name: str,
    *,
    objective: str,
    lower_is_better: bool,
    history: Mapping[str, Sequence[float]],
    kept: int,
    importances: Mapping[str, float],
    judged: Judged | None,
    lead: Sequence[str],
) -> dict[str, bytes]:
    """Files by path: the objective's metric on every channel, what the model looks at, and where it errs.

    `history` is `TrainingResult.history`; `importances` are shares by encoded column, largest first; `judged` is None
    where the model cannot answer.
    """
    metric = objective.split("_", 1)[1]
    series = [Series(key, values, kept) for key, values in history.items() if key.split("_", 1)[1] == metric]
    parts: list[Chart | Grid] = []
    if series:
        parts.append(learning_curves("Learning curves", metric, series, lower_is_better=lower_is_better))
    if importances:
        few = dict(list(importances.items())[:_MOST_BARS])
        about = "Share of the total gain by encoded column" + (
            f"; {len(importances) - len(few)} columns with less are left out." if len(few) < len(importances) else "."
        )
        parts.append(shares("importances", "What the model looks at", about, few))
    if judged is not None and len(judged.label):
        parts += judged_parts(judged)
    return files(Page(name, lead, parts))


def files(page: Page) -> dict[str, bytes]:
    """A page as `report.html`, and each of its charts as a file beside it."""
    charts = {f"{FIGURES_FOLDER}/{part.name}.svg": part.file() for part in page.parts if isinstance(part, Chart)}
    return {name: content.encode() for name, content in ({REPORT_FILE: page.html()} | charts).items()}


def _tried(row: Row) -> Tried:
    parameters = ", ".join(f"{name} {readable(value)}" for name, value in row.parameters.items())
    return Tried(f"t{row.number:02d} ({parameters})", row.number, row.values[0] if row.values else None, row.state)


def _parallel(rows: Sequence[Row], result: StudyResult, objectives: Sequence[str]) -> Chart:
    complete = [row for row in rows if row.state == "complete"]
    axes = [_axis(name, distribution, complete) for name, distribution in result.space.items()]
    axes += list(_objective_axes(complete, result, objectives))
    last = max(1, len(complete) - 1)
    lines = [
        Line(
            f"t{row.number:02d}",
            {**row.parameters, **dict(zip(objectives, row.values or (), strict=False))},
            merit=1 - place / last,
        )
        for place, row in enumerate(complete[:_MOST_LINES])
    ]
    return parallel_coordinates(axes, lines)


def _axis(name: str, distribution: Distribution, rows: Sequence[Row]) -> Axis:
    """The configured point may lie out of range: at the end of a range, or as one choice more."""
    if isinstance(distribution, Categorical):
        tried = [row.parameters[name] for row in rows if name in row.parameters]
        return Axis(name, choices=tuple(dict.fromkeys([*distribution.choices, *tried])))
    return Axis(name, distribution.low, distribution.high, log=distribution.log)


def _objective_axes(complete: Sequence[Row], result: StudyResult, objectives: Sequence[str]) -> Iterator[Axis]:
    for i, (objective, towards) in enumerate(zip(objectives, result.directions, strict=True)):
        values = [row.values[i] for row in complete if row.values]
        shown = without_outliers(values, lower_is_better=towards == "minimize") or [0.0]
        yield Axis(objective, min(shown), max(shown))


def _leaderboard(rows: Sequence[Row], result: StudyResult, objectives: Sequence[str]) -> Grid:
    shown = rows[:_MOST_ROWS]
    return Grid(
        "Leaderboard",
        f"The best {len(shown)} of {len(rows)} trials." if len(shown) < len(rows) else "",
        ("rank", "trial", *objectives, *result.space, "seconds", "state"),
        [
            [
                _cell(row.rank),
                Cell(f"t{row.number:02d}"),
                *(_cell(value, best=row.rank == 1) for value in row.values or [None] * len(objectives)),
                *(_cell(row.parameters.get(name)) for name in result.space),
                _cell(row.seconds),
                Cell(row.state),
            ]
            for row in shown
        ],
    )


def _cell(value: object, *, best: bool = False) -> Cell:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return Cell(readable(value), number=is_number, best=best)
