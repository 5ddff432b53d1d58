"""A rehearsal that the tests of a module share, and what it and the record hold, each read past housing."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from housing.rehearsal.process import credentials_of, ensure
from housing.rehearsal.settings import Settings


class Account:
    """The rehearsal as AWS shows it: through a client of its own."""

    def __init__(self, folder: Path) -> None:
        import boto3

        self.folder = folder
        address = ensure(Settings(folder=str(folder)))
        account = credentials_of(str(folder))
        keys = {"aws_access_key_id": account.access_key, "aws_secret_access_key": account.secret_key}
        self._client = boto3.client("sagemaker", region_name=address.region, endpoint_url=address.url, **keys)

    def there(self, name: str) -> tuple[str, ...]:
        """What makes a command train in it, in an experiment of this name."""
        return ("target=rehearsal", f"rehearsal.folder={self.folder}", f"name={name}", "rehearsal.idle_s=60")

    def jobs(self, experiment: str) -> dict[str, str]:
        """Status by name of the training jobs of an experiment, those of its tuning jobs included."""
        found = self._client.list_training_jobs(NameContains=experiment, MaxResults=100)
        return {job["TrainingJobName"]: job["TrainingJobStatus"] for job in found["TrainingJobSummaries"]}

    def studies(self, experiment: str) -> dict[str, str]:
        """Status by name of the tuning jobs of an experiment."""
        found = self._client.list_hyper_parameter_tuning_jobs(NameContains=experiment, MaxResults=100)
        summaries = found["HyperParameterTuningJobSummaries"]
        return {each["HyperParameterTuningJobName"]: each["HyperParameterTuningJobStatus"] for each in summaries}

    def parents(self, study: str) -> list[str]:
        """The tuning jobs that one has learnt from."""
        found = self._client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=study)
        parents = found.get("WarmStartConfig", {}).get("ParentHyperParameterTuningJobs", [])
        return [parent["HyperParameterTuningJobName"] for parent in parents]

    def tags(self, job: str) -> dict[str, str]:
        """Those of a training job."""
        arn = self._client.describe_training_job(TrainingJobName=job)["TrainingJobArn"]
        return {tag["Key"]: tag["Value"] for tag in self._client.list_tags(ResourceArn=arn)["Tags"]}


def rounds(database: Path) -> Counter[tuple[str, int]]:
    """How often the training error after each round stands in the record, by run and round from 0."""
    if not database.is_file():
        return Counter()
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=20)) as connection:
        rows = connection.execute("SELECT run_uuid, step FROM metrics WHERE key = 'train_mae'")
        return Counter((run, step) for run, step in rows)


def statuses(database: Path) -> Counter[str]:
    """How many runs have each status."""
    if not database.is_file():
        return Counter()
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=20)) as connection:
        return Counter(status for (status,) in connection.execute("SELECT status FROM runs"))


def metrics(database: Path, *runs: str) -> list[dict[str, float]]:
    """The newest metrics of each of these runs."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=20)) as connection:
        read = "SELECT key, value FROM latest_metrics WHERE run_uuid = ?"
        return [dict(connection.execute(read, (run,)).fetchall()) for run in runs]


def until(condition: Callable[[], bool], within_s: float = 300) -> None:
    """Return when it has become true; the deadline is for what never will."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.02)


def kill(process: Any) -> None:
    """-9, and wait for its end."""
    os.kill(process.pid, signal.SIGKILL)
    process.join()


def printed(folder: Path) -> str:
    """What commands of `tests.workflow.processes` have printed there."""
    return (folder / "out.txt").read_text(encoding="utf-8")
