"""`housing runs`: shows the record as a table; deletes, restores and exports runs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from housing.config.schema import Experiment
from housing.errors import ConfigError
from housing.files import write
from housing.json_values import json_value
from housing.workflow.outcome import Invocation, Outcome, OutputTable, Reporter

if TYPE_CHECKING:
    from housing.tracking.reader import Run
    from housing.tracking.reading import Record

_EXPORTS = (".csv", ".parquet", ".json")
_SHOWN = 20


def runs(
    experiment: Experiment,
    invocation: Invocation,
    reporter: Reporter,
    *,
    words: Sequence[str] = (),
    filter: str = "",  # noqa: A002 - MLflow's own name for it
    top: int = _SHOWN,
    export: Path | None = None,
    delete: bool = False,
    restore: bool = False,
) -> Outcome:
    """Runs of the experiment, newest first: the named ones, or those that MLflow's filter finds.

    Raises ConfigError for a file that cannot be written, TrackingError for runs that do not exist or must be kept.
    """
    from housing.tracking import housekeeping
    from housing.tracking.reading import Record

    _refuse_impossible(words, filter, export, delete=delete, restore=restore)
    with reporter.working("reading the record"):
        record = Record.open(experiment.tracking.uri, experiment.name)
        if restore:
            return _changed(
                "restored", housekeeping.restore(record.writing(), record.experiment_ids, words), invocation
            )
        found = _found(record, words, filter)
        if delete:
            return _changed("deleted", housekeeping.delete(record.writing(), found), invocation)
    if export is not None:
        _write(export, [_typed(run) if export.suffix == ".json" else flat(run) for run in found])
    return _listed(found, [_typed(run) for run in found], experiment, invocation, top=top, export=export)


def flat(run: Run) -> dict[str, Any]:
    """A run as one row: run_id, name, kind, status, started (UTC), seconds, parent; metrics.*, params.*, tags.*."""
    ended = run.ended_at_ms
    return {
        "run_id": run.id,
        "name": run.name,
        "kind": run.kind,
        "status": run.status,
        "started": datetime.fromtimestamp(run.started_at_ms / 1000, UTC),
        "seconds": (ended - run.started_at_ms) / 1000 if ended else None,
        "parent": run.parent,
        **{f"metrics.{name}": value for name, value in run.metrics.items()},
        **{f"params.{name}": value for name, value in run.params.items()},
        **{f"tags.{name}": value for name, value in run.tags.items() if not name.startswith("mlflow.")},
    }


def _typed(run: Run) -> dict[str, Any]:
    """The same, with parameters converted back from MLflow's texts."""
    from housing.reporting.comparison import typed, value_of

    return {**flat(run), **{f"params.{name}": typed(value_of(text)) for name, text in run.params.items()}}


def _refuse_impossible(words: Sequence[str], wanted: str, export: Path | None, *, delete: bool, restore: bool) -> None:
    if delete and restore:
        raise ConfigError("--delete and --restore: choose one")
    if restore and not words:
        raise ConfigError("--restore: name the runs, by id or name: housing runs <run id> --restore")
    if delete and not (words or wanted):
        raise ConfigError("--delete: name the runs, or say which with --filter; all of them are not deleted at once")
    if words and wanted:
        raise ConfigError("--filter: replaces named runs; give one of them")
    if export is not None and export.suffix not in _EXPORTS:
        raise ConfigError(f"--export {export}: must end in one of {', '.join(_EXPORTS)}")
    if export is not None and not export.absolute().parent.is_dir():
        raise ConfigError(f"--export {export}: there is no folder {export.parent}; make it first")


def _found(record: Record, words: Sequence[str], wanted: str) -> list[Run]:
    if words:
        return list({run.id: run for run in map(record.get, words)}.values())
    record.check_not_deleted()
    return list(record.own.matching(wanted)) if record.own is not None else []


def _changed(what: str, found: Sequence[Run], invocation: Invocation) -> Outcome:
    count = "1 run" if len(found) == 1 else f"{len(found):,} runs"
    back = (invocation.next("runs", found[0].id[:8], "--restore"), "bring it back, with what lies below it")
    return Outcome(
        headline=f"{count} {what}",
        data={what: [{"run_id": run.id, "name": run.name} for run in found]},
        lines=[f"{run.id[:8]}  {run.name}" for run in found[:_SHOWN]],
        next_commands=(*((back,) if what == "deleted" and found else ()), (invocation.next("runs"), "what is there")),
    )


def _listed(
    found: Sequence[Run],
    rows: Sequence[Mapping[str, Any]],
    experiment: Experiment,
    invocation: Invocation,
    *,
    top: int,
    export: Path | None,
) -> Outcome:
    objective = experiment.study.objectives[0]
    shown = [
        (
            run.id[:8],
            run.name,
            run.kind or "-",
            run.metrics.get(objective),
            f"{row['started']:%Y-%m-%d %H:%M}",
            row["seconds"],
            run.status.lower(),
        )
        for run, row in zip(found[:top], rows, strict=False)
    ]
    columns = ("run", "name", "kind", objective, "started (UTC)", "seconds", "status")
    count = "1 run" if len(found) == 1 else f"{len(found):,} runs"
    more = f"; the newest {top} are shown, --top N shows more" if len(found) > top else ""
    two = [run.id[:8] for run in found if objective in run.metrics and run.kind == "job"][:2]
    return Outcome(
        headline=f"{count} in MLflow experiment '{experiment.name}'{more}",
        data={"runs": list(rows)},
        tables=(OutputTable("", columns, shown, spare=("started (UTC)", "seconds", "kind")),) if shown else (),
        recorded=(str(export),) if export is not None else (),
        next_commands=(
            *(((invocation.next("compare", *two), "two of them side by side"),) if len(two) == 2 else ()),
            (invocation.next("runs", "--export", "runs.csv"), "all of it as a table, also .parquet and .json"),
        ),
    )


def _write(file: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write one row per run; what a run lacks is empty."""
    try:
        if file.suffix == ".json":
            write(file, (json.dumps(json_value(rows), indent=1, ensure_ascii=False) + "\n").encode())
            return
        import io

        import pandas as pd

        frame, content = pd.DataFrame(list(rows)), io.BytesIO()
        if file.suffix == ".csv":
            frame.to_csv(content, index=False)
        else:
            frame.to_parquet(content, index=False)
        write(file, content.getvalue())
    except OSError as error:
        raise ConfigError(f"--export {file}: cannot be written: {error.strerror}") from error
