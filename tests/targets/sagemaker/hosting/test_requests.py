"""Requests that make endpoints, held to AWS's own service models: patterns, enums and ranges included."""

from __future__ import annotations

import ast
import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from housing.deployment.plan import SetWeightsAndCapacities
from housing.deployment.spec import (
    Alarm,
    Asynchronous,
    Autoscaling,
    Capture,
    Deployment,
    Interface,
    Serverless,
    Update,
    Variant,
)
from housing.errors import ConfigError, DeploymentError
from housing.rehearsal.api.validation import check, service_model
from housing.targets.sagemaker.hosting import alarms, requests, scaling
from housing.targets.sagemaker.hosting.archive import archive, image
from housing.targets.sagemaker.hosting.batch import transform_job
from housing.targets.sagemaker.hosting.invocations import Route
from housing.targets.sagemaker.hosting.names import content_name
from housing.targets.sagemaker.hosting.requests import ResourceDefaults, Served
from housing.targets.sagemaker.settings import Settings
from housing.testing.models import price_bundle
from housing.training.artifact import write_bundle
from housing.training.bundle_files import BUNDLE_FILE
from tests.rehearsal.conftest import ROLE

GOOD = "models:/price/1"
DEFAULTS = ResourceDefaults(ROLE, "bucket", "housing", tags={"housing:experiment": "housing"})
PRIVATE = replace(DEFAULTS, kms_key="alias/mine", subnets=("subnet-1",), security_groups=("sg-1",))
SERVED = Served(GOOD, "d" * 64, "1.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0", "s3://bucket/model.tar.gz")
LONGEST = "a" * 62 + "b"

instances = st.builds(
    Variant,
    model=st.just(GOOD),
    weight=st.sampled_from([0.1, 1.0, 9.0]),
    instances=st.integers(1, 5),
    instance_type=st.sampled_from(["ml.m5.large", "ml.c5.xlarge"]),
)
updates = st.one_of(
    st.just(Update()),
    st.builds(
        Update,
        strategy=st.sampled_from(["all_at_once", "canary", "linear"]),
        step_percent=st.sampled_from([10, 25, 50]),
        wait_s=st.sampled_from([0, 300]),
        bake_s=st.sampled_from([0, 3600]),
        alarms=st.just({"errors": Alarm("Invocation5XXErrors", above=0)}),
        existing_alarms=st.sampled_from([(), ("mine",)]),
    ),
)
names = st.sampled_from(["house", "house-1", LONGEST])
deployments = st.one_of(
    st.builds(
        Deployment,
        names,
        st.dictionaries(st.sampled_from(["a", "b"]), instances, min_size=1),
        interface=st.sampled_from(["raw", "encoded"]),
        capture=st.sampled_from([None, Capture(7)]),
        update=updates,
    ),
    st.builds(Deployment, names, st.just({"a": Variant(GOOD, serverless=Serverless(6144, 200))})),
    st.builds(
        Deployment, names, st.just({"a": Variant(GOOD)}), asynchronous=st.just(Asynchronous(1000)), update=updates
    ),
    st.builds(Deployment, names, st.just({"a": Variant(GOOD), "b": Variant(GOOD, weight=0.5, shadow=True)})),
)


def held(operation: str, request: Mapping[str, Any], service: str = "sagemaker") -> None:
    """Raises ApiError, in AWS's words, for a request that AWS would refuse."""
    check(service_model(service).operation_model(operation).input_shape, dict(request))


@settings(max_examples=150, deadline=None)
@given(deployment=deployments, defaults=st.sampled_from([DEFAULTS, PRIVATE]))
def test_every_request_of_any_deployment_is_one_that_aws_takes(
    deployment: Deployment, defaults: ResourceDefaults
) -> None:
    model = requests.create_model(defaults, deployment.endpoint, deployment.interface, SERVED)
    held("CreateModel", model)
    models = dict.fromkeys(deployment.variants, model["ModelName"])
    config = requests.create_endpoint_config(defaults, deployment, models)
    held("CreateEndpointConfig", config)
    held("CreateEndpoint", requests.create_endpoint(defaults, deployment, config["EndpointConfigName"]))
    watched = alarms.names(deployment.endpoint, deployment.update.alarms, deployment.variants)
    held("UpdateEndpoint", requests.update_endpoint(deployment, config["EndpointConfigName"], watched))
    for name, alarm in deployment.update.alarms.items():
        request = alarms.put_alarm(deployment.endpoint, name, "a", alarm, own=defaults.tags_of(deployment.endpoint))
        held("PutMetricAlarm", request, "cloudwatch")


def test_requests_of_scaling_weights_and_files_are_ones_that_aws_takes() -> None:
    rule = Autoscaling(max_instances=4, invocations_per_instance_per_minute=6000)
    held("RegisterScalableTarget", scaling.register("house", "a", rule), "application-autoscaling")
    held("PutScalingPolicy", scaling.put_policy("house", "a", rule), "application-autoscaling")
    action = SetWeightsAndCapacities("house", {"a": 0.5, "b": 2}, {"b": 3})
    held("UpdateEndpointWeightsAndCapacities", requests.update_weights_and_capacities(action))
    route = Route("a", "house-1", "s3://bucket/model.tar.gz", "encoded")
    private = Settings(kms_key="alias/mine")
    held(
        "CreateTransformJob",
        transform_job("housing-1", route, private, {"a": "b"}, rows="s3://bucket/rows", answers="s3://bucket/answers"),
    )


def test_the_same_content_has_the_same_name_and_any_other_another() -> None:
    plain = Deployment("house", {"a": Variant(GOOD)})
    others = [
        plain,
        replace(plain, variants={"a": Variant(GOOD, weight=2)}),
        replace(plain, variants={"a": Variant(GOOD, instances=2)}),
        replace(plain, variants={"a": Variant(GOOD, instance_type="ml.c5.large")}),
        replace(plain, capture=Capture(10)),
        replace(plain, asynchronous=Asynchronous()),
        replace(plain, endpoint="shed"),
    ]
    made = [requests.create_endpoint_config(DEFAULTS, each, {"a": "m"})["EndpointConfigName"] for each in others]
    assert len(set(made)) == len(others)
    again = requests.create_endpoint_config(DEFAULTS, plain, {"a": "m"})
    assert again["EndpointConfigName"] == made[0]
    assert requests.create_endpoint_config(DEFAULTS, plain, {"a": "m"}, beside=made[0]) != again


def test_endpoints_whose_long_names_begin_alike_have_things_of_different_names() -> None:
    assert content_name("a" * 63, {}) != content_name("a" * 62, {})
    assert len(content_name("a" * 63, {})) == 63


def test_weights_alone_go_without_counts() -> None:
    request = requests.update_weights_and_capacities(SetWeightsAndCapacities("house", {"a": 2}))
    assert request["DesiredWeightsAndCapacities"] == [{"VariantName": "a", "DesiredWeight": 2}]


def test_a_plain_container_finds_the_model_alone_in_the_root(tmp_path: Path) -> None:
    write_bundle(tmp_path / "1", price_bundle())
    assert _members(archive(tmp_path / "1", "encoded")) == {"xgboost-model"}


def test_an_archive_for_raw_rows_brings_what_predicts_and_no_pickle(tmp_path: Path) -> None:
    write_bundle(tmp_path / "1", price_bundle())
    members = _members(archive(tmp_path / "1", "raw"))
    assert {"code/inference.py", "code/housing/training/predictor.py", "bundle/encoder.json"} <= members
    assert not [name for name in members if name.endswith((".pkl", ".pickle", ".csv.gz"))]
    assert not [name for name in members if "/" not in name]


def test_what_runs_in_the_container_is_written_for_its_older_python(tmp_path: Path) -> None:
    """SageMaker's XGBoost images have Python 3.10."""
    write_bundle(tmp_path / "1", price_bundle())
    with tarfile.open(fileobj=io.BytesIO(archive(tmp_path / "1", "raw")), mode="r:gz") as tar:
        for member in tar.getmembers():
            file = tar.extractfile(member)
            assert file is not None
            if member.name.endswith(".py"):
                ast.parse(file.read(), member.name, feature_version=(3, 10))


def test_the_same_bundle_gives_the_same_archive(tmp_path: Path) -> None:
    write_bundle(tmp_path / "1", price_bundle())
    write_bundle(tmp_path / "2", price_bundle())
    assert archive(tmp_path / "1", "raw") == archive(tmp_path / "2", "raw")


def test_a_model_is_served_by_an_image_that_is_no_older_than_its_library(tmp_path: Path) -> None:
    write_bundle(tmp_path / "1", price_bundle())
    assert image(tmp_path / "1", Settings(), "us-east-1").endswith("sagemaker-xgboost:3.2-0")
    about = json.loads((tmp_path / "1" / BUNDLE_FILE).read_text())
    (tmp_path / "1" / BUNDLE_FILE).write_text(json.dumps({**about, "versions": {"xgboost": "9.1.0"}}))
    with pytest.raises(ConfigError, match=r"3\.2-0 is older than the XGBoost 9\.1 that made the model"):
        image(tmp_path / "1", Settings(), "us-east-1")


def test_a_model_without_an_image_of_its_own_is_served_by_a_framework_s(tmp_path: Path) -> None:
    write_bundle(tmp_path / "1", replace(price_bundle(), algorithm="lightgbm"))
    assert "scikit-learn" in image(tmp_path / "1", Settings(), "us-east-1")
    with tarfile.open(fileobj=io.BytesIO(archive(tmp_path / "1", "raw")), mode="r:gz") as tar:
        needs = tar.extractfile("code/requirements.txt")
        assert needs is not None
        assert needs.read().startswith(b"lightgbm==")
    with pytest.raises(DeploymentError, match="with deployment"):
        archive(tmp_path / "1", "encoded")


@pytest.mark.parametrize(
    ("algorithm", "interface", "reason"),
    [("container", "raw", "in its own image only"), ("script", "encoded", "deployment.interface=raw")],
)
def test_a_model_that_the_container_cannot_serve_is_refused(
    tmp_path: Path, algorithm: str, interface: Interface, reason: str
) -> None:
    write_bundle(tmp_path / "1", price_bundle())
    about = json.loads((tmp_path / "1" / BUNDLE_FILE).read_text())
    (tmp_path / "1" / BUNDLE_FILE).write_text(json.dumps({**about, "algorithm": algorithm}))
    with pytest.raises(DeploymentError, match=reason):
        archive(tmp_path / "1", interface)


def _members(content: bytes) -> set[str]:
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as tar:
        return set(tar.getnames())
