"""The defaults that AWS adds to a job when it describes it, where the request gave no values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def output(given: Mapping[str, Any]) -> dict[str, Any]:
    """An OutputDataConfig with defaults."""
    return {"KmsKeyId": "", **given}


def channels(given: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """An InputDataConfig with defaults."""
    return [{"CompressionType": "None", "RecordWrapperType": "None", **channel} for channel in given]


def job(record: dict[str, Any]) -> dict[str, Any]:
    """A training job, or a tuning job's definition of its training jobs, with defaults."""
    made = {**record, "OutputDataConfig": output(record["OutputDataConfig"])}
    if "InputDataConfig" in record:
        made["InputDataConfig"] = channels(record["InputDataConfig"])
    return made
