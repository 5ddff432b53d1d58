"""Reporters of commands called from a program: to logging, or to one line of a notebook."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from html import escape
from typing import Any

from housing.secrets import masked
from housing.workflow.outcome import StudyProgress

_log = logging.getLogger("housing")


class LogReporter:
    """Writes to the logger `housing`: steps and trials as INFO, a job's own lines as DEBUG. Never asks."""

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


def in_notebook() -> bool:
    """Whether this runs in a Jupyter kernel, which can show what is displayed."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None) is not None


class NotebookReporter:
    """Keeps updating a single line below the cell; its last text stays."""

    _AT_MOST_EVERY_S = 0.2

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._handle: Any = None
        self._shown_at_s = 0.0

    def step(self, name: str, text: str) -> None:
        self._show(f"{name}: {text}")

    def working(self, text: str) -> AbstractContextManager[None]:
        self._show(f"{text} ...")
        return nullcontext()

    def study_progress(self, progress: StudyProgress) -> None:
        now_s = time.monotonic()
        if progress.done < progress.total and now_s - self._shown_at_s < self._AT_MOST_EVERY_S:
            return
        self._shown_at_s = now_s
        best = f", best {progress.best}" if progress.best else ""
        self._show(f"trials: {progress.done} of {progress.total} done, {progress.running} running{best}")

    def log(self, line: str) -> None:
        """Not shown: a job's own lines are kept in its run."""

    def ask(self, _question: str, answers: Mapping[str, str]) -> str:
        return next(iter(answers))

    def _show(self, line: str) -> None:
        from IPython.display import display

        line = masked(line).splitlines()[0]
        shown = {"text/plain": line, "text/html": f"<code>{escape(line)}</code>"}
        with self._lock:
            if self._handle is None:
                self._handle = display(shown, raw=True, display_id=True)  # type: ignore[no-untyped-call]
            else:
                self._handle.update(shown, raw=True)
