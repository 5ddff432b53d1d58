from __future__ import annotations

import json
from dataclasses import replace

from housing.tracking.entries import Input
from housing.tracking.run_record import RunRecord, from_json, to_json
from tests.tracking.conftest import result_of

RECORD = RunRecord(
    "t0", parent="study", tags={"a": "b"}, yaml="seed: 0", inputs=[Input("ames", "train", "a" * 64, "mine.csv", 2, 3)]
)


def test_a_record_comes_back_from_its_file_as_it_was() -> None:
    record = RunRecord(
        "t0",
        parent="study",
        tags={"a": "b"},
        params={"eta": 0.1},
        inputs=RECORD.inputs,
        result=result_of([2.0, 1.0], model=b"\x00\xff"),
        metrics={"cost_usd": 1.0},
        files={"model.ubj": b"\x00\xff"},
    )
    assert from_json(json.loads(json.dumps(to_json(record)))) == record
    failure = RunRecord("t1", into="0" * 32, reason="no memory")
    assert from_json(json.loads(json.dumps(to_json(failure)))) == replace(failure, inputs=[])


def test_an_open_run_gets_only_what_is_new_and_a_new_one_everything() -> None:
    result = result_of([2.0, 1.0])
    whole = RECORD.ended(result, tags={"c": "d"}, metrics={}, files={})
    assert (whole.tags, whole.yaml, whole.inputs) == ({"a": "b", "c": "d"}, "seed: 0", RECORD.inputs)
    added = replace(RECORD, into="0" * 32).ended(result, tags={"c": "d"}, metrics={}, files={})
    assert (added.tags, added.yaml, added.inputs) == ({"c": "d"}, None, ())
    adopted = RECORD.adopting("0" * 32).ended(result, tags={"c": "d"}, metrics={}, files={})
    assert (adopted.tags, adopted.yaml) == (whole.tags, "seed: 0")


def test_the_status_says_how_it_ended() -> None:
    result = result_of([1.0])
    ended = [RECORD.ended(each, tags={}, metrics={}, files={}) for each in (result, replace(result, stopped=True))]
    assert [record.status for record in ended] == ["FINISHED", "KILLED"]
    assert RECORD.failed("no memory", tags={}).status == "FAILED"
