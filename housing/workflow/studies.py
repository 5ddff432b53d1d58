"""A study: many training jobs over a search space, with one parent run and a child run per trial."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from housing.algorithms.registry import find, shipped
from housing.config.schema import Experiment
from housing.errors import ConfigError, DataError, TrainingError
from housing.shell import setting
from housing.tasks.base import metrics
from housing.tracking import schema
from housing.tracking.names import handle
from housing.training.metrics import direction
from housing.tuning.space import Categorical
from housing.workflow.blending import blend
from housing.workflow.configured import Baseline, configured_point, configured_points_of_others
from housing.workflow.expected_costs import report_costs
from housing.workflow.figures import study_figures, trial_figures
from housing.workflow.leaderboard import leaderboard, with_references
from housing.workflow.managed_search import managed_search, refuse_unsearchable
from housing.workflow.model_card import study_note
from housing.workflow.outcome import Invocation, Outcome, OutputTable, Reporter
from housing.workflow.references import References, references
from housing.workflow.resuming import OpenStudy, known_points, open_study
from housing.workflow.session import Session
from housing.workflow.spending import bill
from housing.workflow.summary import Summary, summarise
from housing.workflow.trial_runs import recorded_options
from housing.workflow.trials import Trials, most_rounds, stage

if TYPE_CHECKING:
    from housing.tracking.reader import Run
    from housing.tuning.space import Point
    from housing.tuning.study import StudyResult

_MOST_ROWS = 15


@dataclass(frozen=True)
class FinishedStudy:
    """A finished study: its parent run, its result, and the run of its best trial, or of a blend that is better."""

    run_id: str
    name: str
    result: StudyResult
    summary: Summary
    best: Run
    references: References


def tune(experiment: Experiment, invocation: Invocation, reporter: Reporter) -> Outcome:
    """Run the configured study; the best trial can then be promoted."""
    with Session(experiment, invocation, reporter) as session:
        finished = study(session, parent=invocation.parent_run_id)
        objective = experiment.study.objectives[0]
        value = finished.best.metrics[objective]
        return Outcome(
            headline=f"{finished.name}: best {objective} {session.amount(value, objective)}, {finished.best.name}",
            data={
                "run_id": finished.run_id,
                "name": finished.name,
                "best": {"run_id": finished.best.id, objective: value, **_varied(session, finished.best)},
                "trials": len(finished.result.trials),
                **finished.summary.data,
                "config_hash": invocation.config_hash,
            },
            lines=finished.summary.sentences,
            tables=(
                with_references(session, _best(leaderboard(session, finished.result.trials)), finished.references),
            ),
            recorded=session.records_at,
            next_commands=(
                (
                    invocation.next("compare", handle(finished.run_id, finished.name)),
                    "the best side by side; --html FILE for a page with learning curves",
                ),
                (invocation.next("ui"), "all trials in the browser"),
                (invocation.next("promote"), "final fit on train and validation, gate, registry"),
                *_continued(finished, invocation, 2 * experiment.study.trials),
            ),
        )


def _continued(finished: FinishedStudy, invocation: Invocation, trials: int) -> tuple[tuple[str, str], ...]:
    """The command that goes on with a study, unless its space has no other points."""
    if finished.result.ended == "exhausted":
        return ()
    words = (setting("study.resume", finished.name), f"study.trials={trials}")
    return ((invocation.next("tune", *words), "continue this search"),)


def study(session: Session, *, parent: str | None, baseline: Baseline | None = None) -> FinishedStudy:
    """Run the configured study and record it; raises TrainingError when not one trial finished.

    `baseline` is the job of the configured point, if the command has trained it.
    """
    from housing.tracking.names import study_name
    from housing.tracking.ranking import rank_children

    experiment = session.experiment
    spec = experiment.study
    if not experiment.search_space:
        raise ConfigError(
            "search_space: nothing to search; write a file search_space/<algorithm>/quick.yaml, or name a range: "
            "'algorithm.<hyperparameter>=interval(0.01,0.3)'"
        )
    is_managed = spec.engine != "optuna"
    if is_managed:
        refuse_unsearchable(session)
    _tell_algorithms(session)
    choices = stage(session)  # before a run is opened, to refuse bad data
    for staged in choices.values():
        _refuse_undefined(staged)
    objective, towards = (
        spec.objectives[0],
        tuple(direction(each, experiment.algorithm.directions) for each in spec.objectives),
    )
    known = () if is_managed else known_points(session)
    ledger, rental = session.running_jobs.ledger, session.runner.rental
    if spec.resume is None:  # before a run is opened, to refuse what exceeds the budget
        ledger.settle(ledger.reserve(rental, spec.name, jobs=spec.trials if is_managed else 1), 0.0)
    report_costs(session, jobs=spec.trials * spec.fits)
    with open_study(session, choices, name=study_name(spec.name), parent=parent) as opened_study:
        opened, name = opened_study.opened, opened_study.name
        result = (
            managed_search(session, opened_study) if is_managed else _search(session, opened_study, known, baseline)
        )
        opened_study.recorder.settle()
        ranked = rank_children(session.runs, opened.run_id, dict(zip(spec.objectives, towards, strict=True)))
        cost = bill(session.runs.children(opened.run_id)) if rental is not None else None
        opened.metrics["trials"] = len(result.trials)
        opened.metrics.update(cost.metrics if cost else {})
        found = references(session) if ranked else {}
        summary = summarise(session, result, found, cost)
        if ranked:
            opened.metrics.update(_scores(ranked[0]))
            opened.tags.update({schema.BEST_RUN: ranked[0].id, schema.BEST: ranked[0].name})
            board = with_references(session, leaderboard(session, result.trials), found)
            opened.tags[schema.REFERENCES] = json.dumps(found)
            opened.tags[schema.NOTE] = study_note(name, summary.sentences, board)
            files = study_figures(session, opened.run_id, name, result, summary=summary, ranked=ranked)
            session.runs.log_files(opened.run_id, files)
        if result.ended == "interrupted":
            raise KeyboardInterrupt
        if ranked:
            chosen = session.choosing(recorded_options(ranked[0]))
            session.runs.log_files(ranked[0].id, trial_figures(chosen, ranked[0]))
        if not ranked:
            raise TrainingError(
                f"{name}: none of {len(result.trials):,} trials finished; the reasons are in their runs"
            )
        best = blend(session, opened.run_id, ranked) or ranked[0]
        if schema.BLEND in best.tags:
            opened.metrics.update(_scores(best))
            opened.tags.update({schema.BEST_RUN: best.id, schema.BEST: best.name})
        # The study's parameter `algorithm` stays the configured one, by which `housing promote` finds the study.
        opened.params.update({name: value for name, value in _varied(session, best).items() if name != "algorithm"})
    session.reporter.step(
        "tune",
        f"{name}: best of {len(result.trials)} {best.name}, {session.amount(best.metrics[objective], objective)}",
    )
    return FinishedStudy(opened.run_id, name, result, summary, best, found)


def _tell_algorithms(session: Session) -> None:
    """Report which algorithms a study searches over, and which are not installed."""
    distribution = session.experiment.search_space.get("algorithm")
    if isinstance(distribution, Categorical):
        missing = ((name, find(name).missing_library()) for name in shipped())
        absent = [f"{name} ({install})" for name, install in missing if install]
        told = ", ".join(map(str, distribution.choices))
        session.reporter.step("algorithms", told + (f"; not installed: {', '.join(absent)}" if absent else ""))


def _refuse_undefined(session: Session) -> None:
    """Raises DataError if the objective is not defined for the data, whatever a trial predicts."""
    prepared, question = session.prepared, session.experiment.dataset.task_name
    known = metrics(question)
    for objective in session.experiment.study.objectives:
        part, _, metric = objective.partition("_")
        if part not in prepared.channels or metric not in known:
            continue
        why = known[metric].undefined(prepared.encoder.decode_label(prepared.channels[part].label))
        if why is not None:
            raise DataError(
                f"study.objective = {objective}: {metric} {why}; choose an objective that has a value there, such as "
                f"{part}_{next(name for name in known if name != metric)}"
            )


def _search(
    session: Session, opened_study: OpenStudy, known: Sequence[Point], baseline: Baseline | None
) -> StudyResult:
    """Run a study with trials proposed and pruned here; its jobs train at the runner."""
    from housing.tuning.study import search

    experiment, trials = session.experiment, Trials(session, opened_study, baseline)
    return search(
        experiment.search_space,
        experiment.study,
        trials.evaluate,
        seed=experiment.seed,
        directions=tuple(direction(each, experiment.algorithm.directions) for each in experiment.study.objectives),
        past=opened_study.past,
        known=known,
        configured=configured_point(session),
        of_others=configured_points_of_others(session),
        begun=trials.begun,
        rounds=most_rounds(experiment),
        on_end=trials.record,
        decide=session.running_jobs.decide,
    )


def _best(board: OutputTable) -> OutputTable:
    """The top of a leaderboard; the rest is in the record."""
    if len(board.rows) <= _MOST_ROWS:
        return board
    return replace(board, title=f"best {_MOST_ROWS} of {len(board.rows):,} trials", rows=board.rows[:_MOST_ROWS])


def _scores(run: Run) -> dict[str, float]:
    """The metrics of the model that a run kept, with the same names as its trials', so that charts compare them."""
    return {name: value for name, value in run.metrics.items() if name.startswith(("train_", "validation_"))}


def _varied(session: Session, run: Run) -> dict[str, Any]:
    """The values that the study chose for a run, with types, which MLflow's parameters lack; empty for a blend."""
    point = json.loads(run.tags.get(schema.POINT, "{}"))
    return {name: point[name] for name in session.experiment.search_space if name in point}
