"""The result of a command, as a small value."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from html import escape
from typing import TYPE_CHECKING, Any

from housing.errors import TrackingError
from housing.secrets import masked, masked_values
from housing.workflow.outcome import Outcome, OutputTable

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, repr=False)
class Result:
    """The outcome of a command.

    `headline` sums it up in one sentence, `data` is the document that `--json` prints, `next_commands` are possible
    next steps, each ready to paste into a shell, with the reason. `changes` counts what a plan would change, `findings`
    what monitoring has found. `page_of` reads a run's page.
    """

    command: str
    headline: str
    data: Mapping[str, Any]
    tables: Sequence[OutputTable]
    next_commands: Sequence[tuple[str, str]] = ()
    changes: int = 0
    findings: int = 0
    page_of: Callable[[str], str] | None = field(default=None, compare=False)

    @property
    def report(self) -> str:
        """The page of its run, HTML in one file. Raises TrackingError where it has no run, or the run has no page."""
        if self.run_id is None or self.page_of is None:
            raise TrackingError(f"{self.command} records no run, so it has no report")
        return self.page_of(self.run_id)

    @property
    def run_id(self) -> str | None:
        """The id of the MLflow run that holds everything; None for a command that records nothing."""
        found = self.data.get("run_id")
        return str(found) if found is not None else None

    def frame(self, table: int = 0) -> pd.DataFrame:
        """One of its tables. Raises IndexError where there is no such table."""
        return _frame_of(self.tables[table])

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.command}: {self.headline}>"

    def _repr_html_(self) -> str:
        parts = [f"<p><b>{escape(self.headline)}</b></p>"]
        for table in self.tables:
            title = f"<p>{escape(table.title)}</p>" if table.title else ""
            parts.append(title + _html_of(table))
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
    """The result of a workflow's outcome; secrets are masked unless they were asked for."""
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


def _frame_of(table: OutputTable) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame([list(row) for row in table.rows], columns=list(table.columns))


def _html_of(table: OutputTable) -> str:
    """An HTML table in which whole numbers stay whole beside empty cells, unlike in a column of a frame."""
    import pandas as pd

    rows = [["" if cell is None else cell for cell in row] for row in table.rows]
    frame = pd.DataFrame(rows, columns=list(table.columns), dtype=object)
    return str(frame.to_html(index=False, border=0, na_rep=""))


def _masked_table(table: OutputTable) -> OutputTable:
    rows = [[masked(cell) if isinstance(cell, str) else cell for cell in row] for row in table.rows]
    return replace(table, title=masked(table.title), rows=rows)
