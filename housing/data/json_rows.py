"""Raw rows as JSON, in the forms that `mlflow models serve` and SageMaker's own containers read.

| body                                                          | from                                     |
|---------------------------------------------------------------|------------------------------------------|
| `{"instances": [{column: value}, ...]}`                       | TensorFlow Serving, MLflow, SageMaker    |
| `{"dataframe_records": [{column: value}, ...]}`               | MLflow                                   |
| `{"dataframe_split": {"columns": [...], "data": [[...]]}}`    | MLflow                                   |
| `{"inputs": {column: [value, ...]}}`, also of single values   | MLflow                                   |
| `[{column: value}, ...]`                                      | pandas' `to_json(orient="records")`      |
| `{column: value}` a line                                      | JSON Lines: `application/jsonlines`      |
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from housing.data.faults import Faults, listed, repeated, shown
from housing.errors import DataError
from housing.nearest import nearest

Records = list[dict[str, Any]]

FIELDS = INTERVAL, EXPLAIN = ("interval", "explain")
"""What may be asked for next to the rows: see `data.extras`."""
_MOST_EDITS = 2
ROWS_KEYS = ("instances", "dataframe_records", "dataframe_split", "inputs")
_FORMS = (
    'the JSON body must be {"instances": [{column: value, ...}, ...]}, the same with "dataframe_records", a bare list '
    '[{column: value, ...}, ...], {"dataframe_split": {"columns": [...], "data": [[...], ...]}} or '
    '{"inputs": {column: [value, ...], ...}}, with at least one row'
)


def records_from_json(text: str) -> Records:
    """Rows as mappings, from any of the forms of `application/json`. Raises DataError; rows count from 1.

    Keys next to the rows are left to others, except for one that looks like a mistyped field of ours.
    """
    document = _parsed(text.removeprefix("\ufeff"), "the body")
    if isinstance(document, list):
        return _records(document, "the list")
    keys = list(document) if isinstance(document, dict) else []
    forms = [key for key in keys if key in ROWS_KEYS]
    if len(forms) > 1:
        raise DataError(f"the body has {forms[0]} and {forms[1]}; send the rows once")
    if forms:
        _refuse_mistyped(keys)
    form = forms[0] if forms else ""
    content = document[form] if forms else None
    if form == "dataframe_split":
        match content:
            case {"columns": [*columns], "data": [*rows]}:
                return _records_of_split(columns, rows)
    elif isinstance(content, list):
        return _records(content, form)
    elif form == "inputs" and isinstance(content, dict):
        return _records_of_columns(content)
    raise DataError(_FORMS + (f"; it has the keys {listed(keys)}" if keys else ""))


def _refuse_mistyped(keys: Sequence[str]) -> None:
    for key in keys:
        meant = nearest(key, FIELDS, most_edits=_MOST_EDITS) if key not in FIELDS else None
        if meant is not None:
            raise DataError(f"the body has the key {shown(key)} next to its rows; did you mean {meant}?")


def records_from_json_lines(text: str) -> Records:
    """Rows as mappings, one object a line; blank lines are no rows. Raises DataError; rows count from 1."""
    # Only these end a line: JSON texts may contain other line separators, such as U+2028.
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    rows = [_parsed(line, f"line {number}") for number, line in enumerate(lines, 1) if line.strip()]
    return _records(rows, "the lines")


def _parsed(text: str, what: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{what} is not JSON: {error}") from error


def _records(rows: Sequence[Any], where: str) -> Records:
    """The rows, which must be objects; at least one."""
    if not rows:
        raise DataError(f"{where}: there are no rows; {_FORMS}")
    faults = Faults(where)
    for number, row in enumerate(rows, 1):
        if isinstance(row, Mapping):
            _check_cells(row, number, faults)
        else:
            faults.add("not an object {column: value, ...}", example=f"row {number} is {shown(row)}")
    faults.raise_any()
    return list(rows)


def _records_of_columns(columns: Mapping[str, Any]) -> Records:
    """Rows from columns: lists of equal length, or single values for one row."""
    cells = {name: value if isinstance(value, list) else [value] for name, value in columns.items()}
    lengths = {name: len(values) for name, values in cells.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{shown(name)}: {length}" for name, length in list(lengths.items())[:5])
        raise DataError(f"inputs: columns of unequal length ({told})")
    return _records([dict(zip(cells, row, strict=True)) for row in zip(*cells.values(), strict=True)], "inputs")


def _records_of_split(columns: Sequence[Any], rows: Sequence[Any]) -> Records:
    names = [str(column) for column in columns]
    if len(set(names)) < len(names):
        raise DataError(f"dataframe_split: columns: {shown(repeated(names)[0])} is there more than once")
    for number, row in enumerate(rows, 1):
        if not isinstance(row, list) or len(row) != len(names):
            raise DataError(f"dataframe_split: row {number} is not a list of {len(names):,} values")
    return _records([dict(zip(names, row, strict=True)) for row in rows], "dataframe_split")


def _check_cells(record: Mapping[str, Any], row: int, faults: Faults) -> None:
    for column, value in record.items():
        if isinstance(value, list | dict):
            fault = f"{column[:100]}: a cell is a text, a number, true, false or null"
            faults.add(fault, example=f"{shown(value)} (row {row})")


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number; write null for a missing value")


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuses duplicate keys: JSON does not define which value counts."""
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = repeated(name for name, _ in pairs)
        raise ValueError(f"the key {shown(twice[0])} stands twice in one object")
    return found
