"""Tar archives from outside: read and unpacked within limits, files and folders only."""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any

MOST_ENTRIES = 10_000
MOST_BYTES = 5 << 30
_MOST_OF_A_HEADER = 1 << 20
_GZIP = b"\x1f\x8b"


def unpack(archive: bytes, folder: Path) -> None:
    """Write an archive's files below `folder`. Raises ValueError for what is not a tar, exceeds a limit, or holds links
    or unsafe paths.
    """
    with _checked(archive) as members:
        for tar, member in members:
            tar.extract(member, folder, filter="data")


def read(archive: bytes, wanted: Callable[[str], bool]) -> dict[str, bytes]:
    """Contents of the files whose path in the archive is wanted. Raises ValueError as `unpack` does."""
    found = {}
    with _checked(archive) as members:
        for tar, member in members:
            name = member.name.removeprefix("./")
            if member.isfile() and wanted(name) and (content := tar.extractfile(member)) is not None:
                found[name] = content.read()
    return found


@contextmanager
def _checked(archive: bytes) -> Iterator[Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]]:
    raw = io.BytesIO(archive)
    packed: IO[Any] = gzip.GzipFile(fileobj=raw) if archive.startswith(_GZIP) else raw  # type: ignore[assignment]
    source = _Bounded(packed)
    try:
        with tarfile.open(fileobj=source, mode="r|") as tar:  # type: ignore[call-overload]
            yield _members(tar, source)
    except (tarfile.TarError, EOFError, OSError, zlib.error) as e:
        raise ValueError(f"not a gzipped tar: {e}") from e


def _members(tar: tarfile.TarFile, source: _Bounded) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    size = 0
    for number, member in enumerate(tar, 1):
        path, size = PurePosixPath(member.name), size + member.size
        if number > MOST_ENTRIES:
            raise ValueError(f"the archive has more than {MOST_ENTRIES:,} entries; pack fewer")
        if size > MOST_BYTES:
            raise ValueError(f"the archive has more than {MOST_BYTES >> 30} GiB in it; pack less")
        if not (member.isfile() or member.isdir()):
            raise ValueError(f"the archive's {member.name[:200]!r} is a link or a device; pack files and folders only")
        if path.is_absolute() or ".." in path.parts:
            raise ValueError(f"the archive's {member.name[:200]!r} would lie elsewhere; pack relative paths")
        source.left = member.size + _MOST_OF_A_HEADER
        yield tar, member


class _Bounded:
    """Limits what is read to a member's declared size and a header of 1 MiB, as tarfile keeps headers in memory."""

    def __init__(self, file: IO[Any]) -> None:
        self._file = file
        self.left = _MOST_OF_A_HEADER

    def read(self, size: int) -> bytes:
        block: bytes = self._file.read(size)
        self.left -= len(block)
        if self.left < 0:
            raise ValueError("the archive has a header of more than 1 MiB; pack it again")
        return block
