"""What people and scripts see; with cli.py the only place that prints.

A terminal gets colours, a live leaderboard and a last block; anything else gets plain lines. With `--json` stdout holds
exactly one JSON document, and everything for people goes to stderr.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from housing.errors import HousingError

if TYPE_CHECKING:
    from rich.console import Console as RichConsole
    from rich.live import Live
    from rich.table import Table as RichTable

    from housing.workflow.outcome import Outcome, Table

_STEP_WIDTH = 10
_BOARD_ROWS = 12
_ASIDE = ("rank", "seconds", "state")


class Console:
    """Implements the workflow's Reporter, and shows outcomes and errors."""

    def __init__(self, *, as_json: bool = False) -> None:
        self._as_json = as_json
        self._cached: RichConsole | None = None
        self._live: Live | None = None

    @property
    def _rich(self) -> RichConsole:
        if self._cached is None:
            from rich.console import Console as RichConsole

            stream = sys.stderr if self._as_json or not sys.stdout.isatty() else sys.stdout
            width = None if stream.isatty() else 160
            self._cached = RichConsole(file=stream, highlight=False, soft_wrap=True, width=width)
        return self._cached

    def step(self, name: str, text: str) -> None:
        """One finished step: its name, and what came of it."""
        self._end_live()
        from rich.text import Text

        line = Text.assemble((f"{name:<{_STEP_WIDTH}}", "bold"), " ", text)
        self._rich.print(line)

    @contextmanager
    def working(self, text: str) -> Iterator[None]:
        """A spinner in a terminal, one line elsewhere."""
        self._end_live()
        if self._rich.is_terminal:
            with self._rich.status(text):
                yield
        else:
            yield

    def board(self, table: Table, *, done: int, total: int) -> None:
        """Live in a terminal; elsewhere a line each time a tenth of the trials is done."""
        if not self._rich.is_terminal:
            if done % max(1, total // 10) == 0 or done == total:
                best = zip(table.columns, table.rows[0], strict=True)
                shown = "  ".join(f"{name}={_cell(value)}" for name, value in best if name not in _ASIDE)
                self.step("trials", f"{done}/{total}, best: {shown}")
            return
        from rich.live import Live

        if self._live is None:
            self._live = Live(console=self._rich, auto_refresh=False, transient=True)
            self._live.start()
        board = _rich_table(table, rows=table.rows[:_BOARD_ROWS])
        board.caption = f"{done} of {total} trials"
        self._live.update(board, refresh=True)

    def show(self, outcome: Outcome) -> None:
        """The last block: result, where it is recorded, what to do next; or the one JSON document."""
        self._end_live()
        if self._as_json:
            sys.stdout.write(json.dumps(outcome.data, indent=2, default=str, ensure_ascii=False) + "\n")
            return
        if outcome.raw is not None and not sys.stdout.isatty():
            sys.stdout.write(outcome.raw)
            return
        from rich.console import Console as RichConsole
        from rich.text import Text

        rich = self._rich if sys.stdout.isatty() else RichConsole(highlight=False, soft_wrap=True, width=160)
        rich.print()
        rich.print(Text(outcome.headline, style="bold green" if outcome.exit_code == 0 else "bold red"))
        for line in outcome.lines:
            rich.print(Text(line, style=_line_style(line)))
        for table in outcome.tables:
            rich.print()
            rich.print(_rich_table(table, rows=table.rows))
        if outcome.recorded:
            rich.print()
            for line in outcome.recorded:
                rich.print(Text.assemble(("recorded  ", "dim"), line))
        if outcome.next_commands:
            rich.print()
            width = max(len(command) for command, _ in outcome.next_commands)
            for command, why in outcome.next_commands:
                rich.print(Text.assemble(("next      ", "dim"), (f"{command:<{width}}", "cyan"), f"  {why}"))

    def error(self, error: HousingError) -> None:
        """One message on stderr, and for machines the same as JSON on stdout."""
        self._end_live()
        if self._as_json:
            document = {"error": type(error).__name__, "message": str(error), "exit_code": error.exit_code}
            sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
        sys.stderr.write(f"housing: {error}\n")

    def _end_live(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None


def _rich_table(table: Table, *, rows: Sequence[Sequence[Any]]) -> RichTable:
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    rich = RichTable(title=table.title or None, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    for index, name in enumerate(table.columns):
        numeric = any(isinstance(row[index], int | float) for row in rows)
        rich.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        rich.add_row(*(Text(_cell(value)) for value in row))
    return rich


def _cell(value: Any) -> str:
    """Six significant digits, thousands separated; an absent value is a dash."""
    if value is None:
        return "-"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int):
        return f"{value:,}" if abs(value) >= 10_000 else str(value)
    return f"{value:,.1f}" if abs(value) >= 1000 else f"{value:.4g}"


def _line_style(line: str) -> str:
    return {"+": "green", "-": "red", "~": "yellow"}.get(line.lstrip()[:1], "")
