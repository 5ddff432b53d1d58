"""A study: many training jobs over a search space, one parent run, a child run a trial."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from housing.config.schema import Experiment
from housing.errors import ConfigError, TrainingError
from housing.training.metrics import direction
from housing.workflow.board import leaderboard
from housing.workflow.figures import study_figures
from housing.workflow.outcome import Invocation, Outcome, Reporter, Table
from housing.workflow.resuming import known_points, taken_up
from housing.workflow.session import Session
from housing.workflow.summary import Summary, summarise
from housing.workflow.trials import Trials, most_rounds, stage

if TYPE_CHECKING:
    from housing.tracking.queries import Run
    from housing.tuning.study import StudyResult

_MOST_ROWS = 15


@dataclass(frozen=True)
class Studied:
    """A finished study: its parent run, its result, and the run of its best trial."""

    run_id: str
    name: str
    result: StudyResult
    summary: Summary
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
                **studied.summary.data,
                "config_hash": invocation.config_hash,
            },
            lines=studied.summary.sentences,
            tables=(_best(leaderboard(session, studied.result.trials)),),
            recorded=session.records_at,
            next_commands=(
                (
                    f"housing compare {studied.name}",
                    "the best side by side; --html FILE for a page with learning curves",
                ),
                ("housing ui", "all trials in the browser"),
                ("housing promote", "final fit on train and validation, gate, registry"),
                (
                    f"housing tune study.resume={studied.name} study.trials={2 * experiment.study.trials}",
                    "search on with what it has learnt",
                ),
            ),
        )


def study(session: Session, *, parent: str | None) -> Studied:
    """Run the configured study and record it; raises TrainingError when not one trial finished."""
    from housing.tracking.names import study_name
    from housing.tuning.study import search

    experiment = session.experiment
    spec = experiment.study
    if not experiment.search_space:
        raise ConfigError(
            f"search_space: nothing to search; write conf/search_space/{experiment.algorithm.name}/walkthrough.yaml, or "
            "name a range here: 'algorithm.<hyperparameter>=interval(0.01,0.3)'"
        )
    choices = stage(session)  # bad data is refused before a run is opened
    objective, towards = spec.objectives[0], tuple(direction(each) for each in spec.objectives)
    known = known_points(session)
    with taken_up(session, choices, name=study_name(spec.name), parent=parent) as taken:
        opened, name = taken.opened, taken.name
        trials = Trials(session, taken)
        result = search(
            experiment.search_space,
            spec,
            trials.evaluate,
            seed=experiment.seed,
            directions=towards,
            past=taken.past,
            known=known,
            begun=trials.begun,
            rounds=most_rounds(experiment),
            on_end=trials.record,
            decide=session.works.decide,
        )
        taken.keeping.settle()
        ranked = session.runs.rank_children(opened.run_id, dict(zip(spec.objectives, towards, strict=True)))
        opened.metrics["trials"] = len(result.trials)
        summary = summarise(session, result)
        if ranked:
            opened.metrics.update(_scores(ranked[0]))
            opened.tags.update({"housing.best_run": ranked[0].id, "housing.best": ranked[0].name})
            files = study_figures(session, name, result, summary, ranked)
            session.runs.log_files(opened.run_id, files)
        if result.ended == "interrupted":
            raise KeyboardInterrupt
        if not ranked:
            raise TrainingError(f"{name}: none of {len(result.trials)} trials finished; see their runs for the reasons")
        best = ranked[0]
        opened.params.update(_varied(session, best))
    session.reporter.step(
        "tune", f"{name}: best of {len(result.trials)} {best.name}, {session.amount(best.metrics[objective])}"
    )
    return Studied(opened.run_id, name, result, summary, best)


def _best(board: Table) -> Table:
    """The upper end of a leaderboard; the rest is in the record."""
    if len(board.rows) <= _MOST_ROWS:
        return board
    return replace(board, title=f"best {_MOST_ROWS} of {len(board.rows)} trials", rows=board.rows[:_MOST_ROWS])


def _scores(run: Run) -> dict[str, float]:
    """The metrics of the model that a run kept, under their own names: charts show them beside those of the trials."""
    return {name: value for name, value in run.metrics.items() if name.startswith(("train_", "validation_"))}


def _varied(session: Session, run: Run) -> dict[str, Any]:
    return {name: run.params[name] for name in session.experiment.search_space if name in run.params}
