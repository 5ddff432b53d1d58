"""The same API in front of SageMaker, at a rehearsal's address."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow.deployments import get_deploy_client

from housing.testing.models import EXAMPLE
from tests.rehearsal.conftest import ROLE, Served

pytestmark = pytest.mark.slow


@pytest.fixture
def target(folder: Path, tmp_path: Path) -> Iterator[str]:
    served = Served(tmp_path / "rehearsal")
    yield (
        f"housing:/sagemaker?host.endpoint_url={served.url}&host.region=us-east-1&host.role_arn={ROLE}&host.poll_s=0.05"
    )
    served.close()


def test_a_deployment_is_made_asked_changed_and_ended(target: str) -> None:
    client = get_deploy_client(target)
    client.create_deployment("price", "models:/housing@champion", config={"interface": "encoded"})
    answer = client.predict("price", EXAMPLE)
    assert answer["predictions"] == pytest.approx([90_000, 200_000], rel=0.1)
    client.create_deployment("challenger", "models:/housing@challenger", config={"weight": 0.25}, endpoint="price")
    assert {d["name"]: d["share"] for d in client.list_deployments("price")} == {"champion": 0.8, "challenger": 0.2}
    client.delete_deployment("price")
    assert client.list_deployments() == []
