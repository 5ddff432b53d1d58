"""What a command came to, as a small value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import TYPE_CHECKING, Any

from housing.secrets import masked, masked_values
from housing.workflow.outcome import Outcome, OutputTable

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, repr=False)
class Result:
    """What a command came to.

    `headline` is its one sentence, `data` the document that `--json` prints, `next_commands` what could follow, each as
    it can be pasted into a shell, with the reason. `changes` counts what a plan would change, `findings` what
    monitoring has found.
    """

    command: str
    headline: str
    data: Mapping[str, Any]
    tables: Sequence[OutputTable]
    next_commands: Sequence[tuple[str, str]] = ()
    changes: int = 0
    findings: int = 0

    @property
    def run_id(self) -> str | None:
        """Of the MLflow run that holds everything; None for a command that records nothing."""
        found = self.data.get("run_id")
        return str(found) if found is not None else None

    def frame(self, table: int = 0) -> pd.DataFrame:
        """One of its tables; an IndexError where it has no such table."""
        import pandas as pd

        shown = self.tables[table]
        return pd.DataFrame([list(row) for row in shown.rows], columns=list(shown.columns))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.command}: {self.headline}>"

    def _repr_html_(self) -> str:
        parts = [f"<p><b>{escape(self.headline)}</b></p>"]
        for index, table in enumerate(self.tables):
            title = f"<p>{escape(table.title)}</p>" if table.title else ""
            parts.append(title + str(self.frame(index).to_html(index=False, border=0, na_rep="")))
        return "".join(parts)


@dataclass(frozen=True, repr=False)
class RecordedRuns(Result):
    """Runs of the record; `data["runs"]` has a row for each."""

    def frame(self, table: int = 0) -> pd.DataFrame:
        """A row for each run: run_id, name, kind, status, started (UTC), seconds, parent, metrics.*, params.*, tags.*.

        What a run does not have is missing.
        """
        import pandas as pd

        del table
        return pd.DataFrame(list(self.data["runs"]))


def result_of(command: str, outcome: Outcome) -> Result:
    """Of what the workflow has returned; secrets are masked unless they were asked for."""
    data = outcome.data if outcome.reveals else masked_values(outcome.data)
    return Result(
        command,
        masked(outcome.headline),
        data,
        tuple(map(_masked_table, outcome.tables)),
        tuple((masked(next_command), why) for next_command, why in outcome.next_commands),
        outcome.pending_changes,
        outcome.findings,
    )


def _masked_table(table: OutputTable) -> OutputTable:
    rows = [[masked(cell) if isinstance(cell, str) else cell for cell in row] for row in table.rows]
    return replace(table, title=masked(table.title), rows=rows)
