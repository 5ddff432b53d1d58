"""Models, endpoint configurations and endpoints: what AWS accepts and refuses, and what happens then."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.rehearsal.conftest import ROLE, Served
from tests.rehearsal.serving.shop import BUCKET, REGISTRY, XGBOOST, Shop, variant

ARN = "arn:aws:sagemaker:us-east-1:123456789012"


@pytest.fixture(scope="module")
def shop(rehearsal: Served) -> Shop:
    return Shop(rehearsal)


def test_an_endpoint_comes_up_answers_and_goes(shop: Shop) -> None:
    name, config = shop.name("endpoint"), shop.config(variant(shop.model(5.0)))
    tags = [{"Key": "housing:endpoint", "Value": name}]
    arn = shop.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config, Tags=tags)["EndpointArn"]
    assert arn == f"{ARN}:endpoint/{name}"
    assert shop.sagemaker.list_tags(ResourceArn=arn)["Tags"] == tags

    about = shop.settled(name)
    assert (about["EndpointStatus"], about["EndpointConfigName"]) == ("InService", config)
    (serving,) = about["ProductionVariants"]
    assert serving["VariantName"] == "AllTraffic"
    assert (serving["CurrentWeight"], serving["DesiredInstanceCount"]) == (1.0, 1)
    assert serving["DeployedImages"][0]["SpecifiedImage"] == XGBOOST
    assert shop.invoke(name) == (5.0, "AllTraffic")
    assert name in [each["EndpointName"] for each in shop.sagemaker.list_endpoints(MaxResults=100)["Endpoints"]]

    shop.sagemaker.delete_endpoint(EndpointName=name)
    shop.sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 10})
    with pytest.raises(ClientError, match=f"Endpoint {name} of account 123456789012 not found"):
        shop.invoke(name)


def test_a_broken_model_fails_the_creation_and_the_log_says_why(shop: Shop) -> None:
    name = shop.name("endpoint")
    shop.sagemaker.create_endpoint(
        EndpointName=name, EndpointConfigName=shop.config(variant(shop.broken_model(), "blue"))
    )
    about = shop.settled(name)
    assert about["EndpointStatus"] == "Failed"
    assert about["FailureReason"].startswith(
        "The primary container for production variant blue did not pass the ping health check."
    )
    logs = shop.served.client("logs")
    group = f"/aws/sagemaker/Endpoints/{name}"
    (stream,) = logs.describe_log_streams(logGroupName=group)["logStreams"]
    assert stream["logStreamName"].startswith("blue/i-")
    events = logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"])["events"]
    assert any("cannot be loaded" in event["message"] for event in events)
    with pytest.raises(ClientError, match="can only be deleted"):
        shop.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=about["EndpointConfigName"])
    shop.sagemaker.delete_endpoint(EndpointName=name)


def test_an_archive_that_is_none_fails_the_creation(shop: Shop) -> None:
    model, endpoint = shop.name("model"), shop.name("endpoint")
    shop.sagemaker.create_model(
        ModelName=model,
        ExecutionRoleArn=ROLE,
        PrimaryContainer={"Image": XGBOOST, "ModelDataUrl": shop.put(b"{}", f"{model}/model.json")},
    )
    shop.sagemaker.create_endpoint(EndpointName=endpoint, EndpointConfigName=shop.config(variant(model)))
    assert "valid tar.gz archive" in shop.settled(endpoint)["FailureReason"]


def test_model_files_may_lie_unpacked_in_s3(shop: Shop) -> None:
    from tests.rehearsal.serving.shop import constant

    model = shop.name("model")
    shop.put(constant(3.0), f"{model}/xgboost-model")
    source = {"S3Uri": f"s3://{BUCKET}/{model}/", "S3DataType": "S3Prefix", "CompressionType": "None"}
    container = {"Image": XGBOOST, "ModelDataSource": {"S3DataSource": source}}
    shop.sagemaker.create_model(ModelName=model, ExecutionRoleArn=ROLE, Containers=[container])
    assert shop.invoke(shop.endpoint(variant(model)))[0] == 3.0


def test_names_are_unique_and_things_must_exist(shop: Shop) -> None:
    model = shop.model()
    config = shop.config(variant(model))
    endpoint = shop.endpoint(variant(model))
    sagemaker = shop.sagemaker
    container = {"Image": XGBOOST, "ModelDataUrl": f"s3://{BUCKET}/{model}/model.tar.gz"}
    refusals: list[tuple[str, dict[str, Any], str]] = [
        (
            "create_model",
            {"ModelName": model, "ExecutionRoleArn": ROLE, "PrimaryContainer": container},
            f'Cannot create already existing model "{ARN}:model/{model}"',
        ),
        (
            "create_endpoint_config",
            {"EndpointConfigName": config, "ProductionVariants": [variant(model)]},
            f'Cannot create already existing endpoint configuration "{ARN}:endpoint-config/{config}"',
        ),
        (
            "create_endpoint",
            {"EndpointName": endpoint, "EndpointConfigName": config},
            f'Cannot create already existing endpoint "{ARN}:endpoint/{endpoint}"',
        ),
        (
            "create_endpoint_config",
            {"EndpointConfigName": "x", "ProductionVariants": [variant("none")]},
            f'Could not find model "{ARN}:model/none"',
        ),
        (
            "create_endpoint",
            {"EndpointName": "x", "EndpointConfigName": "none"},
            f'Could not find endpoint configuration "{ARN}:endpoint-config/none"',
        ),
        ("describe_endpoint", {"EndpointName": "none"}, f'Could not find endpoint "{ARN}:endpoint/none"'),
        ("delete_model", {"ModelName": "none"}, f'Could not find model "{ARN}:model/none"'),
    ]
    for call, request, says in refusals:
        with pytest.raises(ClientError) as refused:
            getattr(sagemaker, call)(**request)
        assert refused.value.response["Error"]["Code"] == "ValidationException"
        assert says in refused.value.response["Error"]["Message"]


@pytest.mark.parametrize(
    ("container", "says"),
    [
        ({"Image": XGBOOST, "ModelDataUrl": f"s3://{BUCKET}/nothing.tar.gz"}, "Could not find model data at s3://"),
        ({"Image": f"{REGISTRY}/my-own:1"}, "cannot run the image"),
        ({"Image": f"{REGISTRY}/sagemaker-xgboost:1.7-1"}, "not supported by the rehearsal"),
        ({"Image": XGBOOST, "Mode": "MultiModel"}, "ModelDataUrl, the prefix"),
    ],
)
def test_models_that_cannot_be_served_are_refused(shop: Shop, container: dict[str, Any], says: str) -> None:
    with pytest.raises(ClientError, match=says):
        shop.sagemaker.create_model(ModelName=shop.name("model"), ExecutionRoleArn=ROLE, PrimaryContainer=container)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 1}}, "cannot be given along"),
        ({"InstanceType": None}, "InstanceType is required"),
        ({"AcceleratorType": "ml.eia2.medium"}, "does not support AcceleratorType"),
    ],
)
def test_variants_that_contradict_themselves_are_refused(shop: Shop, change: dict[str, Any], says: str) -> None:
    wanted = {key: value for key, value in (variant(shop.model()) | change).items() if value is not None}
    with pytest.raises(ClientError, match=says):
        shop.config(wanted)


def test_two_variants_of_one_name_are_refused(shop: Shop) -> None:
    model = shop.model()
    with pytest.raises(ClientError, match="must be unique"):
        shop.config(variant(model), variant(model))


def test_nothing_can_change_while_something_is_under_way(shop: Shop, settings: Any) -> None:
    name, config = shop.name("endpoint"), shop.config(variant(shop.model()))
    settings(start_s=1)
    shop.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
    for call in (
        lambda: shop.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=config),
        lambda: shop.sagemaker.delete_endpoint(EndpointName=name),
        lambda: shop.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=name, DesiredWeightsAndCapacities=[{"VariantName": "AllTraffic", "DesiredWeight": 2}]
        ),
    ):
        with pytest.raises(ClientError, match=f'Cannot update in-progress endpoint "{ARN}:endpoint/{name}"'):
            call()
    assert shop.settled(name)["EndpointStatus"] == "InService"


def test_configurations_and_models_may_go_while_they_are_served_but_then_nothing_can_be_updated(shop: Shop) -> None:
    model = shop.model(4.0)
    endpoint = shop.endpoint(variant(model))
    config = shop.sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
    shop.sagemaker.delete_model(ModelName=model)
    shop.sagemaker.delete_endpoint_config(EndpointConfigName=config)

    assert shop.invoke(endpoint)[0] == 4.0
    with pytest.raises(ClientError, match="Could not find endpoint configuration"):
        shop.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=shop.config(variant(shop.model())))


def test_no_machines_fail_the_creation_and_take_an_update_back(shop: Shop, settings: Any) -> None:
    from housing.rehearsal.settings import InjectedFault

    endpoint = shop.endpoint(variant(shop.model(1.0)))
    config = shop.config(variant(shop.model(2.0)))
    settings(
        faults=(
            InjectedFault("sagemaker:CreateEndpoint", "capacity"),
            InjectedFault("sagemaker:UpdateEndpoint", "capacity"),
        )
    )
    failed = shop.name("endpoint")
    shop.sagemaker.create_endpoint(EndpointName=failed, EndpointConfigName=config)
    assert "InsufficientInstanceCapacity" in shop.settled(failed)["FailureReason"]
    shop.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=config)
    assert "InsufficientInstanceCapacity" in shop.settled(endpoint)["FailureReason"]
    assert shop.invoke(endpoint)[0] == 1.0


def test_endpoints_answer_again_after_a_restart(shop: Shop) -> None:
    endpoint = shop.endpoint(variant(shop.model(6.0), "blue", 1), variant(shop.model(7.0), "green", 0))
    shop.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=endpoint,
        DesiredWeightsAndCapacities=[
            {"VariantName": "blue", "DesiredWeight": 0},
            {"VariantName": "green", "DesiredWeight": 1, "DesiredInstanceCount": 3},
        ],
    )
    shop.settled(endpoint)
    shop.served.restart()
    blue, green = shop.sagemaker.describe_endpoint(EndpointName=endpoint)["ProductionVariants"]
    assert (blue["CurrentWeight"], green["CurrentWeight"], green["CurrentInstanceCount"]) == (0, 1, 3)
    assert shop.invoke(endpoint) == (7.0, "green")


def test_what_was_under_way_goes_on_after_a_restart(shop: Shop, settings: Any) -> None:
    updated, created = shop.endpoint(variant(shop.model(1.0))), shop.name("endpoint")
    config = shop.config(variant(shop.model(2.0)))
    settings(start_s=1)
    shop.sagemaker.update_endpoint(EndpointName=updated, EndpointConfigName=config)
    shop.sagemaker.create_endpoint(EndpointName=created, EndpointConfigName=config)
    shop.served.restart()
    assert shop.sagemaker.describe_endpoint(EndpointName=updated)["EndpointStatus"] == "Updating"
    assert shop.invoke(updated)[0] == 1.0
    assert shop.settled(updated)["EndpointConfigName"] == config
    assert shop.settled(created)["EndpointStatus"] == "InService"
    assert (shop.invoke(updated)[0], shop.invoke(created)[0]) == (2.0, 2.0)
