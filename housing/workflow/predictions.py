"""Raw rows in, predictions out, through the endpoint."""

from __future__ import annotations

import csv
import io
import math
import shlex
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

from housing.config.schema import Experiment
from housing.data.extras import MOST_EXPLAINED, Extras
from housing.errors import ConfigError
from housing.targets.base import BatchHost, Prediction
from housing.tasks import written
from housing.tasks.written import beside_cells, beside_columns
from housing.workflow.explained import explanation_columns, explanation_table, with_explanations
from housing.workflow.outcome import Invocation, Outcome, OutputTable, Reporter
from housing.workflow.session import Session

_ROWS_A_REQUEST = 2000  # a row of raw CSV is about 500 bytes, and an endpoint takes 6 MB
_ASKED_AT_ONCE = 2
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
) -> Outcome:
    """Answer the rows of a file: of this machine through the endpoint, or `batch`, an address at the host.

    `interval` asks for ranges of this coverage, `explain` for so many columns that moved each row most.
    """
    if batch is not None:
        return _predict_there(experiment, invocation, reporter, source=batch)
    assert file is not None
    return _predict_here(experiment, invocation, reporter, file=file, extras=Extras(interval, explain))


def _predict_here(
    experiment: Experiment, invocation: Invocation, reporter: Reporter, *, file: Path | str, extras: Extras
) -> Outcome:
    """Answer every row of a file, a folder or an address in S3; the label's column need not be there."""
    from housing.data.rows import csv_pieces

    with Session(experiment, invocation, reporter) as session:
        endpoint, dataset = experiment.deployment.endpoint, experiment.dataset
        at_once = _ROWS_A_REQUEST if extras.explain is None else MOST_EXPLAINED
        pieces = csv_pieces(
            str(file),
            form=dataset.csv_format,
            numbers=dataset.number_format,
            rows_a_piece=at_once,
            columns=dataset.columns,
            sheet=dataset.sheet,
        )
        # A host of somebody else's need not know what nobody asks for.
        asked: dict[str, Any] = {"extras": extras} if extras else {}
        with reporter.working(f"asking {endpoint}"):
            host = session.host
            predictions = list(in_turn(lambda piece: host.predict(endpoint, piece, **asked), pieces))
    names = [*dataset.label_levels, *map(str, dataset.quantiles or ())]
    answers = [
        (*cells, *beside, one.variant)
        for one in predictions
        for cells, beside in zip(cells_of(one, names), _interval_cells(one), strict=True)
    ]
    documents = [document for one in predictions for document in one.intervals]
    intervals = beside_columns(documents[0]) if documents else []
    title = dataset.label + (f", {dataset.label_unit}" if dataset.label_unit else "")
    columns = [*written.columns(dataset.label, dataset.label_levels, dataset.quantiles or ()), *intervals]
    shown = [[index, *cells] for index, cells in enumerate(answers[:_SHOWN_ROWS], start=1)]
    rest = len(answers) - len(shown)
    everything = f"{invocation.next('predict', str(file))} > predictions.csv"
    return Outcome(
        headline=f"{len(answers):,} rows answered by {endpoint}",
        data={
            "endpoint": endpoint,
            "label": dataset.label,
            "predictions": [one for prediction in predictions for one in _documents(prediction)],
        },
        lines=(f"the first {_SHOWN_ROWS} of them; for all: {everything}",) if rest else (),
        tables=(
            OutputTable(title, ("row", written.PREDICTION, *columns[1:], "variant"), shown),
            *explanation_table(predictions),
        ),
        next_commands=((invocation.next("status"), "who answered how often"),),
        raw=_csv((*columns, "variant", *explanation_columns(predictions)), with_explanations(answers, predictions)),
    )


def in_turn(ask: Callable[[str], Prediction], pieces: Iterator[str]) -> Iterator[Prediction]:
    """What was answered to each piece, in their order; the next are read and asked while one is answered."""
    with ThreadPoolExecutor(_ASKED_AT_ONCE) as pool:
        asked: deque[Future[Prediction]] = deque()
        try:
            for piece in pieces:
                asked.append(pool.submit(ask, piece))
                if len(asked) > _ASKED_AT_ONCE:
                    yield asked.popleft().result()
            while asked:
                yield asked.popleft().result()
        finally:
            for one in asked:
                one.cancel()


def _predict_there(experiment: Experiment, invocation: Invocation, reporter: Reporter, *, source: str) -> Outcome:
    """Answer every row of a file that lies where the host is, by machines that come for it and go again."""
    from housing.data.rows import csv_pieces

    dataset = experiment.dataset
    with Session(experiment, invocation, reporter) as session:
        host = session.host
        if not isinstance(host, BatchHost):
            raise ConfigError(
                f"--batch {source}: target@host={experiment.host.name} answers no files in S3; choose "
                "target@host=sagemaker, or copy it here",
                way_out=("predict", "rows.csv"),
            )
        endpoint = experiment.deployment.endpoint
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
                ),
            )
    return Outcome(
        headline=f"{batch.rows:,} rows answered by the model of {endpoint}, {batch.variant}",
        data={"endpoint": endpoint, **asdict(batch)},
        recorded=(batch.location,),
        next_commands=((shlex.join(("aws", "s3", "cp", batch.location, ".")), "fetch them"),),
        raw=f"{batch.location}\n",
    )


def cells_of(prediction: Prediction, names: Sequence[str]) -> Iterator[list[float | str]]:
    """What was predicted for each row, and what stands beside it for each level or quantile of these names."""
    beside = prediction.beside or ({},) * len(prediction.values)
    for value, one in zip(prediction.values, beside, strict=True):
        yield [value, *(one.get(name, math.nan) for name in names)]


def _interval_cells(prediction: Prediction) -> list[list[float | str]]:
    if not prediction.intervals:
        return [[] for _ in prediction.values]
    return [beside_cells(one) for one in prediction.intervals]


def _documents(prediction: Prediction) -> Iterator[Mapping[str, object]]:
    for one in prediction.documents():
        yield {**(one if isinstance(one, Mapping) else {"value": one}), "variant": prediction.variant}


def _csv(columns: Sequence[str], answers: Sequence[Sequence[float | str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(answers)
    return text.getvalue()
