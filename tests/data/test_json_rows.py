"""JSON bodies are read as `mlflow models serve` reads them; what is ambiguous is refused."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from housing.data.json_rows import records_from_json, records_from_json_lines
from housing.errors import DataError

RECORDS: list[dict[str, Any]] = [
    {"area": 7, "zone": "RL", "alley": None},
    {"area": 8.5, "zone": "a\u2028b", "alley": "Pave"},
]
COLUMNS = {name: [record[name] for record in RECORDS] for name in RECORDS[0]}
SPLIT = {"columns": list(COLUMNS), "data": [list(record.values()) for record in RECORDS]}


@pytest.mark.parametrize(
    "document",
    [
        {"instances": RECORDS},
        {"dataframe_records": RECORDS},
        {"dataframe_split": SPLIT},
        {"dataframe_split": {**SPLIT, "index": [3, 4]}},
        {"inputs": COLUMNS},
        {"inputs": RECORDS},
        {"inputs": RECORDS[1]},
    ],
    ids=lambda document: "-".join((next(iter(document)), type(next(iter(document.values()))).__name__)),
)
def test_rows_are_those_that_mlflow_reads(document: dict[str, Any]) -> None:
    from mlflow.pyfunc.scoring_server import infer_and_parse_data  # with all of MLflow: seconds for whoever collects

    theirs = infer_and_parse_data(json.loads(json.dumps(document)))
    if isinstance(theirs, dict) and all(np.ndim(value) == 0 for value in theirs.values()):
        # One row, as pyfunc takes it.
        theirs = [{name: np.asarray(value).item() for name, value in theirs.items()}]
    frame = pd.DataFrame(theirs).reset_index(drop=True)
    ours = pd.DataFrame(records_from_json(json.dumps(document)))
    for name in COLUMNS:
        assert [None if pd.isna(cell) else cell for cell in frame[name]] == [
            None if pd.isna(cell) else cell for cell in ours[name]
        ]


def test_a_bare_list_and_json_lines_hold_the_same_rows() -> None:
    assert records_from_json(json.dumps(RECORDS)) == RECORDS
    assert records_from_json("\ufeff" + json.dumps(RECORDS)) == RECORDS
    for end in ("\n", "\r\n"):
        lines = end.join(json.dumps(record, ensure_ascii=False) for record in RECORDS)
        assert records_from_json_lines(lines) == RECORDS
        assert records_from_json_lines(f"\ufeff{end}{lines}{end}{end}") == RECORDS


@pytest.mark.parametrize(
    ("body", "essential"),
    [
        ("", "not JSON"),
        ("7", "dataframe_records"),
        ("{}", "dataframe_records"),
        ('{"rows": []}', "it has the keys 'rows'"),
        ("[]", "no rows"),
        ('{"instances": []}', "instances: there are no rows"),
        ('{"inputs": {}}', "inputs: there are no rows"),
        ('{"inputs": {"area": []}}', "inputs: there are no rows"),
        ('{"dataframe_split": {"columns": ["area"], "data": []}}', "dataframe_split: there are no rows"),
        ('{"dataframe_split": {"columns": ["area"]}}', "dataframe_split"),
        ('{"dataframe_split": {"columns": ["a", "a"], "data": [[1, 2]]}}', "'a' is there more than once"),
        ('{"dataframe_split": {"columns": ["area"], "data": [[1], [1, 2]]}}', "row 2 is not a list of 1"),
        ('{"instances": [{"area": 1}], "inputs": {"area": [1]}}', "instances and inputs; send the rows once"),
        ('{"inputs": {"area": [1, 2], "zone": ["RL"]}}', "unequal length ('area': 2, 'zone': 1)"),
        ('[{"area": 1}, [1]]', "row 2 is [1]"),
        ('[{"area": 1}, {"area": {"feet": 1}}]', "area: a cell is a text, a number"),
        ('[{"area": 1, "area": 2}]', "the key 'area' stands twice"),
        ('[{"area": NaN}]', "NaN is not a JSON number; write null"),
        ('[{"area": -Infinity}]', "-Infinity is not a JSON number"),
        ('[{"area": ' + "9" * 5000 + "}]", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('{"a":' * 100_000, "not JSON"),
    ],
    ids=range(22),
)
def test_json_that_holds_no_rows_for_sure_is_refused(body: str, essential: str) -> None:
    with pytest.raises(DataError) as refused:
        records_from_json(body)
    assert essential in str(refused.value)


def test_the_key_that_stands_twice_is_found_among_very_many() -> None:
    keys = [f'"a{number}": 1' for number in range(250_000)]
    with pytest.raises(DataError, match="'a249999' stands twice"):
        records_from_json(f"[{{{', '.join([*keys, keys[-1]])}}}]")


@pytest.mark.parametrize(
    ("body", "essential"),
    [
        ("\n\n", "no rows"),
        ('{"area": 1}\n{"area": 2', "line 2 is not JSON"),
        ('{"area": 1}\n[2]\n', "row 2 is [2]"),
        ('{"area": 1, "area": 2}', "line 1 is not JSON: the key 'area' stands twice"),
    ],
)
def test_json_lines_that_hold_no_rows_for_sure_are_refused(body: str, essential: str) -> None:
    with pytest.raises(DataError) as refused:
        records_from_json_lines(body)
    assert essential in str(refused.value)


@pytest.mark.parametrize("key", ["intervall", "intervals", "Interval", "intreval", "explains", "explian"])
def test_a_mistyped_field_next_to_the_rows_is_refused(key: str) -> None:
    meant = "interval" if key.lower().startswith("int") else "explain"
    with pytest.raises(DataError, match=rf"the key .?{key}.? next to its rows; did you mean {meant}\?"):
        records_from_json(json.dumps({"instances": [{"area": 1}], key: 0.9}))
    assert records_from_json(json.dumps([{"area": 1, key: 0.9}])) == [{"area": 1, key: 0.9}]


@pytest.mark.parametrize("key", ["interval", "explain", "params", "signature_name", "id", "interested", "parameters"])
def test_other_keys_next_to_the_rows_are_left_to_others(key: str) -> None:
    assert records_from_json(json.dumps({"instances": [{"area": 1}], key: 0.9})) == [{"area": 1}]
