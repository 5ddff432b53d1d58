"""Descriptions in MLflow, Markdown: of a final fit and its version (a model card), of a model, of a study."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from housing.data.description import Nominal, Numeric, Ordinal
from housing.secrets import masked
from housing.workflow.report_parts import (
    beside_others,
    data_parts,
    origin,
    others_in_words,
    verdicts,
    what_was_fitted,
)

if TYPE_CHECKING:
    from housing.data.description import Column
    from housing.reporting.page import Grid
    from housing.reporting.study_plots import Objective
    from housing.tracking.reader import Run
    from housing.tuning.trial import FinishedTrial
    from housing.workflow.judging import Judgement
    from housing.workflow.outcome import OutputTable
    from housing.workflow.session import Session

_LONGEST = 4_900
"""MLflow's database stores 5,000 characters of a version's description."""
_MOST_LEVELS = 5
_MOST_TRIALS = 10
_MOST_VARIED = 5


def model_card(
    session: Session,
    judgement: Judgement,
    source: Run,
    hyperparameters: Mapping[str, Any],
    *,
    headline: Sequence[str],
) -> str:
    """A final fit's output, its metrics beside those of others, its training data, and its inputs."""
    from housing.workflow.how_sure import coverage_grids

    dataset = session.experiment.dataset
    parts = [
        f"Predicts {_label(session)} ({dataset.task_name}) from {len(dataset.inputs)} raw columns of {dataset.name}.",
        *(f"- {masked(sentence)}." for sentence in (*headline, *others_in_words(session, judgement))),
        _section(beside_others(session, judgement)),
        _section(verdicts(judgement.decision)),
        *map(_section, coverage_grids(session, judgement.intervals)),
        *map(_section, islice(data_parts(session), 1)),
        _section(what_was_fitted(session, hyperparameters, source)),
        "## Limits\n\nMade for rows like those of the data above; rows that contradict the description of the columns "
        "are refused. Groups of rows have not been compared, unless the interval's coverage is shown by group.",
        _section(origin(session)),
    ]
    return _with_inputs("\n\n".join(filter(None, parts)), dataset.columns, list(dataset.inputs))


def about_model(session: Session) -> str:
    """What all versions of a registered model have in common, and how to query one."""
    name = session.experiment.tracking.model
    return (
        f"Predicts {_label(session)} from raw rows of {session.experiment.dataset.name}.\n\n"
        f'`mlflow.pyfunc.load_model("models:/{name}@champion").predict(frame)`, or behind an endpoint by '
        "`housing deploy`. The alias `champion` passed the gate against all before it; each version has a model card."
    )


def study_note(name: str, sentences: Sequence[str], board: OutputTable) -> str:
    """What a study found: its sentences, and its best trials."""
    rows = [["" if cell is None else _text(cell) for cell in row] for row in board.rows[:_MOST_TRIALS]]
    told = "".join(f"- {masked(sentence)}\n" for sentence in sentences)
    table = _table(board.columns, rows)
    after = f"Its `report.html` has charts; `housing tune study.resume={name}` continues it."
    return f"{told}\n{table}\n\n{after}"[:_LONGEST]


def trial_note(study: str, trial: FinishedTrial, objectives: Sequence[str]) -> str:
    """How one trial of a study went, and with which parameters."""
    from housing.reporting.scales import readable

    values = ", ".join(f"{name} {readable(value)}" for name, value in zip(objectives, trial.values or (), strict=False))
    told = values or masked(trial.error or "it has no value")
    rows = [[f"`{name}`", readable(value)] for name, value in trial.parameters.items()]
    table = _table(("parameter", "value"), rows) if rows else ""
    return f"Trial {trial.number} of `{study}`, {trial.state}: {told}.\n\n{table}"[:_LONGEST]


def group_note(children: Sequence[Run], objective: Objective, tables: Sequence[OutputTable] = ()) -> str:
    """The results of the runs below a parent, best first, and its command's tables."""
    done = sum(run.status == "FINISHED" for run in children)
    names = dict.fromkeys(name for run in children for name in run.params)
    varied = [name for name in names if len({run.params.get(name) for run in children}) > 1][:_MOST_VARIED]
    rows = [
        [
            run.name,
            run.kind or "",
            _text(run.metrics.get(objective.name, "-")),
            *(run.params.get(name, "-") for name in varied),
            run.status.lower(),
        ]
        for run in children[:_MOST_TRIALS]
    ]
    shown = [_output(table) for table in tables if table.title]
    parts = [
        f"{len(children):,} runs below this one, {done} of them finished.",
        _table(("run", "kind", objective.title, *varied, "status"), rows),
        *shown,
        "Its `report.html` has learning curves.",
    ]
    return "\n\n".join(parts)[:_LONGEST]


def _output(table: OutputTable) -> str:
    rows = [["" if cell is None else _text(cell) for cell in row] for row in table.rows]
    return f"## {table.title}\n\n{_table(table.columns, rows)}"


def _label(session: Session) -> str:
    dataset = session.experiment.dataset
    return f"`{dataset.label}`" + (f" in {dataset.label_unit}" if dataset.label_unit else "")


def _section(grid: Grid) -> str:
    rows = [[f"**{cell.text}**" if cell.best else cell.text for cell in row] for row in grid.rows]
    return f"## {grid.title}\n\n{_table(grid.columns, rows)}"


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(masked(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def _with_inputs(card: str, columns: Mapping[str, Column], inputs: Sequence[str]) -> str:
    """The card with as many columns as fit."""
    found = f"{card}\n\n## Columns it takes\n\n"
    room = _LONGEST - len(found) - 60
    if room < 0:
        return card[:_LONGEST]
    lines: list[str] = []
    for name in inputs:
        line = f"- `{name}`: {', '.join(_rules(columns[name]))}\n"
        if len(line) > room:
            lines.append(f"- and {len(inputs) - len(lines):,} more, as in config.yaml of the run\n")
            break
        room -= len(line)
        lines.append(line)
    return found + "".join(lines)


def _rules(column: Column) -> Iterator[str]:
    yield str(column.kind)
    match column:
        case Numeric(low=low, high=high):
            yield from (f"{word} {end:g}" for word, end in (("from", low), ("to", high)) if end is not None)
        case Ordinal(levels=levels) | Nominal(levels=levels) if levels:
            yield "/".join(levels) if len(levels) <= _MOST_LEVELS else f"{len(levels):,} levels"


def _text(cell: object) -> str:
    from housing.reporting.scales import readable

    return readable(cell) if isinstance(cell, float) else str(cell)
