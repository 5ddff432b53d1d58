"""What people and scripts see; with `housing.cli` the only place that prints.

A terminal gets colours, a live leaderboard and a last block; anything else gets plain lines. With `--json` stdout holds
exactly one JSON document, and everything for people goes to stderr.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TextIO, cast

from housing import starting
from housing.console_tables import fitted, shown
from housing.errors import HousingError
from housing.json_values import json_value
from housing.secrets import masked, masked_values

if TYPE_CHECKING:
    from rich.console import Console as RichConsole
    from rich.console import RenderableType
    from rich.live import Live

    from housing.workflow.outcome import Outcome, OutputTable, StudyProgress

_STEP_WIDTH = 10
_NEXT_WIDTH = 10
_TENTHS = 10
_REDRAWN_A_SECOND = 4


class _Lasting:
    """A stream that swallows writes once its reader has gone: paid work must not end because of a closed pipe."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()


class Console:
    """Implements the workflow's Reporter, and shows outcomes and errors."""

    def __init__(self, *, as_json: bool = False) -> None:
        self._as_json = as_json
        self._cached: RichConsole | None = None
        self._live: Live | None = None
        self._study: tuple[StudyProgress, float] | None = None

    @property
    def _rich(self) -> RichConsole:
        if self._cached is None:
            from rich.console import Console as RichConsole

            starting.end()
            stream = sys.stderr if self._as_json or not sys.stdout.isatty() else sys.stdout
            width = None if stream.isatty() else 160
            lasting = cast("TextIO", _Lasting(stream))
            self._cached = RichConsole(file=lasting, highlight=False, soft_wrap=True, width=width)
        return self._cached

    def step(self, name: str, text: str) -> None:
        """One finished step: its name and its result."""
        self._end_live()
        self._line(name, text)

    def _line(self, name: str, text: str) -> None:
        from rich.text import Text

        line = Text.assemble((f"{name:<{_STEP_WIDTH}}", "bold"), " ", shown(text))
        self._rich.print(line)

    @contextmanager
    def working(self, text: str) -> Iterator[None]:
        """A spinner in a terminal, one line elsewhere."""
        self._end_live()
        if self._rich.is_terminal:
            with self._rich.status(shown(text)):
                yield
        else:
            yield

    def study_progress(self, study: StudyProgress) -> None:
        """Live in a terminal; elsewhere a line whenever the best trial improves, and after each tenth of the trials."""
        before, self._study = self._study, (study, time.monotonic())
        if not self._rich.is_terminal:
            if study.improved or _tenth(study) > (_tenth(before[0]) if before else 0):
                self._line("trials", _study_line(study))
            return
        if self._live is None:
            from rich.live import Live

            self._live = Live(
                console=self._rich,
                get_renderable=self._live_leaderboard,
                refresh_per_second=_REDRAWN_A_SECOND,
                transient=True,
            )
            self._live.start()

    def log(self, line: str) -> None:
        """A log line of a job, printed above the live display."""
        from rich.text import Text

        if not self._as_json:
            self._rich.print(Text(shown(line), style="dim"))

    def ask(self, question: str, answers: Mapping[str, str]) -> str:
        """The answer; the first one on Ctrl-C, at the end of the input, and without a terminal."""
        first = next(iter(answers))
        if not self._rich.is_terminal or not sys.stdin.isatty():
            return first
        self._end_live()
        question = shown(question)
        choices = ", ".join(f"[{letter}] {shown(meaning)}" for letter, meaning in answers.items())
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            answer = ""
            while answer not in answers:
                self._rich.print(f"\n{question}: {choices}? ", end="", markup=False)
                answer = (sys.stdin.readline() or first).strip()[:1].lower()
        except KeyboardInterrupt:
            return first
        finally:
            signal.signal(signal.SIGINT, before)
        return answer

    def _live_leaderboard(self) -> RenderableType:
        """The current leaderboard, with running times brought up to date. Called by rich's own thread."""
        if self._study is None:
            return ""
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table as RichTable
        from rich.text import Text

        study, told_at = self._study
        since_s = time.monotonic() - told_at
        progress = RichTable.grid(padding=(0, 2))
        bar = ProgressBar(total=study.total, completed=study.done, width=24)
        progress.add_row("", bar, Text(_progress(study, since_s), style="dim"))
        return Group(fitted(going_on(study.table, since_s), self._rich, live=True), progress)

    def show(self, outcome: Outcome) -> None:
        """Print the last block (result, where it is recorded, what to do next), or the JSON document."""
        self._end_live()
        if self._as_json:
            data = json_value(outcome.data)
            self._document(data if outcome.reveals else masked_values(data))
            return
        if outcome.raw is not None and not sys.stdout.isatty():
            sys.stdout.write(outcome.raw)
            return
        from rich.console import Console as RichConsole
        from rich.text import Text

        text = str if outcome.reveals else shown
        rich = self._rich if sys.stdout.isatty() else RichConsole(highlight=False, soft_wrap=True, width=160)
        rich.print()
        rich.print(Text(text(outcome.headline), style="bold green" if outcome.exit_code == 0 else "bold red"))
        for line in outcome.lines:
            rich.print(Text(text(line), style=_line_style(line)))
        for table in outcome.tables:
            rich.print()
            _show_table(rich, table)
        if outcome.recorded:
            rich.print()
            for line in outcome.recorded:
                rich.print(Text.assemble(("recorded  ", "dim"), text(line)))
        if outcome.next_commands:
            rich.print()
            _show_next(rich, [(text(command), text(why)) for command, why in outcome.next_commands])

    def error(self, error: HousingError) -> None:
        """Print a message on stderr, and with `--json` the same as JSON on stdout."""
        self.failure(type(error).__name__, str(error), error.exit_code)

    def failure(self, kind: str, message: str, exit_code: int) -> None:
        """As `error`, for exceptions that are not a HousingError."""
        self._end_live()
        if self._as_json:
            self._document({"error": kind, "message": masked(message), "exit_code": exit_code})
        sys.stderr.write(f"housing: {shown(message)}\n")

    def _document(self, data: Any) -> None:
        text = json.dumps(data, indent=2, allow_nan=False, ensure_ascii=False) + "\n"
        # What cannot be encoded, such as a lone surrogate, is escaped.
        sys.stdout.write(text.encode(errors="backslashreplace").decode())

    def _end_live(self) -> None:
        starting.end()
        self._study = None
        if self._live is not None:
            self._live.stop()
            self._live = None


def _show_table(rich: RichConsole, table: OutputTable) -> None:
    """The table; outside a terminal without the spaces that fill its lines."""
    from rich.text import Text

    drawn = fitted(table, rich)
    if rich.is_terminal:
        rich.print(drawn)
        return
    with rich.capture() as captured:
        rich.print(drawn)
    for line in captured.get().splitlines():
        rich.print(Text(line.rstrip()))


def _show_next(rich: RichConsole, commands: Sequence[tuple[str, str]]) -> None:
    """Each command ready to paste, its purpose as a comment behind it, or on the line below where both do not fit."""
    from rich.text import Text

    width = max(len(command) for command, _ in commands)
    beside = all(_NEXT_WIDTH + width + len(why) + 4 <= rich.width for _, why in commands)
    for command, why in commands:
        line = Text.assemble(("next      ", "dim"), (command, "cyan"))
        if why and beside:
            line.append(" " * (width - len(command)) + f"  # {why}")
        elif why:
            line.append("\n" + " " * _NEXT_WIDTH + f"# {why}")
        rich.print(line)


def going_on(table: OutputTable, since_s: float) -> OutputTable:
    """The leaderboard with the times of running trials advanced by `since_s` seconds."""
    if "seconds" not in table.columns:
        return table
    place = list(table.columns).index("seconds")
    rows = [
        [*row[:place], round(row[place] + since_s, 1), *row[place + 1 :]] if row[-1] == "running" else row
        for row in table.rows
    ]
    return replace(table, rows=rows)


def _tenth(study: StudyProgress) -> int:
    return _TENTHS * study.done // study.total


def _study_line(study: StudyProgress) -> str:
    """`12/100, 3 running, 4 s, about 25 s left: new best validation_mae 16,098 USD, t03 eta=0.10`."""
    return f"{_progress(study, 0)}: {'new best' if study.improved else 'best'} {study.best or 'none yet'}"


def _progress(study: StudyProgress, since_s: float) -> str:
    parts = [f"{study.done}/{study.total}"]
    parts += [f"{count} {state}" for state, count in study.states.items() if state != "complete"]
    parts += [f"{study.running} running"] if study.running else []
    parts.append(_duration(study.elapsed_s + since_s))
    if study.left_s is not None and study.done < study.total:
        parts.append(f"about {_duration(max(1.0, study.left_s - since_s))} left")
    return ", ".join(parts)


def _duration(seconds: float) -> str:
    """`8 s`, `3 min 20 s`, `2 h 05 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def _line_style(line: str) -> str:
    return {"+": "green", "-": "red", "~": "yellow"}.get(line.lstrip()[:1], "")
