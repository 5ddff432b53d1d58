"""The YAML files of a folder of configuration."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


def yaml_files(folder: Path) -> list[Path]:
    """All files below, also in linked folders, from which Hydra reads, too; sorted."""
    return sorted(_found(folder, ()))


def _found(folder: Path, above: tuple[tuple[int, int], ...]) -> Iterator[Path]:
    """`above` are the device and inode of the folders on the way: a link that leads back would have no end."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(".yaml"):
                yield Path(entry.path)
            if entry.is_dir():
                about = entry.stat()
                here = (about.st_dev, about.st_ino)
                if here not in above:
                    yield from _found(Path(entry.path), (*above, here))
