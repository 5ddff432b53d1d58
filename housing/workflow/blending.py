"""`study.blend`: the best ensemble of a study's trials, as a run that competes with them."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from housing.algorithms.registry import find
from housing.data.joint_encoder import join
from housing.errors import ConfigError, TrackingError
from housing.tasks import base as tasks
from housing.tracking import schema
from housing.training.job import TrainingResult
from housing.training.metrics import direction, metric_of
from housing.training.scoring import outputs_of
from housing.workflow.figures import blend_figures
from housing.workflow.members import Planned, combined
from housing.workflow.session import Session
from housing.workflow.trial_runs import recorded_options

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from housing.data.channel import Channel
    from housing.tracking.reader import Run
    from housing.tuning.blend import Cost

HELD_OUT_FILE = "held_out.npy"
_CANDIDATES_A_MEMBER = 5
"""Candidates per member: trials of lower ranks hardly ever improve a blend."""


@dataclass(frozen=True, eq=False)
class Part:
    """A trial of a blend, in the session of its choices."""

    run: Run
    session: Session
    weight: float = 1.0


def blend(session: Session, study: str, ranked: Sequence[Run]) -> Run | None:
    """Record the best blend below the study, and return its run; None if the best trial alone is as good.

    `ranked` are the study's finished trials, best first.
    """
    from housing.tuning.blend import chosen

    most = session.experiment.study.blend
    if most is None:
        return None
    with session.reporter.working("choosing a blend"):
        parts, answers = _candidates(session, ranked[: most * _CANDIDATES_A_MEMBER])
        if len(parts) < 2:
            session.reporter.step("blend", "none: fewer than two trials have answers for the same held-out rows")
            return None
        first = parts[0].session
        weights = chosen(
            answers,
            _cost(first, labels_of(first)),
            most=most,
            samples=session.experiment.study.blend_samples,
            seed=session.experiment.seed,
        )
    taken = [replace(part, weight=weight) for part, weight in zip(parts, weights, strict=True) if weight]
    if len(taken) == 1:
        session.reporter.step("blend", f"none: no other trial makes {taken[0].run.name} better")
        return None
    return _record(session, study, taken)


def parts_of(session: Session, source: Run) -> list[Part]:
    """The trials that a recorded blend consists of, with their weights."""
    found = []
    for line in json.loads(source.tags[schema.BLEND]):
        run = session.runs.get(line["run"])
        found.append(Part(run, session.choosing(recorded_options(run)), line["weight"]))
    return found


def together(parts: Sequence[Part]) -> NDArray[np.float64]:
    """The blend's outputs, on the scale of training, for rows that no trial was fitted to. Raises ConfigError."""
    import numpy as np

    try:
        answers = [answers_of(part.session, part.run) for part in parts]
    except TrackingError as error:
        folds = parts[0].session.experiment.study.folds
        raise ConfigError(
            f"study.folds: the trials of the blend keep no answers for rows that {folds} folds have left out; say here "
            f"what their study said: {error}"
        ) from error
    total: NDArray[np.float64] = np.average(answers, axis=0, weights=[part.weight for part in parts])
    return total


def answers_of(session: Session, run: Run) -> NDArray[np.float64]:
    """A trial's outputs for the validation part, or out-of-fold for the training rows. TrackingError if missing."""
    import numpy as np

    if session.experiment.study.folds > 1:
        found: NDArray[np.float64] = np.load(io.BytesIO(session.runs.read_file(run.id, HELD_OUT_FILE)))
        return found
    algorithm = find(session.experiment.algorithm.kind)
    model = algorithm.load(session.runs.read_file(run.id, f"model.{algorithm.model_format}"))
    return np.asarray(outputs_of(model, session.prepared.channels["validation"]), np.float64)


def held_out_file(session: Session, results: Sequence[TrainingResult]) -> dict[str, bytes]:
    """A trial's out-of-fold outputs, to be kept with its run; empty without a blend."""
    import numpy as np

    experiment = session.experiment
    if experiment.study.blend is None or experiment.study.folds == 1 or len(results) < experiment.study.folds:
        return {}
    folds = session.prepared.folds(experiment.study.folds, seed=experiment.seed)
    algorithm, buffer = find(experiment.algorithm.kind), io.BytesIO()
    answers = [
        np.asarray(outputs_of(algorithm.load(result.model), fold["validation"]), np.float64)
        for result, fold in zip(results, folds, strict=True)
    ]
    np.save(buffer, np.concatenate(answers), allow_pickle=False)
    return {HELD_OUT_FILE: buffer.getvalue()}


def _candidates(session: Session, ranked: Sequence[Run]) -> tuple[list[Part], list[NDArray[np.float64]]]:
    """The trials that answered the same rows as the best, on the same scale, and their outputs."""
    found: list[Part] = []
    answers: list[NDArray[np.float64]] = []
    for run in ranked:
        chosen = session.choosing(recorded_options(run))
        first = found[0].session if found else chosen
        if (
            run.params.get("algorithm") != chosen.experiment.algorithm.name
            or chosen.experiment.features.label_transform != first.experiment.features.label_transform
            or chosen.prepared.split_digest != first.prepared.split_digest
        ):
            continue
        try:
            own = answers_of(chosen, run)
        except (TrackingError, ValueError):
            continue  # such as a trial reused from another study whose files were deleted
        if not found or own.shape == answers[0].shape:
            found.append(Part(run, chosen))
            answers.append(own)
    return found, answers


def _weights(session: Session) -> NDArray[np.float32] | None:
    """The weights of those rows, if any."""
    import numpy as np

    found = [part["validation"].weights for part in _held(session)]
    weights = [one for one in found if one is not None]
    return np.concatenate(weights) if weights else None


def _held(session: Session) -> Sequence[Mapping[str, Channel]]:
    """The held-out channels, by fold."""
    prepared, experiment = session.prepared, session.experiment
    folds = experiment.study.folds
    return prepared.folds(folds, seed=experiment.seed) if folds > 1 else [prepared.channels]


def labels_of(session: Session) -> NDArray[np.float64]:
    """The labels of those rows, as metrics take them."""
    import numpy as np

    label = np.concatenate([part["validation"].label for part in _held(session)])
    return session.prepared.encoder.decode_label(label)


def _cost(session: Session, label: NDArray[np.float64]) -> Cost:
    """The study's first objective as a cost: lower is better, and infinite on rows for which it is not defined."""
    import numpy as np

    objective = session.experiment.study.objectives[0]
    metric = tasks.metrics(session.experiment.dataset.task_name)[metric_of(objective)]
    sign = 1.0 if direction(objective) == "minimize" else -1.0
    encoder, weights = session.prepared.encoder, _weights(session)

    def cost(answers: NDArray[np.float64], places: NDArray[np.int64]) -> float:
        predictions = encoder.decode(answers).weighed(None if weights is None else weights[places])
        found = sign * metric.compute(label[places], predictions)
        return float(np.inf if np.isnan(found) else found)

    return cost


def _record(session: Session, study: str, parts: Sequence[Part]) -> Run:
    import time

    algorithms = list(dict.fromkeys(part.session.experiment.algorithm.name for part in parts))
    name = f"blend of {len(parts)}"
    about = "; ".join(f"{part.weight:.2f} {part.run.name}" for part in parts)
    run = session.recording.job_run(
        name,
        kind="job",
        hyperparameters={},
        parent=study,
        tags={schema.BLEND: json.dumps([{"run": p.run.id, "name": p.run.name, "weight": p.weight} for p in parts])},
        whole=False,
    )
    described = {"algorithm": "+".join(algorithms), "dataset": session.experiment.dataset.name, "blend": about}
    run.record = replace(run.record, params=described | {"seed": session.experiment.seed})
    result, encoder = _as_one(session, parts, started_at_ms=time.time_ns() // 1_000_000)
    objective = session.experiment.study.objectives[0]
    session.reporter.step(
        "blend", f"{about}: {objective} {session.amount(result.metrics[objective], objective)} together"
    )
    run_id = session.recording.end(
        run, result, encoder=encoder, files=blend_figures(session, name, result, encoder, about)
    )
    return session.runs.get(run_id)


def _as_one(session: Session, parts: Sequence[Part], *, started_at_ms: int) -> tuple[TrainingResult, Any]:
    """The trials' models as one model, with its metrics; with folds there is no model, and metrics are out-of-fold."""
    encoder, places = join([part.session.prepared.encoder for part in parts])
    label = labels_of(parts[0].session)
    found = tasks.score(encoder.task, label, encoder.decode(together(parts)).weighed(_weights(parts[0].session)))
    measured = TrainingResult(
        history={},
        metrics={f"validation_{name}": value for name, value in found.items()},
        best_round=0,
        model=b"",
        model_format="",
        seconds=0.0,
        started_at_ms=started_at_ms,
    )
    if session.experiment.study.folds > 1:
        return measured, encoder
    planned = [
        Planned(p.session, p.run.name, {}, {}, encoder, 0, p.weight, columns)
        for p, columns in zip(parts, places, strict=True)
    ]
    models = [replace(measured, model=_model(part), model_format=_format(part)) for part in parts]
    one = combined(planned, models)
    return replace(one, metrics=measured.metrics, started_at_ms=started_at_ms, best_round=0), encoder


def _model(part: Part) -> bytes:
    return part.session.runs.read_file(part.run.id, f"model.{_format(part)}")


def _format(part: Part) -> str:
    return find(part.session.experiment.algorithm.kind).model_format
