"""What kind of question is asked of a label, and how to find one by name.

One file in this folder is one task; installed packages add theirs by entry points of the group `housing.tasks`. A task
defines what its label may be, how predictions are judged, and what they look like, so that no other code depends on
which task it is.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

import housing.tasks
from housing.errors import ConfigError, DataError
from housing.plugins import package_of, plugins, plugins_beside
from housing.tasks.predictions import Predictions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ENTRY_POINTS = "housing.tasks"
METRIC_ENTRY_POINTS = "housing.metrics"
"""The entry points of further metrics of tasks: `<task>.<name>`, each a `Metric`."""

DEFAULT = "regression"
"""The default task of a numeric label, and the task of all records from before there were others."""

DEFAULT_THRESHOLD = 0.5

MOST_CLASSES = 10
"""A label, or a column, with more distinct values than this is not taken for classes."""

Direction = Literal["minimize", "maximize"]

_NOT_TASKS = (
    *("base", "classes", "curves", "interval", "numbers", "predictions", "resampling", "times", "transforms"),
    *("written",),
)


def _always(_label: NDArray[np.float64]) -> str | None:
    return None


@dataclass(frozen=True)
class Metric:
    """`compute(label, predictions)` takes a label of (rows,), in its unit or as codes of levels; where the task has
    groups, of (rows, 2).

    Its value is NaN where it is not defined for the predictions. `undefined(label)` says why it is not defined for a
    label, whatever is predicted; None where it is. `has_unit`: the value is in the label's unit. `of_probabilities`: it
    is computed from the probabilities, whichever level is chosen. `weighs`: it applies the predictions' weights.
    `of_rows(label, predictions)` gives (rows,) values whose mean or, with `is_root`, whose mean's square root is the
    metric: the metric's standard error then follows from theirs.
    """

    about: str
    direction: Direction
    compute: Callable[[NDArray[np.float64], Predictions], float]
    has_unit: bool = False
    of_probabilities: bool = False
    undefined: Callable[[NDArray[np.float64]], str | None] = _always
    weighs: bool = False
    of_rows: Callable[[NDArray[np.float64], Predictions], NDArray[np.float64]] | None = None
    is_root: bool = False


@dataclass(frozen=True)
class DatasetKey:
    """A key of a dataset that some tasks need, by an example of its value; `is_column`: it names a column."""

    example: str
    is_column: bool = False


class Task(Protocol):
    """Subclass it. `question` is what it asks, as text.

    `metric` is the one that a study, a gate and a comparison use unless another is named. `transforms` are the
    transformations of the label that can be undone in its predictions. `levels` is the smallest and the largest
    number of levels that its label may have; None: the label is a number. `has_positive_level`: the second of its two
    levels is the positive one, and is predicted where its probability reaches a threshold. `keys` are keys of a dataset
    that it needs beside the label; a dataset of another task may not have them. `has_label_s_scale`: predicted numbers
    are values of the label. `has_groups`: rows are judged by groups, and its labels in metrics are (rows, 2), with the
    number of the group after the label.
    """

    name: ClassVar[str]
    question: ClassVar[str]
    metrics: ClassVar[Mapping[str, Metric]]
    metric: ClassVar[str]
    transforms: ClassVar[tuple[str, ...]] = ("none",)
    levels: ClassVar[tuple[int, int] | None] = None
    has_positive_level: ClassVar[bool] = False
    has_label_s_scale: ClassVar[bool] = True
    has_groups: ClassVar[bool] = False
    keys: ClassVar[Mapping[str, DatasetKey]] = {}

    def asking(self, quantiles: Sequence[float], /) -> Task:
        """The task for these quantiles of the label; itself if it does not predict quantiles."""
        del quantiles
        return self

    def label_fault(self, label: NDArray[np.float64], /) -> str | None:
        """What is wrong with the labels (rows,) of a part of a table; None if nothing is."""
        del label
        return None

    def label_remark(self, label: NDArray[np.float64], /) -> str:
        """A remark on valid labels (rows,) that look as if another task was meant; often empty."""
        del label
        return ""

    def is_suggested(self, label: NDArray[np.float64], /) -> bool:
        """Whether to suggest this task for a label of few distinct values that is treated as a measurement."""
        del label
        return False

    def outputs(self, levels: int, /) -> int:
        """How many numbers a model gives for each row of a label with this many levels."""
        del levels
        return 1

    def predictions(self, outputs: NDArray[np.float64], /, *, threshold: float) -> Predictions:
        """A model's outputs, (rows,) if there is one per row, else (rows, outputs), as predictions.

        `threshold` is the least probability at which the positive level, if there is one, is predicted.
        """
        raise NotImplementedError

    def naive(
        self,
        label: NDArray[np.float64],
        rows: int,
        /,
        *,
        levels: int,
        metric: str,
        weights: NDArray[np.float64] | None = None,
    ) -> Predictions:
        """The naive predictor's answers for `rows` rows: the best constant by `metric`, which ignores every feature.

        It is learnt from `label`, (training rows,), weighted by `weights`.
        """
        raise NotImplementedError


def names() -> list[str]:
    """The tasks that exist: by file name, and by entry point of installed packages."""
    return sorted({*_shipped(), *_entry_points()})


@cache
def find(name: str) -> Task:
    """The task of that name. Raises ModuleNotFoundError if there is none, ConfigError if its package is broken."""
    if name in _shipped():
        task: Task = import_module(f"housing.tasks.{name}").TASK
    elif (entry := _entry_points().get(name)) is not None:
        task = _loaded(entry)
    else:
        raise ModuleNotFoundError(f"there is no task {name}; available: {', '.join(names())}")
    return task


def for_levels(count: int) -> str:
    """The shipped task for a label with `count` levels, or the closest one."""

    def distance(name: str) -> int:
        least, most = find(name).levels or (0, 0)
        return max(least - count, count - most, 0)

    return min((name for name in _shipped() if find(name).levels is not None), key=distance)


@cache
def metrics(name: str) -> Mapping[str, Metric]:
    """The metrics of a task, and those that installed packages add to it."""
    found = dict(find(name).metrics)
    for entry in plugins(METRIC_ENTRY_POINTS):
        task, _, metric = entry.name.partition(".")
        if task == name:
            found[metric] = _loaded(entry)
    return found


@cache
def every_metric() -> Mapping[str, Metric]:
    """The metrics of all tasks by name. Those that share a name share a direction."""
    return {name: metric for task in names() for name, metric in metrics(task).items()}


def score(task: str, label: NDArray[np.float64], predictions: Predictions) -> dict[str, float]:
    """Every metric of the task that is defined for these labels and predictions, by name.

    Raises DataError unless there is at least one prediction, and a finite label for each.
    """
    import numpy as np

    values = predictions.values
    wanted = (*values.shape, 2) if find(task).has_groups else values.shape
    if label.shape != wanted or values.ndim != 1 or not label.size:
        raise DataError(
            f"cannot score {values.shape} predictions against {label.shape} labels: there must be a row for each"
        )
    if not (np.isfinite(label).all() and np.isfinite(values).all()):
        raise DataError("cannot score: labels and predictions must be finite numbers")
    found = {
        name: metric.compute(label, predictions)
        for name, metric in metrics(task).items()
        if metric.undefined(label) is None and (metric.weighs or predictions.weights is None)
    }
    return {name: float(value) for name, value in found.items() if np.isfinite(value)}


@cache
def _shipped() -> tuple[str, ...]:
    found = (m.name for m in pkgutil.iter_modules(housing.tasks.__path__))
    return tuple(name for name in found if name not in _NOT_TASKS)


@cache
def _entry_points() -> Mapping[str, EntryPoint]:
    return plugins_beside(_shipped(), ENTRY_POINTS)


def _loaded(entry: EntryPoint) -> Any:
    try:
        return entry.load()
    except Exception as e:
        raise ConfigError(
            f"{entry.group}: package {package_of(entry)} declares {entry.name} as {entry.value}, "
            f"which cannot be imported: {e}"
        ) from e
