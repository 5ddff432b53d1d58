"""The plain SageMaker SDK v3, written without housing, serves against a rehearsal as it would on AWS."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.rehearsal.conftest import ROLE, Served
from tests.rehearsal.serving.shop import XGBOOST, Shop, archive, constant

pytestmark = pytest.mark.slow

PROGRAM = """
    import sys
    from sagemaker.core.resources import Endpoint, EndpointConfig, Model
    from sagemaker.core.shapes import ContainerDefinition, DesiredWeightAndCapacity, ProductionVariant

    role, image, *data = sys.argv[1:]

    def model(name, url):
        container = ContainerDefinition(image=image, model_data_url=url)
        return Model.create(model_name=name, primary_container=container, execution_role_arn=role)

    def variant(name, model_name, weight):
        return ProductionVariant(variant_name=name, model_name=model_name, instance_type="ml.m5.large",
                                 initial_instance_count=1, initial_variant_weight=weight)

    def answers(endpoint):
        found = [endpoint.invoke(body="0.1,0.2,0.3,0.4", content_type="text/csv") for _ in range(30)]
        return {(each.invoked_production_variant, float(each.body.read())) for each in found}

    models = [model(f"sdk-{i}", url) for i, url in enumerate(data)]
    first = EndpointConfig.create(endpoint_config_name="sdk-first", production_variants=[
        variant("a", "sdk-0", 1.0), variant("b", "sdk-1", 1.0)])
    endpoint = Endpoint.create(endpoint_name="sdk", endpoint_config_name="sdk-first")
    endpoint.wait_for_status("InService", poll=0)
    print(sorted(answers(endpoint)))

    # The SDK's shapes lose a weight of 0.
    endpoint.update_weights_and_capacities([
        DesiredWeightAndCapacity(variant_name="a", desired_weight=1e-9),
        DesiredWeightAndCapacity(variant_name="b", desired_weight=1.0, desired_instance_count=2)])
    endpoint.wait_for_status("InService", poll=0)
    print(sorted(answers(endpoint)), [each.current_instance_count for each in endpoint.production_variants])

    second = EndpointConfig.create(endpoint_config_name="sdk-second", production_variants=[variant("c", "sdk-0", 1.0)])
    endpoint.endpoint_config_name = "sdk-second"
    endpoint.update()
    endpoint.wait_for_status("InService", poll=0)
    print(sorted(answers(endpoint)), endpoint.endpoint_config_name)

    endpoint.delete()
    endpoint.wait_for_delete(poll=0)
    for each in (first, second, *models):
        each.delete()
    print()
    print([each.endpoint_name for each in Endpoint.get_all()])
"""


def test_it_creates_invokes_reweights_updates_and_deletes(rehearsal: Served, tmp_path: Path) -> None:
    shop = Shop(rehearsal)
    urls = [shop.put(archive({"xgboost-model": constant(value)}), f"sdk/{value}.tar.gz") for value in (1.0, 2.0)]
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        "AWS_ENDPOINT_URL": rehearsal.url,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "rehearsal",
        "AWS_SECRET_ACCESS_KEY": "rehearsal",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(PROGRAM), ROLE, XGBOOST, *urls],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = [line for line in done.stdout.splitlines() if line.startswith("[")]
    assert said == [
        "[('a', 1.0), ('b', 2.0)]",
        "[('b', 2.0)] [1, 2]",
        "[('c', 1.0)] sdk-second",
        "[]",
    ]
