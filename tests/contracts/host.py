"""What every host must do; subclass and give it a `host` and `models`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from housing.deployment.plan import CreateEndpoint, plan, teardown
from housing.deployment.spec import Autoscaling, Deployment, Variant
from housing.errors import DataError, DeploymentError
from housing.targets.base import Host

ROWS = "Area,Alley,Zone\n900,NA,RL\n2000,Pave,RM\n"
GOOD, OTHER = "models:/price/1", "models:/price/2"
AB_TEST = Deployment("house", {"champion": Variant(GOOD, weight=9), "challenger": Variant(OTHER, weight=1)})


def deploy(host: Host, wanted: Deployment, models: Mapping[str, Path]) -> None:
    for action in plan(wanted, host.current(wanted.endpoint)):
        host.apply(action, models)


def destroy(host: Host, endpoint: str) -> None:
    for action in teardown(endpoint, host.current(endpoint)):
        host.apply(action, {})


class HostContract:
    """`models` holds whole bundles of `tests.models` for GOOD and OTHER; nothing is deployed at first."""

    def test_nothing_is_served_before_the_first_deployment(self, host: Host) -> None:
        assert list(host.endpoints()) == []
        assert host.current("house") is None
        assert host.status("house") is None
        with pytest.raises(DeploymentError, match="house"):
            host.predict("house", ROWS)

    def test_a_deployment_arrives_and_is_planned_no_more(self, host: Host, models: Mapping[str, Path]) -> None:
        deploy(host, AB_TEST, models)
        assert list(host.endpoints()) == ["house"]
        assert host.current("house") == AB_TEST
        assert plan(AB_TEST, host.current("house")) == ()

    def test_raw_rows_are_answered_in_the_unit_of_the_label_in_their_order(
        self, host: Host, models: Mapping[str, Path]
    ) -> None:
        deploy(host, AB_TEST, models)
        answer = host.predict("house", ROWS, "champion")
        assert answer.variant == "champion"
        assert answer.values == pytest.approx([90_000, 200_000], rel=0.1)

    def test_rows_that_the_model_refuses_are_faults_of_the_data(self, host: Host, models: Mapping[str, Path]) -> None:
        deploy(host, AB_TEST, models)
        with pytest.raises(DataError, match="Area"):
            host.predict("house", "Area,Alley,Zone\nbig,NA,RL\n")
        with pytest.raises(DataError, match="Zone"):
            host.predict("house", "Area,Alley\n900,NA\n")

    def test_an_unknown_variant_is_refused_by_name(self, host: Host, models: Mapping[str, Path]) -> None:
        deploy(host, AB_TEST, models)
        with pytest.raises(DeploymentError, match="stranger"):
            host.predict("house", ROWS, "stranger")

    def test_any_deployment_can_follow_any_other(self, host: Host, models: Mapping[str, Path]) -> None:
        scaling = Autoscaling(max_instances=2, min_instances=1, invocations_per_instance_per_minute=600)
        steps = [
            AB_TEST,
            Deployment("house", {"champion": Variant(OTHER, autoscaling=scaling)}),
            Deployment("house", {"champion": Variant(GOOD, autoscaling=scaling), "challenger": Variant(OTHER)}),
            Deployment("house", {"challenger": Variant(OTHER, instances=2)}),
            AB_TEST,
        ]
        for wanted in steps:
            deploy(host, wanted, models)
            assert plan(wanted, host.current("house")) == ()
            for variant in wanted.variants:
                assert host.predict("house", ROWS, variant).variant == variant

    def test_a_variant_without_weight_answers_only_when_it_is_asked_for(
        self, host: Host, models: Mapping[str, Path]
    ) -> None:
        silent = replace(AB_TEST.variants["challenger"], weight=0)
        deploy(host, Deployment("house", {**AB_TEST.variants, "challenger": silent}), models)
        assert {host.predict("house", ROWS).variant for _ in range(30)} == {"champion"}
        assert host.predict("house", ROWS, "challenger").variant == "challenger"

    def test_status_tells_what_was_asked_and_which_models_answer(self, host: Host, models: Mapping[str, Path]) -> None:
        deploy(host, AB_TEST, models)
        host.predict("house", ROWS, "champion")
        status = host.status("house")
        assert status is not None
        assert (status.endpoint, status.state, status.deployment) == ("house", "InService", AB_TEST)
        assert status.instances == {"champion": 1, "challenger": 1}
        assert status.invocations == {"champion": 1, "challenger": 0}
        assert status.models["champion"]["model"] == GOOD
        assert status.models["champion"]["digest"] != status.models["challenger"]["digest"]

    def test_what_exists_is_not_created_again(self, host: Host, models: Mapping[str, Path]) -> None:
        deploy(host, AB_TEST, models)
        with pytest.raises(DeploymentError, match="exists"):
            host.apply(CreateEndpoint(AB_TEST), models)

    def test_a_destroyed_endpoint_is_gone(self, host: Host, models: Mapping[str, Path]) -> None:
        deploy(host, AB_TEST, models)
        destroy(host, "house")
        assert list(host.endpoints()) == []
        assert host.current("house") is None
