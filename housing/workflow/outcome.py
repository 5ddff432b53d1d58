"""What a command is asked, tells on the way and returns; printing is the console's business."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True)
class Invocation:
    """A command as given: overrides, the composed configuration as text and its hash, and the run it belongs under."""

    command: str
    overrides: tuple[str, ...]
    config_yaml: str
    config_hash: str
    parent_run_id: str | None = None


@dataclass(frozen=True)
class Table:
    """Rows for people; numbers stay numbers, so that a console can align them."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


@dataclass(frozen=True)
class Outcome:
    """The last block of a command. `data` is the same result for machines; `next_commands` are (command, why)."""

    headline: str
    data: Mapping[str, Any]
    lines: Sequence[str] = ()
    tables: Sequence[Table] = ()
    recorded: Sequence[str] = ()
    next_commands: Sequence[tuple[str, str]] = ()
    pending_changes: int = 0
    exit_code: int = 0
    raw: str | None = field(default=None, repr=False)
    """Output that a pipe should get byte for byte, in place of everything else, when stdout is not a terminal."""


class Reporter(Protocol):
    """Hears of progress while a command works; may be called from the calling thread only."""

    def step(self, name: str, text: str) -> None:
        """One step is done."""

    def working(self, text: str) -> AbstractContextManager[None]:
        """Show that something takes a while."""

    def board(self, table: Table, *, done: int, total: int) -> None:
        """The leaderboard of a study has changed."""
