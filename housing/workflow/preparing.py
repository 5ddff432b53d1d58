"""Prepares a dataset for later commands: reads and checks it once, and converts files other than Parquet."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from housing.config.schema import Experiment
from housing.data.source_spec import Elsewhere
from housing.errors import DataError
from housing.workflow.outcome import Invocation, Outcome, Reporter
from housing.workflow.reading_progress import ReadingProgress
from housing.workflow.source_access import sources_reached

if TYPE_CHECKING:
    from pathlib import Path


def prepare(experiment: Experiment, invocation: Invocation, reporter: Reporter) -> Outcome:
    """Nothing is trained or recorded. What was already prepared from unchanged files is not prepared again."""
    from housing.data.by_blocks import refused
    from housing.data.selection import left_out_text
    from housing.data.stored_table import made_file, stored

    dataset = replace(experiment.dataset, storage="disk")
    if why := refused(dataset):
        raise DataError(f"{dataset.name}: cannot be prepared: it would be read block by block, and {why}")
    if isinstance(dataset.source, Elsewhere) and dataset.source.sql is not None:
        raise DataError(
            f"{dataset.name}: changes in a database cannot be detected, so every command reads its rows again; write "
            "them to a Parquet file, and name that as source"
        )
    with sources_reached(experiment.runner), reporter.working("reading and checking the data"):
        try:
            table = stored(dataset, ReadingProgress(reporter))
        except KeyboardInterrupt:
            reporter.step("data", "nothing of what was read is kept; the same command begins again")
            raise
        file = made_file(dataset)
    left_out = left_out_text(table.left_out, dataset)
    return Outcome(
        headline=f"{dataset.name}: {table.rows:,} rows of {len(table):,} columns are read and checked",
        data={
            "rows": table.rows,
            "columns": len(table),
            "data_digest": table.digest(),
            "left_out": table.left_out,
            "file": None if file is None else str(file),
        },
        lines=(_where(file), *([f"left out: {left_out}"] if left_out else [])),
        next_commands=((invocation.next("train"), "it uses what was prepared"),),
    )


def _where(file: Path | None) -> str:
    if file is None:
        return "its files are read where they lie: nothing was copied"
    return f"they are in {file} ({file.stat().st_size / 1e6:,.0f} MB), until a file of the source changes"
