"""What the sessions of one command share: record, registry, runner, running jobs and host."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from housing.lazy import Lazy
from housing.targets.base import Host, Runner
from housing.targets.registry import find
from housing.workflow.command_record import CommandRecord
from housing.workflow.running_jobs import RunningJobs
from housing.workflow.spending import Ledger

if TYPE_CHECKING:
    from housing.config.schema import Experiment
    from housing.tracking.registry import Registry
    from housing.tracking.versions import Versions
    from housing.workflow.outcome import Invocation, Reporter


@dataclass(frozen=True)
class Resources:
    """Each is opened on first use; built by `resources_of`, once per command."""

    record: CommandRecord
    registry: Lazy[Registry]
    versions: Lazy[Versions]
    runner: Lazy[Runner]
    running_jobs: Lazy[RunningJobs]
    host: Lazy[Host]

    def close(self) -> None:
        """End the threads; running jobs that outlive the command continue."""
        self.record.close()
        if self.running_jobs.is_made:
            self.running_jobs.get().close()
        elif self.runner.is_made:
            self.runner.get().close()


def resources_of(
    experiment: Experiment,
    invocation: Invocation,
    reporter: Reporter,
    *,
    record: CommandRecord | None = None,
    ledger: Ledger | None = None,
) -> Resources:
    """The resources of the experiment's sessions; `record` and `ledger` are existing ones of the same command."""
    shared = record or CommandRecord(experiment, invocation, reporter)
    money = ledger or Ledger(experiment.prices, experiment.budget)
    runner = Lazy(lambda: _open_runner(experiment))
    return Resources(
        record=shared,
        registry=Lazy(lambda: _open_registry(shared)),
        versions=Lazy(lambda: _open_versions(experiment, reporter)),
        runner=runner,
        running_jobs=Lazy(lambda: RunningJobs(runner.get(), shared, money, reporter, invocation.next)),
        host=Lazy(lambda: _open_host(experiment)),
    )


def _open_runner(experiment: Experiment) -> Runner:
    runner: Runner = find(experiment.runner.name).open_runner(experiment.runner)
    return runner


def _open_host(experiment: Experiment) -> Host:
    host: Host = find(experiment.host.name).open_host(experiment.host)
    return host


def _open_registry(record: CommandRecord) -> Registry:
    from housing.tracking.registry import Registry

    return Registry(record.runs.client)


def _open_versions(experiment: Experiment, reporter: Reporter) -> Versions:
    from housing.tracking.reading import open_reader
    from housing.tracking.versions import Versions

    with reporter.working("reading the record"):
        return Versions(open_reader(experiment.tracking.uri))
