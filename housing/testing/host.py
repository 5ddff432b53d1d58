"""The contract of hosts: subclass it and give it a `host` and `models`."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from housing.data.answers import read
from housing.data.derived import Derived
from housing.data.encoder import Encoder
from housing.deployment.plan import CreateEndpoint, plan, teardown
from housing.deployment.spec import Alarm, Autoscaling, Capture, Deployment, Interface, Strategy, Update, Variant
from housing.errors import DataError, DeploymentError, HousingError
from housing.targets.base import EndpointStatus, Host
from housing.training.artifact import Bundle, read_bundle, write_bundle
from housing.training.predictor import Predictor

ROWS = "Area,Alley,Zone\n900,NA,RL\n2000,Pave,RM\n"
GOOD, OTHER = "models:/price/1", "models:/price/2"
AB_TEST = Deployment(
    "house", {"champion": Variant(GOOD, weight=9), "challenger": Variant(OTHER, weight=1)}, interface="encoded"
)


def deploy(host: Host, wanted: Deployment, models: Mapping[str, Path]) -> None:
    for action in plan(wanted, host.current(wanted.endpoint)):
        host.apply(action, models)


def destroy(host: Host, endpoint: str) -> None:
    for action in teardown(endpoint, host.current(endpoint)):
        host.apply(action, {})


def counted(host: Host, endpoint: str, invocations: int) -> EndpointStatus:
    """The status once that many invocations have been counted: some hosts count with a delay."""
    deadline = time.monotonic() + 300
    while True:
        status = host.status(endpoint)
        assert status is not None
        if sum(status.invocations.values()) >= invocations:
            return status
        assert time.monotonic() < deadline, f"only {status.invocations} were counted"
        time.sleep(0.1)


class HostContract:
    """`models` has bundles of `housing.testing.models` for GOOD and OTHER; at first only `others` are deployed."""

    others: tuple[str, ...] = ()

    def test_nothing_is_served_before_the_first_deployment(self, host: Host) -> None:
        assert sorted(host.endpoints()) == sorted(self.others)
        assert host.current("house") is None
        assert host.status("house") is None
        with pytest.raises(DeploymentError, match="house"):
            host.predict("house", ROWS)

    def test_a_deployment_arrives_and_is_planned_no_more(self, host: Host, models: Mapping[str, Path]) -> None:
        deploy(host, AB_TEST, models)
        assert sorted(host.endpoints()) == sorted([*self.others, "house"])
        assert host.current("house") == AB_TEST
        assert plan(AB_TEST, host.current("house")) == ()

    def test_raw_rows_are_answered_in_the_unit_of_the_label_in_their_order(
        self, host: Host, models: Mapping[str, Path]
    ) -> None:
        deploy(host, AB_TEST, models)
        answer = host.predict("house", ROWS, "champion")
        assert answer.variant == "champion"
        assert answer.values == pytest.approx([90_000, 200_000], rel=0.1)

    @pytest.mark.parametrize("interface", ["raw", "encoded"])
    def test_either_interface_gives_the_answers_of_the_model(
        self, host: Host, models: Mapping[str, Path], interface: Interface
    ) -> None:
        deploy(host, Deployment("house", {"champion": Variant(GOOD)}, interface=interface), models)
        expected = Predictor.load(models[GOOD]).predict_csv(ROWS)
        assert host.predict("house", ROWS).values == pytest.approx(expected.values.tolist(), rel=1e-6)

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
        plain = partial(Deployment, "house", interface="encoded")
        scaling = Autoscaling(max_instances=2, min_instances=1, invocations_per_instance_per_minute=600)
        steps = [
            AB_TEST,
            plain({"champion": Variant(OTHER, autoscaling=scaling)}),
            plain({"champion": Variant(GOOD, autoscaling=scaling), "challenger": Variant(OTHER)}),
            plain({"challenger": Variant(OTHER, instances=2)}),
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
        deploy(host, replace(AB_TEST, variants={**AB_TEST.variants, "challenger": silent}), models)
        assert {host.predict("house", ROWS).variant for _ in range(30)} == {"champion"}
        assert host.predict("house", ROWS, "challenger").variant == "challenger"

    def test_status_tells_what_was_asked_and_which_models_answer(self, host: Host, models: Mapping[str, Path]) -> None:
        # Its own name: hosts that count elsewhere may still count for an earlier endpoint of the same name.
        wanted = replace(AB_TEST, endpoint="counted")
        deploy(host, wanted, models)
        host.predict("counted", ROWS, "champion")
        status = counted(host, "counted", 1)
        assert (status.endpoint, status.state, status.deployment) == ("counted", "InService", wanted)
        assert status.instances == {"champion": 1, "challenger": 1}
        assert status.invocations == {"champion": 1, "challenger": 0}
        assert status.models["champion"]["model"] == GOOD
        assert status.models["champion"]["digest"] != status.models["challenger"]["digest"]

    @pytest.mark.parametrize("interface", ["raw", "encoded"])
    def test_captured_requests_are_told_with_their_answers(
        self, host: Host, models: Mapping[str, Path], interface: Interface
    ) -> None:
        variants = {"champion": Variant(GOOD), "challenger": Variant(OTHER)}
        endpoint = f"captured-{interface}"
        deploy(host, Deployment(endpoint, variants, interface=interface, capture=Capture(100)), models)
        answers = {name: host.predict(endpoint, ROWS, name).values for name in variants}
        deadline = time.monotonic() + 300
        while len(found := host.captured(endpoint)) < 2:
            assert time.monotonic() < deadline, f"only {found} were captured"
            time.sleep(0.1)
        for one in found:
            encoder = Predictor.load(models[variants[one.variant].model]).encoder
            told = read(one.answer, encoder, encoded=one.encoded).values.tolist()
            assert told == pytest.approx(answers[one.variant], rel=1e-6)
        assert {one.variant for one in found} == set(variants)
        assert {one.content_type for one in found} == {"text/csv"}

    def test_an_endpoint_that_does_not_exist_has_captured_nothing(self, host: Host) -> None:
        with pytest.raises(DeploymentError, match="house"):
            host.captured("house")

    def test_what_exists_is_not_created_again(self, host: Host, models: Mapping[str, Path]) -> None:
        deploy(host, AB_TEST, models)
        with pytest.raises(DeploymentError, match="exists"):
            host.apply(CreateEndpoint(AB_TEST), models)

    def test_a_destroyed_endpoint_is_gone(self, host: Host, models: Mapping[str, Path]) -> None:
        deploy(host, AB_TEST, models)
        destroy(host, "house")
        assert sorted(host.endpoints()) == sorted(self.others)
        assert host.current("house") is None


_ERRORS = Alarm("Invocation5XXErrors", above=0, period_s=10)


class ShiftingContract:
    """The contract of hosts that support `deployment.update`: step by step, and rolled back when an alarm rings."""

    @pytest.mark.parametrize("strategy", ["canary", "linear"])
    def test_traffic_shifts_to_a_good_model_step_by_step(
        self, host: Host, models: Mapping[str, Path], strategy: Strategy
    ) -> None:
        endpoint = f"shifted-{strategy}"
        deploy(host, Deployment(endpoint, {"champion": Variant(GOOD)}), models)
        update = Update(strategy, 50, wait_s=1, alarms={"errors": _ERRORS})
        wanted = Deployment(endpoint, {"champion": Variant(OTHER)}, update=update)
        with _asking(host, endpoint) as failed:
            deploy(host, wanted, models)
        assert host.current(endpoint) == wanted
        assert _answering(host, endpoint) == OTHER
        assert failed == []

    def test_a_canary_of_a_failing_model_is_rolled_back(
        self, host: Host, models: Mapping[str, Path], tmp_path: Path
    ) -> None:
        before = Deployment("rolled-back", {"champion": Variant(GOOD)})
        deploy(host, before, models)
        write_bundle(tmp_path / "failing", _failing(read_bundle(models[GOOD])))
        update = Update("canary", 50, wait_s=600, alarms={"errors": _ERRORS})
        wanted = Deployment("rolled-back", {"champion": Variant("models:/price/9")}, update=update)
        with (
            _asking(host, "rolled-back"),
            pytest.raises(HousingError, match=r"rolled back|took the update back") as told,
        ):
            deploy(host, wanted, {**models, "models:/price/9": tmp_path / "failing"})
        assert told.value.exit_code == 6
        assert _answering(host, "rolled-back") == GOOD
        assert host.predict("rolled-back", ROWS).values == pytest.approx([90_000, 200_000], rel=0.1)


@contextmanager
def _asking(host: Host, endpoint: str) -> Iterator[list[str]]:
    """Runs a client that asks all the time; yields the errors of unanswered requests."""
    ended, failed = threading.Event(), []

    def ask() -> None:
        while not ended.wait(0.01):
            try:
                host.predict(endpoint, ROWS)
            except (DeploymentError, DataError) as error:
                failed.append(str(error))

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield failed
    finally:
        ended.set()
        thread.join()


def _answering(host: Host, endpoint: str) -> str:
    status = host.status(endpoint)
    assert status is not None
    return status.models["champion"]["model"]


def _failing(good: Bundle) -> Bundle:
    """A bundle that loads, but whose encoder makes one column more than its model has."""
    encoder = Encoder.from_json(good.encoder)
    wider = replace(encoder, derived={"twice": Derived("sum", ("Area", "Area"))})
    return replace(good, encoder=wider.to_json())
