"""Writes answers to a file: to one beside it until all are written, with the state needed to resume."""

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
    """The first `size` bytes answer `rows` rows. `of` is what the answers depend on, by name."""

    of: Mapping[str, str]
    rows: int = 0
    size: int = 0
    variants: Mapping[str, int] = field(default_factory=dict)


class AnswerFile:
    """`rows` are answered; `variants` counts them by variant. `other` names what has changed since discarded ones.

    The first answers that are added begin with a header.
    """

    def __init__(self, target: Path, file: IO[bytes], state: Path, begun: _Checkpoint, other: tuple[str, ...]) -> None:
        self.rows = begun.rows
        self.variants = Counter(begun.variants)
        self.other = other
        self._target, self._file, self._state = target, file, state
        self._of = begun.of
        self._next_s = time.monotonic() + _CHECKPOINT_S

    def add(self, text: str, variants: Mapping[str, int]) -> None:
        """Add the answers to the next rows; `variants` counts them by variant."""
        self._file.write(text.encode())
        self.rows += sum(variants.values())
        self.variants.update(variants)
        if time.monotonic() > self._next_s:
            self.checkpoint()

    def checkpoint(self) -> None:
        """Make the answers so far permanent: after a kill they are not asked for again. Raises OSError."""
        self._file.flush()
        os.fsync(self._file.fileno())
        state = _Checkpoint(self._of, self.rows, self._file.tell(), dict(self.variants))
        write(self._state, json.dumps(asdict(state)))
        self._next_s = time.monotonic() + _CHECKPOINT_S

    def finish(self) -> None:
        """Rename the file to its target, as all answers are written. Raises OSError."""
        self._file.flush()
        install(Path(self._file.name), self._target)
        self._state.unlink(missing_ok=True)


@contextmanager
def answer_file(target: Path, of: Mapping[str, str]) -> Iterator[AnswerFile]:
    """Resumes an earlier command's file that depended on the same, or begins a new one.

    Until it is finished, it stays beside its target, as `<target>.partial`. Raises LockHeldError while another command
    writes it, OSError if it cannot be written.
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
            with suppress(OSError):  # a failure to write was reported where it happened
                if not answers.rows:
                    partial.unlink(missing_ok=True)
                    state.unlink(missing_ok=True)
                elif partial.exists():
                    answers.checkpoint()


def _read(state: Path, partial: Path) -> _Checkpoint | None:
    """The saved state; None if there is none, or it is not valid."""
    with suppress(OSError, ValueError, TypeError, AttributeError):
        found = _Checkpoint(**json.loads(state.read_bytes()))
        if partial.stat().st_size >= found.size > 0 and found.rows == sum(found.variants.values()) > 0:
            return found
    return None
