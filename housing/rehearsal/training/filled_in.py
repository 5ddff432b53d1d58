"""What AWS adds to the members of a job when it describes it: the values that hold where the request gave none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def output(given: Mapping[str, Any]) -> dict[str, Any]:
    """An OutputDataConfig."""
    return {"KmsKeyId": "", **given}


def channels(given: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """An InputDataConfig."""
    return [{"CompressionType": "None", "RecordWrapperType": "None", **channel} for channel in given]


def job(record: dict[str, Any]) -> dict[str, Any]:
    """Of a training job, or of the definition of those of a tuning job."""
    made = {**record, "OutputDataConfig": output(record["OutputDataConfig"])}
    if "InputDataConfig" in record:
        made["InputDataConfig"] = channels(record["InputDataConfig"])
    return made
