"""`algorithm.bag`: several models of the same hyperparameters that answer as one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from housing.data.left_out import folds_left_out
from housing.tracking import schema
from housing.workflow.members import Planned, combined, fit_members, members_tag, whole_run, with_metrics

if TYPE_CHECKING:
    from housing.data.channel import Channel
    from housing.data.encoder import Encoder
    from housing.tracking.queries import Kind
    from housing.tracking.reader import Run
    from housing.training.job import TrainingResult
    from housing.workflow.job_run import JobRun
    from housing.workflow.session import Session

_SEEDS = ("seed", "random_seed")
"""Algorithms' names of the hyperparameter for their seed."""


def fit_bag(
    session: Session,
    name: str,
    hyperparameters: Mapping[str, Any],
    channels: Mapping[str, Channel],
    encoder: Encoder,
    *,
    kind: Kind,
    parent: str | None,
    tags: Mapping[str, str] | None = None,
    again: Run | None = None,
    stopping: Callable[[], bool] | None = None,
) -> tuple[JobRun, TrainingResult]:
    """The configured bag, fitted to `channels`, and its run, which the caller ends."""
    planned = plan_bag(session, name, hyperparameters, channels, encoder)
    run = session.recording.job_run(
        name,
        kind=kind,
        hyperparameters=hyperparameters,
        parent=parent,
        tags={**(tags or {}), schema.BAG: described(session), **members_tag(planned)},
        channels=channels.values(),
        again=again,
    )
    with whole_run(session, run, again):
        results = fit_members(run, planned, again=again, stopping=stopping)
        remark_alike(session, results)
        return run, with_metrics(combined(planned, results), encoder, channels)


def described(session: Session) -> str:
    """Such as `8 seeds`."""
    algorithm = session.experiment.algorithm
    return f"{algorithm.bag} {algorithm.bag_over}"


def plan_bag(
    session: Session,
    name: str,
    hyperparameters: Mapping[str, Any],
    channels: Mapping[str, Channel],
    encoder: Encoder,
) -> list[Planned]:
    """The members of a bag; a single one without a bag."""
    algorithm, seed = session.experiment.algorithm, session.experiment.seed
    own = Planned(session, name, hyperparameters, channels, encoder, seed)
    if algorithm.bag == 1:
        return [own]
    if algorithm.bag_over == "folds":
        parts = folds_left_out(channels["train"], algorithm.bag, seed=seed)
        return [
            replace(own, name=f"{name} without fold {number}", channels={**channels, "train": part})
            for number, part in enumerate(parts)
        ]
    return [
        replace(
            own,
            name=f"{name} seed {seed + number}",
            seed=seed + number,
            hyperparameters=_seeded(hyperparameters, number),
        )
        for number in range(algorithm.bag)
    ]


def remark_alike(session: Session, results: Sequence[TrainingResult]) -> None:
    """Report if different seeds gave the same model: then the bag gains nothing."""
    if len(results) > 1 and len({result.model for result in results}) == 1:
        session.reporter.step(
            "bag",
            f"all {len(results)} members are the same model, because nothing in these hyperparameters is random: let "
            "each leave out rows (algorithm.bag_over=folds), or sample",
        )


def _seeded(hyperparameters: Mapping[str, Any], number: int) -> dict[str, Any]:
    """The hyperparameters of member `number`: a fixed seed is incremented, too."""
    fixed = {name: hyperparameters[name] + number for name in _SEEDS if hyperparameters.get(name) is not None}
    return {**hyperparameters, **fixed}
