"""What is planned is what SageMaker does: from every kind of deployment to every other, on one endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from housing.deployment.changes import describe
from housing.deployment.plan import plan
from housing.deployment.spec import Asynchronous, Autoscaling, Capture, Deployment, Serverless, Variant
from housing.targets.sagemaker.hosting.host import SageMakerHost
from housing.testing.host import GOOD, OTHER, deploy, destroy

pytestmark = pytest.mark.slow

PLAIN = Deployment("turncoat", {"a": Variant(GOOD)}, interface="encoded")
SCALED = Variant(GOOD, autoscaling=Autoscaling(max_instances=2, invocations_per_instance_per_minute=600))
SHADE = Variant(OTHER, weight=0.5, shadow=True)
# A walk in which each kind follows each that it is told apart from by what the API refuses.
WALK = {
    "scaled": replace(PLAIN, variants={"a": SCALED}),
    "asynchronous": replace(PLAIN, asynchronous=Asynchronous(2)),
    "serverless": replace(PLAIN, variants={"a": Variant(GOOD, serverless=Serverless(1024, 3))}),
    "serverless to instances": replace(PLAIN, variants={"a": Variant(GOOD, instances=2)}),
    "a scaled one beside": replace(PLAIN, variants={"a": Variant(GOOD), "b": replace(SCALED, model=OTHER)}),
    "which becomes a shadow": replace(PLAIN, variants={"a": Variant(GOOD), "b": SHADE}),
    "of another weight": replace(PLAIN, variants={"a": Variant(GOOD), "b": replace(SHADE, weight=0.25, instances=2)}),
    "and answers": replace(PLAIN, variants={"a": Variant(GOOD), "b": Variant(OTHER)}, capture=Capture(50)),
    "other machines that scale": replace(PLAIN, variants={"a": replace(SCALED, instance_type="ml.m5.xlarge")}),
}


def test_every_kind_of_deployment_follows_the_one_before(host: SageMakerHost, models: Mapping[str, Path]) -> None:
    deploy(host, PLAIN, models)
    for kind, wanted in WALK.items():
        deploy(host, wanted, models)
        current = host.current("turncoat")
        assert current is not None, kind
        assert not describe(wanted, current), kind
        assert plan(wanted, current) == (), kind
    destroy(host, "turncoat")
    assert host.current("turncoat") is None
