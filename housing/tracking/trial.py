"""A finished trial as the tags of its run, and back: all that a study needs to resume."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import count, takewhile

from housing.tracking import schema
from housing.tracking.reader import Run
from housing.tuning.trial import FinishedTrial, State, Trial

ABANDONED = "abandoned"
"""The state of a run that was incomplete when its process died: its trial is repeated."""

_STATUS: Mapping[State, str] = {
    "complete": "FINISHED",
    "pruned": "KILLED",
    "interrupted": "KILLED",
    "failed": "FAILED",
}
# MLflow accepts 8,000 characters per tag.
_CHUNK = 7500


def proposal_tags(trial: Trial) -> dict[str, str]:
    """The tags of a trial from its start; a run with no others has a job that is still running, or was lost."""
    return {schema.TRIAL: f"{trial.number:05d}", schema.POINT: json.dumps(dict(trial.parameters))}


def proposed_trial(run: Run) -> Trial | None:
    """The trial that a run's tags describe, finished or not; None for a run that is not a trial."""
    try:
        return Trial(int(run.tags[schema.TRIAL]), json.loads(run.tags[schema.POINT]))
    except (KeyError, ValueError):
        return None


def trial_tags(trial: FinishedTrial) -> dict[str, str]:
    """Everything except the reason of a failure, which has its own tag; values keep their types."""
    tags = {
        schema.TRIAL: f"{trial.number:05d}",
        schema.STATE: trial.state,
        schema.POINT: json.dumps(dict(trial.parameters)),
        schema.SECONDS: repr(trial.seconds),
    }
    if trial.values is not None:
        tags[schema.VALUES] = json.dumps(trial.values)
    if trial.fits:
        tags[schema.FITS] = json.dumps(trial.fits)
    if trial.reports:
        text = json.dumps(dict(trial.reports), separators=(",", ":"))
        tags |= {_chunk_tag(i): text[start : start + _CHUNK] for i, start in enumerate(range(0, len(text), _CHUNK))}
    return tags


def finished_trial(run: Run) -> FinishedTrial | None:
    """The finished trial that a run's tags describe; None for a run that is not a trial, or not finished."""
    state = next((known for known in _STATUS if known == run.tags.get(schema.STATE)), None)
    if state is None or run.status != _STATUS[state]:
        return None
    try:
        values = json.loads(run.tags.get(schema.VALUES, "null"))
        return FinishedTrial(
            number=int(run.tags[schema.TRIAL]),
            parameters=json.loads(run.tags[schema.POINT]),
            state=state,
            values=None if values is None else tuple(values),
            seconds=float(run.tags[schema.SECONDS]),
            error=run.tags.get(schema.REASON),
            reports={int(step): value for step, value in json.loads(_joined(run.tags) or "{}").items()},
            reused=schema.REUSED_FROM in run.tags,
            fits=tuple(json.loads(run.tags.get(schema.FITS, "[]"))),
        )
    except (KeyError, ValueError):
        return None


def finished_trials(children: Sequence[Run]) -> list[FinishedTrial]:
    """The finished trials among a study's children, by number, each number once; without interrupted ones."""
    found: dict[int, FinishedTrial] = {}
    for child in children:
        trial = finished_trial(child)
        if trial is not None and trial.state != "interrupted":
            found.setdefault(trial.number, trial)
    return [found[number] for number in sorted(found)]


def _chunk_tag(index: int) -> str:
    return f"{schema.REPORTS}.{index}" if index else schema.REPORTS


def _joined(tags: Mapping[str, str]) -> str:
    return "".join(takewhile(bool, (tags.get(_chunk_tag(index), "") for index in count())))
