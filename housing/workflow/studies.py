"""A study: many training jobs over a search space, one parent run, a child run a trial."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from housing.config.schema import Experiment
from housing.errors import TrainingError
from housing.training.metrics import direction
from housing.workflow.outcome import Invocation, Outcome, Reporter
from housing.workflow.session import Session, encoder_file
from housing.workflow.trials import Trials, leaderboard

if TYPE_CHECKING:
    from housing.tracking.queries import Run
    from housing.tuning.study import StudyResult


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
        trials = Trials(session, opened.run_id, name)
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


def _varied(session: Session, run: Run) -> dict[str, Any]:
    return {name: run.params[name] for name in session.experiment.search_space if name in run.params}
