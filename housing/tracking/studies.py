"""Finds studies in the record by name."""

from __future__ import annotations

from itertools import islice

from housing.errors import TrackingError
from housing.tracking import schema
from housing.tracking.queries import Direction, RunQueries, handle
from housing.tracking.reader import Run
from housing.tracking.reading import open_reader
from housing.tracking.trial import finished_trial
from housing.tuning.space import Point

_SHOWN = 5


def find_study(uri: str, reference: str, *, experiment: str) -> Run:
    """The latest study with this `study.name`, or the one with this run id, beginning of an id, or run name.

    `experiment` is searched first, then all others.

    Raises TrackingError with similar names.
    """
    reader = open_reader(uri)
    found = [each for each in reader.experiments() if not each.is_deleted]
    failure = TrackingError(f"study.resume: {reference!r} is not in {uri}, which has no experiment {experiment!r}")
    for each in sorted(found, key=lambda e: e.name != experiment):
        runs = RunQueries(reader, each.id, each.name)
        named = next(iter(runs.studies({schema.STUDY_NAME: reference})), None)
        if named is not None:
            return named
        try:
            return runs.get(reference)
        except TrackingError as error:
            if each.name == experiment:
                there = ", ".join(handle(run) for run in islice(runs.studies({}), _SHOWN))
                told = f"no study {reference!r} in experiment {experiment!r}; the latest: {there}"
                failure = TrackingError(f"study.resume: {told if there else error}")
    raise failure


def latest_study(runs: RunQueries, name: str) -> Run:
    """The run with this id, beginning of an id, or name; else the latest finished study whose `study.name` it is."""
    finished = (run for run in runs.studies({schema.STUDY_NAME: name}) if run.status == "FINISHED")
    named = next(finished, None)
    return named if named is not None else runs.get(name)


def best_point(runs: RunQueries, study: Run, objective: str, towards: Direction) -> Point | None:
    """The point of a study's best finished trial; None when none has finished."""
    best = runs.best(objective, towards, parent=study.id)
    trial = finished_trial(best) if best is not None else None
    return trial.parameters if trial is not None else None
