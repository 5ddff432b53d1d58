"""`kill -9` between every two calls of deploy, update and destroy: the next command completes what was begun.

Each command is a process of its own, killed while one of its calls that change something is on its way and has not
arrived; what it reads in between changes nothing, so that these are all the states that a kill can leave.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections import Counter

from benchmarks.gateway import Gateway
from benchmarks.rehearsed import Project, WrongFigure, hold, load, project, register_two_models
from tests.workflow.processes import start

ENDPOINT = "housing-endpoint"
FIRST = (
    "deployment.interface=encoded",
    "deployment.variants.champion.autoscaling={max_instances: 2, invocations_per_instance_per_minute: 600}",
    "deployment.update.wait_s=0",
    "+deployment.update.alarms.errors={metric: Invocation5XXErrors, above: 1}",
)
SECOND = (
    *FIRST,
    "deployment.variants.champion.model=models:/housing@challenger",
    "+deployment.variants.challenger={model: models:/housing@champion, weight: 0.5}",
)
LOCK = "housing/locks/endpoints"
ENDS_WITHIN_S = 120


def main() -> int:
    with project() as there:
        register_two_models(there)
        _make_things_of_others(there)
        gateway = Gateway(there.address.url)
        try:
            for name, before, command, after in (
                ("deploy", None, ("deploy", *FIRST), FIRST),
                ("update", FIRST, ("deploy", *SECOND), SECOND),
                ("destroy", FIRST, ("destroy",), None),
            ):
                _kill_everywhere(there, gateway, name, before, command, after)
        except WrongFigure as problem:
            print(f"WRONG: {problem}")
            return 1
        finally:
            gateway.close()
    return 0


def _kill_everywhere(
    project: Project,
    gateway: Gateway,
    name: str,
    before: tuple[str, ...] | None,
    command: tuple[str, ...],
    after: tuple[str, ...] | None,
) -> None:
    """`before` and `after`: what is deployed first, and what the next command is to make of it; None: nothing."""
    print(f"-- {name} ({load()})", flush=True)
    theirs = _counted(project)
    killed_at: list[str] = []
    locks = 0
    while True:
        if before:
            _run(project, "deploy", *before)
        gateway.open(last=len(killed_at) + 1)
        if not _is_killed(project, gateway, command):
            break
        killed_at.append(gateway.changes[-1])
        # Every second time a deployment is not completed, but removed as it is.
        if after and len(killed_at) % 2:
            _run(project, "deploy", *after)
            _run(project, "plan", *after, "--detailed-exitcode")
        _run(project, "destroy")
        left = _counted(project)
        # Where nothing else was made, the lock of the dead stays until the next deployment takes it over.
        locks += LOCK in left["files"]
        left["files"] = [key for key in left["files"] if key != LOCK]
        hold(left == theirs, f"{name}, killed at {killed_at[-1]}: {theirs} became {left}")
        print(f"  killed at {killed_at[-1]}: nothing of it is left", flush=True)
    _run(project, "destroy")
    left = _counted(project)
    hold(left == theirs, f"after {name}: {theirs} became {left}")
    print(f"{name}: killed {len(killed_at)} times, at {dict(Counter(killed_at))}")
    print(f"  locks that outlived destroy, until the next deployment: {locks}")
    print(f"  0 owned things left; of others {sum(map(len, theirs.values()))} things, all there")


def _is_killed(project: Project, gateway: Gateway, command: tuple[str, ...]) -> bool:
    """Whether the command has so many calls; else it has ended well."""
    process = start(*command, *_host(gateway.url), folder=project.folder)
    give_up = time.monotonic() + ENDS_WITHIN_S
    while not gateway.held.wait(0.02) and process.is_alive():
        hold(time.monotonic() < give_up, f"{command} does not end")
    if gateway.held.is_set():
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        return True
    process.join()
    hold(process.exitcode == 0, f"{command} ended with {process.exitcode}: {project.folder / 'out.txt'}")
    return False


def _run(project: Project, *words: str) -> None:
    project.run(*words, *_host(project.address.url))


def _host(url: str) -> tuple[str, ...]:
    """A host that is SageMaker, wherever it answers."""
    return (
        "target@host=sagemaker",
        f"host.endpoint_url={url}",
        "host.region=us-east-1",
        "host.role_arn=arn:aws:iam::123456789012:role/housing",
        "host.poll_s=0.05",
    )


def _make_things_of_others(project: Project) -> None:
    """Called almost like ours, without our tags."""
    sagemaker, s3 = project.client("sagemaker"), project.client("s3")
    _run(project, "deploy", *FIRST)
    config = sagemaker.describe_endpoint(EndpointName=ENDPOINT)["EndpointConfigName"]
    described = sagemaker.describe_endpoint_config(EndpointConfigName=config)
    model = sagemaker.describe_model(ModelName=described["ProductionVariants"][0]["ModelName"])
    bucket, _, key = model["PrimaryContainer"]["ModelDataUrl"].removeprefix("s3://").partition("/")
    s3.put_object(Bucket=bucket, Key="theirs/model.tar.gz", Body=s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    container = {"Image": model["PrimaryContainer"]["Image"], "ModelDataUrl": f"s3://{bucket}/theirs/model.tar.gz"}
    theirs = f"{ENDPOINT}-theirs"
    sagemaker.create_model(ModelName=theirs, ExecutionRoleArn=model["ExecutionRoleArn"], PrimaryContainer=container)
    variant = {"VariantName": "a", "ModelName": theirs, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName=theirs, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=theirs, EndpointConfigName=theirs)
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=theirs, WaiterConfig={"Delay": 0.1})
    project.client("application-autoscaling").register_scalable_target(
        ServiceNamespace="sagemaker",
        ResourceId=f"endpoint/{theirs}/variant/a",
        ScalableDimension="sagemaker:variant:DesiredInstanceCount",
        MinCapacity=1,
        MaxCapacity=2,
    )
    project.client("cloudwatch").put_metric_alarm(
        AlarmName=f"{ENDPOINT}/theirs/a",
        Namespace="AWS/SageMaker",
        MetricName="Invocations",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1.0,
        ComparisonOperator="GreaterThanThreshold",
    )
    _run(project, "destroy")


def _counted(project: Project) -> dict[str, list[str]]:
    """Everything that there is of what an endpoint is made of, whoever made it."""
    sagemaker, s3 = project.client("sagemaker"), project.client("s3")
    targets = project.client("application-autoscaling").describe_scalable_targets(ServiceNamespace="sagemaker")
    files = [
        each["Key"]
        for bucket in s3.list_buckets()["Buckets"]
        for each in s3.list_objects_v2(Bucket=bucket["Name"]).get("Contents", ())
    ]
    found = {
        "endpoints": [each["EndpointName"] for each in sagemaker.list_endpoints()["Endpoints"]],
        "configurations": [
            each["EndpointConfigName"] for each in sagemaker.list_endpoint_configs(MaxResults=100)["EndpointConfigs"]
        ],
        "models": [each["ModelName"] for each in sagemaker.list_models(MaxResults=100)["Models"]],
        "alarms": [each["AlarmName"] for each in project.client("cloudwatch").describe_alarms()["MetricAlarms"]],
        "scalable targets": [each["ResourceId"] for each in targets["ScalableTargets"]],
        "files": files,
    }
    return {kind: sorted(names) for kind, names in found.items()}


if __name__ == "__main__":
    sys.exit(main())
