"""Where a source lies on this machine."""

from __future__ import annotations

import stat
from pathlib import Path

from housing.data.faults import listed
from housing.data.sources import refuse_address, refuse_folder
from housing.errors import DataError
from housing.nearest import nearest

_PACKAGE = "package:"
_KINDS = ((stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket"))


def located(source: str) -> Path:
    """The path of a source. Raises DataError when there is no such file."""
    if source.startswith(_PACKAGE):
        folder, name = Path(__file__).parent, source.removeprefix(_PACKAGE)
        if not (folder / name).is_file() or Path(name).name != name:
            shipped = [file.name for file in folder.glob("*.csv.gz")]
            raise DataError(f"{source}: housing ships no such file; it ships {listed(sorted(shipped))}")
        return folder / name
    refuse_address(source)
    path = Path(source)
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise DataError(_not_there(path)) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL, or a lone surrogate
        raise DataError(f"{source[:200]}: names no file: {getattr(error, 'strerror', None) or error}") from None
    if stat.S_ISDIR(mode):
        refuse_folder(path)
    if not stat.S_ISREG(mode):
        what = next((name for is_one, name in _KINDS if is_one(mode)), "a device")
        raise DataError(f"{source}: is {what}, not a file")
    return path


def _not_there(path: Path) -> str:
    beside = [file.name for file in path.parent.iterdir() if file.is_file()] if path.parent.is_dir() else []
    near = nearest(path.name, beside)
    hint = f"; did you mean {str(path.parent / near)!r}?" if near else ""
    seen_from = "" if path.is_absolute() else f", relative to the working folder {Path.cwd()}"
    return f"{path}: there is no such file{seen_from}{hint}"
