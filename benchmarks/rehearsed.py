"""What the benchmarks of SageMaker share: a project folder, a rehearsal, `housing` commands and plain boto3 clients."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import boto3
from botocore.config import Config

from housing.cli.dispatch import main
from housing.rehearsal.process import Address, credentials_of, ensure, stop
from housing.rehearsal.settings import Settings
from housing.tracking.registry import Registry
from housing.training.artifact import read_bundle
from tests.workflow.conftest import Answer

SETTINGS = {"start_s": 0.0, "idle_s": 600.0}


class WrongFigure(Exception):
    """Something that must hold did not."""


def hold(condition: object, problem: str) -> None:
    """Raises WrongFigure where it does not."""
    if not condition:
        raise WrongFigure(problem)


@dataclass(frozen=True)
class Project:
    """A working folder with a rehearsal of its own; commands run in this process, one at a time."""

    folder: Path
    address: Address

    def run(self, *words: str, expect: int | None = 0) -> Answer:
        """`housing <words>`; another exit code than expected is a WrongFigure; None: any will do."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main([*words])
        hold(
            expect in (None, code),
            f"housing {' '.join(words)} ended with {code}, not {expect}:\n{err.getvalue()[-2000:]}",
        )
        return Answer(code, out.getvalue(), err.getvalue())

    def there(self, *words: str, expect: int = 0, **rehearsal: Any) -> Answer:
        """The same with target=rehearsal, and these settings of the rehearsal."""
        return self.run(*words, *self.at_the_rehearsal(**rehearsal), expect=expect)

    def at_the_rehearsal(self, **settings: Any) -> list[str]:
        values = SETTINGS | settings
        told = [f"rehearsal.{key}={str(value).replace(' ', '')}" for key, value in values.items()]
        return ["target=rehearsal", f"rehearsal.folder={self.rehearsal}", *told]

    def use(self, **settings: Any) -> None:
        """Let the rehearsal behave like this from now on."""
        ensure(Settings(folder=self.rehearsal, **SETTINGS | settings), stays=True)

    def sign_as_the_account(self) -> None:
        """Let commands that reach the rehearsal as if it were Amazon sign with its account's keys from now on."""
        account = credentials_of(self.rehearsal)
        keys = {"AWS_ACCESS_KEY_ID": account.access_key, "AWS_SECRET_ACCESS_KEY": account.secret_key}
        os.environ.update(keys)

    @property
    def rehearsal(self) -> str:
        return str(self.folder / ".housing" / "rehearsal")

    def client(self, service: str, *, attempts: int = 1) -> Any:
        """A plain client, which knows nothing of housing."""
        account = credentials_of(self.rehearsal)
        keys = {"aws_access_key_id": account.access_key, "aws_secret_access_key": account.secret_key}
        return boto3.client(
            service,
            endpoint_url=self.address.url,
            region_name=self.address.region,
            config=Config(retries={"total_max_attempts": attempts}, s3={"addressing_style": "path"}),
            **keys,
        )


@contextlib.contextmanager
def project() -> Iterator[Project]:
    """An empty one; at the end nothing of it runs."""
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID", "AWS_ENDPOINT_URL", "AWS_PROFILE"):
        os.environ.pop(name, None)
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
    with TemporaryDirectory() as name:
        folder = Path(name).resolve()
        state = str(folder / ".housing" / "rehearsal")
        with contextlib.chdir(folder):
            try:
                there = Project(folder, ensure(Settings(folder=state, **SETTINGS), stays=True))
                there.sign_as_the_account()
                yield there
            finally:
                stop(state)


def register_two_models(project: Project) -> None:
    """Version 1 as @champion, version 2, which is another model, as @challenger."""
    project.run("train")
    project.run("promote", "study.trials=1")
    other = project.run("train", "algorithm.max_depth=3", "--json").data["run_id"]
    project.run("promote", f"candidate={other}", "gate=challenger")


def register_a_broken_model() -> str:
    """The champion's bundle with a model file that is none, as nobody can tell before it is loaded; its address."""
    from mlflow import MlflowClient

    registry = Registry(MlflowClient("sqlite:///mlflow.db"))
    version = registry.resolve("models:/housing@champion")
    bundle = read_bundle(registry.download(version))
    return registry.register("housing", version.run_id, replace(bundle, model=b"no model at all"))[0].uri


def ames_rows(count: int) -> list[dict[str, str]]:
    """The first sales of the data, as a CSV file has them."""
    with (files("housing.data") / "ames.csv.gz").open("rb") as raw, gzip.open(raw, "rt") as text:
        return [row for _, row in zip(range(count), csv.DictReader(text), strict=False)]


def as_csv(rows: list[dict[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


@dataclass
class Calls:
    """What one client has got so far, call by call."""

    seconds: list[float] = field(default_factory=list)
    variants: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def invoke(client: Any, endpoint: str, body: str, calls: Calls) -> bytes:
    """One invocation by plain boto3, which is not made again when it fails."""
    began = time.perf_counter()
    try:
        answer = client.invoke_endpoint(EndpointName=endpoint, ContentType="text/csv", Body=body)
        content: bytes = answer["Body"].read()
    except Exception as error:  # whatever it is, it is counted
        calls.failures.append(str(error))
        return b""
    calls.seconds.append(time.perf_counter() - began)
    calls.variants.append(answer["InvokedProductionVariant"])
    return content


@contextlib.contextmanager
def calling_all_the_while(project: Project, endpoint: str, body: str, *, pause_s: float = 0.0) -> Iterator[Calls]:
    """A client in a thread of its own, which calls until the block ends, and at least once in it."""
    calls, over = Calls(), threading.Event()
    client = project.client("sagemaker-runtime")

    def work() -> None:
        while not over.is_set():
            invoke(client, endpoint, body, calls)
            over.wait(pause_s)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield calls
    finally:
        over.set()
        thread.join()
    hold(calls.seconds, "the client that was to call all the while got no answer")


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def load() -> str:
    return f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


def descendants(pid: int) -> list[int]:
    """Every process that lives below one, by number."""
    found = [int(child) for file in Path(f"/proc/{pid}/task").glob("*/children") for child in file.read_text().split()]
    return sorted(found + [below for child in found for below in descendants(child)])
