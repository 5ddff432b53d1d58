"""A run on its way to the record: what it is and, once its job has ended, what came of it."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal

from housing.tracking.entries import Input
from housing.tracking.queries import Kind
from housing.training.job import TrainingResult

Status = Literal["FINISHED", "FAILED", "KILLED"]


@dataclass(frozen=True)
class RunRecord:
    """One run, from the moment it is known until it is written; the spool keeps it as JSON meanwhile.

    `params` may be nested, `yaml` is the composed configuration. `into` is the run that has been opened for it; with
    `adopts` it was `mlflow run` that opened it, and nothing of this record is in it yet. A job that has ended has a
    `result`, with more `metrics` beside those of the result and `files` by path below the run's artifacts; a job that
    gave no result has a `reason`.
    """

    name: str
    kind: Kind = "job"
    parent: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    yaml: str | None = None
    inputs: Sequence[Input] = ()
    into: str | None = None
    adopts: bool = False
    result: TrainingResult | None = None
    reason: str | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def status(self) -> Status:
        """The run's status once this is written."""
        if self.result is None:
            return "FAILED"
        return "KILLED" if self.result.stopped else "FINISHED"

    @property
    def is_open(self) -> bool:
        """Whether a run in the record has its description already."""
        return self.into is not None and not self.adopts

    def tagged(self, tags: Mapping[str, str]) -> RunRecord:
        """With more tags."""
        return replace(self, tags={**self.tags, **tags})

    def adopting(self, run_id: str | None) -> RunRecord:
        """The same, for a run that `mlflow run` has opened; itself for None."""
        return self if run_id is None else replace(self, into=run_id, adopts=True)

    def ended(
        self,
        result: TrainingResult,
        *,
        tags: Mapping[str, str],
        metrics: Mapping[str, float],
        files: Mapping[str, bytes],
    ) -> RunRecord:
        """With what came of its job; the description that an open run was given stands, and is not repeated."""
        return replace(self._undescribed(), result=result, metrics=metrics, files=files).tagged(tags)

    def failed(self, reason: str, *, tags: Mapping[str, str]) -> RunRecord:
        """With why its job gave no result."""
        return replace(self._undescribed(), yaml=None, inputs=(), reason=reason).tagged(tags)

    def _undescribed(self) -> RunRecord:
        return replace(self, tags={}, yaml=None, inputs=()) if self.is_open else self


def to_json(record: RunRecord) -> dict[str, Any]:
    """A record as values that JSON has; bytes in Base64."""
    result = record.result
    return {
        **{each.name: getattr(record, each.name) for each in fields(record)},
        "inputs": [asdict(item) for item in record.inputs],
        "result": asdict(result) | {"model": _text(result.model)} if result is not None else None,
        "files": {name: _text(content) for name, content in record.files.items()},
    }


def from_json(entry: Mapping[str, Any]) -> RunRecord:
    """The record that `to_json`, of this version or of an earlier one, was given."""
    known = {each.name: entry[each.name] for each in fields(RunRecord) if entry.get(each.name) is not None}
    if (result := known.get("result")) is not None:
        known["result"] = TrainingResult(**result | {"model": base64.b64decode(result["model"])})
    known["inputs"] = [Input(**item) for item in known.get("inputs", ())]
    known["files"] = {name: base64.b64decode(content) for name, content in known.get("files", {}).items()}
    return RunRecord(**known)


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()
