"""Whether a file is unchanged: by its size and times, and by its content where these are not enough."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

_BLOCK_BYTES = 1 << 20
_SETTLES_NS = 2_000_000_000
"""Some file systems store times to two seconds: a file may change within that and keep its time."""


@dataclass(frozen=True)
class FileState:
    """Users can set `modified_ns`; `changed_ns` is the system's own. `content` is the SHA-256, "" where it was not
    computed.

    `is_settled`: any later write would have changed its times.
    """

    path: str
    size: int
    modified_ns: int
    changed_ns: int
    inode: int
    content: str = ""
    is_settled: bool = field(default=True, compare=False, repr=False)

    def is_like(self, other: FileState) -> bool:
        """Whether both have the same path, size and times."""
        return replace(self, content="") == replace(other, content="")


def look(path: Path) -> FileState:
    """The state of a file, without its content. Raises OSError."""
    now_ns = time.time_ns()
    found = path.stat()
    is_settled = max(found.st_mtime_ns, found.st_ctime_ns) + _SETTLES_NS < now_ns
    times = (found.st_mtime_ns, found.st_ctime_ns)
    return FileState(str(path.absolute()), found.st_size, *times, found.st_ino, is_settled=is_settled)


def with_content(state: FileState) -> FileState:
    """The state with the SHA-256 of the content. Raises OSError."""
    digest = hashlib.sha256()
    with Path(state.path).open("rb") as file:
        for block in iter(lambda: file.read(_BLOCK_BYTES), b""):
            digest.update(block)
    return replace(state, content=digest.hexdigest())


def unchanged(states: Sequence[FileState]) -> Sequence[FileState] | None:
    """The current states of the files, None when the content of one has changed. Raises OSError.

    A file with other times, or which had not settled, is hashed; without a digest to compare, it counts as changed.
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
