"""`housing compare`: what differs between runs, in configuration, metrics and origin."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from housing.config.schema import Experiment
from housing.errors import ConfigError, TrackingError
from housing.reporting.comparison import Compared, Comparison, Field, Value, typed, value_of
from housing.reporting.comparison import compare as side_by_side
from housing.tracking import schema
from housing.training.metrics import direction
from housing.workflow.outcome import Invocation, Outcome, OutputTable, Reporter
from housing.workflow.pages import write_page
from housing.workflow.set_comparison import compare_sets, means_a_set

if TYPE_CHECKING:
    from housing.tracking.reader import Run
    from housing.tracking.reading import Record

_PARENTS = ("run", "study", "group")
_MOST_COLUMNS = 6
_MOST_CURVES = 8
_GROUPS = ("dataset", "features")
_ORIGIN = (
    *("command", "overrides", "study"),
    *("data_digest", "split_digest", "encoder_digest", "config_hash"),
    *("version", "python", "git_commit", "git_dirty"),
)


def compare(
    experiment: Experiment,
    invocation: Invocation,
    reporter: Reporter,
    *,
    runs: Sequence[str],
    top: int = 5,
    html: Path | None = None,
    sets: bool = False,
) -> Outcome:
    """Compare runs given by id, an id's beginning or name; a study stands for its `top` best trials.

    Without `runs` it is the latest study, or the `top` best jobs if there is none. With `sets`, or if one of them is a
    filter, each stands for all of its runs. Raises ConfigError for fewer than two runs, or sets.
    """
    from housing.tracking.reading import Record

    with reporter.working("reading the record"):
        record = Record.open(experiment.tracking.uri, experiment.name)
        if sets or any(map(means_a_set, runs)):
            return compare_sets(experiment, invocation, record, words=runs, html=html)
        named = [record.get(word) for word in runs] or _latest(record, experiment, top)
        jobs = list({job.id: job for run in named for job in _jobs(record, run, experiment, top)}.values())
        if len(jobs) < 2:
            raise ConfigError(_too_few(runs, jobs))
        compared = side_by_side(
            _compared(record, jobs, experiment.study.objectives[0]), experiment.algorithm.directions
        )
        if html is not None:
            write_page(html, _page(record, jobs, compared, experiment).encode())
        beside = _references(record, jobs, experiment.study.objectives[0])
    return _outcome(compared, experiment, invocation, words=runs, html=html, beside=beside)


def _latest(record: Record, experiment: Experiment, top: int) -> list[Run]:
    """The latest study; if none has finished, or it was deleted, the best of all jobs."""
    record.check_not_deleted()
    if record.own is None:
        return []
    latest = record.own.latest_study()
    if latest is not None and record.children(latest):
        return [latest]
    objective = experiment.study.objectives[0]
    return record.own.finished_jobs(objective, direction(objective, experiment.algorithm.directions), most=top)


def _jobs(record: Record, run: Run, experiment: Experiment, top: int) -> Iterator[Run]:
    """The run, or the jobs that represent it: the best of a study or a multirun, every job of `housing run`."""
    if run.kind not in _PARENTS:
        yield run
        return
    children = record.children(run)
    if run.kind != "run":
        children = _best(children, experiment)[:top]
    for child in children:
        yield from _jobs(record, child, experiment, top)


def _best(children: Sequence[Run], experiment: Experiment) -> list[Run]:
    """Those with the objective, best first: by rank once the study has been ranked, by value while it runs."""

    objective = experiment.study.objectives[0]
    sign = 1 if direction(objective, experiment.algorithm.directions) == "minimize" else -1
    with_value = [child for child in children if objective in child.metrics or schema.RANK in child.tags]
    return sorted(with_value, key=lambda c: (_rank(c), sign * c.metrics.get(objective, 0.0)))


def _rank(run: Run) -> str:
    """The rank as text that sorts; a blend comes first, as it exists only if it is better than every trial."""
    return "" if schema.BLEND in run.tags else run.tags.get(schema.RANK, "~")


def _references(record: Record, jobs: Sequence[Run], objective: str) -> list[str]:
    """The references of these jobs' studies, as sentences."""
    found: dict[str, float] = {}
    for study in dict.fromkeys(job.parent for job in jobs if job.parent and schema.STUDY in job.tags):
        with suppress(TrackingError):  # the study may have been deleted, and its jobs restored
            told = json.loads(record.get(study).tags.get(schema.REFERENCES, "{}"))
            found |= {name: values[objective] for name, values in told.items() if objective in values}
    named = ", ".join(f"{name} {value:,.6g}" for name, value in found.items())
    return [f"to compare with, {objective}: {named}"] if found else []


def _too_few(words: Sequence[str], jobs: Sequence[Run]) -> str:
    found = f"there is only {jobs[0].name!r}" if jobs else "there is no finished job"
    asked = shlex.join(("compare", *words))
    return f"{asked}: {found} to compare; name two runs or more, or a study with several trials"


# --- from the record ------------------------------------------------------------------------------------------------


def _compared(record: Record, jobs: Sequence[Run], objective: str) -> list[Compared]:

    inner = _inner_configurations(record, jobs)
    return [
        Compared(
            id=job.id,
            name=job.name,
            split=job.tags.get(schema.SPLIT_DIGEST),
            configuration={name: value_of(text) for name, text in {**job.params, **inside}.items()},
            metrics=_metrics(job, objective),
            origin=_origin(job),
        )
        for job, inside in zip(jobs, inner, strict=True)
    ]


def _metrics(job: Run, objective: str) -> dict[str, Value]:
    """The objective first, and rounds counted from 1."""
    found: dict[str, Value] = {}
    for name, value in sorted(job.metrics.items(), key=lambda metric: metric[0] != objective):
        if name == "best_round":  # the record counts from 0
            found["rounds_kept"] = round(value) + 1
        else:
            found[name] = value
    return found


def _inner_configurations(record: Record, jobs: Sequence[Run]) -> list[dict[str, str]]:
    """For each job the content of its dataset and features, if those have the same names for all jobs.

    Datasets with different names differ in every column, which is not informative.
    """
    from housing.tracking.entries import flatten

    read: dict[str, Mapping[str, Any]] = {}
    composed = [_configuration(record, job, read) for job in jobs]
    shared = [
        group
        for group in _GROUPS
        if len({job.params.get(group) for job in jobs}) == 1
        and all(each.get(group, {}).get("name") == jobs[0].params.get(group) for each in composed)
    ]
    return [
        flatten({group: {key: value for key, value in each[group].items() if key != "name"} for group in shared})
        for each in composed
    ]


def _configuration(record: Record, job: Run, read: dict[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    """The composed configuration of a job, or of the study that it is a trial of; each is read once."""
    import yaml  # type: ignore[import-untyped]

    from housing.tracking.reader import CONFIG_FILE

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml, if available, is ten times as fast
    for owner in filter(None, (job.parent, job.id)) if job.kind == "job" else (job.id,):
        if owner not in read:
            content = record.read_file(owner, CONFIG_FILE)
            read[owner] = yaml.load(content, Loader=loader) if content is not None else {}
        if read[owner]:
            return read[owner]
    return {}


def _origin(job: Run) -> dict[str, Value]:
    tags = {name.removeprefix(schema.PREFIX): text for name, text in job.tags.items() if name.startswith(schema.PREFIX)}
    libraries = sorted(name for name in tags if name.endswith("_version"))
    shown = {name: tags[name] for name in (*_ORIGIN, *libraries) if name in tags}
    return {"status": job.status, **{name: _short(text) for name, text in shown.items()}}


def _short(text: str) -> str:
    """Digests and commits shortened to their first 12 characters."""
    return text[:12] if re.fullmatch(r"[0-9a-f]{40,64}", text) else text


# --- for people and machines ----------------------------------------------------------------------------------------


def _page(record: Record, jobs: Sequence[Run], compared: Comparison, experiment: Experiment) -> str:
    from housing.reporting.comparison_page import comparison_page
    from housing.workflow.figures import learning_curve, with_unit

    objective = experiment.study.objectives[0]
    curves = [(job, record.history(job, objective)) for job in jobs[:_MOST_CURVES]]
    return comparison_page(
        compared,
        objective=with_unit(experiment, objective),
        curves=[learning_curve(job, values) for job, values in curves if len(values) > 1],
        lower_is_better=direction(objective, experiment.algorithm.directions) == "minimize",
    )


def _outcome(
    compared: Comparison,
    experiment: Experiment,
    invocation: Invocation,
    *,
    words: Sequence[str],
    html: Path | None,
    beside: Sequence[str],
) -> Outcome:
    differing, equal = compared.differing, compared.equal
    lines = [compared.incomparable] if compared.incomparable else _winner(compared, experiment.study.objectives[0])
    lines += beside
    lines.append(
        f"{len(equal):,} values are the same in all of them and are not shown" if equal else "nothing is the same"
    )
    again = invocation.next("compare", *words, "--html", "comparison.html")
    return Outcome(
        headline=f"{len(compared.runs):,} runs, {len(differing)} differences",
        data=_data(compared),
        lines=lines,
        tables=(_table(compared),) if differing else (),
        recorded=(str(html),) if html else (),
        next_commands=(
            *(() if html else ((again, "as a page, with learning curves"),)),
            (invocation.next("ui"), "the record in the browser"),
        ),
    )


def _winner(compared: Comparison, objective: str) -> list[str]:
    """One sentence, if the runs were evaluated by the objective on the same rows."""
    return [
        f"best {objective}: {', '.join(compared.handles[place] for place in sorted(field.best))}"
        for field in compared.fields
        if field.kind == "metrics" and field.name == objective and field.best
    ]


def _table(compared: Comparison) -> OutputTable:
    """Runs as columns if they fit, else as rows."""
    differing = compared.differing
    if len(compared.runs) <= _MOST_COLUMNS:
        kinds = ["" if i and differing[i - 1].kind == field.kind else field.kind for i, field in enumerate(differing)]
        rows = [[kind, field.name, *field.values] for kind, field in zip(kinds, differing, strict=True)]
        return OutputTable("", ("", "", *compared.handles), rows)
    by_run = [[handle, *(f.values[i] for f in differing)] for i, handle in enumerate(compared.handles)]
    return OutputTable("", ("run", *(field.name for field in differing)), by_run)


def _data(compared: Comparison) -> dict[str, Any]:
    def listed(fields: Sequence[Field], kind: str) -> dict[str, Any]:
        return {field.name: [typed(value) for value in field.values] for field in fields if field.kind == kind}

    return {
        "runs": [{"run_id": run.id, "name": run.name} for run in compared.runs],
        "comparable": compared.incomparable is None,
        "differing": {kind: listed(compared.differing, kind) for kind in ("configuration", "metrics", "origin")},
        "equal": {field.name: typed(field.values[0]) for field in compared.equal},
    }
