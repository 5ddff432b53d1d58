"""Whether a file is still what it was: by its size and times, and by its content where these are not enough."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

_BLOCK_BYTES = 1 << 20
_SETTLES_NS = 2_000_000_000
"""The times of some file systems are of two seconds; a file may change within one and keep its time."""


@dataclass(frozen=True)
class FileState:
    """`modified_ns` anybody may set; `changed_ns` is the system's own. `content` is its SHA-256, "" where nobody asked.

    `is_settled`: it would have had another time, had it been written to again before it was looked at.
    """

    path: str
    size: int
    modified_ns: int
    changed_ns: int
    inode: int
    content: str = ""
    is_settled: bool = field(default=True, compare=False, repr=False)

    def is_like(self, other: FileState) -> bool:
        """Whether both have the same place, size and times."""
        return replace(self, content="") == replace(other, content="")


def look(path: Path) -> FileState:
    """Without its content. Raises OSError."""
    now_ns = time.time_ns()
    found = path.stat()
    is_settled = max(found.st_mtime_ns, found.st_ctime_ns) + _SETTLES_NS < now_ns
    times = (found.st_mtime_ns, found.st_ctime_ns)
    return FileState(str(path.absolute()), found.st_size, *times, found.st_ino, is_settled=is_settled)


def with_content(state: FileState) -> FileState:
    """Raises OSError."""
    digest = hashlib.sha256()
    with Path(state.path).open("rb") as file:
        for block in iter(lambda: file.read(_BLOCK_BYTES), b""):
            digest.update(block)
    return replace(state, content=digest.hexdigest())


def unchanged(states: Sequence[FileState]) -> Sequence[FileState] | None:
    """The same files as they are now, None when one has other content. Raises OSError.

    What has other times is read, and what had not settled; without a content to compare it is taken for changed.
    """
    found = []
    for state in states:
        now = look(Path(state.path))
        if now.is_like(state) and state.is_settled:
            found.append(state)
            continue
        if not state.content or now.size != state.size:
            return None
        now = with_content(now)
        if now.content != state.content:
            return None
        found.append(now)
    return found
