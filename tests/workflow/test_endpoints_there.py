"""Deploy and operate at SageMaker, rehearsed: what each command says, and the exit code it ends with."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import json
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import boto3
import pytest

from housing.cli.dispatch import main
from housing.rehearsal.process import Address, ensure, stop
from housing.rehearsal.settings import Settings
from tests.rehearsal.conftest import give_known_keys
from tests.workflow.conftest import Answer
from tests.workflow.quick import quick

Command = Callable[..., Answer]


@pytest.mark.slow
def test_a_promoted_model_is_registered_there_too(there: Command, address: Address) -> None:
    group = "host.model_package_group=houses"
    answer = there("promote", "study.trials=1", group)
    assert answer.code == 0, answer.err
    assert "model package group houses version 1, approved" in answer.err + answer.out
    again = there("promote", "study.trials=1", group)
    assert again.code == 0, again.err
    found = _client(address, "sagemaker").list_model_packages(ModelPackageGroupName="houses")
    assert [each["ModelApprovalStatus"] for each in found["ModelPackageSummaryList"]] == ["Approved"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where everything is done; a champion is registered, and nothing is served."""
    path = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as outside, contextlib.chdir(path):
        for name in ("MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID"):
            outside.delenv(name, raising=False)
        for words in (("train",), ("promote", "study.trials=1")):
            answer = _run(*words)
            assert answer.code == 0, answer.err
        yield path


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    state = str(tmp_path_factory.mktemp("rehearsal"))
    give_known_keys(Path(state))
    yield ensure(Settings(folder=state, idle_s=120))
    stop(state)


@pytest.fixture
def there(folder: Path, address: Address) -> Iterator[Command]:
    """Runs a command whose host is the rehearsal; what is served is ended afterwards."""

    def command(*words: str) -> Answer:
        role = "arn:aws:iam::123456789012:role/housing"
        return _run(
            *words,
            "target@host=sagemaker",
            f"host.endpoint_url={address.url}",
            f"host.region={address.region}",
            f"host.role_arn={role}",
            "host.poll_s=0.05",
        )

    yield command
    command("destroy")


def _run(*words: str) -> Answer:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([*quick(words)])
    return Answer(code, out.getvalue(), err.getvalue())


def _client(address: Address, service: str) -> Any:
    keys = {"aws_access_key_id": "rehearsal", "aws_secret_access_key": "rehearsal"}
    return boto3.client(service, endpoint_url=address.url, region_name=address.region, **keys)


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten sales."""
    path = tmp_path_factory.mktemp("rows") / "rows.csv"
    with (files("housing.data") / "ames.csv.gz").open("rb") as raw, gzip.open(raw, "rt") as text:
        path.write_text("".join(line for _, line in zip(range(11), text, strict=False)))
    return path


@pytest.mark.slow
def test_what_is_deployed_answers_is_watched_traced_and_ended(there: Command, rows: Path) -> None:
    assert there("plan", "--detailed-exitcode").code == 2
    deployed = there("deploy")
    assert deployed.code == 0, deployed.err
    assert there("plan", "--detailed-exitcode").code == 0
    renamed = ("~deployment.variants.champion", "+deployment.variants.other.model=models:/housing@champion")
    planned = there("plan", *renamed)
    assert "was deployed from another configuration, which has champion as well" in planned.out, planned.err
    missed = there("destroy", "deployment.endpoint=elsewhere")
    assert "nothing to remove" in missed.out and "endpoints here: housing-endpoint" in missed.out
    assert "housing destroy deployment.endpoint=housing-endpoint" in missed.out

    served = there("predict", str(rows), "--json").data["predictions"]
    assert len(served) == 10
    registered = _registered(rows)
    assert [each["value"] for each in served] == pytest.approx(registered, rel=1e-6)

    (state,) = there("status", "--json").data["endpoints"]
    assert (state["state"], state["usd_per_hour"]) == ("InService", pytest.approx(0.115))
    assert "USD an hour" in there("status").out
    lineage = there("lineage", "housing-endpoint", "--json")
    assert (lineage.code, lineage.data["faults"]) == (0, [])

    assert there("destroy").code == 0
    assert there("status", "--json").data["endpoints"] == []
    assert "nothing to remove" in there("destroy").out


@pytest.mark.slow
def test_the_encoded_interface_gives_the_same_dollars(there: Command, rows: Path) -> None:
    deployed = there("deploy", "deployment.interface=encoded")
    assert deployed.code == 0, deployed.err
    served = there("predict", str(rows), "--json").data["predictions"]
    assert [each["value"] for each in served] == pytest.approx(_registered(rows), rel=1e-6)


@pytest.mark.slow
def test_a_file_in_s3_is_answered_there(there: Command, rows: Path, address: Address) -> None:
    s3 = _client(address, "s3")
    s3.create_bucket(Bucket="mine")
    s3.put_object(Bucket="mine", Key="rows.csv", Body=rows.read_bytes())
    assert there("deploy", "deployment.interface=encoded").code == 0
    answered = there("predict", "--batch", "s3://mine/rows.csv", "--json")
    assert answered.code == 0, answered.err
    bucket, _, key = answered.data["location"].removeprefix("s3://").partition("/")
    label, *values = s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode().split()
    assert label == "SalePrice"
    assert [float(value) for value in values] == pytest.approx(_registered(rows), rel=1e-6)


@pytest.mark.slow
def test_an_update_that_is_taken_back_ends_with_the_code_of_cloud_errors(there: Command, address: Address) -> None:
    assert there("deploy").code == 0
    before = _client(address, "sagemaker").describe_endpoint(EndpointName="housing-endpoint")
    # Somebody else's alarm rings already when the update begins to be watched.
    cloudwatch = _client(address, "cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName="fire",
        Namespace="Mine",
        MetricName="Heat",
        Statistic="Maximum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )
    cloudwatch.set_alarm_state(AlarmName="fire", StateValue="ALARM", StateReason="a drill")
    refused = there("deploy", "deployment.interface=encoded", "deployment.update.existing_alarms=[fire]")
    assert refused.code == 6
    assert "fire" in refused.err
    after = _client(address, "sagemaker").describe_endpoint(EndpointName="housing-endpoint")
    assert (after["EndpointStatus"], after["EndpointConfigName"]) == ("InService", before["EndpointConfigName"])


def test_what_only_sagemaker_can_do_is_refused_here_before_anything_changes(folder: Path) -> None:
    refused = _run("deploy", "deployment=guarded", "deployment.update.existing_alarms=[fire]")
    assert (refused.code, "deployment.update" in refused.err) == (3, True)
    assert not (folder / ".housing" / "endpoints").exists()
    refused = _run("predict", "--batch", "s3://mine/rows.csv")
    assert refused.code == 3
    assert "target@host=sagemaker" in refused.err


@pytest.mark.slow
def test_what_a_killed_deployment_has_left_is_told_and_removed(there: Command, address: Address) -> None:
    assert there("deploy").code == 0
    client = _client(address, "sagemaker")
    client.delete_endpoint(EndpointName="housing-endpoint")
    status = there("status")
    assert "there is no endpoint here" in status.out
    assert "only a part is there" in status.out
    assert there("destroy").code == 0
    assert there("status", "--json").data == {"endpoints": [], "remains": []}
    assert client.list_models(NameContains="housing-endpoint")["Models"] == []


def test_iam_prints_a_policy_that_a_pipe_takes(there: Command) -> None:
    policy = json.loads(there("iam").out)
    assert policy["Version"] == "2012-10-17"
    role = json.loads(there("iam", "role").out)
    assert role["Statement"] != policy["Statement"]
    assert _run("iam").code == 3
    assert there("iam", "nobody").code == 3


@pytest.mark.parametrize(
    ("resource", "own"),
    [("mlflow-tracking-server/record", set()), ("mlflow-app/app-6EXAMPLE", {"sagemaker:CallMlflowAppApi"})],
)
def test_a_record_in_a_managed_mlflow_is_part_of_the_policy(there: Command, resource: str, own: set[str]) -> None:
    arn = f"arn:aws:sagemaker:us-east-1:123456789012:{resource}"

    def on_the_record(policy: Any) -> set[str]:
        return {action for s in policy["Statement"] if s["Resource"] == [arn] for action in s["Action"]}

    documents = there("iam", f"tracking.uri={arn}", "--json").data
    found = on_the_record(documents["caller"])
    assert {"sagemaker-mlflow:CreateRun", "sagemaker-mlflow:SetRegisteredModelAlias"} <= found
    assert {action for action in found if not action.startswith("sagemaker-mlflow:")} == own
    assert not {action for action in found if "*" in action}
    assert on_the_record(documents["role"]) == set(), "jobs and endpoints do not write the record"
    here = _run("iam", f"tracking.uri={arn}", "--json").data
    assert on_the_record(here["caller"]) == found, "also where nothing else is at AWS"
    assert len(here["caller"]["Statement"]) == 1


def test_an_arn_that_is_no_managed_mlflow_is_refused_with_both_forms() -> None:
    refused = _run("iam", "tracking.uri=arn:aws:sagemaker:us-east-1:123456789012:mlflow/record")
    assert refused.code == 3
    assert "mlflow-tracking-server/<name>" in refused.err
    assert "mlflow-app/<id>" in refused.err


def _registered(rows: Path) -> list[float]:
    """What the registered MLflow model answers."""
    from housing.tracking.registry import Registry
    from housing.tracking.runs import Runs
    from housing.training.predictor import Predictor

    registry = Registry(Runs.open("sqlite:///mlflow.db", "housing").client)
    predictor = Predictor.load(registry.download(registry.resolve("models:/housing@champion")))
    with rows.open(newline="") as text:
        table = list(csv.DictReader(text))
    values: list[float] = predictor.predict_records(table).values.tolist()
    return values
