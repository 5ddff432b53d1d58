from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from housing.rehearsal.api.listing import describe, summaries
from housing.rehearsal.responses import ApiError
from tests.rehearsal.conftest import Served


@pytest.fixture(scope="module")
def context(rehearsal: Served) -> Iterator[Any]:
    """Twelve endpoints, `a-0` to `a-11`, made a second apart; every third is failed."""
    for number in range(12):
        status = "Failed" if number % 3 == 0 else "InService"
        rehearsal.context.store.create(
            "endpoint", f"a-{number}", {"EndpointStatus": status, "CreationTime": 1000.0 + number}
        )
    yield rehearsal.context


def _names(context: Any, **request: Any) -> list[str]:
    return [entry["EndpointName"] for entry in summaries(context, "endpoint", request, member="Endpoints")["Endpoints"]]


def test_the_newest_come_first_ten_a_page(context: Any) -> None:
    first = summaries(context, "endpoint", {}, member="Endpoints")
    rest = summaries(context, "endpoint", {"NextToken": first["NextToken"]}, member="Endpoints")

    assert [e["EndpointName"] for e in first["Endpoints"]] == [f"a-{n}" for n in range(11, 1, -1)]
    assert [e["EndpointName"] for e in rest["Endpoints"]] == ["a-1", "a-0"]
    assert rest["NextToken"] is None


@pytest.mark.parametrize(
    ("request_", "names"),
    [
        ({"NameContains": "A-1"}, ["a-11", "a-10", "a-1"]),
        ({"StatusEquals": "Failed"}, ["a-9", "a-6", "a-3", "a-0"]),
        ({"CreationTimeAfter": 1009, "SortOrder": "Ascending"}, ["a-10", "a-11"]),
        ({"CreationTimeBefore": 1001}, ["a-0"]),
        ({"SortBy": "Name", "SortOrder": "Ascending", "MaxResults": 3}, ["a-0", "a-1", "a-10"]),
        ({"SortBy": "Status", "SortOrder": "Ascending", "MaxResults": 2, "NameContains": "a-3"}, ["a-3"]),
    ],
)
def test_filters_and_order(context: Any, request_: dict[str, Any], names: list[str]) -> None:
    assert _names(context, **request_) == names


def test_a_token_belongs_to_its_request(context: Any) -> None:
    token = summaries(context, "endpoint", {"NameContains": "a"}, member="Endpoints")["NextToken"]

    for request in ({"NextToken": token}, {"NextToken": "nonsense"}):
        with pytest.raises(ApiError) as refused:
            _names(context, **request)
        assert refused.value.code == "ValidationException"


def test_describe_gives_the_record(context: Any) -> None:
    assert describe(context, "endpoint", {"EndpointName": "a-3"})["EndpointStatus"] == "Failed"


def test_tags_are_added_overwritten_listed_and_deleted(context: Any, rehearsal: Served) -> None:
    client = rehearsal.client("sagemaker")
    arn = context.arn("endpoint", "a-1")

    client.add_tags(ResourceArn=arn, Tags=[{"Key": "housing:run", "Value": "1"}, {"Key": "b", "Value": "2"}])
    client.add_tags(ResourceArn=arn, Tags=[{"Key": "b", "Value": "3"}])
    assert client.list_tags(ResourceArn=arn)["Tags"] == [
        {"Key": "housing:run", "Value": "1"},
        {"Key": "b", "Value": "3"},
    ]
    client.delete_tags(ResourceArn=arn, TagKeys=["housing:run"])
    assert client.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "b", "Value": "3"}]
    with pytest.raises(client.exceptions.ClientError, match="Could not find resource"):
        client.list_tags(ResourceArn=arn + "x")
    for tags, words in (
        ([{"Key": "c", "Value": ""}] * 2, "must be unique"),
        ([{"Key": "AWS:c", "Value": ""}], "aws: prefixed"),
    ):
        with pytest.raises(client.exceptions.ClientError, match=words):
            client.add_tags(ResourceArn=arn, Tags=tags)
