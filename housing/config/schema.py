"""An experiment: one field per group in conf/."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import reduce
from operator import getitem
from typing import Any, Literal

from housing.algorithms.base import Hyperparameters
from housing.algorithms.own_code import Image, Program, metric_faults
from housing.algorithms.registry import find
from housing.benchmark.spec import Benchmark
from housing.costs import Budget, Prices
from housing.data.calibration import Method
from housing.data.description import Dataset
from housing.data.features import Features
from housing.data.weights import Weights
from housing.deployment.spec import Deployment
from housing.monitoring.spec import Monitoring
from housing.promotion.spec import Gate, IntervalRule
from housing.promotion.threshold import ChosenThreshold
from housing.targets.rehearsal.settings import Rehearsal
from housing.tasks.base import Direction
from housing.training.metrics import known_direction
from housing.tuning.space import SearchSpace
from housing.tuning.spec import Study

BagOver = Literal["seeds", "folds"]
_LATER: Mapping[tuple[str, ...], Any] = {
    ("algorithm", "bag"): 1,
    ("algorithm", "bag_over"): "seeds",
    ("study", "blend"): None,
    ("dataset", "split", "outer"): None,
    ("dataset", "sheet"): None,
}
CHOOSABLE = ("dataset", "features", "algorithm")
"""Groups whose options a search space may choose from, by name, as it chooses values of hyperparameters."""


@dataclass(frozen=True)
class Algorithm:
    """An algorithm by name, with every hyperparameter that conf/ or the command line fixes.

    `bag` models are fitted instead of one, which differ by the `seeds` they were given or by the one of as many `folds`
    of the training rows that each leaves out; the mean of their answers is the model.

    One of the user's own runs `code`, and its hyperparameters are `declared` in conf/.
    """

    name: str
    hyperparameters: Mapping[str, Any]
    code: Program | Image | None = None
    declared: Hyperparameters = field(default_factory=dict)
    bag: int = 1
    bag_over: BagOver = "seeds"

    @property
    def kind(self) -> str:
        """The file in `housing/algorithms` that knows how to train it."""
        match self.code:
            case Program():
                return "script"
            case Image():
                return "container"
            case None:
                return self.name

    @property
    def table(self) -> Hyperparameters:
        """Every hyperparameter that it has."""
        return find(self.name).hyperparameters if self.code is None else self.declared

    @property
    def aliases(self) -> Mapping[str, str]:
        """Other names of its hyperparameters, as its library knows them."""
        return find(self.name).aliases if self.code is None else {}

    @property
    def rounds(self) -> str | None:
        """The hyperparameter that counts rounds; None where none does."""
        return find(self.name).capabilities.rounds if self.code is None else self.code.rounds

    @property
    def directions(self) -> Mapping[str, Direction]:
        """The directions of metrics that only the user's code defines."""
        return self.code.directions if self.code is not None else {}

    @property
    def metrics(self) -> Sequence[str]:
        """The metrics that a job will have after each round, each with its channel."""
        if self.code is not None:
            return [name for name in self.code.metrics if known_direction(name, self.directions) is not None]
        asked = find(self.name).metrics(self.hyperparameters)
        return [f"{channel}_{metric}" for channel in ("train", "validation") for metric in asked]


@dataclass(frozen=True)
class Script:
    """A training script, run as SageMaker runs one in a framework's container.

    `source_dir` is its folder, relative to the working folder, or `package:<folder>` for one that housing ships. It
    goes wherever the script trains and with its model, hidden files left out. `framework` with its versions names
    SageMaker's image; on this machine the Python that runs housing runs it. `metrics` maps a metric's name to the
    regular expression that finds its value, in the first group, in a line that the script prints; left empty, the
    task's own is looked for. What it prints last is true of the model that it writes; `directions` says minimize or
    maximize of a metric that housing does not know. `rounds` is the hyperparameter that says how many times it prints
    them. A process on this machine may take `timeout_s` seconds; SageMaker's limit is the runner's `max_run_s`.
    """

    source_dir: str
    framework: str
    framework_version: str
    metrics: Mapping[str, str] = field(default_factory=dict)
    py_version: str = "py3"
    entry_point: str = "train.py"
    requirements: str | None = None
    rounds: str | None = None
    timeout_s: float | None = 3600
    directions: Mapping[str, Direction] = field(default_factory=dict)

    def __post_init__(self) -> None:
        faults = metric_faults(self.metrics, self.directions)
        if self.timeout_s is not None and not self.timeout_s > 0:
            faults.append(f"timeout_s: must be more than 0, got {self.timeout_s}")
        if faults:
            raise ValueError("; ".join(faults))


@dataclass(frozen=True)
class Tracking:
    """Where the record is kept: an MLflow tracking URI, and the registered model's name.

    Results of a study wait on disk while a tracking server does not answer; its end waits `wait_s` seconds for that.
    """

    uri: str
    model: str
    wait_s: float = 60

    def __post_init__(self) -> None:
        if not self.wait_s >= 0:
            raise ValueError(f"wait_s: must be 0 or more, got {self.wait_s}")


@dataclass(frozen=True)
class Figure:
    """A published value, and what random splits of the same data give: mean and standard deviation over them."""

    value: float
    splits_mean: float
    splits_sd: float


@dataclass(frozen=True)
class Published:
    """Figures that a publication gives, to be shown beside ours; mean absolute errors in the label's unit."""

    source: str
    train_mae: Figure
    validation_mae: Figure
    best_validation_mae: Figure


@dataclass(frozen=True)
class Experiment:
    """The checked configuration; `name` is the MLflow experiment. `runner` and `host` are the targets' own settings.

    `weights` says how rows count in a fit: all alike, or `balanced`, so that every level of the label counts as much.

    `threshold` is the least probability of the positive level of two at which it is chosen, or how to choose it.

    `calibration` says how the probabilities of a promoted model are mapped to how often each level is true.

    `intervals` says how often a range around a prediction is to hold the truth, and whether one is learnt at all.

    `parallel` jobs of a `train --multirun` run at once; of a study's trials `study.parallel` do.
    """

    name: str
    seed: int
    dataset: Dataset
    features: Features
    algorithm: Algorithm
    search_space: SearchSpace
    study: Study
    tracking: Tracking
    runner: Any
    host: Any
    gate: Gate
    deployment: Deployment
    prices: Prices
    budget: Budget = field(default_factory=Budget)
    rehearsal: Rehearsal = field(default_factory=Rehearsal)
    monitoring: Monitoring = field(default_factory=Monitoring)
    candidate: str | None = None
    weights: Weights = "none"
    calibration: Method = "none"
    threshold: float | ChosenThreshold | None = None
    intervals: IntervalRule = field(default_factory=IntervalRule)
    published: Published | None = None
    benchmark: Benchmark = field(default_factory=Benchmark)
    parallel: int = 1

    def plain(self) -> dict[str, Any]:
        """All values as mappings, sequences and scalars; the folder of a script by its digest.

        What earlier versions did not have is left out where it is not used, so that their digests hold.
        """
        values = asdict(self)
        del values["benchmark"]  # each of its jobs is an experiment of its own
        for (*above, name), unused in _LATER.items():
            place = reduce(getitem, above, values)
            if place[name] == unused:
                del place[name]
        if isinstance(self.algorithm.code, Program):
            values["algorithm"]["code"]["archive"] = self.algorithm.code.digest
        return values
