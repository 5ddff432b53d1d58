"""DataProcessing of a batch transform: parts of each record are sent, and answers are joined with the input.

The paths are SageMaker's subset of JSONPath: `$`, members (`.name`, `['name']`), positions (`[0]`, `[0,-1]`, `[1:]`)
and `*`. A CSV record is a list of its columns.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from housing.rehearsal.responses import refused

_DEFAULTS = {"InputFilter": "$", "OutputFilter": "$", "JoinSource": "None"}
_FORMATS = ("text/csv", "application/json", "application/jsonlines")
_STEP = re.compile(r"\.(?P<name>\w+)|\['(?P<quoted>[^']+)'\]|\[(?P<positions>[-\d:,\s*]+)\]|\.(?P<all>\*)")
_Select = Callable[[Any], Any]


class CannotProcess(Exception):
    """A record or an answer that the paths do not match; the message says which."""


@dataclass(frozen=True)
class DataProcessing:
    sent: _Select
    kept: _Select
    joins: bool
    content_type: str

    def request(self, part: bytes) -> bytes:
        """The part of these records that is sent to the container. Raises CannotProcess."""
        records = _records(part, self.content_type)
        return _text([_selected(self.sent, record, "InputFilter") for record in records], self.content_type)

    def answer(self, part: bytes, given: bytes, content_type: str) -> bytes:
        """The output for these records and the container's answer. Raises CannotProcess."""
        records, answers = _records(part, self.content_type), _records(given, content_type)
        if self.joins:
            if self._is_csv != _is_csv(content_type):
                raise CannotProcess(f"the input is {self.content_type} and the output {content_type}: they must agree")
            if len(records) != len(answers):
                raise CannotProcess(f"{len(records)} records were answered by {len(answers)}: they cannot be joined")
            answers = [_joined(record, answer) for record, answer in zip(records, answers, strict=True)]
        return _text([_selected(self.kept, answer, "OutputFilter") for answer in answers], content_type)

    @property
    def _is_csv(self) -> bool:
        return _is_csv(self.content_type)


def filled_in(given: Mapping[str, Any]) -> dict[str, Any]:
    """A DataProcessing with AWS's defaults, as DescribeTransformJob shows it."""
    return {**_DEFAULTS, **given}


def data_processing(request: Mapping[str, Any]) -> DataProcessing | None:
    """None where records and answers are passed unchanged. Raises ApiError."""
    wanted = filled_in(request.get("DataProcessing") or {})
    if wanted == _DEFAULTS:
        return None
    content_type = request["TransformInput"].get("ContentType", "")
    if _plain(content_type) not in _FORMATS:
        raise refused(f"DataProcessing needs a ContentType of {', '.join(_FORMATS)}, got {content_type or 'none'}.")
    sent, kept = _path(wanted["InputFilter"], "InputFilter"), _path(wanted["OutputFilter"], "OutputFilter")
    return DataProcessing(sent, kept, wanted["JoinSource"] == "Input", content_type)


def _plain(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _is_csv(content_type: str) -> bool:
    return _plain(content_type) not in _FORMATS[1:]


def _records(text: bytes, content_type: str) -> list[Any]:
    content = text.decode(errors="replace")
    try:
        if _is_csv(content_type):
            return [row for row in csv.reader(io.StringIO(content, newline="")) if row]
        if _plain(content_type) == "application/json":
            return [json.loads(content)]
        return [json.loads(line) for line in content.splitlines() if line.strip()]
    except ValueError as error:
        raise CannotProcess(f"{content[:80]!r} is not {content_type}: {error}") from error


def _text(records: Sequence[Any], content_type: str) -> bytes:
    if not _is_csv(content_type):
        return "\n".join(json.dumps(record) for record in records).encode()
    written = io.StringIO(newline="")
    csv.writer(written, lineterminator="\n").writerows(
        record if isinstance(record, list) else [record] for record in records
    )
    return written.getvalue().encode()


def _joined(record: Any, answer: Any) -> Any:
    if isinstance(record, list) and isinstance(answer, list):
        return [*record, *answer]
    if isinstance(record, dict):
        return {**record, "SageMakerOutput": answer}
    return {"SageMakerInput": record, "SageMakerOutput": answer}


def _selected(select: _Select, record: Any, member: str) -> Any:
    try:
        return select(record)
    except (KeyError, IndexError, TypeError) as error:
        raise CannotProcess(f"{member} finds nothing in the record {json.dumps(record)[:80]}") from error


def _path(path: str, member: str) -> _Select:
    steps: list[_Select] = []
    at = 1
    while at < len(path):
        found = _STEP.match(path, at)
        if not found:
            break
        steps.append(_step(found))
        at = found.end()
    if not path.startswith("$") or at < len(path):
        raise refused(f"{member} {path!r} is not a JSONPath that batch transform knows.")

    def select(record: Any) -> Any:
        for step in steps:
            record = step(record)
        return record

    return select


def _step(found: re.Match[str]) -> _Select:
    if name := found["name"] or found["quoted"]:
        return lambda record: record[name]
    if found["all"] or found["positions"].strip() == "*":
        return lambda record: list(record.values()) if isinstance(record, dict) else list(record)
    positions = [each.strip() for each in found["positions"].split(",")]
    if len(positions) == 1 and ":" not in positions[0]:
        only = int(positions[0])
        return lambda record: _list(record)[only]
    return lambda record: [value for each in positions for value in _at(_list(record), each)]


def _list(record: Any) -> list[Any]:
    if not isinstance(record, list):
        raise TypeError
    return record


def _at(values: list[Any], position: str) -> list[Any]:
    if ":" not in position:
        return [values[int(position)]]
    start, _, end = position.partition(":")
    return values[int(start) if start else None : int(end) if end else None]
