"""Answers on their way into a file: beside it until all are there, with what it takes to go on."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO

from housing.files import install, locked, write

_CHECKPOINT_S = 2.0


@dataclass(frozen=True)
class _Checkpoint:
    """So many rows are answered by the first `size` bytes. `of` is what the answers depend on, by what it is called."""

    of: Mapping[str, str]
    rows: int = 0
    size: int = 0
    variants: Mapping[str, int] = field(default_factory=dict)


class AnswerFile:
    """`rows` are there; `variants` counts who answered them. `other` names what has changed since others were begun.

    The first answers that are added have a header above them.
    """

    def __init__(self, target: Path, file: IO[bytes], state: Path, begun: _Checkpoint, other: tuple[str, ...]) -> None:
        self.rows = begun.rows
        self.variants = Counter(begun.variants)
        self.other = other
        self._target, self._file, self._state = target, file, state
        self._of = begun.of
        self._next_s = time.monotonic() + _CHECKPOINT_S

    def add(self, text: str, variants: Mapping[str, int]) -> None:
        """The answers of the next rows, one for each that `variants` count."""
        self._file.write(text.encode())
        self.rows += sum(variants.values())
        self.variants.update(variants)
        if time.monotonic() > self._next_s:
            self.checkpoint()

    def checkpoint(self) -> None:
        """From here on no answer so far is asked for again. Raises OSError."""
        self._file.flush()
        os.fsync(self._file.fileno())
        state = _Checkpoint(self._of, self.rows, self._file.tell(), dict(self.variants))
        write(self._state, json.dumps(asdict(state)))
        self._next_s = time.monotonic() + _CHECKPOINT_S

    def finish(self) -> None:
        """All answers are there: the file takes its name. Raises OSError."""
        self._file.flush()
        install(Path(self._file.name), self._target)
        self._state.unlink(missing_ok=True)


@contextmanager
def answer_file(target: Path, of: Mapping[str, str]) -> Iterator[AnswerFile]:
    """Goes on with what an earlier command has left that depended on the same, or begins anew.

    Unless it is finished, it stays beside its target, as `<target>.partial`. Raises LockHeldError while another command
    writes it, OSError where it cannot be written.
    """
    partial, state = (target.with_name(f"{target.name}{end}") for end in (".partial", ".partial.json"))
    with ExitStack() as held:
        held.enter_context(locked(target.with_name(f".{target.name}.lock"), wait_s=0, temporary=True))
        found = _read(state, partial)
        begun = found if found is not None and dict(found.of) == dict(of) else _Checkpoint(of)
        other = tuple(key for key in of if found is not None and found.of.get(key) != of[key])
        file = held.enter_context(partial.open("r+b" if begun.rows else "wb"))
        file.truncate(begun.size)
        file.seek(begun.size)
        answers = AnswerFile(target, file, state, begun, other)
        try:
            yield answers
        finally:
            with suppress(OSError):  # what cannot be written was told where it was
                if not answers.rows:
                    partial.unlink(missing_ok=True)
                    state.unlink(missing_ok=True)
                elif partial.exists():
                    answers.checkpoint()


def _read(state: Path, partial: Path) -> _Checkpoint | None:
    """What was begun; None where there is nothing, or what is there is no such state."""
    with suppress(OSError, ValueError, TypeError, AttributeError):
        found = _Checkpoint(**json.loads(state.read_bytes()))
        if partial.stat().st_size >= found.size > 0 and found.rows == sum(found.variants.values()) > 0:
            return found
    return None
