"""Reads what SageMaker has captured: `<destination>/<endpoint>/<variant>/<yyyy/mm/dd/hh>/<mm-ss-...>.jsonl`."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from housing.errors import CloudError, DataError
from housing.monitoring.captured import CapturedRows, read

if TYPE_CHECKING:
    from housing.targets.sagemaker.staging import Stage

MOST_REQUESTS = 20_000
"""The latest requests of a variant that are read; of a busy endpoint the bucket has many more."""

_AT_ONCE = 8


def captured(stage: Stage, folder: str, variant: str, *, encoded: bool) -> list[CapturedRows]:
    """A variant's requests, the oldest first. `encoded`: answers are the model's own, not in the label's unit.

    Raises CloudError.
    """
    # Names begin with the time, so that sorting them sorts the requests.
    names = sorted((name for name in stage.names(folder) if name.endswith(".jsonl")), reverse=True)
    found: list[CapturedRows] = []
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for begin in range(0, len(names), _AT_ONCE):
            some = [f"{folder}/{name}" for name in names[begin : begin + _AT_ONCE]]
            for exchanges in pool.map(_reader(stage, variant), some):
                found = exchanges + found
            if len(found) >= MOST_REQUESTS:
                break
    return [replace(one, encoded=encoded) for one in found[-MOST_REQUESTS:]]


def _reader(stage: Stage, variant: str) -> Callable[[str], list[CapturedRows]]:
    def exchanges(uri: str) -> list[CapturedRows]:
        try:
            return list(read(stage.read(uri).decode("utf-8", errors="replace"), variant))
        except DataError as error:
            raise CloudError(f"{uri} is not a file of captured requests: {error}") from error

    return exchanges
