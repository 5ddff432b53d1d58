"""A study: many training jobs over a search space, one parent run, a child run a trial."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from housing.config.schema import Experiment
from housing.errors import TrainingError
from housing.training.job import TrainingResult
from housing.training.metrics import direction
from housing.workflow.outcome import Invocation, Outcome, Reporter, Table
from housing.workflow.session import Session, encoder_file

if TYPE_CHECKING:
    from housing.tracking.queries import Run
    from housing.tuning.study import StudyResult
    from housing.tuning.trial import Evaluation, FinishedTrial, Report, Trial


@dataclass(frozen=True)
class Studied:
    """A finished study: its parent run, its result, and the run of its best trial."""

    run_id: str
    name: str
    result: StudyResult
    best: Run


def tune(experiment: Experiment, invocation: Invocation, reporter: Reporter) -> Outcome:
    """Search the space; the best trial can then be promoted."""
    with Session(experiment, invocation, reporter) as session:
        studied = study(session, parent=invocation.parent_run_id)
        objective = experiment.study.objectives[0]
        value = studied.best.metrics[objective]
        return Outcome(
            headline=f"{studied.name}: best {objective} {session.amount(value)}, {studied.best.name}",
            data={
                "run_id": studied.run_id,
                "name": studied.name,
                "best": {"run_id": studied.best.id, objective: value, **_varied(session, studied.best)},
                "trials": len(studied.result.trials),
                "config_hash": invocation.config_hash,
            },
            tables=(leaderboard(session, studied.result.trials),),
            recorded=session.records_at,
            next_commands=(
                ("housing promote", "final fit on train and validation, gate, registry"),
                ("housing tune study.trials=30", "search longer"),
            ),
        )


def study(session: Session, *, parent: str | None) -> Studied:
    """Run the configured study and record it; raises TrainingError when not one trial finished."""
    from housing.tracking.names import study_name
    from housing.tuning.study import search

    experiment = session.experiment
    spec = experiment.study
    name = study_name(spec.name)
    _ = session.staged  # bad data is refused before a run is opened
    objective, towards = spec.objectives[0], tuple(direction(each) for each in spec.objectives)
    with session.open_run(name, kind="study", parent=parent) as opened:
        session.runs.log_files(opened.run_id, encoder_file(session.prepared.encoder))
        trials = _Trials(session, opened.run_id, name)
        result = search(
            experiment.search_space,
            spec,
            trials.evaluate,
            seed=experiment.seed,
            directions=towards,
            on_end=trials.record,
        )
        ranked = session.runs.rank_children(opened.run_id, objective, towards[0])
        opened.metrics["trials"] = len(result.trials)
        if ranked:
            opened.metrics[objective] = ranked[0].metrics[objective]
            opened.tags.update({"housing.best_run": ranked[0].id, "housing.best": ranked[0].name})
        if result.ended == "interrupted":
            raise KeyboardInterrupt
        if not ranked:
            raise TrainingError(f"{name}: none of {len(result.trials)} trials finished; see their runs for the reasons")
        best = ranked[0]
    session.reporter.step(
        "tune", f"{name}: best of {len(result.trials)} {best.name}, {session.amount(best.metrics[objective])}"
    )
    return Studied(opened.run_id, name, result, best)


def leaderboard(session: Session, trials: Any) -> Table:
    """Trials, best first: rank, objective, the parameters that vary, seconds, state."""
    from housing.tuning.leaderboard import leaderboard as ranked

    objectives = session.experiment.study.objectives
    names = tuple(session.experiment.search_space)
    rows = [
        [
            row.rank,
            f"t{row.number:02d}",
            *(row.values or [None] * len(objectives)),
            *(row.parameters.get(name) for name in names),
            row.seconds,
            row.state,
        ]
        for row in ranked(trials, tuple(direction(objective) for objective in objectives))
    ]
    return Table("", ("rank", "trial", *objectives, *names, "seconds", "state"), rows)


class _Trials:
    """Turns proposals into jobs and their results into runs; all but `evaluate`'s jobs on the study's own thread."""

    def __init__(self, session: Session, run_id: str, name: str) -> None:
        self._session = session
        self._run_id = run_id
        self._name = name
        self._results: dict[int, TrainingResult] = {}
        self._finished: list[FinishedTrial] = []

    def evaluate(self, trial: Trial, report: Report) -> Future[Evaluation]:
        """Start the trial's job; each round's objective goes to `report`, whose answer may stop it."""
        from housing.tuning.trial import Evaluation

        session = self._session
        objectives = session.experiment.study.objectives

        def progress(number: int, metrics: Mapping[str, float]) -> bool:
            return report(number, metrics[objectives[0]])

        outcome: Future[Evaluation] = Future()

        def done(future: Future[TrainingResult]) -> None:
            if (error := future.exception()) is not None:
                outcome.set_exception(error)
                return
            result = future.result()
            self._results[trial.number] = result
            outcome.set_result(Evaluation(tuple(result.metrics[name] for name in objectives), stopped=result.stopped))

        job = session.job(self._run_name(trial), self._hyperparameters(trial))
        session.runner.submit(job, progress).add_done_callback(done)
        return outcome

    def record(self, trial: FinishedTrial) -> None:
        """Keep the trial as a child run and show the leaderboard."""
        session = self._session
        tags = {
            "housing.study": self._name,
            "housing.trial": f"{trial.number:05d}",
            "housing.state": trial.state,
        }
        result = self._results.pop(trial.number, None)
        if result is None:
            session.runs.record_failure(
                self._run_name(trial),
                trial.error or trial.state,
                kind="job",
                parent=self._run_id,
                params=session.parameters | self._hyperparameters(trial),
                tags=session.run_tags | tags,
            )
        else:
            session.record(
                result,
                self._run_name(trial),
                kind="job",
                hyperparameters=self._hyperparameters(trial),
                parent=self._run_id,
                tags=tags,
            )
        self._finished.append(trial)
        session.reporter.board(
            leaderboard(session, self._finished), done=len(self._finished), total=session.experiment.study.trials
        )

    def _hyperparameters(self, trial: Trial | FinishedTrial) -> dict[str, Any]:
        return dict(self._session.experiment.algorithm.hyperparameters) | dict(trial.parameters)

    def _run_name(self, trial: Trial | FinishedTrial) -> str:
        from housing.tracking.names import trial_name

        return trial_name(trial.number, trial.parameters, trials=self._session.experiment.study.trials)


def _varied(session: Session, run: Run) -> dict[str, Any]:
    return {name: run.params[name] for name in session.experiment.search_space if name in run.params}
