"""What a command is given, reports and returns; the console does the printing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from housing import shell
from housing.config.schema import Experiment


@dataclass(frozen=True)
class Invocation:
    """A command as given: overrides, the composed configuration as text and its hash, and its parent run, if any.

    `alternative` is the same experiment with other options of some groups (`{"features": "domain"}`); `config_dir` is
    the user's own folder of configuration, absolute. `context` are the words that a later command must repeat to
    mean the same experiment and target.
    """

    command: str
    overrides: tuple[str, ...]
    config_text: Callable[[], str]
    config_hash: str
    alternative: Callable[[Mapping[str, str]], Experiment]
    parent_run_id: str | None = None
    config_dir: str | None = None
    context: tuple[str, ...] = ()

    @property
    def config_yaml(self) -> str:
        """The composed configuration as text."""
        return self.config_text()

    def next(self, name: str, *words: str) -> str:
        """A follow-up command, ready to be pasted: with the context, except what `words` override."""
        said = {key_of(word) for word in words}
        kept = [word for word in self._folder_and_context() if not _is_said(word, said)]
        return shell.command(name, *words, *kept)

    def _folder_and_context(self) -> tuple[str, ...]:
        if self.config_dir is None:
            return self.context
        folder, here = Path(self.config_dir), Path.cwd()
        shown = folder.relative_to(here) if folder.is_relative_to(here) else folder
        return ("--config-dir", str(shown), *self.context)


def key_of(override: str) -> str:
    """The key of an override: `study.trials` of `+study.trials=9`."""
    return override.lstrip("+~").partition("=")[0]


def _is_said(word: str, said: Collection[str]) -> bool:
    """Whether one of the keys also overrides this word: another deployment has other variants."""
    key = key_of(word)
    return key in said or ("deployment" in said and key.startswith("deployment.variants"))


@dataclass(frozen=True)
class OutputTable:
    """Rows to be printed; numbers stay numbers, so that a console can align them.

    `spare` are columns that may be omitted, the last first, if there is no room.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    spare: Sequence[str] = ()


@dataclass(frozen=True)
class Outcome:
    """The last block of a command. `data` is the same result as JSON values; `next_commands` are (command, why).

    `pending_changes` and `findings` decide the exit code of a plan and of a monitoring with `--detailed-exitcode`.
    """

    headline: str
    data: Mapping[str, Any]
    lines: Sequence[str] = ()
    tables: Sequence[OutputTable] = ()
    recorded: Sequence[str] = ()
    next_commands: Sequence[tuple[str, str]] = ()
    pending_changes: int = 0
    findings: int = 0
    exit_code: int = 0
    raw: str | None = field(default=None, repr=False)
    """Output for a pipe, byte for byte, instead of everything else, when stdout is not a terminal."""
    reveals: bool = False
    """Whether a secret was requested, and so is shown unmasked."""


@dataclass(frozen=True)
class StudyProgress:
    """A running study: the `table` of its best trials and the running ones; counts, and seconds so far.

    `states` counts ended trials by state. `left_s` is the estimated time for the rest, None before the first trial
    ends. `best` describes the best trial; `improved`: the newest one is the best.
    """

    table: OutputTable
    done: int
    total: int
    running: int
    states: Mapping[str, int]
    elapsed_s: float
    left_s: float | None
    best: str | None
    improved: bool


class Reporter(Protocol):
    """Receives progress while a command runs; only from the calling thread, unless a method says otherwise."""

    def step(self, name: str, text: str) -> None:
        """Report a step that is done."""

    def working(self, text: str) -> AbstractContextManager[None]:
        """Show that something takes a while."""

    def study_progress(self, progress: StudyProgress) -> None:
        """A trial of a study has started or ended."""

    def log(self, line: str) -> None:
        """The only running job has logged a line. May be called from any thread."""

    def ask(self, question: str, answers: Mapping[str, str]) -> str:
        """The letter of the user's answer; the first one if there is no terminal."""
