"""The strategies by which a tuning job chooses what to train next."""

from __future__ import annotations

import itertools
import random
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from housing.rehearsal.tuning.parameter_ranges import Choice, Point, Space

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.float64]

_AT_RANDOM = 3  # random points before the model is used
_CANDIDATES = 1000
_NEAR = 0.08  # standard deviation of candidates around the best points


@dataclass(frozen=True)
class Observation:
    """A point and its value, lower is better; None while it is unknown, or where the job failed."""

    point: Point
    value: float | None


Propose = Callable[[Space, Sequence[Observation], int], Point | None]
"""The next point, given all those proposed so far and the search's seed; None when there are no more."""


def by_name(strategy: str) -> Propose:
    return {"Random": at_random, "Grid": in_a_grid, "Hyperband": at_random, "Bayesian": bayesian}[strategy]


def at_random(space: Space, observations: Sequence[Observation], seed: int) -> Point | None:
    drawn = random.Random(f"{seed}/{len(observations)}")
    return tuple(drawn.random() for _ in space.ranges)


def in_a_grid(space: Space, observations: Sequence[Observation], seed: int) -> Point | None:  # noqa: ARG001
    """All combinations of categories, in their order."""
    choices = [side for side in space.ranges if isinstance(side, Choice)]
    combinations = itertools.product(*([side.side(value) for value in side.values] for side in choices))
    return next(itertools.islice(combinations, len(observations), None), None)


def bayesian(space: Space, observations: Sequence[Observation], seed: int) -> Point | None:
    """The point that a Gaussian process expects to improve most on the best one so far."""
    import numpy as np

    known = [one for one in observations if one.value is not None]
    generator = _generator(observations, seed)
    if len(known) < max(_AT_RANDOM, min(len(space.ranges), 2 * _AT_RANDOM)):
        return _spread(space, observations, seed)
    points = _features(space, [one.point for one in known])
    values = np.array([one.value for one in known], dtype=float)
    # One very bad point must not flatten the differences between the good ones.
    worst = np.median(values) + 2 * (np.median(values) - values.min())
    values = np.minimum(values, worst)
    scale = float(values.std()) or 1.0
    values = (values - values.mean()) / scale
    candidates = _candidates(space, known, generator)
    running = [one.point for one in observations if one.value is None]
    mean, deviation = _predicted(points, values, _features(space, candidates), _features(space, running))
    return candidates[int(np.argmax(_improvement(mean, deviation, float(values.min()))))]


def _generator(observations: Sequence[Observation], seed: int) -> np.random.Generator:
    import numpy as np

    return np.random.default_rng([seed, len(observations)])


def _spread(space: Space, observations: Sequence[Observation], seed: int) -> Point:
    """The next point of a low-discrepancy sequence."""
    import numpy as np
    from scipy.stats import qmc

    sequence = qmc.Halton(len(space.ranges), rng=np.random.default_rng(seed)).random(len(observations) + 1)
    return tuple(sequence[-1])


def _candidates(space: Space, known: Sequence[Observation], generator: np.random.Generator) -> list[Point]:
    """Random points, half of them near the best ones."""
    import numpy as np

    sides = len(space.ranges)
    best = [one.point for one in sorted(known, key=lambda one: one.value or 0.0)[:3]]
    near = np.array(best)[generator.integers(len(best), size=_CANDIDATES // 2)]
    near = near + generator.normal(0, _NEAR, near.shape) * (generator.random(near.shape) < max(0.5, 1 / sides))
    anywhere = generator.random((_CANDIDATES, sides))
    points = np.clip(np.concatenate([anywhere, near]), 0, 1)
    return [tuple(point) for point in points]


def _features(space: Space, points: Sequence[Point]) -> Array:
    """(points, features): a column per number, rounded as in training, and a column per category (one-hot)."""
    import numpy as np

    rows = []
    for point in points:
        row: list[float] = []
        for side, place in zip(space.ranges, point, strict=True):
            text = side.text(place)
            row += [float(text == value) for value in side.values] if isinstance(side, Choice) else [side.side(text)]
        rows.append(row)
    return np.array(rows, dtype=float)


def _predicted(points: Array, values: Array, candidates: Array, running: Array) -> tuple[Array, Array]:
    """Mean and standard deviation at the candidates; running jobs count as finished with their expected value."""
    import numpy as np
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import Matern, WhiteKernel
    from threadpoolctl import threadpool_limits

    lengths = Matern(np.full(points.shape[1], 0.5), (0.1, 3.0), nu=2.5)
    process = GaussianProcessRegressor(lengths + WhiteKernel(1e-3, (1e-6, 0.1)), random_state=0)
    # On matrices this small a second thread only waits, and for long when training jobs run.
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        process.fit(points, values)
        if len(running):
            expected = process.predict(running)
            process = GaussianProcessRegressor(process.kernel_, optimizer=None)
            process.fit(np.concatenate([points, running]), np.concatenate([values, expected]))
        mean, deviation = process.predict(candidates, return_std=True)
    return mean, deviation


def _improvement(mean: Array, deviation: Array, best: float) -> Array:
    import numpy as np
    from scipy.stats import norm

    deviation = np.maximum(deviation, 1e-9)
    gain = (best - mean) / deviation
    return np.asarray(deviation * (gain * norm.cdf(gain) + norm.pdf(gain)))
