"""Writes answers to any number of rows to a file as they arrive; an interrupted command can be resumed."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import housing
from housing.data.file_states import FileState, look
from housing.errors import ConfigError, DataError
from housing.files import LockHeldError
from housing.workflow.answer_file import AnswerFile, answer_file
from housing.workflow.answer_table import AnswerTable
from housing.workflow.outcome import Reporter

if TYPE_CHECKING:
    from housing.data.rows import RawRows
    from housing.deployment.spec import Deployment
    from housing.targets.base import Prediction

_TELL_S = 15


@dataclass(frozen=True)
class FileAnswers:
    """Answers `rows` to `output`. `question` is what else the answers depend on, by name."""

    output: Path
    rows: RawRows
    table: AnswerTable
    reporter: Reporter
    question: Mapping[str, str]

    def write(self, answered: Callable[[int], Iterable[Prediction]]) -> Mapping[str, int]:
        """Write the answers of `answered`, which is given how many rows are already done; returns counts by variant.

        Raises ConfigError if the file cannot be written, DataError if the input changes meanwhile.
        """
        input_files = self._input()
        depends_on = {"the input": repr(input_files), **self.question, "the program": housing.__version__}
        hashed = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in depends_on.items()}
        try:
            with answer_file(self.output, hashed) as answers:
                self._tell_of_earlier(answers)
                try:
                    self._add(answers, answered)
                    self._check_whole(answers, input_files)
                except BaseException:
                    self._tell_what_is_left(answers)
                    raise
                answers.finish()
                return answers.variants
        except LockHeldError:
            raise ConfigError(
                f"--output {self.output}: another command is writing it; wait, or name another file"
            ) from None
        except OSError as error:
            raise ConfigError(f"--output {self.output}: cannot be written: {error.strerror or error}") from None

    def _input(self) -> Sequence[FileState]:
        try:
            return [look(path) for path in self.rows.paths]
        except OSError as error:
            raise DataError(f"{error.filename}: cannot be read any more: {error.strerror}") from None

    def _add(self, answers: AnswerFile, answered: Callable[[int], Iterable[Prediction]]) -> None:
        told_s = time.monotonic()
        for one in answered(answers.rows):
            answers.add(self.table.csv([one], header=not answers.rows), {one.variant: len(one.values)})
            if time.monotonic() > told_s + _TELL_S:
                told_s = time.monotonic()
                self.reporter.step("predict", f"{answers.rows:,} of {self.rows.rows:,} rows")

    def _check_whole(self, answers: AnswerFile, before: Sequence[FileState]) -> None:
        if self._input() != before or answers.rows != self.rows.rows:
            raise DataError(f"{self.rows.paths[0]}: changed while its rows were being answered; run the command again")

    def _tell_of_earlier(self, answers: AnswerFile) -> None:
        if answers.other:
            changed = f"{' and '.join(answers.other)} changed since"
            self.reporter.step("predict", f"{self.output}.partial is started over: {changed}")
        elif answers.rows:
            self.reporter.step("predict", f"continues after {answers.rows:,} rows that are in {self.output}.partial")

    def _tell_what_is_left(self, answers: AnswerFile) -> None:
        if answers.rows:
            done = f"{answers.rows:,} of {self.rows.rows:,} rows are answered in {self.output}.partial"
            self.reporter.step("predict", f"{done}; run the same command again to continue")


def served(deployment: Deployment | None) -> Mapping[str, tuple[str, float]]:
    """What an endpoint's answers depend on: the models and weights of its variants."""
    variants = {} if deployment is None else deployment.variants
    return {name: (one.model, one.weight) for name, one in sorted(variants.items())}


def refuse_target(target: Path, source: Path | str) -> None:
    """Raise ConfigError for a file that answers cannot be written to."""
    if target.suffix.lower() in (".parquet", ".json", ".jsonl", ".gz", ".xlsx", ".arrow", ".feather"):
        raise ConfigError(f"--output {target}: answers are written as CSV; name it {target.stem.split('.')[0]}.csv")
    if target.is_dir():
        raise ConfigError(f"--output {target}: is a folder; name a file in it: {target / 'predictions.csv'}")
    if not target.parent.is_dir():
        raise ConfigError(f"--output {target}: there is no folder {target.parent}; make it first")
    with suppress(OSError):
        if target.samefile(source):
            raise ConfigError(f"--output {target}: is the file whose rows are to be answered; name another one")
