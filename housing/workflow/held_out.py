"""A model's answers to labelled rows that it was not fitted to, for learning a threshold and a calibration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from housing.algorithms.registry import find
from housing.errors import ConfigError, TrainingError
from housing.training.folds import mean_result
from housing.training.scoring import outputs_of
from housing.workflow.bags import fit_bag
from housing.workflow.blending import labels_of, together
from housing.workflow.jobs import result_of
from housing.workflow.session import Session

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from housing.data.channel import Channel
    from housing.tracking.reader import Run
    from housing.training.job import TrainingResult
    from housing.workflow.blending import Part
    from housing.workflow.job_run import JobRun


_OF_VALIDATION = "rows of validation"


@dataclass(frozen=True, eq=False)
class HeldOut:
    """`label` (rows,) as metrics take it; `outputs` are the model's own; `rows` describes them.

    `places` are their row numbers in the table.
    """

    label: NDArray[np.float64]
    outputs: NDArray[np.float64]
    rows: str
    places: NDArray[np.int64]


def held_out_answers(
    session: Session, source: Run, hyperparameters: Mapping[str, Any], *, parent: str | None, to: str
) -> HeldOut:
    """Answers for the validation part; or, if the study has folds, for the final fit's rows, out-of-fold.

    The final hyperparameters are fitted once more for this, to fewer rows: the final model has seen the validation
    part, and would be overconfident on it. A fit to far fewer rows, such as half, would err more than the final one.
    Jobs are recorded as one run. `to` is its purpose: `threshold for`.
    """
    name, folds = f"{to} {source.name}", session.experiment.study.folds
    prepared = session.prepared
    if folds == 1 and not len(prepared.channels["validation"].label):
        raise ConfigError(
            f"dataset {session.experiment.dataset.name} has no validation part to learn the {to.partition(' ')[0]} "
            "from; give dataset.split one, or study.folds=5"
        )
    parts = prepared.final_folds(folds, seed=session.experiment.seed) if folds > 1 else [prepared.channels]
    if session.experiment.algorithm.bag > 1:
        bagged = [
            _bagged(session, f"{name} fold {number}" if folds > 1 else name, hyperparameters, part, parent)
            for number, part in enumerate(parts)
        ]
        return _answers(session, name, bagged, [part["validation"] for part in parts])
    staged = [session.data.stage(part) for part in parts] if folds > 1 else [session.staged]
    run = session.recording.job_run(
        name,
        kind="job",
        hyperparameters=hyperparameters,
        parent=parent,
        channels=tuple(prepared.channels.values()),
    )
    results = [
        _trained(session, f"{name} fold {number}" if folds > 1 else name, hyperparameters, channels, run)
        for number, channels in enumerate(staged)
    ]
    result = mean_result(results) if folds > 1 else results[0]
    session.recording.end(run, result, encoder=prepared.encoder)
    if session.running_jobs.stopping:
        raise KeyboardInterrupt
    return _answers(session, name, results, [part["validation"] for part in parts])


def held_out_of_blend(session: Session, parts: Sequence[Part]) -> HeldOut:
    """The blend's answers from its trials' held-out outputs: nothing is fitted."""
    import numpy as np

    label, folds = labels_of(parts[0].session), session.experiment.study.folds
    prepared = parts[0].session.prepared
    if folds == 1:
        return HeldOut(label, together(parts), _OF_VALIDATION, prepared.parts.validation)
    held = np.concatenate(prepared.held_out(folds, seed=session.experiment.seed))
    return HeldOut(label, together(parts), f"rows of training, out of {folds} folds", held)


def _bagged(
    session: Session, name: str, hyperparameters: Mapping[str, Any], part: Mapping[str, Channel], parent: str | None
) -> TrainingResult:
    encoder = session.prepared.encoder
    run, result = fit_bag(session, name, hyperparameters, part, encoder, kind="job", parent=parent)
    session.recording.end(run, result, encoder=encoder)
    return result


def _trained(
    session: Session, name: str, hyperparameters: Mapping[str, Any], channels: Mapping[str, Any], run: JobRun
) -> TrainingResult:
    # One run cannot have the rounds of several fits: their mean is recorded.
    live = session.experiment.study.folds == 1
    return result_of(session, session.job(name, hyperparameters, channels), run, live=live)


def _answers(
    session: Session,
    name: str,
    results: Sequence[TrainingResult],
    channels: Sequence[Channel],
) -> HeldOut:
    import numpy as np

    try:
        outputs = [
            np.asarray(outputs_of(find(session.reader(result)).load(result.model), channel), np.float64)
            for result, channel in zip(results, channels, strict=True)
        ]
    except ValueError as e:
        raise TrainingError(f"{name}: the model cannot answer: {e}") from e
    encoder = session.prepared.encoder
    label = encoder.decode_label(np.concatenate([channel.label for channel in channels]))
    prepared, folds = session.prepared, session.experiment.study.folds
    if folds == 1:
        return HeldOut(label, np.concatenate(outputs), _OF_VALIDATION, prepared.parts.validation)
    held = np.concatenate(prepared.held_out_of_final(folds, seed=session.experiment.seed))
    return HeldOut(label, np.concatenate(outputs), f"rows of the final fit, out of {folds} folds", held)
