"""A command that is killed between any two of its calls leaves something that the next one completes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from housing.deployment.plan import plan
from housing.deployment.spec import Alarm, Autoscaling, Deployment, Update, Variant
from housing.targets.sagemaker.built_in.xgboost.images import serving_image
from housing.targets.sagemaker.hosting.host import SageMakerHost
from housing.testing.host import GOOD, OTHER, ROWS, deploy, destroy
from tests.rehearsal.conftest import ROLE, Served
from tests.targets.sagemaker.conftest import settings_of

pytestmark = pytest.mark.slow

SCALED = Variant(GOOD, autoscaling=Autoscaling(max_instances=2, invocations_per_instance_per_minute=600))
FIRST = Deployment(
    "mortal",
    {"champion": SCALED},
    interface="encoded",
    update=Update(wait_s=0, alarms={"errors": Alarm("Invocation5XXErrors", above=1)}),
)
SECOND = replace(FIRST, variants={"champion": replace(SCALED, model=OTHER), "challenger": Variant(GOOD, weight=0.5)})
SERVICES = ("sagemaker", "s3", "cloudwatch", "application-autoscaling")
READS = ("Describe", "List", "Get", "Head")


class Killed(BaseException):
    """What no code of housing catches, as none can catch SIGKILL."""


class Mortal:
    """A host whose commands can be made to end right after any of their calls that change something."""

    def __init__(self, rehearsal: Served) -> None:
        self.host = SageMakerHost(settings_of(rehearsal))
        self._left = 0
        for service in SERVICES:
            self.host._clients(service).meta.events.register("after-call", self._count)

    def _count(self, model: Any, **_: Any) -> None:
        if not model.name.startswith(READS):
            self._left -= 1
            if self._left <= 0:  # the dead call nobody, from whichever thread
                raise Killed

    def survives(self, command: Callable[[SageMakerHost], None], *, last: int) -> bool:
        """Whether the command has fewer than `last` such calls: else it ends right after that one."""
        self._left = last
        try:
            command(self.host)
        except Killed:
            return False
        return True


def _kill_everywhere(
    rehearsal: Served,
    command: Callable[[SageMakerHost], None],
    *,
    before: Callable[[SageMakerHost], None],
    after: Callable[[SageMakerHost], None],
) -> int:
    """Let `command` be killed after its first call, its second, and so on until it has no more; returns how many."""
    host, mortal = SageMakerHost(settings_of(rehearsal)), Mortal(rehearsal)
    last = 0
    survived = False
    while not survived:
        last += 1
        before(host)
        survived = mortal.survives(command, last=last)
        after(host)
    return last - 1


def _nothing(_: SageMakerHost) -> None:
    """No preparation."""


@pytest.fixture(scope="module", autouse=True)
def theirs(rehearsal: Served) -> Mapping[str, int]:
    """Somebody else's things, called almost like ours."""
    client = rehearsal.client("sagemaker")
    image = serving_image(None, settings_of(rehearsal), "us-east-1")
    client.create_model(ModelName="mortal-theirs", ExecutionRoleArn=ROLE, PrimaryContainer={"Image": image})
    variant = {"VariantName": "a", "ModelName": "mortal-theirs", "InstanceType": "ml.m5.large"}
    client.create_endpoint_config(
        EndpointConfigName="mortal-theirs", ProductionVariants=[variant | {"InitialInstanceCount": 1}]
    )
    rehearsal.client("cloudwatch").put_metric_alarm(
        AlarmName="mortal/theirs/a",
        Namespace="AWS/SageMaker",
        MetricName="Invocations",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1.0,
        ComparisonOperator="GreaterThanThreshold",
    )
    return _counted(rehearsal)


def _counted(rehearsal: Served) -> dict[str, int]:
    """What there is of everything that an endpoint is made of."""
    sagemaker = rehearsal.client("sagemaker")
    s3 = rehearsal.client("s3")
    buckets = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    targets = rehearsal.client("application-autoscaling").describe_scalable_targets(ServiceNamespace="sagemaker")
    return {
        "endpoints": len(sagemaker.list_endpoints(NameContains="mortal")["Endpoints"]),
        "configurations": len(sagemaker.list_endpoint_configs(NameContains="mortal")["EndpointConfigs"]),
        "models": len(sagemaker.list_models(NameContains="mortal")["Models"]),
        "alarms": len(rehearsal.client("cloudwatch").describe_alarms(AlarmNamePrefix="mortal")["MetricAlarms"]),
        "scalable targets": len(targets["ScalableTargets"]),
        "files": sum(s3.list_objects_v2(Bucket=name, Prefix="housing/")["KeyCount"] for name in buckets),
    }


@pytest.fixture
def deployed(models: Mapping[str, Path]) -> Callable[[Deployment], Callable[[SageMakerHost], None]]:
    return lambda wanted: lambda host: deploy(host, wanted, models)


Deployed = Callable[[Deployment], Callable[[SageMakerHost], None]]


def test_a_killed_first_deployment_is_completed_or_removed(
    rehearsal: Served, deployed: Deployed, theirs: Mapping[str, int]
) -> None:
    completed = []

    def complete(host: SageMakerHost) -> None:
        # Every second time it is not completed but removed.
        if len(completed) % 2:
            deployed(FIRST)(host)
            assert plan(FIRST, host.current("mortal")) == ()
        completed.append(host.endpoints())
        destroy(host, "mortal")
        assert _counted(rehearsal) == theirs

    calls = _kill_everywhere(rehearsal, deployed(FIRST), before=_nothing, after=complete)
    assert calls >= 8
    assert all(names == ["mortal"] for names in completed[1:])  # the first call makes the bucket


def test_a_killed_update_is_completed_and_nothing_is_doubled(
    rehearsal: Served, deployed: Deployed, theirs: Mapping[str, int]
) -> None:
    def complete(host: SageMakerHost) -> None:
        deployed(SECOND)(host)
        assert plan(SECOND, host.current("mortal")) == ()
        assert host.predict("mortal", ROWS, "challenger").values

    calls = _kill_everywhere(rehearsal, deployed(SECOND), before=deployed(FIRST), after=complete)
    assert calls >= 8
    destroy(SageMakerHost(settings_of(rehearsal)), "mortal")
    assert _counted(rehearsal) == theirs


def test_a_killed_removal_is_completed(rehearsal: Served, deployed: Deployed, theirs: Mapping[str, int]) -> None:
    def remove(host: SageMakerHost) -> None:
        destroy(host, "mortal")

    def complete(host: SageMakerHost) -> None:
        for endpoint in host.endpoints():
            destroy(host, endpoint)
        assert _counted(rehearsal) == theirs

    calls = _kill_everywhere(rehearsal, remove, before=deployed(FIRST), after=complete)
    assert calls >= 6


def test_a_lock_whose_holder_was_killed_is_taken_over_at_once(rehearsal: Served) -> None:
    program = (
        "import sys, time\n"
        "from housing.targets.sagemaker.settings import Settings\n"
        "from housing.targets.sagemaker.hosting.host import SageMakerHost\n"
        f"host = SageMakerHost(Settings(endpoint_url={rehearsal.url!r}, region='us-east-1', role_arn={ROLE!r}))\n"
        "with host.hold('deploying mortal'):\n"
        "    print('held', flush=True)\n"
        "    time.sleep(600)\n"
    )
    holder = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    holder.stdout.close()
    began = time.monotonic()
    with SageMakerHost(settings_of(rehearsal)).hold("deploying mortal again"):
        assert time.monotonic() - began < 5
