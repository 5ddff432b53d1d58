"""Persists moto's state: a journal of the calls that changed something, replayed after a kill, and snapshots.

state.pickle        moto's state when it was last copied, and the number of the journal that continues from there
journal-N.jsonl     one line for each call since then, written after the call was executed and before it is answered
bodies/             bodies of requests and objects named by their digest, so that they do not swell the other files
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import pickle
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from housing.rehearsal import files
from housing.rehearsal.aws import moto_modules

_INLINE_BYTES = 2048
_CALLS_A_COPY = 500
# The only modules whose classes may be unpickled: others could run code of whoever wrote the file.
_MODULES = re.compile(r"moto\.(s3|iam|sts|logs|cloudwatch|applicationautoscaling|ecs|utilities)\.[\w.]+")
_PLAIN = {
    ("builtins", "set"),
    ("builtins", "frozenset"),
    ("builtins", "bytearray"),
    ("collections", "OrderedDict"),
    ("collections", "defaultdict"),
    ("collections", "deque"),
    ("datetime", "date"),
    ("datetime", "datetime"),
    ("datetime", "timedelta"),
    ("datetime", "timezone"),
    ("re", "_compile"),
    ("requests.structures", "CaseInsensitiveDict"),
}

Entry = dict[str, Any]
"""A call as JSON; its body is kept separately."""


class Journal:
    """For one thread at a time."""

    def __init__(self, folder: Path) -> None:
        self._state = folder / "state.pickle"
        self._folder = folder
        self._bodies = folder / "bodies"
        for each in (folder, self._bodies):
            files.make_folder(each)
        self._number = 0
        self._calls = 0
        self._file: Any = None

    @property
    def is_new(self) -> bool:
        """Whether there is nothing to restore, nor anything that might be refused."""
        return not any(path.name != self._bodies.name for path in self._folder.iterdir())

    def restore(self, adopt: Callable[[Any], None], replay: Callable[[Entry, bytes], None]) -> None:
        """Pass the last copy, if there is one, to `adopt`, and the calls since then to `replay`, in order.

        Raises NotPrivate for files that others may have written.
        """
        if self._state.exists() or self._state.is_symlink():
            with files.open_trusted(self._state) as file:
                value = _Reader(file, self._bodies).load()
            self._number = value["journal"]
            adopt(value["state"])
        lines = []
        if self._path.exists() or self._path.is_symlink():
            with files.open_trusted(self._path) as file:
                lines = file.read().splitlines(keepends=True)
        whole = [line for line in lines if line.endswith(b"\n")]
        for line in whole:
            entry = json.loads(line)
            replay(entry, self._body(entry.pop("body")))
        self._calls = len(whole)
        self._file = _appending(self._path)
        # An incomplete line belongs to a call that was never answered.
        self._file.truncate(sum(map(len, whole)))
        for path in self._folder.glob("journal-*.jsonl"):
            if path != self._path:
                path.unlink()

    def write(self, entry: Entry, body: bytes) -> None:
        """Append a call that was executed."""
        kept = base64.b64encode(body).decode() if len(body) <= _INLINE_BYTES else [_keep(self._bodies, body)]
        self._file.write(json.dumps(entry | {"body": kept}).encode() + b"\n")
        self._file.flush()
        self._calls += 1

    @property
    def is_long(self) -> bool:
        """Whether replaying it would delay a start too much."""
        return self._calls >= _CALLS_A_COPY

    @property
    def is_empty(self) -> bool:
        return self._calls == 0

    def copy(self, state: Any) -> None:
        """Save the whole state, and begin a new journal: a single rename switches from the old to the new."""
        with files.replacing(self._state) as file:
            writer = _Writer(file, self._bodies)
            writer.dump({"journal": self._number + 1, "state": state})
        self._file.close()
        self._path.unlink()
        self._number += 1
        self._calls = 0
        self._file = _appending(self._path)
        for path in self._bodies.iterdir():
            if path.name not in writer.used:
                path.unlink()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    @property
    def _path(self) -> Path:
        return self._folder / f"journal-{self._number}.jsonl"

    def _body(self, kept: str | Iterable[str]) -> bytes:
        if isinstance(kept, str):
            return base64.b64decode(kept)
        return _read(self._bodies, *kept)


def _appending(path: Path) -> Any:
    return open(path, "ab", opener=lambda name, flags: os.open(name, flags | os.O_NOFOLLOW, 0o600))


def _keep(folder: Path, body: bytes) -> str:
    """The name of the file with these bytes, which is written unless it exists."""
    name = hashlib.blake2b(body, digest_size=20).hexdigest()
    if not (folder / name).exists():
        files.write(folder / name, body)
    return name


def _read(folder: Path, name: str) -> bytes:
    if not re.fullmatch(r"[0-9a-f]{40}", name):
        raise files.NotPrivate(f"{folder.parent} names {name[:50]!r} as a body of its own; remove it")
    return (folder / name).read_bytes()


class _Writer(pickle.Pickler):
    """Stores large bytes objects as files."""

    def __init__(self, file: Any, bodies: Path) -> None:
        super().__init__(file)
        self._bodies = bodies
        self.used: set[str] = set()

    def persistent_id(self, obj: Any) -> str | None:
        if type(obj) is not bytes or len(obj) <= _INLINE_BYTES:
            return None
        name = _keep(self._bodies, obj)
        self.used.add(name)
        return name


class _Reader(pickle.Unpickler):
    def __init__(self, file: Any, bodies: Path) -> None:
        super().__init__(file)
        self._bodies = bodies

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        found = None
        if self._is_known(module_name, global_name):
            moto_modules.prepare(module_name)
            found = super().find_class(module_name, global_name)
        if found is None or ((module_name, global_name) not in _PLAIN and not isinstance(found, type)):
            raise files.NotPrivate(
                f"{self._bodies.parent} holds {module_name}.{global_name}, which is not moto's; remove it"
            )
        return found

    def _is_known(self, module_name: str, global_name: str) -> bool:
        return (module_name, global_name) in _PLAIN or (
            "." not in global_name and bool(_MODULES.fullmatch(module_name))
        )

    def persistent_load(self, pid: Any) -> bytes:
        return _read(self._bodies, pid)
