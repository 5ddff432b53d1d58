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
    """Somewhere to run training jobs. All methods may be called from any thread."""

    @property
    def rental(self) -> Rental | None:
        """What each job rents; None where jobs cost nothing."""

    def handle(self) -> str | None:
        """A new name for a job, at a target where jobs outlive this process; None where they end with it.

        It is recorded before the job is submitted, so that no job is ever lost, nor paid for twice.
        """

    def stage(self, channel: Channel) -> Any:
        """Put a channel where jobs can read it; the value goes into `TrainingJob.channels`."""

    def submit(self, job: TrainingJob, progress: Progress | None = None) -> Future[TrainingResult]:
        """Start a job, or follow the one that the target already has under the same `handle`.

        The future raises TrainingError when the job fails, CloudError when the target refuses or fails.
        """

    def close(self) -> None:
        """Release what was staged; running jobs end first."""


@runtime_checkable
class LastingRunner(Runner, Protocol):
    """A runner whose jobs outlive this process: its `handle` always returns a name."""

    def listen(self, on_line: Callable[[str, str], None]) -> None:
        """From now on call `on_line(handle, line)` with every line that running jobs log; from any thread."""

    def stop(self, handle: str) -> None:
        """Ask a job, or a whole study, to end as soon as it can; one that has ended stays as it is.

        The future of its `submit` then has a result that is `stopped`, or TrainingError where there is no model yet.
        """

    def find(self, tags: Mapping[str, str], known: Collection[str] = ()) -> Sequence[ManagedJob]:
        """The training jobs there that carry all of these tags, the latest first, but for those whose handle is known.

        Those that have ended well, or were stopped with a model, come with their `result`.
        """


@runtime_checkable
class SearchingRunner(Runner, Protocol):
    """A runner whose target can also run a whole study by itself."""

    def study_handle(self) -> str:
        """A new name for a study there."""

    def search_faults(
        self, study: Study, space: SearchSpace, algorithm: str, code: Program | Image | None
    ) -> Sequence[str]:
        """What the target cannot do of a study, each from the key it is about to a way out; empty for nothing."""

    def search(self, study: ManagedStudy, watch: Watch) -> None:
        """Run a whole study there, or go on with the one of the same `handle`; returns when it has ended.

        `watch` is called with each of its jobs whenever one changes (started, new rounds, ended), in the calling
        thread; when it returns True the study is stopped. Raises CloudError, TrainingError.
        """


@dataclass(frozen=True)
class Prediction:
    """In the order of the rows; `variant` answered.

    `values` are in the label's unit, or levels: then `probabilities` have that of each level, for each row. `quantiles`
    have the value of each, by its share as text, where the model gives some. `intervals` and `explanations` are there
    where they were asked for: see `training.detailed`.
    """

    values: Sequence[float | str]
    variant: str
    probabilities: Sequence[Mapping[str, float]] = ()
    quantiles: Sequence[Mapping[str, float]] = ()
    intervals: Sequence[Mapping[str, Any]] = ()
    explanations: Sequence[Mapping[str, Any]] = ()

    @property
    def beside(self) -> Sequence[Mapping[str, float]]:
        """What stands beside each value, by the level or the quantile that it belongs to; empty for nothing."""
        return self.probabilities or self.quantiles

    def documents(self) -> list[Any]:
        """For JSON, one for each row; see `housing.tasks.written`."""
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
    """Requests to the variants since they have had these models and weights together, which is since `since_s`.

    Requests are counted from `counted_since_s` on, which is later where a target has started counting anew. Both are
    seconds since 1970.
    """

    since_s: float
    counted_since_s: float
    requests: Mapping[str, int]
    failures: Mapping[str, int]


@dataclass(frozen=True)
class EndpointStatus:
    """What an operator asks first. `instances` counts the live ones, by variant.

    `latency_ms` is that of a typical call: the median here, the mean where no more is known. `created_at_s` counts from
    1970. `invocations_last_day` is None where only what has come since the start is counted. `test` is None for
    an endpoint that is not in service. `p99_ms` is what 99 of 100 of the latest calls did not pass, and `server_errors`
    are those failures that are no fault of the client's; both are empty where a place does not say. `slow` is why
    a variant answers a few rows no faster than its model's library.
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
    """A file answered by `job`: one line a row, in the label's unit, at `location`; the model was that of `variant`."""

    rows: int
    location: str
    job: str
    variant: str


class Host(Protocol):
    """Somewhere to serve models. Deployments are pinned: every variant names a version, never an alias."""

    def endpoints(self) -> Sequence[str]:
        """Names of the endpoints at this target."""

    def check(self, wanted: Deployment) -> None:
        """Raises ConfigError, before anything changes, for what this target cannot do."""

    def current(self, endpoint: str) -> Deployment | None:
        """What is served now, once a change that is under way has ended; None when there is no such endpoint."""

    def apply(self, action: Action, models: Mapping[str, Path]) -> None:
        """Take one step. `models` maps a variant's `model` to the folder of its files; raises DeploymentError."""

    def hold(self, purpose: str) -> AbstractContextManager[None]:
        """Keep other commands from changing endpoints meanwhile; waits, then DeploymentError names the other one."""

    def predict(
        self,
        endpoint: str,
        rows: str,
        variant: str | None = None,
        *,
        extras: Extras = Extras(),  # noqa: B008 - frozen
    ) -> Prediction:
        """Answer raw rows, given as CSV with a header; the host chooses by weight when no variant is named.

        `extras` are only given where somebody asks for them: a host may do without.
        """

    def status(self, endpoint: str) -> EndpointStatus | None:
        """None when there is no such endpoint."""

    def captured(self, endpoint: str) -> Sequence[CapturedRows]:
        """The latest requests that were kept, as its `capture` says, of every variant that it has; the oldest first.

        A target keeps, or reads, a bounded number of them. Raises DeploymentError when there is no such endpoint.
        """


@runtime_checkable
class NearHost(Host, Protocol):
    """A host on this machine, to which rows go as they are, at no other cost than that of reading them."""

    @property
    def rows_a_request(self) -> int:
        """How many it is best asked for at once, of many."""


@dataclass(frozen=True)
class PromotedVersion:
    """A version that passed the gate: `uri` is MLflow's, `why` says who approved it, or asks for it."""

    uri: str
    digest: str
    run_id: str
    interface: Interface
    metrics: Mapping[str, float]
    is_approved: bool
    why: str


@runtime_checkable
class RegisteringHost(Host, Protocol):
    """A host whose target has a model registry of its own. Its module offers `registry(settings)`: where, or None."""

    def register(self, version: PromotedVersion, folder: Path) -> str:
        """Register a version by its files, unless it is there; returns its address."""


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
        """Answer the raw rows of `source`, a file here or an address there; `pieces` cuts it into CSV texts.

        A call that was killed is taken up by the next one of the same source, model and `depends_on`, which says how
        the file is cut. The answers are also written to `output`; `told` hears how far it is. Raises DataError for rows
        that the model refuses.
        """


class Target(Protocol):
    """A target, as its package offers it: beside these also `open_runner(settings)`, `open_host(settings)`, or both."""

    Settings: type[Any]

    def supports(
        self,
        settings: Any,
        algorithm: str,
        code: Program | Image | None,
        hyperparameters: Mapping[str, Any],
    ) -> Sequence[str]:
        """Why this target cannot train an algorithm with these hyperparameters, or the user's code.

        Each from the key it is about to a way out.

        Empty when it can. Makes no request, so that a job can be refused before anything of it exists.
        """
