"""What a target must offer to train or to serve models; `registry` finds one by name."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from housing.algorithms.own_code import Image, Program
from housing.costs import Rental
from housing.data.channel import Channel
from housing.data.extras import Extras
from housing.deployment.plan import Action
from housing.deployment.spec import Deployment, Interface
from housing.monitoring.captured import CapturedRows
from housing.targets.managed import ManagedJob, ManagedStudy, Watch
from housing.tasks import written
from housing.training.job import Progress, TrainingJob, TrainingResult
from housing.tuning.space import SearchSpace
from housing.tuning.spec import Study


class Runner(Protocol):
    """The training side of a target. All methods may be called from any thread."""

    @property
    def rental(self) -> Rental | None:
        """What each job rents; None where jobs cost nothing."""

    def handle(self) -> str | None:
        """A new name for a job, at a target where jobs outlive this process; None where they end with it.

        It is recorded before the job is submitted, so that no job is ever lost or paid for twice.
        """

    def stage(self, channel: Channel) -> Any:
        """Put a channel where jobs can read it; the value goes into `TrainingJob.channels`."""

    def submit(self, job: TrainingJob, progress: Progress | None = None) -> Future[TrainingResult]:
        """Start a job, or follow the one that the target already has under the same `handle`.

        The future raises TrainingError when the job fails, CloudError when the target refuses or fails.
        """

    def close(self) -> None:
        """Wait for running jobs, then release what was staged."""


@runtime_checkable
class LastingRunner(Runner, Protocol):
    """A runner whose jobs outlive this process: its `handle` always returns a name."""

    def listen(self, on_line: Callable[[str, str], None]) -> None:
        """From now on call `on_line(handle, line)` with every line that running jobs log; from any thread."""

    def stop(self, handle: str) -> None:
        """Ask a job, or a whole study, to end as soon as it can; does nothing if it has ended.

        The future of its `submit` then has a result that is `stopped`, or TrainingError where there is no model yet.
        """

    def find(self, tags: Mapping[str, str], known: Collection[str] = ()) -> Sequence[ManagedJob]:
        """The training jobs there that have all of these tags, the latest first, except those whose handle is known.

        Those that completed, or were stopped with a model, have a `result`.
        """


@runtime_checkable
class SearchingRunner(Runner, Protocol):
    """A runner whose target can also run a whole study by itself."""

    def study_handle(self) -> str:
        """A new name for a study there."""

    def search_faults(
        self, study: Study, space: SearchSpace, algorithm: str, code: Program | Image | None
    ) -> Sequence[str]:
        """What the target cannot do of a study; each message begins with the key and ends with a way out."""

    def search(self, study: ManagedStudy, watch: Watch) -> None:
        """Run a whole study there, or resume the one with the same `handle`; returns when it has ended.

        `watch` is called with each of its jobs whenever one changes (started, new rounds, ended), in the calling
        thread; when it returns True the study is stopped. Raises CloudError, TrainingError.
        """


@dataclass(frozen=True)
class Prediction:
    """Predictions in the order of the rows, by `variant`.

    `values` are in the label's unit, or levels: then `probabilities` has the probability of each level, for each row.
    `quantiles` has the value of each quantile, keyed by its level as text, where the model predicts any. `intervals`
    and `explanations` are present if requested: see `training.detailed`.
    """

    values: Sequence[float | str]
    variant: str
    probabilities: Sequence[Mapping[str, float]] = ()
    quantiles: Sequence[Mapping[str, float]] = ()
    intervals: Sequence[Mapping[str, Any]] = ()
    explanations: Sequence[Mapping[str, Any]] = ()

    @property
    def beside(self) -> Sequence[Mapping[str, float]]:
        """What accompanies each value: probabilities by level, or values by quantile; empty if there are neither."""
        return self.probabilities or self.quantiles

    def documents(self) -> list[Any]:
        """JSON values, one for each row; see `housing.tasks.written`."""
        key = written.PROBABILITIES if self.probabilities else written.QUANTILES
        columns = {key: self.beside, written.INTERVAL: self.intervals, written.EXPLANATION: self.explanations}
        there = {name: column for name, column in columns.items() if column}
        if not there:
            return list(self.values)
        return [
            {written.PREDICTION: value, **{name: dict(column[row]) for name, column in there.items()}}
            for row, value in enumerate(self.values)
        ]


@dataclass(frozen=True)
class SinceChange:
    """Requests to the variants since `since_s`, when they began to serve with these models and weights.

    Requests are counted from `counted_since_s` on, which is later where a target has restarted its counts. Both are in
    seconds since 1970.
    """

    since_s: float
    counted_since_s: float
    requests: Mapping[str, int]
    failures: Mapping[str, int]


@dataclass(frozen=True)
class EndpointStatus:
    """The state of an endpoint for its operator. `instances` counts the live ones, by variant.

    `latency_ms` is that of a typical call: the median, or the mean where a target knows only that. `created_at_s` is in
    seconds since 1970. `invocations_last_day` is None where calls are counted only since the server's start. `test` is
    None for an endpoint that is not in service. `p99_ms` is the 99th percentile of the latest calls, `server_errors`
    counts the failures that are not the client's fault; both are empty where a target does not report them. `slow` is
    why a variant answers a few rows no faster than its model's library.
    """

    endpoint: str
    state: str
    url: str
    deployment: Deployment
    instances: Mapping[str, int]
    invocations: Mapping[str, int]
    failures: Mapping[str, int]
    latency_ms: Mapping[str, float | None]
    models: Mapping[str, Mapping[str, str]]
    created_at_s: float | None = None
    invocations_last_day: int | None = None
    is_billed: bool = False
    test: SinceChange | None = None
    p99_ms: Mapping[str, float | None] = field(default_factory=dict)
    server_errors: Mapping[str, int] = field(default_factory=dict)
    slow: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Batch:
    """A file answered by `job`: one line per row, in the label's unit, at `location`, with the model of `variant`."""

    rows: int
    location: str
    job: str
    variant: str


class Host(Protocol):
    """The serving side of a target. Deployments are pinned: every variant names a version, never an alias."""

    def endpoints(self) -> Sequence[str]:
        """Names of the endpoints at this target."""

    def check(self, wanted: Deployment) -> None:
        """Raises ConfigError, before anything is changed, for what this target cannot do."""

    def current(self, endpoint: str) -> Deployment | None:
        """What is served now, after a change in progress has ended; None when there is no such endpoint."""

    def apply(self, action: Action, models: Mapping[str, Path]) -> None:
        """Take one step of a plan; `models`: variants' `model` -> folder of its files. Raises DeploymentError."""

    def hold(self, purpose: str) -> AbstractContextManager[None]:
        """Keep other commands from changing endpoints in the block; waits, then DeploymentError names the other."""

    def predict(
        self,
        endpoint: str,
        rows: str,
        variant: str | None = None,
        *,
        extras: Extras = Extras(),  # noqa: B008 - frozen
    ) -> Prediction:
        """Answer raw rows, given as CSV with a header; the host chooses by weight when no variant is named.

        `extras` are passed only when requested: a host need not support them.
        """

    def status(self, endpoint: str) -> EndpointStatus | None:
        """None when there is no such endpoint."""

    def captured(self, endpoint: str) -> Sequence[CapturedRows]:
        """The latest captured requests of each of its variants, the oldest first.

        A target keeps, or reads, a bounded number. Raises DeploymentError when there is no such endpoint.
        """


@runtime_checkable
class NearHost(Host, Protocol):
    """A host on this machine, to which rows go as they are, at no other cost than that of reading them."""

    @property
    def rows_a_request(self) -> int:
        """How many it is best asked for at once, of many."""


@dataclass(frozen=True)
class PromotedVersion:
    """A version that passed the gate: `uri` is MLflow's, `why` says who approved it, or asks for approval."""

    uri: str
    digest: str
    run_id: str
    interface: Interface
    metrics: Mapping[str, float]
    is_approved: bool
    why: str


@runtime_checkable
class RegisteringHost(Host, Protocol):
    """A host whose target has a model registry of its own. Its module has `registry(settings)`: where, or None."""

    def register(self, version: PromotedVersion, folder: Path) -> str:
        """Register a version with its files, unless it is registered; returns its address."""


@runtime_checkable
class BatchHost(Host, Protocol):
    """A host whose target can also answer whole files by itself."""

    def predict_file(
        self,
        endpoint: str,
        source: str,
        pieces: Callable[[Path], Iterable[str]],
        *,
        depends_on: str,
        output: Path | None,
        told: Callable[[str], None],
    ) -> Batch:
        """Answer the raw rows of `source`, a local file or an address at the target; `pieces` cuts it into CSV texts.

        A killed call is resumed by the next one with the same source, model and `depends_on`, which says how the file
        is cut. The answers are also written to `output`; `told` is called with progress messages. Raises DataError for
        rows that the model refuses.
        """


class Target(Protocol):
    """A target's module: it also has `open_runner(settings)`, `open_host(settings)`, or both."""

    Settings: type[Any]

    def supports(
        self,
        settings: Any,
        algorithm: str,
        code: Program | Image | None,
        hyperparameters: Mapping[str, Any],
    ) -> Sequence[str]:
        """Why this target cannot train an algorithm with these hyperparameters, or the user's code; empty when it can.

        Each message begins with the key and ends with a way out. Makes no request, so that a job can be refused before
        anything is created for it.
        """
