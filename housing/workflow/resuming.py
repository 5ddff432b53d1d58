"""Resumes a study: finds it, checks that it is the same search, and reads what it has already done."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from housing.config.schema import Experiment
from housing.errors import ConfigError, TrackingError, TrainingError
from housing.secrets import unmasked
from housing.shell import setting
from housing.tracking import schema
from housing.tracking.studies import best_point, find_study, latest_study
from housing.training.metrics import direction
from housing.tuning.spec import point_faults
from housing.workflow.job_run import OpenRun
from housing.workflow.outcome import key_of
from housing.workflow.recording import DEFAULTS, encoder_file, resumes
from housing.workflow.search_definition import differences, search_definition
from housing.workflow.session import Session
from housing.workflow.trial_recorder import TrialRecorder, trial_recorder

if TYPE_CHECKING:
    from housing.tracking.reader import Run
    from housing.tuning.space import Point
    from housing.tuning.trial import FinishedTrial

_FILE = "study.json"
_FIRST_DEFAULTS = (
    *("hyperparameters=walkthrough", "search_space=walkthrough", "study=walkthrough"),
    *("~algorithm.subsample", "~algorithm.colsample_bytree", "~algorithm.min_child_weight"),
)
_OWN_DEFAULTS = {"algorithm", "hyperparameters"}
_MOST_DIFFERENCES = 8


@dataclass(frozen=True)
class OpenStudy:
    """An open study; `past` are the trials that earlier commands have done, by number.

    `begun` are the runs, by number, of trials whose jobs outlived their command; they are running or have ended.
    """

    opened: OpenRun
    name: str
    past: tuple[FinishedTrial, ...]
    recorder: TrialRecorder
    begun: Mapping[int, Run] = field(default_factory=dict)
    earlier: Run | None = None


@contextmanager
def open_study(
    session: Session, choices: Mapping[str, Session], *, name: str, parent: str | None
) -> Iterator[OpenStudy]:
    """The configured study: the one to resume, or a new one named `name`; `choices` are those of `trials.stage`.

    Raises ConfigError if the study to resume was another search, TrackingError if another process works on it.
    """
    data = {"": session, **choices}
    definition = search_definition(session, data)
    tags = _tags(session, definition)
    earlier = _earlier(session, definition, tags)
    if earlier is not None:
        with (
            trial_recorder(session, earlier.id, earlier.name) as recorder,
            session.recording.open_run(
                earlier.name, kind="study", parent=parent, tags=tags, again=earlier.id
            ) as opened,
            _way_back(session, earlier.name),
        ):
            past, begun = _past(session, earlier, recorder)
            yield OpenStudy(opened, earlier.name, past, recorder, begun, earlier)
        return
    with (
        session.recording.open_run(name, kind="study", parent=parent, tags=tags) as opened,
        trial_recorder(session, opened.run_id, name) as recorder,
        _way_back(session, name),
    ):
        session.runs.log_files(opened.run_id, _files(data, definition))
        yield OpenStudy(opened, name, (), recorder)


def recorded_request(
    experiment: Experiment, overrides: Sequence[str], config_dir: Path | None
) -> tuple[tuple[str, ...], Path | None]:
    """The overrides and folder with which the study to resume was begun, after those typed now; it is named by its id.

    `housing tune study.resume=<study>` thus continues with the original options. Raises TrackingError when there is no
    such study.
    """
    run = find_study(experiment.tracking.uri, str(experiment.study.resume), experiment=experiment.name)
    request = json.loads(run.tags.get(schema.REQUEST, "{}"))
    typed = [override for override in overrides if not resumes(override)]
    keys = {key_of(override) for override in typed}
    recorded = [override for override in unmasked(request.get("overrides", ())) if key_of(override) not in keys]
    folder = config_dir or (Path(request["config_dir"]) if request.get("config_dir") else None)
    if request.get("defaults", 1) < DEFAULTS:
        recorded = [*_first_defaults({*keys, *map(key_of, recorded)}, folder), *recorded]
    return (*recorded, *typed, f"study.resume={run.id}"), folder


def _first_defaults(said: set[str], folder: Path | None) -> list[str]:
    """The defaults of version 0.1.0: the walkthrough's point, space and study, with XGBoost."""
    if said & _OWN_DEFAULTS or (folder is not None and (folder / "algorithm" / "xgboost.yaml").exists()):
        return []
    return [override for override in _FIRST_DEFAULTS if key_of(override) not in said]


def known_points(session: Session) -> Sequence[Point]:
    """The points that the study tries first; an earlier study named by `start_from` gives its best one.

    Raises ConfigError if that study has no finished trial, or none that lies in the search space.
    """
    start = session.experiment.study.start_from
    if not isinstance(start, str):
        return start
    space = session.experiment.search_space
    earlier = latest_study(session.runs, start)
    objective = session.experiment.study.objectives[0]
    towards = direction(objective, session.experiment.algorithm.directions)
    found = best_point(session.runs, earlier, objective, towards)
    if found is None:
        raise ConfigError(f"study.start_from: {earlier.name} has no finished trial to start from")
    point = {name: value for name, value in found.items() if not point_faults({name: value}, space)}
    if not point:
        had = ", ".join(f"{name}={value}" for name, value in found.items())
        raise ConfigError(f"study.start_from: the best point of {earlier.name} ({had}) lies outside of search_space")
    return [point]


def _earlier(session: Session, definition: Mapping[str, Any], tags: Mapping[str, str]) -> Run | None:
    """The study to resume: the one that `study.resume` names, or a killed one of the same command and name."""
    study = session.experiment.study
    if study.resume is not None:
        run = session.runs.get(study.resume)
        _refuse_another_search(session, run, definition, tags)
        return run
    if not any(key_of(override) == "study.name" for override in session.invocation.overrides):
        return None
    named = session.runs.studies({schema.STUDY_NAME: study.name, schema.STUDY_DIGEST: tags[schema.STUDY_DIGEST]})
    return next((run for run in named if run.status != "FINISHED"), None)


def _refuse_another_search(session: Session, run: Run, definition: Mapping[str, Any], tags: Mapping[str, str]) -> None:
    if run.kind != "study":
        raise ConfigError(f"study.resume: {run.name} ({run.id[:12]}) is not a study but a {run.kind or 'run'}")
    if run.tags.get(schema.STUDY_DIGEST) == tags[schema.STUDY_DIGEST]:
        return
    try:
        then = json.loads(session.runs.read_file(run.id, _FILE))
    except TrackingError:
        raise ConfigError(
            f"study.resume: {run.name} searched something else, or was started by another version of housing; start a "
            "new study"
        ) from None
    different = differences(then, definition)
    if not different:
        return
    shown = "\n".join(f"    {line}" for line in different[:_MOST_DIFFERENCES])
    more = f"\n    and {len(different) - _MOST_DIFFERENCES} more" if len(different) > _MOST_DIFFERENCES else ""
    raise ConfigError(
        f"study.resume: {run.name} was another search, its trials would not compare\n{shown}{more}\n"
        "  change that back, or start a new study"
    )


def _tags(session: Session, definition: Mapping[str, Any]) -> dict[str, str]:
    return {
        schema.STUDY_NAME: session.experiment.study.name,
        schema.STUDY_DIGEST: hashlib.sha256(json.dumps(definition, sort_keys=True).encode()).hexdigest(),
        **session.recording.request_tag,
    }


def _files(data: Mapping[str, Session], definition: Mapping[str, Any]) -> dict[str, bytes]:
    """The search as it was defined, and the encoder of the configuration and of each choice (`features=domain`)."""
    files = {_FILE: json.dumps(definition, indent=2, sort_keys=True).encode()}
    for named, chosen in data.items():
        (encoder,) = encoder_file(chosen.prepared.encoder).values()
        files[f"encoders/{named}.json" if named else "encoder.json"] = encoder
    return files


def _past(session: Session, study: Run, recorder: TrialRecorder) -> tuple[tuple[FinishedTrial, ...], dict[int, Run]]:
    """The finished trials, and the runs of those whose jobs outlived their command."""
    from housing.tracking.trial import finished_trials, proposed_trial

    recorder.settle()
    children = session.runs.children(study.id)
    past = tuple(finished_trials(children))
    done, begun = {trial.number for trial in past}, {}
    for child in children:
        if child.status != "RUNNING":  # whichever process started it: the study is ours now
            continue
        trial = proposed_trial(child)
        if schema.JOB in child.tags and trial is not None and trial.number not in done:
            begun[trial.number] = child
        else:
            session.runs.abandon(child.id)
    session.running_jobs.ledger.spent_before(sum(child.metrics.get("cost_usd", 0.0) for child in children))
    going_on = f", {len(begun):,} more have been started" if begun else ""
    session.reporter.step(
        "resume", f"{study.name} has {len(past):,} of {session.experiment.study.trials} trials{going_on}"
    )
    return past, begun


@contextmanager
def _way_back(session: Session, name: str) -> Iterator[None]:
    """If the study ends early, report how to resume it."""
    try:
        yield
    except TrainingError:
        raise  # it would fail again in the same way
    except BaseException:
        with suppress(OSError):
            session.reporter.step("stopped", f"{name} keeps what it has; to continue: {_resume_command(session, name)}")
        raise


def _resume_command(session: Session, name: str) -> str:
    return session.invocation.next("tune", setting("study.resume", name))
