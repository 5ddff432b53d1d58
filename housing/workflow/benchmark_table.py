"""The table of a benchmark, from the recorded outer parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from housing.benchmark.spec import Benchmark
from housing.benchmark.standings import Overall, Score, Standing, overall, standings
from housing.tasks import base as tasks
from housing.tracking import schema
from housing.workflow.outcome import Outcome, OutputTable
from housing.workflow.session import Session

if TYPE_CHECKING:
    from housing.tasks.base import Direction
    from housing.tracking.reader import Run


@dataclass(frozen=True)
class Asked:
    """A table's task and label unit; `digest` is that of its data."""

    task: str
    unit: str
    digest: str

    @property
    def metric(self) -> str:
        """The metric by which entrants are compared."""
        return tasks.find(self.task).metric

    @property
    def direction(self) -> Direction:
        """The metric's direction."""
        return tasks.metrics(self.task)[self.metric].direction


def outcome(
    session: Session,
    spec: Benchmark,
    tables: Mapping[str, Asked],
    runs: Sequence[Run],
    *,
    failures: Sequence[str],
    absent: Mapping[str, str],
) -> Outcome:
    """The last block, from only the finished runs of outer parts."""
    scores = [_score_of(run, tables[run.tags.get(schema.TABLE, "")].metric) for run in runs]
    directions = {name: asked.direction for name, asked in tables.items()}
    found = standings(scores, directions)
    over_all = overall(found, directions)
    leaders = {standing.table: standing.entrant for standing in reversed(found)}
    best = f", best {next(iter(leaders.values()))}" if len(leaders) == 1 else ""
    return Outcome(
        headline=f"benchmark {spec.name}: {len(scores)} outer parts scored{best}",
        data={
            "benchmark": spec.name,
            "standings": [asdict(standing) for standing in found],
            "overall": [asdict(row) for row in over_all],
            "scores": [asdict(score) for score in scores],
            "left_out": dict(absent),
            "failures": list(failures),
        },
        lines=[
            *(f"left out: {entrant}, which needs {module}" for entrant, module in absent.items()),
            *(f"failed: {failure}" for failure in failures),
        ],
        tables=[*([_shown(spec, tables, found)] if found else []), *([_overall(over_all)] if over_all else [])],
        recorded=session.records_at,
        next_commands=((session.invocation.next("ui"), "all its jobs in the browser"),),
        exit_code=1 if failures else 0,
    )


def told(run: Run, asked: Asked) -> str:
    """One outer part as a line."""
    score = _score_of(run, asked.metric)
    inner = f", chosen with {score.inner:,.5g}" if score.inner is not None else ""
    return f"{asked.metric} {score.outer:,.5g}{inner}, {score.seconds:.0f} s"


def _score_of(run: Run, metric: str) -> Score:
    seed, fold = run.tags[schema.OUTER].split()
    return Score(
        table=run.tags.get(schema.TABLE, ""),
        entrant=run.tags[schema.ENTRANT],
        seed=int(seed),
        fold=int(fold),
        outer=run.metrics[f"outer_{metric}"],
        inner=run.metrics.get(f"inner_{metric}"),
        beyond=run.metrics.get(f"beyond_{metric}"),
        naive=run.metrics.get(f"naive_{metric}"),
        seconds=run.metrics["seconds"],
    )


def _shown(spec: Benchmark, tables: Mapping[str, Asked], found: Sequence[Standing]) -> OutputTable:
    """The table, without empty columns."""
    columns: dict[str, list[Any]] = {
        "table": [standing.table for standing in found],
        "entrant": [standing.entrant for standing in found],
        "mean": [standing.outer for standing in found],
        "sd": [standing.spread for standing in found],
        "optimism": [standing.optimism for standing in found],
        "other rows": [standing.beyond for standing in found],
        "parts": [standing.parts for standing in found],
        "seconds": [round(standing.seconds, 1) for standing in found],
    }
    kept = {name: values for name, values in columns.items() if any(value not in (None, "") for value in values)}
    metrics = " or ".join(sorted({asked.metric for asked in tables.values()}))
    units = [asked.unit for asked in tables.values() if asked.unit] if len(tables) == 1 else []
    title = f"{metrics} on {len(spec.seeds)} x {spec.folds} outer parts"
    return OutputTable(
        ", ".join([title, *units]), tuple(kept), [list(row) for row in zip(*kept.values(), strict=True)], ("parts",)
    )


def _overall(rows: Sequence[Overall]) -> OutputTable:
    """How often each entrant is the best, and how far it is from the best otherwise."""
    return OutputTable(
        f"over {rows[0].tables} tables",
        ("entrant", "best on", "error / best", "seconds"),
        [[row.entrant, row.wins, row.gap, round(row.seconds, 1)] for row in rows],
    )
