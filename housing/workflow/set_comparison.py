"""`housing compare` of sets: a study, a multirun, an experiment, or what a filter finds, against another."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from housing.errors import ConfigError, TrackingError
from housing.tracking import schema
from housing.workflow.outcome import Invocation, Outcome, OutputTable

if TYPE_CHECKING:
    from housing.config.schema import Experiment
    from housing.reporting.run_sets import RunSet, SetDifference
    from housing.reporting.study_plots import Objective
    from housing.tracking.reader import Run
    from housing.tracking.reading import Record

_FILTER = re.compile(r"(params|parameters|metrics|tags|attributes|attr)\.|(status|start_time|end_time)\b")
_JOBS = ("job", "final")


def means_a_set(word: str) -> bool:
    """Whether a word is a filter in MLflow's language, which finds any number of runs."""
    return _FILTER.match(word) is not None


def compare_sets(
    experiment: Experiment, invocation: Invocation, record: Record, *, words: Sequence[str], html: Path | None
) -> Outcome:
    """Every word is a set. Raises ConfigError for fewer than two, or one without a run that has the objective."""
    from housing.reporting.run_sets import difference, incomparable, sets_page
    from housing.workflow.figures import objective_of
    from housing.workflow.pages import write_page

    if len(words) < 2:
        raise ConfigError(
            f"{shlex.join(('compare', *words))}: a set is compared with another one; name two: studies, multiruns, "
            "experiments, or filters such as \"params.algorithm = 'linear'\""
        )
    objective = objective_of(experiment)
    sets = [_set(record, word, objective) for word in words]
    found = [difference(one, sets[0], lower_is_better=objective.lower_is_better) for one in sets[1:]]
    if html is not None:
        write_page(html, sets_page(sets, found, objective).encode())
    return _outcome(sets, found, objective, invocation, words=words, html=html, warning=incomparable(sets))


def _set(record: Record, word: str, objective: Objective) -> RunSet:
    from housing.reporting.comparison import value_of
    from housing.reporting.run_sets import RunSet, SetRun

    runs = list(_runs(record, word))
    sign = 1 if objective.lower_is_better else -1
    having = [run for run in runs if not math.isnan(run.metrics.get(objective.name, math.nan))]
    if not having:
        raise ConfigError(
            f"compare {word!r}: none of its {len(runs):,} runs has {objective.name}; study.objective says by what to "
            "compare"
        )
    ordered = sorted(having, key=lambda run: sign * run.metrics[objective.name])
    return RunSet(
        word,
        tuple(
            SetRun(
                run.id,
                run.name,
                run.metrics[objective.name],
                {name: value_of(text) for name, text in run.params.items()},
                run.params.get("seed"),
            )
            for run in ordered
        ),
        frozenset(run.tags.get(schema.SPLIT_DIGEST) for run in ordered),
    )


def _runs(record: Record, word: str) -> Iterator[Run]:
    """The jobs of a set; for studies and multiruns those below them."""
    if means_a_set(word):
        record.check_not_deleted()
        found = list(record.own.matching(word)) if record.own is not None else []
        yield from (run for run in found if run.kind in _JOBS)
        return
    try:
        run = record.get(word)
    except TrackingError:
        queries = record.experiment(word)
        if queries is None:
            raise
        yield from (run for run in queries.matching("") if run.kind in _JOBS)
        return
    yield from _below(record, run)


def _below(record: Record, run: Run) -> Iterator[Run]:
    if run.kind in _JOBS:
        yield run
        return
    for child in record.children(run):
        yield from _below(record, child)


def _outcome(
    sets: Sequence[RunSet],
    found: Sequence[SetDifference],
    objective: Objective,
    invocation: Invocation,
    *,
    words: Sequence[str],
    html: Path | None,
    warning: str | None,
) -> Outcome:
    from housing.reporting.run_sets import between, parameters_apart

    apart = parameters_apart(sets)
    tables = [
        OutputTable(
            objective.title,
            ("set", "runs", "best", "mean", "95% interval of the mean"),
            [[each.name, len(each.runs), each.runs[0].value, each.mean, between(each.interval)] for each in sets],
        ),
        OutputTable(
            "differences of means",
            ("set", "better by", "95% interval", "pairs", "verdict"),
            [
                [each.name, each.better_by, between((each.low, each.high)), each.pairs or None, each.verdict]
                for each in found
            ],
            spare=("pairs",),
        ),
    ]
    if apart:
        rows = [[name, *values] for name, values in apart.items()]
        tables.append(OutputTable("parameters that differ", ("", *(each.name for each in sets)), rows))
    again = invocation.next("compare", *words, "--sets", "--html", "sets.html")
    return Outcome(
        headline="; ".join(f"{each.name} against {each.first}: {each.verdict}" for each in found),
        data={
            "objective": objective.name,
            "comparable": warning is None,
            "sets": [
                {
                    "name": each.name,
                    "runs": [{"run_id": run.id, "name": run.name, "value": run.value} for run in each.runs],
                    "best": each.runs[0].value,
                    "mean": each.mean,
                    "interval": each.interval,
                }
                for each in sets
            ],
            "differences": [_plain(each) for each in found],
            "parameters": apart,
        },
        lines=[warning] if warning else [],
        tables=tables,
        recorded=(str(html),) if html is not None else (),
        next_commands=(
            *(() if html else ((again, "as a page, with every run as a dot"),)),
            (invocation.next("ui"), "the record in the browser"),
        ),
    )


def _plain(found: SetDifference) -> dict[str, object]:
    """A difference as JSON values, without NaN."""
    values = asdict(found) | {"verdict": found.verdict}
    return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in values.items()}
