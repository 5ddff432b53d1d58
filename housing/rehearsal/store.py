"""The records of resources, one JSON file each; a kill at any moment leaves either the old or the new one."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from housing.rehearsal import files
from housing.rehearsal.kinds import KINDS, arn

Record = dict[str, Any]


class Store:
    """Records by kind and name, in memory and below `folder`; may be used from any thread.

    A record has the members of the API's responses; names with `_` are internal (`_tags`: key -> value). Times are
    seconds since 1970. Returned records are copies: change them with `update` or `edit`.
    """

    def __init__(self, folder: Path, region: str = "us-east-1") -> None:
        self._folder = folder
        self._region = region
        self._lock = threading.RLock()
        # Each record with its JSON text: parsing it again is the fastest way to copy.
        self._records: dict[str, dict[str, tuple[Record, str]]] = {kind: {} for kind in KINDS}
        for kind in KINDS:
            (folder / kind).mkdir(parents=True, exist_ok=True)
            for path in (folder / kind).iterdir():
                if path.suffix == ".json":
                    text = path.read_text(encoding="utf-8")
                    self._records[kind][unquote(path.stem)] = _read(path, text), text
                else:
                    path.unlink()  # incomplete, from a writer that was killed

    def create(self, kind: str, name: str, record: Record) -> Record:
        """Add a record, with its name, ARN and times; its `Tags` become `_tags`. ApiError when the name is taken."""
        known = KINDS[kind]
        own_arn = arn(self._region, kind, name)
        now = time.time()
        made: Record = {known.name_member: name, known.arn_member: own_arn}
        made |= {"CreationTime": now, "LastModifiedTime": now, **record}
        tags = made.pop("Tags", None) or []
        made["_tags"] = {tag["Key"]: tag["Value"] for tag in tags} | made.get("_tags", {})
        with self._lock:
            if (taken := self._taken(kind, name)) is not None:
                raise known.exists(arn(self._region, kind, taken))
            self._keep(kind, name, made)
            return self.get(kind, name)

    def _taken(self, kind: str, name: str) -> str | None:
        """The existing name that a new one collides with; None if it is free."""
        if name in self._records[kind]:
            return name
        if not KINDS[kind].case_counts:
            return next((known for known in self._records[kind] if known.lower() == name.lower()), None)
        return None

    def get(self, kind: str, name: str) -> Record:
        """A record. ApiError in AWS's words when there is none."""
        with self._lock:
            if name not in self._records[kind]:
                raise KINDS[kind].not_found(arn(self._region, kind, name))
            return _parsed(self._records[kind][name][1])

    def has(self, kind: str, name: str) -> bool:
        with self._lock:
            return name in self._records[kind]

    def update(self, kind: str, name: str, **changes: Any) -> Record:
        """Replace members; returns the record after the change."""
        with self.edit(kind, name) as record:
            record.update(changes)
        return self.get(kind, name)

    @contextlib.contextmanager
    def edit(self, kind: str, name: str) -> Iterator[Record]:
        """Change a record under a lock; nothing is changed when the block raises."""
        with self._lock:
            record = self.get(kind, name)
            yield record
            record["LastModifiedTime"] = time.time()
            self._keep(kind, name, record)

    def remove(self, kind: str, name: str) -> None:
        with self._lock:
            self.get(kind, name)
            self._path(kind, name).unlink()
            del self._records[kind][name]

    def list(self, kind: str) -> list[Record]:
        """All records of a kind, in order of creation."""
        with self._lock:
            return [_parsed(text) for _, text in sorted(self._records[kind].values(), key=_made)]

    def statuses(self, kind: str) -> dict[str, str]:
        """The status of each record of a kind, by name; cheaper than `list`."""
        member = KINDS[kind].status_member
        with self._lock:
            return {name: record.get(member, "") for name, (record, _) in self._records[kind].items()}

    def by_arn(self, resource: str) -> tuple[str, str] | None:
        """Kind and name of the resource with this ARN; None when there is none."""
        kind, _, name = resource.rpartition(":")[2].partition("/")
        with self._lock:
            known = kind in KINDS and name in self._records[kind] and resource == arn(self._region, kind, name)
        return (kind, name) if known else None

    def _keep(self, kind: str, name: str, record: Record) -> None:
        text = json.dumps(record)
        path = self._path(kind, name)
        files.write(path, text)
        self._records[kind][name] = _parsed(text), text

    def _path(self, kind: str, name: str) -> Path:
        # Names may have only letters, digits and hyphens, but a version of a model package is `group/1`.
        return self._folder / kind / f"{quote(name, safe='')}.json"


def _read(path: Path, text: str) -> Record:
    """Raises ValueError for what is not a record: ours are written atomically, so the file was changed otherwise."""
    try:
        return _parsed(text)
    except ValueError as error:
        raise ValueError(
            f"{path} is damaged ({error}): delete it, and the {path.parent.name} {path.stem} is forgotten"
        ) from error


def _parsed(text: str) -> Record:
    record: Record = json.loads(text)
    return record


def _made(kept: tuple[Record, str]) -> float:
    return float(kept[0]["CreationTime"])
