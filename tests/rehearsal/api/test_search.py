from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.rehearsal.conftest import ROLE, Served
from tests.rehearsal.jobs import XGBOOST

_MAE = ((0, 20.0), (1, 18.5), (2, 19.0), (3, 17.0))


@pytest.fixture(scope="module")
def client(rehearsal: Served) -> Iterator[Any]:
    """Four training jobs, `t-0` to `t-3`; the last one has failed, and the first has no tags."""
    for number, mae in _MAE:
        rehearsal.context.store.create(
            "training-job",
            f"t-{number}",
            {
                "TrainingJobStatus": "Failed" if number == 3 else "Completed",
                "CreationTime": 1_700_000_000.0 + number,
                "LastModifiedTime": 1_700_000_100.0 - number,
                "HyperParameters": {"eta": f"0.{number}"},
                "FinalMetricDataList": [{"MetricName": "validation:mae", "Value": mae, "Timestamp": 1.0}],
                "Tags": [{"Key": "housing:experiment", "Value": "houses"}] if number else [],
            },
        )
    yield rehearsal.client("sagemaker")


def _found(client: Any, *filters: tuple[str, str, str | None], **request: Any) -> list[str]:
    wanted = [
        {"Name": name, "Operator": how} | ({"Value": value} if value is not None else {})
        for name, how, value in filters
    ]
    expression = {"SearchExpression": {"Filters": wanted}} if wanted else {}
    answer = client.search(Resource="TrainingJob", **expression, **request)
    return [result["TrainingJob"]["TrainingJobName"] for result in answer["Results"]]


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ((), ["t-0", "t-1", "t-2", "t-3"]),
        ((("Tags.housing:experiment", "Equals", "houses"),), ["t-1", "t-2", "t-3"]),
        ((("Tags.housing:experiment", "NotExists", None),), ["t-0"]),
        ((("TrainingJobName", "Contains", "-2"),), ["t-2"]),
        ((("TrainingJobStatus", "In", "Failed,Stopped"),), ["t-3"]),
        ((("TrainingJobStatus", "NotEquals", "Failed"),), ["t-0", "t-1", "t-2"]),
        ((("Metrics.validation:mae", "LessThan", "19"),), ["t-1", "t-3"]),
        ((("HyperParameters.eta", "GreaterThanOrEqualTo", "0.2"),), ["t-2", "t-3"]),
        ((("CreationTime", "GreaterThan", "2023-11-14T22:13:21Z"),), ["t-2", "t-3"]),
    ],
)
def test_jobs_are_found_by_what_they_are_about(
    client: Any, filters: tuple[tuple[str, str, str | None], ...], names: list[str]
) -> None:
    assert _found(client, *filters) == names


def test_any_of_several_filters(client: Any) -> None:
    answer = client.search(
        Resource="TrainingJob",
        SearchExpression={
            "Operator": "Or",
            "Filters": [{"Name": "TrainingJobName", "Operator": "Equals", "Value": "t-0"}],
            "SubExpressions": [
                {"Filters": [{"Name": "TrainingJobStatus", "Operator": "Equals", "Value": "Failed"}]},
            ],
        },
    )

    assert [result["TrainingJob"]["TrainingJobName"] for result in answer["Results"]] == ["t-0", "t-3"]


def test_order_pages_and_tags(client: Any) -> None:
    request = {"SortBy": "Metrics.validation:mae", "SortOrder": "Ascending", "MaxResults": 3}
    first = client.search(Resource="TrainingJob", **request)
    second = client.search(Resource="TrainingJob", **request, NextToken=first["NextToken"])

    names = [result["TrainingJob"]["TrainingJobName"] for page in (first, second) for result in page["Results"]]
    assert names == ["t-3", "t-1", "t-2", "t-0"]
    assert first["Results"][0]["TrainingJob"]["Tags"] == [{"Key": "housing:experiment", "Value": "houses"}]
    assert "NextToken" not in second


def test_what_cannot_be_searched_is_refused(client: Any) -> None:
    with pytest.raises(client.exceptions.ClientError, match="does not support Search for Project"):
        client.search(Resource="Project")
    with pytest.raises(client.exceptions.ClientError, match="Unknown property name: TrainingJobNam"):
        _found(client, ("TrainingJobNam", "Equals", "t-0"))
    with pytest.raises(client.exceptions.ClientError, match="Unknown property name: Price"):
        _found(client, SortBy="Price")
    with pytest.raises(client.exceptions.ClientError, match="neither a number nor a time"):
        _found(client, ("CreationTime", "GreaterThan", "yesterday"))


def test_models_are_found_by_name_and_properties_are_suggested(client: Any) -> None:
    for name in ("houses-1", "others-1"):
        client.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer={"Image": XGBOOST})
    wanted = {"Filters": [{"Name": "ModelName", "Operator": "Contains", "Value": "houses"}]}
    found = client.search(Resource="Model", SearchExpression=wanted)["Results"]
    assert [result["Model"]["Model"]["ModelName"] for result in found] == ["houses-1"]
    query = {"PropertyNameQuery": {"PropertyNameHint": "TrainingJobS"}}
    suggested = client.get_search_suggestions(Resource="TrainingJob", SuggestionQuery=query)
    assert suggested["PropertyNameSuggestions"] == [{"PropertyName": "TrainingJobStatus"}]
    assert client.list_monitoring_schedules()["MonitoringScheduleSummaries"] == []
