"""A run before it is written: its description and, once its job has ended, the result."""

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
    """One run, until it is written to the record; the spool stores it as JSON.

    `params` may be nested, `yaml` is the composed configuration. `into` is the run that was opened for it; with
    `adopts` it was opened by `mlflow run`, and has nothing of this record yet. A job that has ended has a `result`,
    with more `metrics` beside those of the result and `files` by path below the run's artifacts; a job without a
    result has a `reason`.
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
        """Whether its description has already been written to a run."""
        return self.into is not None and not self.adopts

    def tagged(self, tags: Mapping[str, str]) -> RunRecord:
        """A copy with more tags."""
        return replace(self, tags={**self.tags, **tags})

    def adopting(self, run_id: str | None) -> RunRecord:
        """A copy for a run that `mlflow run` has opened; itself for None."""
        return self if run_id is None else replace(self, into=run_id, adopts=True)

    def ended(
        self,
        result: TrainingResult,
        *,
        tags: Mapping[str, str],
        metrics: Mapping[str, float],
        files: Mapping[str, bytes],
    ) -> RunRecord:
        """A copy with the job's result; without the description if an open run already has it."""
        return replace(self._undescribed(), result=result, metrics=metrics, files=files).tagged(tags)

    def failed(self, reason: str, *, tags: Mapping[str, str]) -> RunRecord:
        """A copy with the reason why its job gave no result."""
        return replace(self._undescribed(), yaml=None, inputs=(), reason=reason).tagged(tags)

    def _undescribed(self) -> RunRecord:
        return replace(self, tags={}, yaml=None, inputs=()) if self.is_open else self


def to_json(record: RunRecord) -> dict[str, Any]:
    """A record as JSON values; bytes in Base64."""
    result = record.result
    return {
        **{each.name: getattr(record, each.name) for each in fields(record)},
        "inputs": [asdict(item) for item in record.inputs],
        "result": asdict(result) | {"model": _text(result.model)} if result is not None else None,
        "files": {name: _text(content) for name, content in record.files.items()},
    }


def from_json(entry: Mapping[str, Any]) -> RunRecord:
    """The reverse of `to_json`, of this version or of an earlier one."""
    known = {each.name: entry[each.name] for each in fields(RunRecord) if entry.get(each.name) is not None}
    if (result := known.get("result")) is not None:
        known["result"] = TrainingResult(**result | {"model": base64.b64decode(result["model"])})
    known["inputs"] = [Input(**item) for item in known.get("inputs", ())]
    known["files"] = {name: base64.b64decode(content) for name, content in known.get("files", {}).items()}
    return RunRecord(**known)


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()
