"""Raw rows in, predictions out, through the endpoint."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from housing.config.schema import Experiment
from housing.data.extras import MOST_EXPLAINED, Extras
from housing.errors import ConfigError
from housing.in_order import in_order
from housing.targets.base import BatchHost, Host, NearHost, Prediction
from housing.tasks import written
from housing.workflow.answer_table import AnswerTable
from housing.workflow.explained import explanation_table
from housing.workflow.file_answers import FileAnswers, refuse_target, served
from housing.workflow.outcome import Invocation, Outcome, OutputTable, Reporter
from housing.workflow.session import Session
from housing.workflow.source_access import sources_reached

if TYPE_CHECKING:
    from housing.data.description import Dataset
    from housing.data.rows import RawRows

_ROWS_A_REQUEST = 2000  # a row of raw CSV is about 500 bytes, and an endpoint takes 6 MB
_ASKED_AT_ONCE = 2  # the next rows are read while some are answered
_SHOWN_ROWS = 20


def predict(
    experiment: Experiment,
    invocation: Invocation,
    reporter: Reporter,
    *,
    file: Path | str | None = None,
    batch: str | None = None,
    interval: float | None = None,
    explain: int | None = None,
    output: Path | None = None,
) -> Outcome:
    """Answer the rows of a file: `file` through the endpoint, or `batch`, which may be at the host, by a batch job.

    Answers are written to `output` as they arrive, and an interrupted command can be resumed; without it all of them
    are returned. `interval` requests ranges of this coverage, `explain` so many columns that moved each row most.
    """
    if batch is not None:
        if interval is not None or explain is not None:
            raise ConfigError(f"--batch {batch}: a batch transform job answers predictions alone, without interval")
        return _predict_there(experiment, invocation, reporter, source=batch, output=output)
    assert file is not None
    return _predict_here(experiment, invocation, reporter, file=file, extras=Extras(interval, explain), output=output)


def _predict_here(
    experiment: Experiment,
    invocation: Invocation,
    reporter: Reporter,
    *,
    file: Path | str,
    extras: Extras,
    output: Path | None,
) -> Outcome:
    """Answer every row of a file, a folder or an address in S3; the label column may be absent."""
    if output is not None:
        refuse_target(output, file)
    with Session(experiment, invocation, reporter) as session:
        endpoint, dataset = experiment.deployment.endpoint, experiment.dataset
        with sources_reached(experiment.host), reporter.working(f"reading {file}"):
            rows = _raw_rows(dataset, file)
        # A third-party host need not accept `extras` unless they are requested.
        asked: dict[str, Any] = {"extras": extras} if extras else {}

        def ask(piece: str) -> Prediction:
            return host.predict(endpoint, piece, **asked)

        with reporter.working(f"asking {endpoint}"):
            host = session.host
            at_once = MOST_EXPLAINED if extras.explain is not None else _rows_a_request(host)
            if output is None:
                predictions = list(in_order(ask, rows.pieces(at_once), at_once=_ASKED_AT_ONCE))
            else:
                question = {
                    "the endpoint": f"{endpoint} at {experiment.host.name}",
                    "its models": repr(served(host.current(endpoint))),
                    "the options": repr((dataset.csv_format, dataset.number_format, dataset.label, extras)),
                }
                pieces = partial(rows.pieces, at_once)
                file_answers = FileAnswers(output, rows, AnswerTable(dataset), reporter, question)
                variants = file_answers.write(lambda after: in_order(ask, pieces(after=after), at_once=_ASKED_AT_ONCE))
    if output is not None:
        data = {"endpoint": endpoint, "label": dataset.label, "rows": rows.rows, "variants": dict(variants)}
        return Outcome(
            headline=f"{rows.rows:,} rows answered by {endpoint}",
            data={**data, "output": str(output)},
            lines=(", ".join(f"{count:,} by {name}" for name, count in sorted(variants.items())),),
            recorded=(str(output),),
            next_commands=((invocation.next("status"), "how often each variant answered"),),
        )
    table = AnswerTable(dataset)
    title = dataset.label + (f", {dataset.label_unit}" if dataset.label_unit else "")
    answers = table.rows(predictions)
    shown = [[index, *cells] for index, cells in enumerate(answers[:_SHOWN_ROWS], start=1)]
    everything = invocation.next("predict", str(file), "--output", "predictions.csv")
    return Outcome(
        headline=f"{len(answers):,} rows answered by {endpoint}",
        data={
            "endpoint": endpoint,
            "label": dataset.label,
            "predictions": [one for prediction in predictions for one in _documents(prediction)],
        },
        lines=(f"the first {_SHOWN_ROWS} of them; for all: {everything}",) if len(answers) > len(shown) else (),
        tables=(
            OutputTable(title, ("row", written.PREDICTION, *table.columns(predictions)[1:], "variant"), shown),
            *explanation_table(predictions),
        ),
        next_commands=((invocation.next("status"), "how often each variant answered"),),
        raw=table.csv(predictions),
    )


def _rows_a_request(host: Host) -> int:
    return host.rows_a_request if isinstance(host, NearHost) else _ROWS_A_REQUEST


def _raw_rows(dataset: Dataset, file: Path | str) -> RawRows:
    from housing.data.rows import raw_rows

    return raw_rows(
        str(file),
        form=dataset.csv_format,
        numbers=dataset.number_format,
        columns=dataset.columns,
        sheet=dataset.sheet,
    )


def _predict_there(
    experiment: Experiment, invocation: Invocation, reporter: Reporter, *, source: str, output: Path | None
) -> Outcome:
    """Answer every row of a file, local or at the host, by a batch job on machines that exist only for it."""
    from housing.data.rows import csv_pieces

    if output is not None:
        refuse_target(output, source)
    dataset = experiment.dataset
    with Session(experiment, invocation, reporter) as session:
        host = session.host
        if not isinstance(host, BatchHost):
            raise ConfigError(
                f"--batch {source}: target@host={experiment.host.name} has no machines of its own for files; choose "
                "target@host=sagemaker, or predict a file of this machine without --batch",
                way_out=("predict", "rows.csv", "--output", "predictions.csv"),
            )
        endpoint, form = experiment.deployment.endpoint, (dataset.csv_format, dataset.number_format, dataset.sheet)
        with reporter.working(f"answering {source}"):
            batch = host.predict_file(
                endpoint,
                source,
                lambda file: csv_pieces(
                    str(file),
                    form=dataset.csv_format,
                    numbers=dataset.number_format,
                    rows_a_piece=_ROWS_A_REQUEST,
                    columns=dataset.columns,
                    sheet=dataset.sheet,
                ),
                depends_on=repr((form, sorted(dataset.columns), _ROWS_A_REQUEST)),
                output=output,
                told=partial(reporter.step, "predict"),
            )
    fetch = shlex.join(("aws", "s3", "cp", batch.location, "."))
    return Outcome(
        headline=f"{batch.rows:,} rows answered by the model of {endpoint}, {batch.variant}",
        data={"endpoint": endpoint, **asdict(batch), **({} if output is None else {"output": str(output)})},
        recorded=(batch.location, *(() if output is None else (str(output),))),
        next_commands=() if output is not None else ((fetch, "fetch them"),),
        raw=f"{batch.location}\n",
    )


def _documents(prediction: Prediction) -> Iterator[Mapping[str, object]]:
    for one in prediction.documents():
        yield {**(one if isinstance(one, Mapping) else {"value": one}), "variant": prediction.variant}
