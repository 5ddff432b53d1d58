"""What a request may ask for besides predictions: intervals and explanations.

It does so by parameters of its content type, which every server passes on: `text/csv; interval=0.9; explain=5`; or, in
JSON, by fields next to the rows: `{"instances": [...], "interval": 0.9}`. Imports nothing heavy, since the server
imports it, too.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

from housing.data.json_rows import EXPLAIN, FIELDS, INTERVAL, ROWS_KEYS
from housing.errors import DataError

MOST_EXPLAINED = 100
"""Most rows that one request may have explained: each takes as long as hundreds of predictions."""


@dataclass(frozen=True)
class Extras:
    """`interval` is the requested coverage, `explain` the number of columns to explain by; None: not requested."""

    interval: float | None = None
    explain: int | None = None

    def __post_init__(self) -> None:
        if self.interval is not None and not 0 < self.interval < 1:
            raise DataError(f"interval: is a share of rows: it must lie between 0 and 1, got {self.interval:g}")
        if self.explain is not None and self.explain < 1:
            raise DataError(f"explain: is a number of columns: it must be 1 or more, got {self.explain}")

    def __bool__(self) -> bool:
        return self.interval is not None or self.explain is not None

    def refuse_too_many(self, rows: int) -> None:
        """Raises DataError for more rows than one request may have explained."""
        if self.explain is not None and rows > MOST_EXPLAINED:
            raise DataError(
                f"explain: {rows:,} rows in one request; explaining takes as long as hundreds of predictions, so send "
                f"{MOST_EXPLAINED} at most"
            )

    @property
    def parameters(self) -> str:
        """The parameters to append to a content type; empty where nothing is requested."""
        asked = {INTERVAL: self.interval, EXPLAIN: self.explain}
        return "".join(f"; {name}={value}" for name, value in asked.items() if value is not None)


def asked_in(content_type: str) -> str:
    """The parameters of a content type where one of them is ours; else empty. Fast for the usual case."""
    parameters = content_type.partition(";")[2]
    is_ours = parameters and any(_name(one) in FIELDS for one in parameters.split(";"))
    return parameters if is_ours else ""


def asked_beside_rows(body: bytes) -> str:
    """The same for a JSON document whose rows are under a key, next to our fields. Fast for the usual case."""
    if b'"interval"' not in body and b'"explain"' not in body:
        return ""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):  # refused when the rows are read
        return ""
    # Otherwise they are names of columns.
    if not isinstance(document, dict) or not any(isinstance(document.get(key), list | dict) for key in ROWS_KEYS):
        return ""
    asked = {name: document[name] for name in FIELDS if document.get(name) is not None}
    return ";".join(f"{name}={value}" for name, value in asked.items())


def extras_of(parameters: str) -> Extras:
    """The extras in what `asked_in` returned. Raises DataError for an invalid value."""
    found: dict[str, str] = {}
    for one in parameters.split(";"):
        if _name(one) in FIELDS:
            found[_name(one)] = one.partition("=")[2].strip().strip('"')
    return Extras(
        interval=_number(INTERVAL, found[INTERVAL], "a share such as 0.9") if INTERVAL in found else None,
        explain=int(_number(EXPLAIN, found[EXPLAIN], "a number of columns such as 5")) if EXPLAIN in found else None,
    )


def _name(parameter: str) -> str:
    return parameter.partition("=")[0].strip().lower()


def _number(name: str, text: str, what: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or (name == EXPLAIN and not number.is_integer()):
        raise DataError(f"{name}={text[:50]}: must be {what}")
    return number
