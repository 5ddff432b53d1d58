"""The page of a run that is the parent of others: a multirun's jobs, or the steps of `housing run`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from housing.config.schema import Experiment
from housing.tracking import schema
from housing.workflow.figures import learning_curve, objective_of
from housing.workflow.model_card import group_note

if TYPE_CHECKING:
    from housing.reporting.page import Cell, Grid, Part
    from housing.reporting.study_plots import Objective
    from housing.tracking.reader import Run
    from housing.tracking.runs import Runs
    from housing.workflow.outcome import OutputTable

_CURVES = 5


def log_group(runs: Runs, run_id: str, name: str, experiment: Experiment, *, tables: Sequence[OutputTable] = ()) -> str:
    """Log the report: its runs, best first, their learning curves in one chart, and `tables` of the command.

    Returns its description.
    """
    objective = objective_of(experiment)
    children = sorted(runs.children(run_id), key=lambda run: _cost(run, objective))
    runs.log_files(run_id, _figures(runs, name, children, objective, tables))
    return group_note(children, objective, tables)


def _figures(
    runs: Runs, name: str, children: Sequence[Run], objective: Objective, tables: Sequence[OutputTable]
) -> dict[str, bytes]:
    from housing.reporting.job_plots import learning_curves
    from housing.reporting.page import Page
    from housing.reporting.report import files

    curves = [
        learning_curve(run, values)
        for run in children[:_CURVES]
        if run.kind == "job" and len(values := runs.history(run.id, objective.name)) > 1
    ]
    parts: list[Part] = [*map(_grid, tables), _jobs(children, objective)]
    if curves:
        title = f"Learning curves of the best {len(curves)}"
        parts.append(learning_curves(title, objective.title, curves, lower_is_better=objective.lower_is_better))
    done = sum(run.status == "FINISHED" for run in children)
    return files(Page(name, [f"{len(children):,} runs below this one, {done} of them finished"], parts))


def _jobs(children: Sequence[Run], objective: Objective) -> Grid:
    from housing.reporting.judged import number_cell
    from housing.reporting.page import Cell, Grid

    # Only parameters that differ are shown.
    varied = [
        name
        for name in dict.fromkeys(name for run in children for name in run.params)
        if len({run.params.get(name) for run in children}) > 1
    ]
    best = min((_cost(run, objective) for run in children), default=math.inf)
    rows = []
    for run in children:
        value = run.metrics.get(objective.name, math.nan)
        took_s = (run.ended_at_ms - run.started_at_ms) / 1000 if run.ended_at_ms is not None else math.nan
        rows.append(
            [
                Cell(run.name),
                Cell(run.kind or "-"),
                number_cell(value, best=_cost(run, objective) == best < math.inf),
                *(_parameter(run.params.get(name)) for name in varied),
                number_cell(took_s),
                Cell(run.status.lower() if schema.REASON not in run.tags else f"failed: {run.tags[schema.REASON]}"),
                Cell(run.id[:8]),
            ]
        )
    columns = ("run", "kind", objective.title, *varied, "seconds", "status", "id")
    return Grid("Runs", "Best first; a click on a heading sorts.", columns, rows, sortable=True)


def _parameter(text: str | None) -> Cell:
    """A parameter's text from MLflow as a number, if it is one, so that it sorts as one."""
    from housing.reporting.judged import number_cell
    from housing.reporting.page import Cell

    try:
        return number_cell(float(text)) if text is not None else Cell("-")
    except ValueError:
        return Cell(str(text))


def _grid(table: OutputTable) -> Grid:
    from housing.reporting.page import Cell, Grid
    from housing.reporting.scales import readable

    rows = [[Cell(readable(value), number=isinstance(value, int | float)) for value in row] for row in table.rows]
    return Grid(table.title or "Result", "", table.columns, rows)


def _cost(run: Run, objective: Objective) -> float:
    """Lower is better; a run without the objective comes last."""
    value = run.metrics.get(objective.name, math.nan)
    if math.isnan(value):
        return math.inf
    return value if objective.lower_is_better else -value
