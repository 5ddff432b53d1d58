"""Lines of captured requests, as SageMaker writes them."""

from __future__ import annotations

import base64
import json

import pytest

from housing.errors import DataError
from housing.monitoring.captured import read

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


def test_the_model_that_answered_is_read_where_a_line_tells_it() -> None:
    event = json.loads(DOCUMENTED)
    event["eventMetadata"]["model"] = "models:/price/1"
    (found,) = read(json.dumps(event) + "\n", "champion")
    assert found.model == "models:/price/1"


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
