"""Labels that became known after rows were answered: read from a file, and compared with the answers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from housing.data.description import Dataset
from housing.errors import ConfigError, DataError
from housing.monitoring.ab_test import Errors, errors
from housing.workflow.monitored_variant import ActualLabels, MonitoredVariant
from housing.workflow.session import Session


def read_labels(session: Session, file: Path) -> ActualLabels:
    """The actual label of each row that a file names. Raises DataError."""
    from housing.data.faults import listed
    from housing.data.payload import header_of, rows_from_csv
    from housing.data.rows import csv_pieces
    from housing.monitoring.sample import id_column

    dataset = session.experiment.dataset
    if dataset.group is not None:
        raise ConfigError(
            f"--labels: task {dataset.task_name} is judged by whole groups, but an endpoint answers rows: it is "
            "unknown which of a group it was asked. Leave --labels out for drift; the "
            "gate of `housing promote` compares models"
        )
    (text,) = csv_pieces(
        str(file), form=dataset.csv_format, numbers=dataset.number_format, rows_a_piece=2**31, columns=dataset.columns
    )
    header = header_of(text)
    named_by = id_column(dataset, header)
    if named_by is None:
        raise DataError(f"{file}: has no column that names its rows; {_way_out(dataset)}")
    if dataset.label not in header:
        raise DataError(f"{file}: has no column {dataset.label}, the label")
    columns = rows_from_csv(text, header)
    if dataset.event is not None and dataset.event not in header:
        raise DataError(f"{file}: has no column {dataset.event}, which says whether the event was seen")
    levels = {level: code for code, level in enumerate(dataset.label_levels)}
    actual: dict[str, float] = {}
    for row, (name, cell) in enumerate(zip(columns[named_by], columns[dataset.label], strict=True), 1):
        if name in dataset.missing_texts or cell in dataset.missing_texts:
            continue
        try:
            actual[name] = float(levels[cell]) if levels else dataset.number_format.number(cell)
            if dataset.event is not None:
                actual[name] = _time(actual[name], columns[dataset.event][row - 1])
        except KeyError:
            known = listed(dataset.label_levels, 12)
            raise DataError(f"{file}: {dataset.label} of row {row} is {cell!r}; its levels are {known}") from None
        except ValueError:
            odd = f" and {columns[dataset.event][row - 1]!r}" if dataset.event is not None else ""
            wanted = "no number" if dataset.event is None else f"no time, more than 0, with a {dataset.event} of 0 or 1"
            raise DataError(f"{file}: {dataset.label} of row {row} is {wanted}: {cell!r}{odd}") from None
    return ActualLabels(named_by, actual, columns)


def _way_out(dataset: Dataset) -> str:
    known = [name for name, column in dataset.columns.items() if column.kind == "identifier"]
    if known:
        return f"it needs one of {dataset.name}'s identifiers: {', '.join(known)}"
    return (
        f"{dataset.name} has no identifier, so no label can be matched with an answer: its data, requests and this "
        "file need a column such as id, and the dataset's columns the line `id: {kind: identifier}`"
    )


def _time(time: float, event: str) -> float:
    from housing.data.task_columns import time_of

    if (found := time_of(time, event)) is None:
        raise ValueError
    return found


def erred_by(session: Session, monitored: Sequence[MonitoredVariant], actual_labels: ActualLabels) -> Errors:
    """The errors of each variant. Raises DataError if no variant has answered any of the rows."""
    experiment = session.experiment
    answers = {one.variant: one.answers for one in monitored}
    question = experiment.dataset.task_name
    erred = errors(
        question,
        answers,
        actual_labels.actual,
        experiment.gate,
        seed=experiment.seed,
        quantiles=experiment.dataset.quantiles or (),
    )
    if not any(erred.rows.values()):
        raise DataError(
            f"--labels: none of its rows was captured; callers must send {actual_labels.id_column} with their rows, "
            "or, where they send them encoded, the file must hold the raw columns too"
        )
    return erred
