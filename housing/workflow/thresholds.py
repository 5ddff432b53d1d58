"""The threshold of a model that is promoted: declared, or chosen on the validation part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from housing.algorithms.base import find
from housing.errors import TrainingError
from housing.tasks.base import DEFAULT_THRESHOLD
from housing.workflow.jobs import result_of
from housing.workflow.session import Session

if TYPE_CHECKING:
    from housing.tracking.queries import Run


def threshold_of(session: Session, source: Run, hyperparameters: Mapping[str, Any], *, parent: str | None) -> float:
    """The least probability of the positive level at which it is chosen.

    To choose one, the final hyperparameters are fitted once more, to the rows of training alone: the final model has
    seen the validation part, and would be too sure of it. That job is recorded like any other.
    """
    wanted = session.experiment.threshold
    if wanted is None:
        return DEFAULT_THRESHOLD
    if isinstance(wanted, float):
        return wanted
    from housing.promotion.threshold import choose

    prepared = session.prepared
    name = f"threshold for {source.name}"
    channels = {channel: prepared.channels[channel] for channel in ("train", "validation")}
    run = session.recording.job_run(
        name,
        kind="job",
        hyperparameters=hyperparameters,
        parent=parent,
        channels=tuple(channels.values()),
    )
    with session.reporter.working("choosing the threshold on the validation part"):
        result = result_of(session, session.job(name, hyperparameters), run)
        session.recording.end(run, result, encoder=prepared.encoder)
        if session.running_jobs.stopping:
            raise KeyboardInterrupt
        validation = channels["validation"]
        try:
            outputs = find(session.experiment.algorithm.kind).load(result.model).predict(validation.features)
        except ValueError as e:
            raise TrainingError(f"{name}: the model cannot answer: {e}") from e
    chances = prepared.encoder.decode(outputs).probabilities
    assert chances is not None  # a threshold is asked for where the label has two levels only
    threshold = choose(prepared.encoder.task, wanted, prepared.encoder.decode_label(validation.label), chances[:, 1])
    session.reporter.step("threshold", f"{threshold:.4g}, chosen on {len(chances):,} rows of validation")
    return threshold
