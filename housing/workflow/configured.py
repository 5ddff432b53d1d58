"""The configured point: the baseline of a study, as one of its trials."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from housing.config.schema import CHOOSABLE
from housing.tuning.space import Categorical, Choice, bare, is_active, order
from housing.workflow.session import Session

if TYPE_CHECKING:
    from housing.tracking.reader import Run
    from housing.training.job import TrainingResult
    from housing.tuning.space import Point


@dataclass(frozen=True)
class Baseline:
    """The job that the same command has trained at the configured point; the study reuses its result."""

    run_id: str
    result: TrainingResult


def configured_point(session: Session) -> Point | None:
    """The configuration's values of the searched names, in range or not; None if the study skips it.

    Names that the configuration leaves to the library are absent.
    """
    experiment = session.experiment
    if not experiment.study.configured_first:
        return None
    space, point = experiment.search_space, dict[str, Choice]()
    for name in order(space):
        value = _option(session, name) if name in CHOOSABLE else experiment.algorithm.hyperparameters.get(bare(name))
        if value is not None and is_active(space[name], point):
            point[name] = value
    return {name: point[name] for name in space if name in point}


def configured_points_of_others(session: Session) -> list[Point]:
    """For each other algorithm that may be chosen, the point of its own file, in range or not."""
    experiment = session.experiment
    space = experiment.search_space
    distribution = space.get("algorithm")
    if not experiment.study.configured_first or not isinstance(distribution, Categorical):
        return []
    own = _option(session, "algorithm")
    found: list[Point] = []
    for option in distribution.choices:
        if option == own:
            continue
        fixed = session.choosing({"algorithm": str(option)}).experiment.algorithm.hyperparameters
        point: dict[str, Choice] = {"algorithm": option}
        for name in order(space):
            value = None if name in CHOOSABLE else fixed.get(bare(name))
            if value is not None and is_active(space[name], point):
                point[name] = value
        found.append(point)
    return found


def better_of(session: Session, trial: Run, job: Run) -> Run:
    """The better one, by the first objective, of a study's best trial and a job of the same command."""
    from housing.training.metrics import direction

    objective = session.experiment.study.objectives[0]
    if objective not in job.metrics or session.experiment.study.fits > 1:
        return trial
    gain = trial.metrics[objective] - job.metrics[objective]
    is_worse = gain > 0 if direction(objective, session.experiment.algorithm.directions) == "minimize" else gain < 0
    return job if is_worse else trial


def _option(session: Session, group: str) -> str | None:
    """The configured option of a searched group; None if it is not among the choices."""
    distribution, configured = session.experiment.search_space[group], getattr(session.experiment, group)
    options = distribution.choices if isinstance(distribution, Categorical) else ()
    same = (str(o) for o in options if getattr(session.choosing({group: str(o)}).experiment, group) == configured)
    return next(same, None)
