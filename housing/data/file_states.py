"""Whether a file is still what it was: by its size and times, and by its content where these are not enough."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

_BLOCK_BYTES = 1 << 20
_SETTLES_NS = 2_000_000_000
"""The times of some file systems are of two seconds; a file may change within one and keep its time."""


@dataclass(frozen=True)
class FileState:
    """`modified_ns` anybody may set; `changed_ns` is the system's own. `content` is its SHA-256."""

    path: str
    size: int
    modified_ns: int
    changed_ns: int
    inode: int
    content: str = ""

    @property
    def is_settled(self) -> bool:
        """Whether the file would have another time by now if it were written to again."""
        return max(self.modified_ns, self.changed_ns) + _SETTLES_NS < time.time_ns()


def look(path: Path) -> FileState:
    """Without its content. Raises OSError."""
    found = path.stat()
    return FileState(str(path.absolute()), found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


def with_content(state: FileState) -> FileState | None:
    """None where the file is not in this state any more. Raises OSError."""
    digest, path = hashlib.sha256(), Path(state.path)
    with path.open("rb") as file:
        for block in iter(lambda: file.read(_BLOCK_BYTES), b""):
            digest.update(block)
    return replace(state, content=digest.hexdigest()) if look(path) == replace(state, content="") else None


def unchanged(states: Sequence[FileState]) -> Sequence[FileState] | None:
    """The same files as they are now, None when one has other content. Reads what has other times. Raises OSError."""
    found = []
    for state in states:
        now = look(Path(state.path))
        if now == replace(state, content=""):
            found.append(state)
            continue
        read = with_content(now) if now.size == state.size else None
        if read is None or read.content != state.content:
            return None
        found.append(read)
    return found
