"""What an algorithm offers.

An algorithm declares what it can do (`Capabilities`), so that no code has to ask for its name.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, runtime_checkable

from housing.tasks.base import DEFAULT

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from housing.algorithms.compiled import Compiled


@dataclass(frozen=True)
class Hyperparameter:
    """A value fixed before fitting: its kind and allowed range (both ends inclusive), or its choices.

    `many` takes a list of `choices`. `default` None means that the library decides. `about` is one line for people.
    """

    kind: Literal["int", "float", "text", "bool"]
    about: str = ""
    default: int | float | str | bool | tuple[str, ...] | None = None
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] | None = None
    many: bool = False
    tunable: bool = True


Hyperparameters = Mapping[str, Hyperparameter]

DataRule = Literal["categorical_inputs", "monotone", "batches", "collective"]
"""Capabilities by name: what an algorithm may have to know about columns, and how it may have to read rows."""


@dataclass(frozen=True)
class Capabilities:
    """What an algorithm can do. The first four name hyperparameters of it; None where it has none for that.

    `rounds` counts the rounds of a fit. `early_stopping` is its patience in rounds, and needs a validation part.
    `round_metrics` lists the metrics that are measured after every round, of which the last decides early stopping;
    without it the finished model is measured once. `loss` names what is minimised. `missing_values`: features may be
    NaN. `weights`: rows may have different weights, and `matrix` takes them. `level_weights` are hyperparameters that
    weight the levels of the label relative to each other. `categorical_inputs`: columns may hold codes of levels that
    have no order; `matrix` takes the indices of these columns. `batches`: `matrix` can read the features in batches of
    rows, so that they need not fit in memory. `collective`: several processes can fit one model together (see
    `CollectiveAlgorithm`). `monotone` names the hyperparameter that states for each column whether predictions rise (1)
    or fall (-1) with it. `not_with` are values of hyperparameters that exclude one of these four. `any_task`: what it
    fits, and to which kind of label, is up to the user. `reference` holds the hyperparameters of a fit that is simple
    and cheap enough to be listed with every study; None: there is none.
    """

    rounds: str | None = None
    early_stopping: str | None = None
    round_metrics: str | None = None
    loss: str | None = None
    missing_values: bool = False
    weights: bool = False
    level_weights: tuple[str, ...] = ()
    categorical_inputs: bool = False
    batches: bool = False
    collective: bool = False
    monotone: str | None = None
    not_with: Mapping[DataRule, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    any_task: bool = False
    reference: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class ForTask:
    """How an algorithm handles one task: the values that its hyperparameters `loss` and `round_metrics` take.

    The first of `objectives` and the first of `metrics` are taken where a configuration names none; empty where the
    algorithm has no such hyperparameter. `levels` names the hyperparameter that takes the number of the label's levels,
    `quantiles` the one that takes the dataset's quantiles. One model can predict at most `most_quantiles` of them;
    None: any number.
    """

    objectives: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    levels: str | None = None
    quantiles: str | None = None
    most_quantiles: int | None = None

    def from_label(self, *, levels: int, quantiles: Sequence[float]) -> dict[str, Any]:
        """The hyperparameters that follow from the label."""
        found = {self.levels: levels, self.quantiles: tuple(quantiles)}
        return {name: value for name, value in found.items() if name is not None}

    def predicts_all(self, quantiles: Sequence[float]) -> bool:
        """Whether one model can predict all of these quantiles."""
        return self.most_quantiles is None or len(quantiles) <= self.most_quantiles


LabelMetrics = Mapping[str, Callable[..., float]]
"""Metric name -> function of (label, prediction, weights), both as trained on; the value is in the label's own unit.

Weights may be left out or None; then all rows count alike.
"""

RoundWatch = Callable[[int, Mapping[str, Mapping[str, float]]], bool]
"""Called after each round with its number (from 0) and channel -> metric -> value; True stops the fit."""


@dataclass(frozen=True)
class Fitted:
    """`history` is channel -> metric -> one value a round; empty where only the finished model can be measured.

    `best_round` counts from 0 and is the last one kept; it is 0 without rounds. `stopped`: a `RoundWatch` ended it.
    """

    history: Mapping[str, Mapping[str, Sequence[float]]]
    best_round: int
    model: bytes
    stopped: bool = False


class Model(Protocol):
    """A fitted model; safe to call from several threads."""

    def predict(self, features: NDArray[np.float32], /) -> NDArray[Any]:
        """(rows, columns) float32, NaN for missing -> (rows,), on the scale of the label that was trained on.

        For a label with two levels these are probabilities of the second one; with more levels the result is (rows,
        levels), the probability of each.
        """


@runtime_checkable
class StagedModel(Model, Protocol):
    """A model fitted in rounds that can predict as it would have after each of them."""

    @property
    def rounds(self) -> int:
        """How many rounds are in the model."""

    def staged(self, features: NDArray[np.float32], /) -> Iterator[NDArray[Any]]:
        """`predict` as it was after each round, the first one first. Raises ValueError where that is not known."""


class Algorithm(Protocol):
    """Subclass it. `library` is the module that it imports, None for none; `extra` is the extra of housing that
    installs it.

    `model_format` is the suffix of its model file. `required` are hyperparameters that a configuration must give.
    `aliases` maps other names that its library has for hyperparameters to ours, for errors to suggest. `tasks` says how
    it handles each task that it supports. `metric_names` maps the library's name of a metric to that of
    `housing.tasks`, where they differ.
    """

    hyperparameters: ClassVar[Hyperparameters]
    capabilities: ClassVar[Capabilities] = Capabilities()
    model_format: ClassVar[str]
    required: ClassVar[Sequence[str]] = ()
    aliases: ClassVar[Mapping[str, str]] = {}
    tasks: ClassVar[Mapping[str, ForTask]] = {DEFAULT: ForTask()}
    metric_names: ClassVar[Mapping[str, str]] = {}
    library: ClassVar[str | None] = None
    extra: ClassVar[str | None] = None

    def load(self, model: bytes, /) -> Model:
        """The model in a file's bytes; raises ValueError when they are not a model of this algorithm."""
        raise NotImplementedError

    def importance(self, model: bytes, columns: Sequence[str], /) -> dict[str, float]:
        """Each encoded column's share of the total importance, largest first; empty where it is not known."""
        del model, columns
        return {}

    def compiled(self, model: bytes, /) -> Compiled | None:
        """The same model in a form that predicts a few rows faster, with numpy alone; None where the algorithm has
        none.

        Raises ValueError where this one model has none. The form is compared with the model before it is used.
        """
        del model
        return None

    def versions(self) -> dict[str, str]:
        """The library that it imports, with the version that is installed here."""
        return {} if self.library is None else {self.library: version(self.library)}

    def versions_of(self, model: bytes, /) -> dict[str, str]:
        """The libraries that one model needs, with the versions that are installed here."""
        del model
        return self.versions()

    def requirements(self, model: bytes, /) -> list[str]:
        """What this model needs besides the algorithm's packages, as pip requirements."""
        del model
        return []

    def missing_library(self) -> str | None:
        """How to install the library that it imports; None where it is installed."""
        if self.library is None or find_spec(self.library) is not None:
            return None
        return f"pip install 'housing[{self.extra}]'" if self.extra else f"pip install {self.library}"

    def metrics(self, hyperparameters: Mapping[str, Any], /) -> tuple[str, ...]:
        """The metrics that a fit with these hyperparameters measures after each round; empty: all are measured at the
        end.
        """
        asked = hyperparameters.get(self.capabilities.round_metrics or "") or ()
        named = (asked,) if isinstance(asked, str) else tuple(asked)
        return tuple(self.metric_names.get(name, name) for name in named)

    def serves(self, task: str, /) -> bool:
        """Whether it supports this task."""
        return self.capabilities.any_task or task in self.tasks


@runtime_checkable
class FittingAlgorithm(Algorithm, Protocol):
    """An algorithm that fits in the calling process, as all do except those that run the user's own code."""

    def matrix_key(self, hyperparameters: Mapping[str, Any], /) -> Hashable:
        """What jobs must agree on to share one matrix."""
        del hyperparameters
        return None

    def matrix(
        self,
        features: NDArray[np.float32],
        label: NDArray[np.float32],
        hyperparameters: Mapping[str, Any],
        *,
        reference: Any = None,
        weights: NDArray[np.float32] | None = None,
        categorical: Sequence[int] = (),
    ) -> Any:
        """What jobs of one `matrix_key` train on; a validation matrix names the training one as `reference`.

        `features` are (rows, columns), `label` is (rows,), or (rows, 2) with the number of each row's group where the
        task has some. Only an algorithm that declares `weights` is given them, (rows,), and only one that declares
        `categorical_inputs` is given the indices of columns that hold codes of levels. One that declares `batches` is
        given `batches`, a function that starts a new pass through the features, where these are on disk. Threads share
        what is returned: `fit` must not change it. By default it is (features, label), and the weights where they are
        declared.
        """
        del hyperparameters, reference, categorical
        return (features, label, weights) if self.capabilities.weights else (features, label)

    def fit(
        self,
        hyperparameters: Mapping[str, Any],
        train: Any,
        validation: Any = None,
        *,
        seed: int,
        threads: int = 1,
        progress: RoundWatch | None = None,
        label_metrics: LabelMetrics | None = None,
    ) -> Fitted:
        """Fit on matrices made by `matrix`. Early stopping keeps the best round, by the last metric on validation.

        `label_metrics` are measured after each round beside the algorithm's own. The same inputs give the same bytes
        when `threads` is 1.
        """
        raise NotImplementedError
