"""Real processes: started, found, killed, ended."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from housing.rehearsal.errors import RehearsalError, SettingRefused
from housing.rehearsal.process import Address, ensure, look, reset, running, stop
from housing.rehearsal.settings import InjectedFault, Settings
from tests.hostile import HostileFolder
from tests.rehearsal.conftest import Served, connected, give_known_keys
from tests.rehearsal.jobs import fill_bucket, training


@pytest.fixture
def rehearsal(tmp_path: Path) -> Iterator[Settings]:
    settings = Settings(folder=str(tmp_path / "rehearsal"))
    give_known_keys(Path(settings.folder))
    yield settings
    stop(settings.folder)


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Settings, Address]]:
    """One that runs, for tests that leave it running."""
    settings = Settings(folder=str(tmp_path_factory.mktemp("lasting") / "rehearsal"))
    give_known_keys(Path(settings.folder))
    yield settings, ensure(settings)
    stop(settings.folder)


def _client(address: Address, service: str = "s3") -> Any:
    return connected(address.url, service)


def _kill(address: Address) -> None:
    os.kill(address.pid, signal.SIGKILL)
    while _lives(address.pid):
        time.sleep(0.005)


def _lives(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return False
    # In a container nobody may wait for those who have no parent left.
    return "\nState:\tZ" not in status


def _ends(pid: int, within_s: float = 60) -> bool:
    """Its lock is free a moment before it is gone."""
    deadline = time.monotonic() + within_s
    while _lives(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not _lives(pid)


def test_one_is_started_soon_found_again_and_ended(rehearsal: Settings) -> None:
    assert running(rehearsal.folder) is None
    assert not stop(rehearsal.folder)

    address = ensure(rehearsal)

    assert ensure(rehearsal) == address == running(rehearsal.folder)
    assert _client(address, "sts").get_caller_identity()["Account"] == "123456789012"
    # In processor time, which a busy machine stretches less, and with what it makes ready after it has answered.
    fields = Path(f"/proc/{address.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    assert sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK") < 4
    assert stop(rehearsal.folder)
    assert running(rehearsal.folder) is None
    assert _ends(address.pid)


def test_commands_that_start_at_once_find_one_and_the_same(rehearsal: Settings) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(ensure, [rehearsal] * 4))

    assert len(found) == 1


@pytest.mark.slow
def test_a_killed_one_is_seen_through_and_comes_back_at_its_port_with_all_it_knew(rehearsal: Settings) -> None:
    address = ensure(rehearsal)
    s3, logs, iam = (_client(address, service) for service in ("s3", "logs", "iam"))
    autoscaling, alarms = _client(address, "application-autoscaling"), _client(address, "cloudwatch")
    body = os.urandom(100_000)
    s3.create_bucket(Bucket="kept")
    s3.put_object(Bucket="kept", Key="large", Body=body, Tagging="a=b")
    s3.put_object(Bucket="kept", Key="small", Body=b"1")
    s3.put_object(Bucket="kept", Key="gone", Body=b"2")
    s3.delete_object(Bucket="kept", Key="gone")
    logs.create_log_group(logGroupName="group")
    logs.create_log_stream(logGroupName="group", logStreamName="stream")
    event = {"timestamp": int(time.time() * 1000), "message": "[0]#011train-mae:1"}
    logs.put_log_events(logGroupName="group", logStreamName="stream", logEvents=[event])
    iam.create_user(UserName="user")
    key = iam.create_access_key(UserName="user")["AccessKey"]
    autoscaling.register_scalable_target(
        ServiceNamespace="dynamodb",  # of SageMaker it takes endpoints that exist
        ResourceId="table/t",
        ScalableDimension="dynamodb:table:ReadCapacityUnits",
        MinCapacity=1,
        MaxCapacity=3,
    )
    alarms.put_metric_alarm(
        AlarmName="alarm",
        Namespace="AWS/SageMaker",
        MetricName="Invocation5XXErrors",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )

    def seen() -> list[Any]:
        listed = s3.list_objects_v2(Bucket="kept")["Contents"]
        return [
            [(entry["Key"], entry["ETag"], entry["LastModified"]) for entry in listed],
            s3.get_object(Bucket="kept", Key="large")["Body"].read() == body,
            s3.get_object_tagging(Bucket="kept", Key="large")["TagSet"],
            logs.get_log_events(logGroupName="group", logStreamName="stream")["events"],
            iam.list_access_keys(UserName="user")["AccessKeyMetadata"],
            autoscaling.describe_scalable_targets(ServiceNamespace="dynamodb")["ScalableTargets"][0]["MaxCapacity"],
            alarms.describe_alarms()["MetricAlarms"],
        ]

    before = seen()
    assert before[4][0]["AccessKeyId"] == key["AccessKeyId"]
    _kill(address)
    assert running(rehearsal.folder) is None
    again = ensure(rehearsal)
    assert again.url == address.url
    assert again.pid != address.pid
    assert seen() == before
    stop(rehearsal.folder)
    ensure(rehearsal)
    assert seen() == before


@pytest.mark.slow
def test_what_was_answered_survives_kills_at_any_moment(rehearsal: Settings) -> None:
    """Two writers go on while the process is killed three times; each answered write must be there in the end."""
    moments = random.Random(0)
    address = ensure(rehearsal)
    _client(address).create_bucket(Bucket="written")
    answered: list[str] = []
    done = threading.Event()

    def write(writer: int) -> None:
        client, number = _client(address), 0
        while not done.is_set():
            key = f"{writer}-{number}"
            try:
                client.put_object(Bucket="written", Key=key, Body=key.encode() * 500)
                answered.append(key)
                number += 1
            except (BotoCoreError, ClientError):
                time.sleep(0.01)

    writers = [threading.Thread(target=write, args=(writer,)) for writer in range(2)]
    for writer in writers:
        writer.start()
    for kills in range(1, 4):
        ensure(rehearsal)
        while len(answered) < kills * 8:
            time.sleep(0.01)
        time.sleep(moments.uniform(0.05, 0.4))
        _kill(ensure(rehearsal))
    address = ensure(rehearsal)
    done.set()
    for writer in writers:
        writer.join()

    client = _client(address)
    pages = client.get_paginator("list_objects_v2").paginate(Bucket="written")
    there = {entry["Key"] for page in pages for entry in page["Contents"]}
    assert len(answered) > 20
    assert set(answered) <= there
    for key in answered[:: max(1, len(answered) // 20)]:
        assert client.get_object(Bucket="written", Key=key)["Body"].read() == key.encode() * 500


def test_other_settings_are_handed_to_the_one_that_runs(lasting: tuple[Settings, Address]) -> None:
    rehearsal, address = lasting
    throttled = replace(rehearsal, faults=(InjectedFault("sagemaker:Search", "throttling"),), interrupt_at_rounds=(3,))

    assert ensure(throttled) == address
    with pytest.raises(ClientError, match="Rate exceeded"):
        _client(address, "sagemaker").search(Resource="TrainingJob")
    assert ensure(rehearsal) == address


def test_settings_that_make_no_sense_change_nothing(rehearsal: Settings, lasting: tuple[Settings, Address]) -> None:
    runs, address = lasting
    wrong = (InjectedFault("s3:PutObjekt", "lost"),)

    with pytest.raises(RehearsalError, match=r"does not start: faults: s3:PutObjekt .*did you mean s3:PutObject\?"):
        ensure(replace(rehearsal, faults=wrong))
    assert running(rehearsal.folder) is None
    with pytest.raises(SettingRefused, match=r"faults: s3:PutObjekt"):
        ensure(replace(runs, faults=wrong))
    assert running(runs.folder) == address


def test_another_port_or_region_is_refused_while_it_runs(lasting: tuple[Settings, Address]) -> None:
    rehearsal, address = lasting
    port = int(address.url.rpartition(":")[2])

    with pytest.raises(SettingRefused, match=f"port: 1 is asked for, and .* runs with {port}; end it first"):
        ensure(replace(rehearsal, port=1))
    with pytest.raises(SettingRefused, match=r"region: eu-west-1 is asked for"):
        ensure(replace(rehearsal, region="eu-west-1"))


def test_a_port_that_is_taken_is_said(lasting: tuple[Settings, Address], tmp_path: Path) -> None:
    port = int(lasting[1].url.rpartition(":")[2])

    with pytest.raises(RehearsalError, match=f"port: {port} is not free"):
        ensure(Settings(folder=str(tmp_path / "other"), port=port))


def test_it_ends_by_itself_once_its_command_has_ended_and_nothing_is_left(rehearsal: Settings) -> None:
    short = replace(rehearsal, idle_s=0.3)
    script = f"from housing.rehearsal.process import *; from housing.rehearsal.settings import *; ensure({short!r})"
    subprocess.run([sys.executable, "-c", script], check=True)
    assert running(short.folder) is not None
    address = ensure(short)
    time.sleep(0.8)
    # This process has asked for it, and lives.
    assert running(short.folder) == address
    stop(short.folder)
    subprocess.run([sys.executable, "-c", script], check=True)
    give_up = time.monotonic() + 300
    while look(short.folder) is not None:
        assert time.monotonic() < give_up


def test_one_that_was_started_to_stay_stays(rehearsal: Settings) -> None:
    short = replace(rehearsal, idle_s=0.1)
    start = f"ensure({short!r}, stays=True)"
    script = f"from housing.rehearsal.process import *; from housing.rehearsal.settings import *; {start}"
    subprocess.run([sys.executable, "-c", script], check=True)
    time.sleep(0.6)

    state = look(short.folder)

    assert state is not None
    assert state.stays
    assert (state.jobs, state.endpoints) == ({}, {})


def test_a_damaged_address_beside_a_living_rehearsal_is_mended(lasting: tuple[Settings, Address]) -> None:
    settings, address = lasting
    path = Path(settings.folder) / "server.json"
    whole = path.read_text()
    for damaged in (
        "",
        "{",
        "null",
        "[" * 100_000,
        '{"pid": 1, "port": 99999, "token": "x"}',
        whole.replace('": "', '": "x'),
    ):
        path.write_text(damaged)
        assert ensure(settings) == address
        assert path.read_text() == whole
    path.unlink()
    assert running(settings.folder) == address


def test_a_rehearsal_whose_folder_was_removed_ends(rehearsal: Settings) -> None:
    address = ensure(rehearsal, stays=True)
    shutil.rmtree(rehearsal.folder)
    deadline = time.monotonic() + 120
    while _lives(address.pid):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert not Path(rehearsal.folder).exists() or running(rehearsal.folder) is None


def test_nothing_of_the_working_folder_is_imported(rehearsal: Settings, tmp_path: Path) -> None:
    here = HostileFolder(tmp_path)
    with contextlib.chdir(here.path):
        address = ensure(rehearsal)
    fill_bucket(cast(Served, _Reached(address)))
    client = _client(address, "sagemaker")
    client.create_training_job(**training("trained", {"num_round": "2"}))
    client.get_waiter("training_job_completed_or_stopped").wait(TrainingJobName="trained", WaiterConfig={"Delay": 1})

    assert client.describe_training_job(TrainingJobName="trained")["TrainingJobStatus"] == "Completed"
    assert here.ran() == []


@dataclass(frozen=True)
class _Reached:
    address: Address

    def client(self, service: str) -> Any:
        return _client(self.address, service)


def test_a_reset_ends_jobs_and_leaves_an_empty_account(rehearsal: Settings) -> None:
    assert not reset(rehearsal)
    address = ensure(replace(rehearsal, seconds_per_round=1))
    served = _Reached(address)
    fill_bucket(cast(Served, served))
    client = served.client("sagemaker")
    client.create_training_job(**training("long"))

    assert reset(rehearsal)

    assert running(rehearsal.folder) == address
    assert client.list_training_jobs()["TrainingJobSummaries"] == []
    assert served.client("s3").list_buckets()["Buckets"] == []
    assert [role["RoleName"] for role in served.client("iam").list_roles()["Roles"]] == ["housing"]
    fill_bucket(cast(Served, served))
    client.create_training_job(**training("long"))  # the same name is free, and jobs run
    give_up = time.monotonic() + 120
    while client.describe_training_job(TrainingJobName="long")["TrainingJobStatus"] == "InProgress":
        assert time.monotonic() < give_up
        time.sleep(0.05)
    assert client.describe_training_job(TrainingJobName="long")["TrainingJobStatus"] == "Completed"


def test_a_reset_that_is_refused_changes_nothing(lasting: tuple[Settings, Address]) -> None:
    settings, address = lasting
    _client(address).create_bucket(Bucket="kept-by-all")
    never = InjectedFault("sagemaker:NoSuchOperation", "throttling")

    with pytest.raises(SettingRefused, match="NoSuchOperation"):
        reset(replace(settings, faults=(never,)))

    assert "kept-by-all" in [bucket["Name"] for bucket in _client(address).list_buckets()["Buckets"]]


def test_a_reset_that_was_killed_is_finished_at_the_next_start(rehearsal: Settings) -> None:
    address = ensure(rehearsal)
    _client(address).create_bucket(Bucket="half")
    _kill(address)
    (Path(rehearsal.folder) / "resetting").touch()

    assert _client(ensure(rehearsal)).list_buckets()["Buckets"] == []
    assert not (Path(rehearsal.folder) / "resetting").exists()
