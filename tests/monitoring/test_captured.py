"""Lines of captured requests: SageMaker's, and our own."""

from __future__ import annotations

import base64
import json
from uuid import UUID

import pytest

from housing.errors import DataError
from housing.monitoring.captured import line, read

# As SageMaker's documentation shows a line of a capture file.
DOCUMENTED = (
    '{"captureData":{"endpointInput":{"observedContentType":"text/csv","mode":"INPUT",'
    '"data":"132,25,113.2,96,269.9,107,,0,0,1\\n","encoding":"CSV"},'
    '"endpointOutput":{"observedContentType":"text/csv; charset=utf-8","mode":"OUTPUT",'
    '"data":"0.01076381653547287","encoding":"CSV"}},'
    '"eventMetadata":{"eventId":"6aaa4f7c-90b5-4c4a-8fba-5f9a2d4d6c9d","inferenceTime":"2019-12-10T14:12:13Z"},'
    '"eventVersion":"0"}\n'
)


def test_a_line_as_documented_is_read() -> None:
    (found,) = read(DOCUMENTED, "champion")
    assert found.variant == "champion"
    assert found.content_type == "text/csv"
    assert found.rows == "132,25,113.2,96,269.9,107,,0,0,1\n"
    assert found.answer.strip() == "0.01076381653547287"
    assert found.at_s == 1575987133
    assert found.model is None


def test_what_is_written_is_read_again() -> None:
    written = line(
        b'{"instances": [{"Area": 900}]}',
        "application/json",
        answer=b'{"predictions": [90000.5]}',
        answer_type="application/json",
        at_s=1_790_000_000.4,
        model="models:/price/1",
    )
    (found,) = read(written.decode(), "champion")
    assert (found.content_type, found.rows) == ("application/json", '{"instances": [{"Area": 900}]}')
    assert (found.answer, found.model, found.at_s) == ('{"predictions": [90000.5]}', "models:/price/1", 1_790_000_000)


def test_content_in_base_64_is_read_as_what_it_says() -> None:
    event = json.loads(DOCUMENTED)
    for side in event["captureData"].values():
        side.update(data=base64.b64encode(side["data"].encode()).decode(), encoding="BASE64")
    (found,) = read(json.dumps(event) + "\n", "champion")
    assert found.rows.startswith("132,25")
    assert found.answer.strip() == "0.01076381653547287"


def test_a_request_whose_answer_was_not_kept_has_none() -> None:
    event = json.loads(DOCUMENTED)
    del event["captureData"]["endpointOutput"]
    (found,) = read(json.dumps(event) + "\n", "champion")
    assert found.answer == ""


def test_a_line_that_a_killed_writer_left_unfinished_is_passed_over() -> None:
    assert len(list(read(DOCUMENTED + DOCUMENTED[:100], "champion"))) == 1


@pytest.mark.parametrize("broken", ["{}", "[]", "captured", DOCUMENTED.strip().replace("inferenceTime", "time")])
def test_a_line_that_is_something_else_is_refused_with_its_number(broken: str) -> None:
    with pytest.raises(DataError, match="line 2 is not a captured request"):
        list(read(f"{DOCUMENTED}{broken}\n", "champion"))


@pytest.mark.parametrize(
    ("kind", "encoding"), [("text/csv", "CSV"), ("application/json", "JSON"), ("application/jsonlines", "JSON")]
)
def test_a_line_is_written_as_sagemaker_writes_it(kind: str, encoding: str) -> None:
    written = json.loads(line(b"1,2", kind, answer=b"3", answer_type="text/csv", at_s=1_790_000_000.4))
    assert UUID(written["eventMetadata"].pop("eventId")).version == 4
    assert written == {
        "captureData": {
            "endpointInput": {"observedContentType": kind, "mode": "INPUT", "data": "1,2", "encoding": encoding},
            "endpointOutput": {"observedContentType": "text/csv", "mode": "OUTPUT", "data": "3", "encoding": "CSV"},
        },
        "eventMetadata": {"inferenceTime": "2026-09-21T14:13:20Z"},
        "eventVersion": "0",
    }


def test_content_that_is_no_text_is_read_as_far_as_it_is() -> None:
    event = json.loads(DOCUMENTED)
    event["captureData"]["endpointInput"].update(data=base64.b64encode(b"\xff1,2").decode(), encoding="BASE64")
    (found,) = read(json.dumps(event) + "\n", "champion")
    assert found.rows == "\ufffd1,2"


@pytest.mark.parametrize(
    ("told", "found"), [("Text/CSV; charset=utf-8", "text/csv"), (" application/json ", "application/json"), (None, "")]
)
def test_the_type_of_a_request_is_told_without_its_parameters(told: str | None, found: str) -> None:
    event = json.loads(DOCUMENTED)
    event["captureData"]["endpointInput"]["observedContentType"] = told
    assert [one.content_type for one in read(json.dumps(event) + "\n", "champion")] == [found]
