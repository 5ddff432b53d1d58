"""What a rehearsal costs its user: start to first answer, nine jobs at three at a time, memory at rest, reset.

`python -m benchmarks.rehearsal` prints each figure beside the one that it is held to.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import boto3
import psutil

from housing.rehearsal import process
from housing.rehearsal.settings import Settings
from tests.rehearsal.container.trees import csv, rows
from tests.rehearsal.jobs import BUCKET, tuning

_RESETS = 10


def main() -> None:
    with TemporaryDirectory() as folder:
        settings = Settings(folder=str(Path(folder) / "state"))
        command = [sys.executable, "-m", "housing.rehearsal", "start", "--folder", settings.folder]
        begun = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        address = process.ensure(settings)
        client = _client(address.url, settings.folder, "sagemaker")
        client.list_endpoints()
        _tell("start to first answer", time.perf_counter() - begun, "s", 1.5)
        _tell("  its processor time", _processor_s(settings.folder), "s", None)
        _client(address.url, settings.folder, "s3").list_buckets()
        _tell("start to first answer of S3, too", time.perf_counter() - begun, "s", None)
        _tell("  its processor time", _processor_s(settings.folder), "s", None)
        time.sleep(5)
        _tell("memory at rest", _memory_mb(settings.folder), "MB", 150)
        _fill(_client(address.url, settings.folder, "s3"))
        begun, used = time.perf_counter(), _processor_s(settings.folder)
        _tune(client)
        _tell("nine jobs, three at a time", time.perf_counter() - begun, "s", 5)
        _tell("  processor time of the server", _processor_s(settings.folder) - used, "s", 1.2)
        seconds = []
        for _ in range(_RESETS):
            begun = time.perf_counter()
            process.reset(settings)
            seconds.append(time.perf_counter() - begun)
        _tell("reset", 1000 * sorted(seconds)[_RESETS // 2], "ms", 50)
        process.stop(settings.folder)


def _tell(what: str, value: float, unit: str, most: float | None) -> None:
    held = "" if most is None else f"   held to {most:g} {unit}: {'yes' if value <= most else 'NO'}"
    sys.stdout.write(f"{what:<34}{value:>8.2f} {unit}{held}\n")


def _client(url: str, folder: str, service: str) -> Any:
    account = process.credentials_of(folder)
    keys = {"aws_access_key_id": account.access_key, "aws_secret_access_key": account.secret_key}
    return boto3.client(service, endpoint_url=url, region_name="us-east-1", **keys)


def _fill(s3: Any) -> None:
    s3.create_bucket(Bucket=BUCKET)
    for channel, seed in (("train", 1), ("validation", 2)):
        s3.put_object(Bucket=BUCKET, Key=f"data/{channel}/{channel}.csv", Body=csv(rows(seed)).encode())


def _tune(client: Any) -> None:
    request = tuning("nine", {"ResourceLimits": {"MaxNumberOfTrainingJobs": 9, "MaxParallelTrainingJobs": 3}})
    client.create_hyper_parameter_tuning_job(**request)
    while (told := client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName="nine"))[
        "HyperParameterTuningJobStatus"
    ] == "InProgress":
        time.sleep(0.05)
    if told["TrainingJobStatusCounters"]["Completed"] != 9:
        raise RuntimeError(told)


def _memory_mb(folder: str) -> float:
    """Of the server and its children: what none of them shares."""
    server = _server(folder)
    return float(sum(one.memory_full_info().uss for one in (server, *server.children(recursive=True))) / 1e6)


def _processor_s(folder: str) -> float:
    """Of the server itself, without its containers."""
    used = _server(folder).cpu_times()
    return float(used.user + used.system)


def _server(folder: str) -> psutil.Process:
    return psutil.Process(json.loads((Path(folder) / "server.json").read_text(encoding="utf-8"))["pid"])


if __name__ == "__main__":
    main()
