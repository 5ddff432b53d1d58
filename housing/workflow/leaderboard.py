"""The progress of a study while it runs, and its leaderboard."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from housing.training.metrics import direction
from housing.tuning.leaderboard import leaderboard as ranked
from housing.tuning.leaderboard import shown_names, shown_values
from housing.tuning.trial import costs
from housing.workflow.outcome import OutputTable, StudyProgress
from housing.workflow.references import NAIVE, References
from housing.workflow.session import Session

if TYPE_CHECKING:
    from housing.tuning.spec import Study
    from housing.tuning.trial import FinishedTrial, Trial

_SHOWN = 10
_ABOUT = {NAIVE: "ignores every column"}


class Leaderboard:
    """Receives trials that start and end, and notifies the reporter; all on the study's own thread.

    Its cost does not grow with the number of trials: with one objective only the best few are kept.
    """

    def __init__(self, session: Session, past: Iterable[FinishedTrial] = ()) -> None:
        self._session = session
        self._began = time.monotonic()
        self._running: dict[int, tuple[Trial, float]] = {}
        self._states: Counter[str] = Counter()
        self._top: list[FinishedTrial] = []
        self._ended_here = 0
        for trial in past:
            self._count(trial)

    def started(self, trial: Trial) -> None:
        """A trial has begun."""
        self._running[trial.number] = (trial, time.monotonic())
        self._report(improved=False)

    def ended(self, trial: FinishedTrial) -> None:
        """A trial has ended in any state."""
        self._running.pop(trial.number, None)
        best = self._best
        self._ended_here += 1
        self._count(trial)
        self._report(improved=self._best is not None and self._best is not best)

    @property
    def _best(self) -> FinishedTrial | None:
        return self._top[0] if self._top and self._top[0].state == "complete" else None

    def _count(self, trial: FinishedTrial) -> None:
        self._states[trial.state] += 1
        objectives = self._session.experiment.study.objectives
        known = {each.number: each for each in (*self._top, trial)}
        directions = self._session.experiment.algorithm.directions
        towards = tuple(direction(objective, directions) for objective in objectives)
        self._top = [known[row.number] for row in ranked(known.values(), towards)]
        if len(objectives) == 1:
            del self._top[_SHOWN:]

    def _report(self, *, improved: bool) -> None:
        total = self._session.experiment.study.trials
        done = sum(count for state, count in self._states.items() if state != "interrupted")
        elapsed_s = time.monotonic() - self._began
        left_s = elapsed_s / self._ended_here * (total - done) if self._ended_here else None
        table = leaderboard(self._session, self._top[:_SHOWN])
        self._session.reporter.study_progress(
            StudyProgress(
                table=replace(table, rows=[*table.rows, *self._running_rows()]),
                done=done,
                total=total,
                running=len(self._running),
                states=dict(self._states),
                elapsed_s=elapsed_s,
                left_s=left_s,
                best=self._described(self._best) if self._best else None,
                improved=improved,
            )
        )

    def _running_rows(self) -> list[Sequence[Any]]:
        experiment, now = self._session.experiment, time.monotonic()
        return [
            [
                None,
                f"t{number:02d}",
                *([None] * (len(experiment.study.objectives) + len(_spread_columns(experiment.study)))),
                *shown_values(trial.parameters, experiment.search_space),
                round(now - began, 1),
                "running",
            ]
            for number, (trial, began) in self._running.items()
        ]

    def _described(self, trial: FinishedTrial) -> str:
        from housing.tracking.names import trial_name

        experiment = self._session.experiment
        values = zip(experiment.study.objectives, trial.values or (), strict=False)
        amounts = ((name, self._session.amount(value, name)) for name, value in values)
        shown = ", ".join(f"{name} {amount}" for name, amount in amounts)
        return f"{shown}, {trial_name(trial.number, trial.parameters, trials=experiment.study.trials)}"


def leaderboard(session: Session, trials: Iterable[FinishedTrial]) -> OutputTable:
    """Trials, best first: rank, objectives, the parameters that vary, seconds, state."""
    study, directions = session.experiment.study, session.experiment.algorithm.directions
    objectives, space = study.objectives, session.experiment.search_space
    trials = list(trials)
    spread = _spread(session, trials)
    rows = [
        [
            row.rank,
            f"t{row.number:02d}",
            *(row.values or [None] * len(objectives)),
            *spread.get(row.number, [None] * len(_spread_columns(study))),
            *shown_values(row.parameters, space),
            round(row.seconds, 2),
            "reused" if row.reused else row.state,
        ]
        for row in ranked(trials, tuple(direction(objective, directions) for objective in objectives))
    ]
    names = shown_names(space)
    spare = tuple(space) if names == tuple(space) else ()
    return OutputTable(
        "", ("rank", "trial", *objectives, *_spread_columns(study), *names, "seconds", "state"), rows, spare=spare
    )


def _spread_columns(study: Study) -> tuple[str, ...]:
    return ("± 95%", "tie") if study.fits > 1 and len(study.objectives) == 1 else ()


def _spread(session: Session, trials: Sequence[FinishedTrial]) -> dict[int, list[Any]]:
    """For each complete trial that is a mean, by number: its interval, and whether it differs from the best."""
    from housing.tuning.spread import half_width, ties

    study = session.experiment.study
    complete = [trial for trial in trials if trial.state == "complete" and trial.values]
    if not _spread_columns(study) or not complete:
        return {}
    towards = direction(study.objectives[0], session.experiment.algorithm.directions)
    best = min(complete, key=lambda trial: costs(trial.values or (), (towards,)))
    tied = {trial.number for trial in ties(best, complete, study)}
    return {
        trial.number: [half_width(trial.fits, study), "with the best" if trial.number in tied else None]
        for trial in complete
    }


def with_references(session: Session, board: OutputTable, found: References) -> OutputTable:
    """A leaderboard followed by its references, which have no values for searched names."""
    objectives = session.experiment.study.objectives
    blanks = [None] * (len(board.columns) - len(objectives) - 4)
    rows = [
        [None, name, *(values.get(each) for each in objectives), *blanks, None, _ABOUT.get(name, "reference")]
        for name, values in found.items()
        if objectives[0] in values
    ]
    return replace(board, rows=[*board.rows, *rows])
