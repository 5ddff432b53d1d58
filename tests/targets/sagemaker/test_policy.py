"""The printed policy allows everything that housing does at SageMaker, and nothing that it does not."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from housing.data.rows import csv_pieces
from housing.deployment.spec import Alarm, Asynchronous, Autoscaling, Deployment, Update, Variant
from housing.errors import CloudError
from housing.targets.base import PromotedVersion
from housing.targets.managed import ManagedStudy
from housing.targets.sagemaker.built_in.xgboost.images import serving_image
from housing.targets.sagemaker.hosting.host import SageMakerHost
from housing.targets.sagemaker.target import policies
from housing.targets.sagemaker.training.runner import SageMakerRunner
from housing.testing.host import GOOD, OTHER, ROWS, deploy, destroy
from housing.testing.runner import HYPERPARAMETERS, channel
from housing.training.artifact import read_bundle, write_bundle
from housing.training.job import TrainingJob
from housing.tuning.space import Float
from housing.tuning.spec import Study
from tests.rehearsal.conftest import ACCOUNT, ROLE, Served
from tests.targets.sagemaker.conftest import settings_of

BROKEN = "models:/price/3"
WANTED = Deployment(
    "guarded",
    {
        "champion": Variant(GOOD, autoscaling=Autoscaling(max_instances=2, invocations_per_instance_per_minute=600)),
        "challenger": Variant(OTHER, weight=0.1),
    },
    interface="encoded",
    update=Update(wait_s=0, alarms={"errors": Alarm("Invocation5XXErrors", above=1)}),
)

Statements = list[dict[str, Any]]


@pytest.fixture(scope="module")
def bundles(models: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    folder = tmp_path_factory.mktemp("broken") / "3"
    write_bundle(folder, replace(read_bundle(models[GOOD]), model=b"no model at all"))
    return {**models, BROKEN: folder}


@pytest.fixture
def caller(rehearsal: Served, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Statements], None]]:
    """From now on calls are signed by a user who may do what the statements say, and IAM is enforced."""

    def become(statements: Statements) -> None:
        iam, name = rehearsal.client("iam"), f"user-{uuid4().hex[:8]}"
        iam.create_user(UserName=name)
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=document)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
        monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
        rehearsal.use(enforce_iam=True)

    yield become
    rehearsal.use()


def printed(rehearsal: Served, **use: Any) -> Statements:
    settings = settings_of(rehearsal, model_package_group="guarded")
    statements: Statements = policies([(settings, use)])["caller"]["Statement"]
    return statements


def actions_of(statements: Statements) -> set[str]:
    return {action for statement in statements for action in statement["Action"]}


def without(statements: Statements, action: str) -> Statements:
    kept = [{**s, "Action": [a for a in s["Action"] if a != action]} for s in statements]
    return [statement for statement in kept if statement["Action"]]


def train(rehearsal: Served) -> None:
    """Two jobs at once, one of which is stopped, looking for them, and a study of SageMaker's own that is stopped."""
    runner = SageMakerRunner(settings_of(rehearsal))
    try:
        channels = {name: runner.stage(channel(name, 1)) for name in ("train", "validation")}
        job = TrainingJob("job", "xgboost", HYPERPARAMETERS, channels, seed=3, tags={"housing:run": "r"})
        whole = replace(job, handle=runner.handle(), hyperparameters={**HYPERPARAMETERS, "num_round": 300})
        stopped = replace(job, handle=runner.handle(), hyperparameters={**HYPERPARAMETERS, "num_round": 2000})
        at_once = [runner.submit(whole), runner.submit(stopped, lambda number, _: number > 1)]
        for future in at_once:
            future.result()
        runner.find({"housing:run": "r"})
        study = Study("s", "random", trials=50, parallel=1, engine="amt", objective="validation_mae")
        managed = ManagedStudy(runner.study_handle(), study, {"eta": Float(0.1, 0.5)}, job)
        runner.search(managed, lambda told: told.result is not None)
    finally:
        runner.close()


@pytest.fixture(autouse=True)
def nothing_stays(rehearsal: Served, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    yield
    with monkeypatch.context() as by_the_account:
        by_the_account.delenv("AWS_ACCESS_KEY_ID", raising=False)
        host = SageMakerHost(settings_of(rehearsal))
        for endpoint in host.endpoints():
            destroy(host, endpoint)


def serve(rehearsal: Served, models: Mapping[str, Path]) -> None:
    """Everything that deploy, plan, predict, status and destroy can meet."""
    host = SageMakerHost(settings_of(rehearsal, model_package_group="guarded"))
    for is_approved in (False, True):
        version = PromotedVersion(GOOD, "d", "r", "encoded", {"test_mae": 1.5}, is_approved, "it passed")
        host.register(version, models[GOOD])
    with host.hold("deploying guarded"):
        deploy(host, WANTED, models)
    heavier = {**WANTED.variants, "challenger": replace(WANTED.variants["challenger"], weight=0.2)}
    deploy(host, replace(WANTED, variants=heavier), models)
    with suppress_only("rolled the update back"):
        deploy(host, replace(WANTED, variants={"champion": Variant(BROKEN)}), models)
    deploy(host, replace(WANTED, variants={"champion": Variant(OTHER)}, update=Update(wait_s=0)), models)
    host.predict("guarded", ROWS)
    host.status("guarded")
    host.endpoints()
    host.predict_file("guarded", _uploaded(rehearsal), lambda file: csv_pieces(str(file), rows_a_piece=9))
    destroy(host, "guarded")


class suppress_only(suppress):  # noqa: N801
    """A failure that is meant; anything else, a refusal of IAM above all, goes on."""

    def __init__(self, words: str) -> None:
        super().__init__(CloudError)
        self._words = words

    def __exit__(self, kind: Any, error: Any, trace: Any) -> bool:
        return bool(super().__exit__(kind, error, trace)) and self._words in str(error)


def _uploaded(rehearsal: Served) -> str:
    bucket = f"sagemaker-us-east-1-{ACCOUNT}"
    rehearsal.client("s3").put_object(Bucket=bucket, Key="housing/rows.csv", Body=ROWS.encode())
    return f"s3://{bucket}/housing/rows.csv"


@pytest.mark.slow
def test_with_the_policy_as_printed_everything_passes(
    rehearsal: Served, bundles: Mapping[str, Path], caller: Callable[[Statements], None]
) -> None:
    image = serving_image(None, settings_of(rehearsal), "us-east-1")
    rehearsal.client("sagemaker").create_model(
        ModelName="well-guarded-theirs", ExecutionRoleArn=ROLE, PrimaryContainer={"Image": image}
    )
    caller(printed(rehearsal, trains=True, searches=True, serves=WANTED))
    train(rehearsal)
    serve(rehearsal, bundles)


@pytest.mark.parametrize(
    "action",
    [
        "cloudwatch:PutMetricAlarm",
        "iam:CreateServiceLinkedRole",
        "iam:PassRole",
        "logs:FilterLogEvents",
        "s3:PutObject",
        "sagemaker:DescribeModel",
        "sagemaker:UpdateEndpointWeightsAndCapacities",
    ],
)
def test_an_action_that_is_taken_away_is_refused_by_name(
    rehearsal: Served, bundles: Mapping[str, Path], caller: Callable[[Statements], None], action: str
) -> None:
    caller(without(printed(rehearsal, serves=WANTED), action))
    with pytest.raises(CloudError, match=f"needs {action}"):
        serve(rehearsal, bundles)


def test_what_an_experiment_does_not_do_it_need_not_be_allowed(rehearsal: Served) -> None:
    plain = Deployment("guarded", {"champion": Variant(GOOD)})
    training, serving = actions_of(printed(rehearsal, trains=True)), actions_of(printed(rehearsal, serves=plain))
    assert "sagemaker:CreateEndpoint" not in training
    assert "sagemaker:CreateTrainingJob" not in serving
    assert "sagemaker:CreateHyperParameterTuningJob" not in training
    assert not {a for a in serving if "Scaling" in a and "Describe" not in a}
    assert not {a for a in serving if a.startswith("cloudwatch:Put")}
    queued = actions_of(printed(rehearsal, serves=replace(plain, asynchronous=Asynchronous())))
    assert "sagemaker:InvokeEndpointAsync" in queued
    assert "sagemaker:InvokeEndpoint" not in queued


def test_nothing_but_lists_is_asked_for_on_everything(rehearsal: Served) -> None:
    statements = printed(rehearsal, trains=True, searches=True, serves=WANTED)
    everywhere = actions_of([s for s in statements if s["Resource"] == ["*"]])
    assert {action.partition(":")[2].rstrip("s") for action in everywhere} == {
        "DescribeAlarm",
        "DescribeScalableTarget",
        "DescribeScalingPolicie",
        "GetMetricData",
        "ListEndpointConfig",
        "ListModel",
        "ListTrainingJob",
        "Search",
    }
    assert not {action for action in actions_of(statements) if "*" in action}
