"""Reporters of commands that run inside a program: to logging, or to nobody."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext

from housing.secrets import masked
from housing.workflow.outcome import StudyProgress

_log = logging.getLogger("housing")


class LogReporter:
    """Tells the logger `housing`: steps and trials as INFO, a job's own lines as DEBUG. Asks nobody."""

    def step(self, name: str, text: str) -> None:
        _log.info("%s: %s", name, masked(text))

    def working(self, text: str) -> AbstractContextManager[None]:
        _log.debug("%s", masked(text))
        return nullcontext()

    def study_progress(self, progress: StudyProgress) -> None:
        best = f", best {masked(progress.best)}" if progress.best else ""
        _log.info("trials: %d of %d done%s", progress.done, progress.total, best)

    def log(self, line: str) -> None:
        _log.debug("%s", masked(line))

    def ask(self, _question: str, answers: Mapping[str, str]) -> str:
        return next(iter(answers))
