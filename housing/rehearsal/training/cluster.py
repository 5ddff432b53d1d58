"""The machines of one training job: each has its disk, container, log and checkpoints."""

from __future__ import annotations

import shutil
import signal
import socket
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from housing.rehearsal.aws import objects
from housing.rehearsal.container.tree import Tree
from housing.rehearsal.images import framework_of
from housing.rehearsal.training import inputs
from housing.rehearsal.training.log import TrainingLog
from housing.rehearsal.training.request_checks import metric_definitions

if TYPE_CHECKING:
    from housing.rehearsal.context import Context
    from housing.rehearsal.training.engine import Container, Engine

_PORTS = 2  # for the two meetings of the hosts of one job


@dataclass
class _Machine:
    name: str
    tree: Tree
    log: TrainingLog
    checkpoints: objects.Mirror | None
    container: Container | None = None


class Cluster:
    """`algo-1`, `algo-2` ... of one attempt at a job, as real processes with files in `folder`; for one thread."""

    def __init__(self, context: Context, engine: Engine, record: Mapping[str, Any], folder: Path) -> None:
        """Fetch what the machines need. Raises Failed."""
        self._context = context
        self._engine = engine
        self._record = record
        self._folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        hosts = [f"algo-{number + 1}" for number in range(record["ResourceConfig"]["InstanceCount"])]
        definitions = metric_definitions(record, context.region)
        self._machines = []
        for host in hosts:
            tree = Tree(folder / host / "ml")
            checkpoints = inputs.download(context, record, tree, host=host, hosts=hosts)
            log = TrainingLog(context, record["TrainingJobName"], definitions, host=host)
            self._machines.append(_Machine(host, tree, log, checkpoints))

    def start(self, *, round_s: float, pause_at: int | None, fails: str | None) -> None:
        """Start the containers; arguments as in `container.entry.ContainerConfig`."""
        specification = self._record["AlgorithmSpecification"]
        ports = _free_ports(_PORTS) if len(self._machines) > 1 else []
        for machine in self._machines:
            own = {
                "TRAINING_JOB_NAME": self._record["TrainingJobName"],
                "TRAINING_JOB_ARN": self._record["TrainingJobArn"],
                "AWS_REGION": self._context.region,
                "CURRENT_HOST": machine.name,
            }
            machine.container = self._engine.start(
                {
                    "root": str(machine.tree.root),
                    "framework": framework_of(specification["TrainingImage"], self._context.region),
                    "environment": own | self._record.get("Environment", {}),
                    "command": [
                        *specification.get("ContainerEntrypoint", []),
                        *specification.get("ContainerArguments", []),
                    ],
                    "round_s": round_s,
                    "pause_at": pause_at,
                    "fails": fails,
                    "meeting": {"ports": ports, "folder": str(self._folder)} if ports else None,
                }
            )

    @property
    def ended(self) -> bool:
        """Whether all containers have ended, or one has failed, which ends the job."""
        return self.exit_code != 0 or all(container.ended for container in self._containers)

    @property
    def exit_code(self) -> int:
        """The exit code of the first container that has failed; 0 if none has."""
        codes = [container.exit_code for container in self._containers if container.ended]
        return next((code for code in codes if code), 0)

    @property
    def paused_at(self) -> int | None:
        return next((one.paused_at for one in self._containers if one.paused_at is not None), None)

    @property
    def rounds(self) -> int:
        return max(machine.log.rounds for machine in self._machines)

    def history(self, metric: str) -> list[float]:
        return next((found for machine in self._machines if (found := machine.log.history(metric))), [])

    def read(self, wait_s: float) -> None:
        """Read what the containers have logged; waits up to `wait_s` seconds for it."""
        for machine in self._machines:
            if machine.container is not None:
                machine.log.take(machine.container.read(wait_s / len(self._machines)))

    def signal(self, number: signal.Signals) -> None:
        for container in self._containers:
            container.signal(number)

    def reclaim(self, poll_s: float) -> None:
        """Take the spot machines back: only their logs and checkpoints are kept."""
        self.signal(signal.SIGSTOP)
        self.send_checkpoints()
        self.signal(signal.SIGKILL)
        while not all(container.ended for container in self._containers):
            self.read(poll_s)

    def due(self) -> bool:
        return any(machine.log.due() for machine in self._machines)

    def send(self) -> list[dict[str, Any]]:
        """Send logs, metrics and checkpoints to AWS; returns the last value of each metric."""
        last: dict[str, dict[str, Any]] = {}
        for machine in self._machines:
            machine.log.send()
            last |= {metric["MetricName"]: metric for metric in machine.log.metrics}
        self.send_checkpoints()
        return list(last.values())

    def send_checkpoints(self) -> None:
        for machine in self._machines:
            if machine.checkpoints:
                machine.checkpoints.send()

    def failure(self) -> str:
        """The failure message of the first container that has failed."""
        for machine in self._machines:
            if machine.container is not None and machine.container.ended and machine.container.exit_code:
                told = machine.tree.failure
                return machine.tree.shown(told.read_text(encoding="utf-8")) if told.exists() else ""
        return ""

    def packed(self, name: str) -> Path | None:
        """The folders `name` (`model` or `output`) of all machines in one archive; None where all of them are empty."""
        folders = [machine.tree.model if name == "model" else machine.tree.output_data for machine in self._machines]
        if not any(folder.exists() and any(folder.iterdir()) for folder in folders):
            return None
        return self._archive(name, folders)

    def empty_model(self) -> Path:
        return self._archive("model", ())

    def close(self) -> None:
        for container in self._containers:
            container.close()

    def _archive(self, name: str, folders: Sequence[Path]) -> Path:
        archive = self._folder / f"{name}.tar.gz"
        with tarfile.open(archive, "w:gz", compresslevel=1) as packed:
            for folder in folders:
                for path in sorted(folder.iterdir()):
                    packed.add(path, arcname=path.name)
        return archive

    @property
    def _containers(self) -> list[Container]:
        return [machine.container for machine in self._machines if machine.container is not None]


def _free_ports(count: int) -> list[int]:
    opened = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in opened]
    for one in opened:
        one.close()
    return ports
