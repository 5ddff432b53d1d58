"""One entrant on one outer part: finds a model as `housing run` does, and evaluates it once on the held-out rows."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from housing.algorithms.registry import find
from housing.config.schema import Experiment
from housing.tasks import base as tasks
from housing.tracking import schema
from housing.workflow.configured import Baseline, better_of
from housing.workflow.final_fit import configured_fit, final_fit
from housing.workflow.headline import naive_value
from housing.workflow.jobs import fit
from housing.workflow.outcome import Invocation, StudyProgress
from housing.workflow.session import Session
from housing.workflow.studies import study
from housing.workflow.trial_runs import recorded_options

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from housing.tracking.reader import Run
    from housing.training.predictor import Predictor
    from housing.workflow.final_fit import FinalFit


class Recompose(Protocol):
    """Composes and checks a command. Raises ConfigError."""

    def __call__(
        self, command: str, overrides: Sequence[str], config_dir: Path | None
    ) -> tuple[Experiment, Invocation]: ...


@dataclass(frozen=True)
class OuterPart:
    """`overrides` compose it, with `config_dir`; `digest` is of everything that its score depends on."""

    benchmark: str
    table: str
    entrant: str
    seed: int
    fold: int
    search: bool
    overrides: tuple[str, ...]
    config_dir: Path | None
    digest: str
    parent: str | None = None

    @property
    def name(self) -> str:
        """The name of its run."""
        table = f"{self.table} " if self.table else ""
        return f"{table}{self.entrant} seed {self.seed} fold {self.fold}"

    @property
    def tags(self) -> dict[str, str]:
        """The tags by which its run is found and the table is made."""
        return {
            schema.BENCHMARK: self.benchmark,
            schema.TABLE: self.table,
            schema.ENTRANT: self.entrant,
            schema.OUTER: f"{self.seed} {self.fold}",
            schema.OUTER_DIGEST: self.digest,
        }


def digest_of(*parts: object) -> str:
    """SHA-256 of what a score depends on."""
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()


def score(part: OuterPart, recompose: Recompose) -> str:
    """Score the part, recorded as a run with all of its jobs below; returns the run's id. Raises HousingError."""
    experiment, invocation = recompose("benchmark", part.overrides, part.config_dir)
    with Session(experiment, invocation, Quiet()) as session:
        _ = session.prepared  # bad data is refused before anything is recorded
        with session.recording.open_run(part.name, kind="outer", parent=part.parent, tags=part.tags) as opened:
            started = time.perf_counter()
            source, final, chosen = _model(session, part, opened.run_id)
            seconds = time.perf_counter() - started
            metrics = _metrics(chosen, final)
            run = final.run
            outer = {f"test_{name}": value for name, value in metrics["outer"].items()}
            chosen.recording.end(run, final.result, encoder=final.encoder, metrics=outer)
            opened.metrics.update(
                {f"{rows}_{name}": value for rows, found in metrics.items() for name, value in found.items()}
            )
            opened.metrics["seconds"] = seconds
            if source is not None:
                known = source.metrics.items()
                opened.metrics.update(
                    {f"inner_{k.removeprefix('validation_')}": v for k, v in known if k.startswith("validation_")}
                )
    return opened.run_id


def _model(session: Session, part: OuterPart, parent: str) -> tuple[Run | None, FinalFit, Session]:
    """The chosen run, None if there was no choice; the final model, and the session of its choices."""
    if not part.search:
        return None, configured_fit(session, part.entrant, parent=parent), session
    source = _source(session, parent)
    chosen = session.choosing(recorded_options(source))
    return source, final_fit(chosen, source, parent=parent, again=None), chosen


def _source(session: Session, parent: str) -> Run:
    """The best trial, or the configured job where that is better, or where nothing is searched."""
    experiment = session.experiment
    if experiment.search_space and experiment.study.fits > 1:
        return study(session, parent=parent).best  # a single fit is not compared with the mean of several
    result, run_id, _ = fit(session, parent=parent, prefix="baseline")
    if not experiment.search_space:
        return session.runs.get(run_id)
    finished = study(session, parent=parent, baseline=Baseline(run_id, result))
    return better_of(session, finished.best, session.runs.get(run_id))


def _metrics(session: Session, final: FinalFit) -> dict[str, Mapping[str, float]]:
    """Metrics of the outer part, of the rows beyond all outer parts, and of the naive predictor."""
    from housing.data.outer_split import beyond
    from housing.training.predictor import Predictor

    prepared, task = session.prepared, session.experiment.dataset.task_name
    predictor = Predictor(find(session.reader(final.result)).load(final.result.model), final.encoder)
    found: dict[str, Mapping[str, float]] = {"outer": _score(session, predictor, prepared.parts.test)}
    others = beyond(prepared.table, prepared.parts)
    if len(others):
        found["beyond"] = _score(session, predictor, others)
    metric = tasks.find(task).metric
    naive = naive_value(session, metric, part="test")
    return found | ({"naive": {metric: naive}} if naive is not None else {})


def _score(session: Session, predictor: Predictor, rows: NDArray[np.int64]) -> Mapping[str, float]:
    from housing.data.weights import column_weights

    prepared = session.prepared
    table = prepared.table.take(rows)
    answers = predictor.predict_columns(table).weighed(column_weights(table, session.experiment.dataset))
    return tasks.score(session.experiment.dataset.task_name, prepared.labels(rows), answers)


class Quiet:
    """A reporter that reports nothing: of many outer parts only the scores are shown."""

    def step(self, _name: str, _text: str) -> None:
        """Nothing."""

    def working(self, _text: str) -> AbstractContextManager[None]:
        return nullcontext()

    def study_progress(self, _progress: StudyProgress) -> None:
        """Nothing."""

    def log(self, _line: str) -> None:
        """Nothing."""

    def ask(self, _question: str, answers: Mapping[str, str]) -> str:
        return next(iter(answers))
