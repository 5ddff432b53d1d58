"""Commands against a real server with real workers and models: what is deployed stays deployed."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from housing.deployment.plan import DeleteEndpoint, SetWeightsAndCapacities, plan
from housing.deployment.spec import Autoscaling, Deployment, Variant
from housing.errors import DeploymentError
from housing.targets.local.host import LocalHost
from housing.targets.local.settings import Settings
from housing.testing.host import AB_TEST, GOOD, OTHER, ROWS, HostContract, ShiftingContract, deploy, destroy
from tests.targets.local.conftest import command_line, end_server, processes_of, server_pid, wait_until, workers_of

SINGLE = Deployment("house", {"champion": Variant(GOOD)})


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, models: Mapping[str, Path]) -> Iterator[LocalHost]:
    folder = tmp_path_factory.mktemp("shared")
    host = LocalHost(Settings(folder=str(folder)))
    deploy(host, Deployment("lodge", SINGLE.variants), models)
    yield host
    end_server(folder)


class TestLocalHost(HostContract, ShiftingContract):
    """Beside an endpoint that stays, so that one server serves all: it would end with its last."""

    others = ("lodge",)

    @pytest.fixture
    def host(self, shared: LocalHost) -> Iterator[LocalHost]:
        yield shared
        assert shared.predict("lodge", ROWS).variant == "champion"
        for endpoint in {*shared.endpoints()} - {*self.others}:
            destroy(shared, endpoint)


def test_destroying_the_last_endpoint_ends_the_server(
    host: LocalHost, folder: Path, models: Mapping[str, Path]
) -> None:
    deploy(host, SINGLE, models)
    deploy(host, Deployment("shed", SINGLE.variants), models)
    destroy(host, "house")
    assert host.predict("shed", ROWS).variant == "champion"
    destroy(host, "shed")
    assert list(host.endpoints()) == []
    wait_until(lambda: not processes_of(folder), "no process is left")


def test_looking_starts_no_server(host: LocalHost, folder: Path) -> None:
    assert list(host.endpoints()) == []
    assert host.current("house") is None
    assert host.status("house") is None
    with pytest.raises(DeploymentError, match="house"):
        host.predict("house", ROWS)
    assert not folder.exists()


def test_a_server_that_nobody_deploys_to_ends_by_itself(folder: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "housing.targets.local.server", str(folder), "--idle-seconds", "0.3"],
        check=True,
        capture_output=True,
    )
    wait_until(lambda: not processes_of(folder), "it ends")
    log = (folder / "server.log").read_text()
    assert re.search(r"process \d+ ends", log), "there was one"


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_an_ended_server_comes_back_with_the_next_question(
    host: LocalHost, folder: Path, models: Mapping[str, Path], how: signal.Signals
) -> None:
    deploy(host, AB_TEST, models)
    url = _url(host)
    end_server(folder, how)
    assert plan(AB_TEST, host.current("house")) == ()
    assert host.predict("house", ROWS, "challenger").variant == "challenger"
    assert _url(host) == url


@pytest.mark.slow
def test_a_deployment_survives_a_server_that_is_killed_meanwhile(
    host: LocalHost, folder: Path, models: Mapping[str, Path]
) -> None:
    steps = [SINGLE, AB_TEST, Deployment("house", {"champion": Variant(OTHER)}), SINGLE]
    deploy(host, SINGLE, models)
    for number, wanted in enumerate(steps):
        deploying = threading.Thread(target=deploy, args=(host, wanted, models))
        deploying.start()
        time.sleep(0.03 * number)
        os.kill(server_pid(folder), signal.SIGKILL)
        deploying.join()
        deploy(host, wanted, models)
        assert host.current("house") == wanted
        assert host.predict("house", ROWS).variant in wanted.variants
    end_server(folder)
    assert processes_of(folder) == []


def test_a_reused_process_id_is_not_taken_for_the_server(
    host: LocalHost, folder: Path, models: Mapping[str, Path]
) -> None:
    deploy(host, SINGLE, models)
    end_server(folder, signal.SIGKILL)
    address = json.loads((folder / "server.json").read_text())
    (folder / "server.json").write_text(json.dumps({**address, "pid": os.getpid()}))
    assert host.predict("house", ROWS).variant == "champion"


def test_a_stranger_on_the_old_port_is_left_alone(host: LocalHost, folder: Path, models: Mapping[str, Path]) -> None:
    deploy(host, SINGLE, models)
    end_server(folder)
    port = json.loads((folder / "server.json").read_text())["port"]
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        stranger.bind(("127.0.0.1", port))
        assert host.predict("house", ROWS).variant == "champion"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}'])
def test_a_broken_address_is_no_obstacle(host: LocalHost, folder: Path, models: Mapping[str, Path], text: str) -> None:
    folder.mkdir()
    (folder / "server.json").write_text(text)
    deploy(host, SINGLE, models)
    assert host.predict("house", ROWS).variant == "champion"


def test_a_taken_port_is_named(folder: Path, models: Mapping[str, Path]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(DeploymentError, match=f"{port} is not free"):
            deploy(LocalHost(Settings(folder=str(folder), port=port)), SINGLE, models)
    wait_until(lambda: not processes_of(folder), "nothing stays behind")


def test_a_port_that_the_living_server_does_not_have_is_refused(
    host: LocalHost, folder: Path, models: Mapping[str, Path]
) -> None:
    deploy(host, SINGLE, models)
    with pytest.raises(DeploymentError, match="listens on"):
        LocalHost(Settings(folder=str(folder), port=1)).current("house")


def test_only_its_owner_may_read_the_secret(host: LocalHost, folder: Path, models: Mapping[str, Path]) -> None:
    deploy(host, SINGLE, models)
    assert (folder / "server.json").stat().st_mode & 0o077 == 0


def test_a_broken_bundle_is_refused_and_the_last_good_state_stays(
    host: LocalHost, folder: Path, models: Mapping[str, Path], tmp_path: Path
) -> None:
    deploy(host, SINGLE, models)
    broken = shutil.copytree(models[GOOD], tmp_path / "broken")
    (broken / "model.ubj").write_bytes(b"half a mod")
    wanted = Deployment("house", {"champion": Variant("models:/price/3", instances=2)})
    with pytest.raises(DeploymentError, match=r"champion: .*cannot be loaded"):
        deploy(host, wanted, {"models:/price/3": broken})
    assert host.current("house") == SINGLE
    assert host.predict("house", ROWS).variant == "champion"
    assert len(list((folder / "bundles").iterdir())) == 1


def test_a_first_deployment_of_a_broken_bundle_leaves_nothing(host: LocalHost, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DeploymentError, match="cannot be loaded"):
        deploy(host, SINGLE, {GOOD: tmp_path / "empty"})
    with pytest.raises(DeploymentError, match="does not exist"):
        deploy(host, SINGLE, {GOOD: tmp_path / "nowhere"})
    assert list(host.endpoints()) == []


def test_a_deployed_model_survives_the_loss_of_its_origin(
    host: LocalHost, folder: Path, models: Mapping[str, Path], tmp_path: Path
) -> None:
    origin = shutil.copytree(models[GOOD], tmp_path / "origin")
    deploy(host, SINGLE, {GOOD: origin})
    shutil.rmtree(origin)
    end_server(folder, signal.SIGKILL)
    assert host.predict("house", ROWS).variant == "champion"


def test_an_endpoint_that_cannot_be_restored_says_so_and_can_be_made_anew(
    host: LocalHost, folder: Path, models: Mapping[str, Path]
) -> None:
    deploy(host, SINGLE, models)
    end_server(folder)
    for path in (folder / "bundles").glob("*/model.ubj"):
        path.write_bytes(b"")
    status = host.status("house")
    assert status is not None
    assert status.state.startswith("Failed: the files of champion")
    with pytest.raises(DeploymentError, match="altered"):
        host.predict("house", ROWS)
    assert host.current("house") is None
    deploy(host, SINGLE, models)
    assert host.predict("house", ROWS).variant == "champion"


def test_an_endpoint_file_that_nobody_wrote_can_be_destroyed(
    host: LocalHost, folder: Path, models: Mapping[str, Path]
) -> None:
    deploy(host, SINGLE, models)
    end_server(folder)
    (folder / "endpoints" / "house.json").write_text('{"format": 1')
    assert host.current("house") is None
    destroy(host, "house")
    assert list(host.endpoints()) == []


def test_a_killed_worker_is_replaced_and_no_request_fails(
    host: LocalHost, folder: Path, models: Mapping[str, Path]
) -> None:
    deploy(host, Deployment("house", {"champion": Variant(GOOD, instances=2)}), models)
    failures: list[Exception] = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            try:
                host.predict("house", ROWS)
            except DeploymentError as error:
                failures.append(error)

    client = threading.Thread(target=ask)
    client.start()
    _, workers = workers_of(folder)
    for victim in workers:
        os.kill(victim, signal.SIGKILL)
        time.sleep(0.2)
    done.set()
    client.join()
    assert failures == []
    wait_until(lambda: _instances(host) == {"champion": 2}, "both instances live")


def test_workers_outlive_the_process_that_forks_them_and_it_is_replaced(
    host: LocalHost, folder: Path, models: Mapping[str, Path]
) -> None:
    deploy(host, SINGLE, models)
    fork_server, _ = workers_of(folder)
    os.kill(fork_server, signal.SIGKILL)
    assert host.predict("house", ROWS).variant == "champion"
    deploy(host, Deployment("house", {"champion": Variant(GOOD, instances=2)}), models)
    assert _instances(host) == {"champion": 2}


def test_a_worker_that_hangs_ends_with_its_server_whatever_ends_that(
    host: LocalHost, folder: Path, models: Mapping[str, Path]
) -> None:
    deploy(host, SINGLE, models)
    _, (worker,) = workers_of(folder)
    os.kill(worker, signal.SIGSTOP)
    os.kill(server_pid(folder), signal.SIGKILL)
    wait_until(lambda: b"worker" not in command_line(worker), "it ends", within_s=120)


def test_instances_follow_the_load(host: LocalHost, models: Mapping[str, Path]) -> None:
    scaling = Autoscaling(
        max_instances=2,
        invocations_per_instance_per_minute=20,
        scale_out_cooldown_s=0,
    )
    wanted = Deployment("house", {"champion": Variant(GOOD, autoscaling=scaling)})
    deploy(host, wanted, models)
    for _ in range(30):
        host.predict("house", ROWS)
    wait_until(lambda: _instances(host) == {"champion": 2}, "a second instance lives")
    assert plan(wanted, host.current("house")) == ()


def test_another_command_waits_until_the_first_has_finished(host: LocalHost, folder: Path) -> None:
    order: list[str] = []

    def second() -> None:
        with LocalHost(Settings(folder=str(folder))).hold("deploy"):
            order.append("second")

    with host.hold("deploy"):
        waiting = threading.Thread(target=second)
        waiting.start()
        time.sleep(0.2)
        order.append("first")
    waiting.join()
    assert order == ["first", "second"]


def test_two_first_commands_at_once_share_one_server(host: LocalHost, folder: Path, models: Mapping[str, Path]) -> None:
    faults: list[Exception] = []

    def make(name: str) -> None:
        try:
            deploy(LocalHost(Settings(folder=str(folder))), Deployment(name, SINGLE.variants), models)
        except DeploymentError as error:
            faults.append(error)

    threads = [threading.Thread(target=make, args=(name,)) for name in ("house", "shed", "barn")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert list(host.endpoints()) == ["barn", "house", "shed"]
    assert all(host.predict(name, ROWS).variant == "champion" for name in host.endpoints())


def test_weights_and_models_change_without_a_failed_request(host: LocalHost, models: Mapping[str, Path]) -> None:
    deploy(host, AB_TEST, models)
    failures: list[Exception] = []
    answered: set[str] = set()
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            try:
                answered.add(host.predict("house", ROWS).variant)
            except DeploymentError as error:
                failures.append(error)

    clients = [threading.Thread(target=ask) for _ in range(4)]
    for client in clients:
        client.start()
    for wanted in (
        Deployment("house", {n: replace(v, weight=1) for n, v in AB_TEST.variants.items()}),
        Deployment("house", {"champion": Variant(OTHER), "new": Variant(GOOD)}),
        Deployment("house", {"new": Variant(OTHER, instances=2)}),
    ):
        deploy(host, wanted, models)
        time.sleep(0.2)
    done.set()
    for client in clients:
        client.join()
    assert failures == []
    assert answered == {"champion", "challenger", "new"}


def test_a_damaged_address_beside_a_living_server_is_mended(
    host: LocalHost, folder: Path, models: Mapping[str, Path]
) -> None:
    deploy(host, SINGLE, models)
    path, pid = folder / "server.json", server_pid(folder)
    whole = path.read_text()
    stranger = json.loads(whole) | {"token": "x"}
    for damaged in ("", "{", "null", "[" * 100_000, '{"pid": 1, "port": 99999, "token": "x"}', json.dumps(stranger)):
        path.write_text(damaged)
        assert host.predict("house", ROWS).variant == "champion"
        assert host.current("house") == SINGLE
        assert path.read_text() == whole
    path.unlink()
    assert host.current("house") == SINGLE
    assert server_pid(folder) == pid


@pytest.mark.slow
def test_a_server_whose_folder_was_removed_ends(host: LocalHost, folder: Path, models: Mapping[str, Path]) -> None:
    deploy(host, SINGLE, models)
    shutil.rmtree(folder)
    wait_until(lambda: not processes_of(folder), "the server ends", within_s=120)
    deploy(host, SINGLE, models)
    assert host.predict("house", ROWS).variant == "champion"


def test_a_state_that_cannot_be_written_is_not_served(
    host: LocalHost, folder: Path, models: Mapping[str, Path]
) -> None:
    deploy(host, AB_TEST, models)
    state = folder / "endpoints" / "house.json"
    state.unlink()
    state.mkdir()
    with pytest.raises(DeploymentError, match="cannot be written"):
        host.apply(SetWeightsAndCapacities("house", {"champion": 1}), {})
    assert host.current("house") == AB_TEST
    state.rmdir()
    host.apply(SetWeightsAndCapacities("house", {"champion": 1}), {})
    host.apply(DeleteEndpoint("house"), {})


def test_what_a_killed_command_left_half_done_is_cleared_away(
    host: LocalHost, folder: Path, models: Mapping[str, Path]
) -> None:
    deploy(host, SINGLE, models)
    end_server(folder, signal.SIGKILL)
    (folder / "endpoints" / ".x.tmp").write_text("{")
    (folder / "bundles" / ".copy-x").mkdir()
    assert host.predict("house", ROWS).variant == "champion"
    assert [p.name for p in (folder / "endpoints").iterdir()] == ["house.json"]
    assert len(list((folder / "bundles").iterdir())) == 1


def test_serving_needs_neither_pandas_nor_mlflow() -> None:
    program = (
        "import sys, housing.targets.local.server, housing.targets.local.app\n"
        "print([m for m in ('pandas', 'mlflow', 'xgboost', 'pydantic') if m in sys.modules])"
    )
    printed = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert printed.strip() == "[]"


def _instances(host: LocalHost) -> Mapping[str, int]:
    status = host.status("house")
    assert status is not None
    return status.instances


def _url(host: LocalHost) -> str:
    status = host.status("house")
    assert status is not None
    return status.url
