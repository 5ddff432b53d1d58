"""Sections of a report: what was run, on which data, its origin, and comparisons."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from housing.data.source_spec import source_text
from housing.reporting.page import Cell, Grid
from housing.reporting.scales import readable
from housing.secrets import masked, masked_override
from housing.tasks.base import metrics
from housing.training.metrics import has_unit
from housing.workflow.headline import JudgedPart, judged_by, naive_value
from housing.workflow.references import NAIVE
from housing.workflow.session import Session

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from housing.data.description import Dataset
    from housing.data.table import Table
    from housing.promotion.gate import Decision
    from housing.tracking.reader import Run
    from housing.workflow.judging import Judgement

_PARTS: tuple[JudgedPart | str, ...] = ("train", "validation", "test")


def others_in_words(session: Session, judgement: Judgement) -> list[str]:
    """A sentence about the champion before it, by the metric for comparisons."""
    metric = judged_by(session)
    value = judgement.champion.get(metric)
    if judgement.is_champion:
        return ["It is the very model that is the champion already"]
    if value is None:
        return ["There was no champion before it to be compared with"]
    amount = session.amount(value, f"test_{metric}")
    return [f"The champion before it, {judgement.champion_name}, has {amount} on the same rows"]


def beside_others(session: Session, judgement: Judgement) -> Grid:
    """Every metric of the test part: of this model, the champion before it, the naive predictor, a reference."""
    known, unit = metrics(session.experiment.dataset.task_name), session.experiment.dataset.label_unit
    own, champion = judgement.decision.metrics, judgement.champion
    others = {name: its for name, its in judgement.references.items() if name != NAIVE}
    rows = []
    for name, value in own.items():
        naive = naive_value(session, name, part="test") if name in known else None
        values = [
            value,
            *([champion.get(name)] if champion else []),
            naive,
            *(its.get(name) for its in others.values()),
        ]
        numbers = [each for each in values if each is not None]
        best = None
        if name in known:
            best = min(numbers) if known[name].direction == "minimize" else max(numbers)
        shown = f"{name}, {unit}" if unit and has_unit(name) else name
        rows.append([Cell(shown), *(_number(each, best=each is not None and each == best) for each in values)])
    columns = ("metric", "this model", *([judgement.champion_name] if champion else []), "naive predictor", *others)
    about = "Metrics of the test part, which no model has learnt from; the best of each row is marked."
    return Grid("Beside others", about, columns, rows)


def verdicts(decision: Decision) -> Grid:
    """The gate's rules and its findings."""
    rows = [[Cell("passed" if v.passed else "REFUSED"), Cell(v.rule), Cell(v.why)] for v in decision.verdicts]
    about = "The candidate passed." if decision.passed else "The candidate was refused: no alias has moved."
    return Grid("Gate", about, ("verdict", "rule", "why"), rows)


def what_was_fitted(session: Session, hyperparameters: Mapping[str, Any], source: Run) -> Grid:
    """The hyperparameters of a final fit beside those of the configuration."""
    configured = session.experiment.algorithm.hyperparameters
    names = dict.fromkeys([*hyperparameters, *configured])
    rows = []
    for name in names:
        here, there = (_plain(values.get(name)) for values in (hyperparameters, configured))
        rows.append([Cell(name), Cell(readable(here), best=here != there), Cell(readable(there))])
    about = f"Taken from the run {source.name} ({source.id[:8]}); what differs from the configuration is marked."
    return Grid("What was fitted", about, ("hyperparameter", "this model", "configured"), rows)


def data_parts(session: Session) -> Iterator[Grid]:
    """The rows of each part with their label, and the columns of the training part."""
    prepared, dataset = session.prepared, session.experiment.dataset
    parts = {name: prepared.table.take(getattr(prepared.parts, name)) for name in _PARTS}
    yield _labels(parts, dataset)
    train, about = parts["train"], "Columns of the training part that the model may look at, as they are in the file."
    sample = prepared.sample
    if train.is_stored and len(sample.rows["train"]) < train.rows:
        about = f"{about[:-1]}; {len(sample.rows['train']):,} of its rows, drawn at random."
    columns = [_column(name, sample.of(name, "train") if train.is_stored else train[name]) for name in dataset.inputs]
    names = ("column", "kind", "missing", "lowest, or most frequent", "mean", "highest")
    yield Grid(f"Columns: {len(columns)}", about, names, columns, sortable=True, folded=True)


def origin(session: Session) -> Grid:
    """From the configuration back to data and code, and where the record is."""
    experiment, invocation = session.experiment, session.invocation
    tags = {name.removeprefix("housing."): text for name, text in session.recording.run_tags.items()}
    typed = " ".join(map(masked_override, invocation.overrides))
    from housing.tracking.provenance import provenance_tags

    tags |= {name.removeprefix("housing."): text for name, text in provenance_tags().items() if "housing." in name}
    rows = [
        ("command", f"housing {invocation.command} {typed}".strip()),
        ("MLflow experiment", f"{experiment.name} in {masked(experiment.tracking.uri)}"),
        ("dataset", f"{experiment.dataset.name}, {source_text(experiment.dataset.source)}"),
        ("algorithm", experiment.algorithm.name),
        *((name.replace("_", " "), text) for name, text in tags.items() if name not in ("command", "overrides")),
    ]
    about = "The composed configuration, the encoder and the model are files of the same run."
    return Grid("Where it comes from", about, ("what", "value"), [[Cell(a), Cell(b)] for a, b in rows], folded=True)


def asked_for(session: Session) -> str:
    """The command as typed: everything that differs from the defaults, except for the user's configuration folder."""
    invocation = session.invocation
    typed = " ".join(map(masked_override, invocation.overrides)) or "nothing"
    own = f", and the files of {Path(invocation.config_dir).name}/" if invocation.config_dir else ""
    return f"What differs from the defaults: {typed}{own} (housing {invocation.command})"


def link_to(session: Session, run_id: str | None) -> str:
    """The URL of a run, if a server shows the record; the record in a file is shown by `housing ui`.

    Without an id, as for a run that is recorded together with its report, the URL of its experiment.
    """
    from housing.tracking.interface import experiment_path, run_path

    uri = session.experiment.tracking.uri
    if not uri.startswith("http") or masked(uri) != uri:
        return ""
    experiment = session.runs.experiment_id
    return uri.rstrip("/") + (run_path(experiment, run_id) if run_id else experiment_path(experiment))


def row_names(session: Session, part: JudgedPart) -> Callable[[int], str]:
    """The name of a row of a part: the dataset's identifier, else its number in the file, from 1."""
    prepared = session.prepared
    rows = getattr(prepared.parts, part)
    identifier = next((n for n, c in session.experiment.dataset.columns.items() if c.kind == "identifier"), None)
    if identifier is None or identifier not in prepared.table:
        return lambda row: str(rows[row] + 1)
    names = prepared.table[identifier][rows]
    return lambda row: readable(names[row])


def shown_columns(session: Session, importances: Mapping[str, float], *, most: int) -> list[str]:
    """The raw columns that matter most to the model; the first ones if importances are unknown."""
    inputs = list(session.experiment.dataset.inputs)
    found: dict[str, None] = {}
    for encoded in importances:
        found |= dict.fromkeys(name for name in inputs if encoded == name or encoded.startswith(f"{name}="))
    return [*found, *(name for name in inputs if name not in found)][:most]


def _labels(parts: Mapping[str, Table], dataset: Dataset) -> Grid:
    by_level = any(part.rows and part[dataset.label].dtype == object for part in parts.values())
    if by_level:
        rows = [[Cell(name), _count(part), Cell(_levels(part, dataset.label))] for name, part in parts.items()]
        return Grid("Data", f"Parts of the table, and the levels of {dataset.label}.", ("part", "rows", "levels"), rows)
    shown = f"{dataset.label}, {dataset.label_unit}" if dataset.label_unit else dataset.label
    seen = ("events seen",) if dataset.event else ()
    rows = [
        [Cell(name), _count(part), *_spread(part[dataset.label], is_time=dataset.event is not None)]
        for name, part in parts.items()
    ]
    columns = ("part", "rows", *seen, "lowest", "median", "mean", "highest")
    return Grid("Data", f"Parts of the table, and {shown}.", columns, rows)


def _count(part: Table) -> Cell:
    return Cell(f"{part.rows:,}", number=True)


def _levels(part: Table, label: str) -> str:
    """The most frequent levels with their shares."""
    import numpy as np

    if not part.rows:
        return "-"
    levels, counts = np.unique(part[label].astype(str), return_counts=True)
    return ", ".join(f"{levels[i]} {counts[i] / part.rows:.0%}" for i in np.argsort(-counts)[:6])


def _spread(values: NDArray[Any], *, is_time: bool) -> list[Cell]:
    """The label's range; of times also the share of rows whose event was seen, the others' times being negative."""
    import numpy as np

    if not values.size:
        return [Cell("-", number=True)] * (5 if is_time else 4)
    seen = [Cell(f"{(values > 0).mean():.1%}", number=True)] if is_time else []
    values = abs(values) if is_time else values
    return [*seen, *map(_number, map(float, (values.min(), np.median(values), values.mean(), values.max())))]


def _column(name: str, values: NDArray[Any]) -> list[Cell]:
    import numpy as np

    if values.dtype != object:
        known = values[~np.isnan(values)]
        spread = [float(known.min()), float(known.mean()), float(known.max())] if len(known) else [None] * 3
        return [Cell(name), Cell("number"), _share(1 - len(known) / max(1, len(values))), *map(_number, spread)]
    texts = [value for value in values.tolist() if value is not None]
    levels, counts = np.unique(texts, return_counts=True) if texts else (np.array([]), np.array([0]))
    most = f"{levels[counts.argmax()]} ({counts.max() / len(values):.0%} of {len(levels):,} levels)" if texts else "-"
    blank = [Cell("-", number=True)] * 2
    return [Cell(name), Cell("levels"), _share(1 - len(texts) / max(1, len(values))), Cell(most), *blank]


def _plain(value: Any) -> Any:
    """A list as text, the same whether it comes from YAML or from the record."""
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else value


def _share(value: float) -> Cell:
    return Cell(f"{value:.1%}", number=True, value=value)


def _number(value: float | None, *, best: bool = False) -> Cell:
    return Cell(readable(value), number=True, best=best, value=value)
