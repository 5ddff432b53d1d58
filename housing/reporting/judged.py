"""A model's predictions for rows that it was not fitted to, compared with their true labels."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from housing.reporting import class_charts
from housing.reporting.job_plots import Answered, predicted_against_true, residuals, residuals_by_decile
from housing.reporting.page import Cell, Grid, Part
from housing.reporting.scales import readable
from housing.reporting.svg import Chart
from housing.tasks.predictions import Predictions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Why = Callable[[Sequence[int]], "tuple[str, Sequence[str]] | None"]
"""Row indices -> the unit of contributions, and a text for each row that lists the largest ones; None where unknown."""

Cells = Callable[[Sequence[int]], "Mapping[str, Sequence[Any] | NDArray[Any]]"]
"""Row indices -> raw columns of these rows."""

_WORST_ROWS = 20
_LEAST_FOR_TENTHS = 50
_MOST_CELLS = 20
_MOST_LEVELS = 50
_WORST_PAIRS = 20


def _number(row: int) -> str:
    return str(row + 1)


@dataclass(frozen=True, eq=False)
class Judged:
    """`label` (rows,) is in its unit, or codes of `levels`, which are empty where it is a number.

    `part` names the rows, such as validation; `about` is the label as an axis names it. `uncalibrated` are the
    predictions before `calibration`, where the model has one. `name` identifies a row; of the worst rows, these
    `columns` of `cells` are shown besides, and `why` explains their predictions, where the model can.
    """

    part: str
    about: str
    label: NDArray[np.float64]
    predictions: Predictions
    levels: Sequence[str] = ()
    threshold: float = 0.5
    calibration: str = ""
    uncalibrated: Predictions | None = None
    name: Callable[[int], str] = _number
    columns: Sequence[str] = ()
    cells: Cells | None = None
    why: Why | None = None

    @property
    def answered(self) -> Answered:
        """The true and predicted values, for charts of a numeric label."""
        return Answered(self.about, self.label, self.predictions.values, self.name)


def judged_parts(judged: Judged) -> Iterator[Part]:
    """The tables and charts that apply, given the levels, and whether there are probabilities."""
    if not judged.levels:
        yield from _numbers(judged)
        yield _worst_numbers(judged)
        return
    from housing.tasks.classes import confusion

    counts = confusion(judged.label, judged.predictions, levels=len(judged.levels))
    yield from _levels(judged, counts)
    if judged.uncalibrated is not None:
        yield _before_and_after(judged, judged.uncalibrated)
    if len(judged.levels) == 2 and judged.predictions.probabilities is not None:
        yield from _probabilities(judged, judged.predictions.probabilities[:, 1])
    if judged.predictions.probabilities is not None:
        yield _worst_levels(judged, judged.predictions.probabilities)


def _before_and_after(judged: Judged, uncalibrated: Predictions) -> Grid:
    from housing.tasks import classes

    two = len(judged.levels) == 2
    measured = {
        "log loss": classes.LOG_LOSS,
        "Brier score": classes.BRIER if two else classes.BRIER_OF_LEVELS,
        "expected calibration error": classes.ECE if two else classes.ECE_OF_CHOSEN,
    }
    rows = {"as the model answers": uncalibrated, f"calibrated by {judged.calibration}": judged.predictions}
    cells = [
        [Cell(name), *(Cell(readable(m.compute(judged.label, found)), number=True) for m in measured.values())]
        for name, found in rows.items()
    ]
    return Grid("What calibration has changed", f"The {judged.part} part.", ["", *measured], cells)


def _numbers(judged: Judged) -> Iterator[Part]:
    answered = judged.answered
    yield predicted_against_true(answered, part=judged.part)
    yield residuals(answered, part=judged.part)
    if len(judged.label) >= _LEAST_FOR_TENTHS:
        yield residuals_by_decile(answered, part=judged.part)


def _worst_numbers(judged: Judged) -> Grid:
    """The rows with the largest errors."""
    import numpy as np

    errors = judged.predictions.values - judged.label
    worst = np.argsort(-np.abs(errors), kind="stable")[:_WORST_ROWS].tolist()
    how, column, reasons = _reasons(judged, worst)
    others = _others(judged, worst)
    cells = [
        [
            Cell(judged.name(row)),
            *(number_cell(float(values[row])) for values in (judged.label, judged.predictions.values, errors)),
            *reason,
            *other,
        ]
        for row, reason, other in zip(worst, reasons, others, strict=True)
    ]
    about = (
        f"The {len(worst)} largest errors of the {judged.part} part ({judged.about}), and what else the rows say.{how}"
    )
    columns = ("row", "true", "predicted", "error", *column, *judged.columns)
    return Grid("Worst rows", about, columns, cells, sortable=True)


def _worst_levels(judged: Judged, chances: NDArray[np.float64]) -> Grid:
    """The rows whose true level was given the least probability."""
    import numpy as np

    codes = judged.label.astype(int)
    given = chances[np.arange(len(codes)), codes]
    worst = np.argsort(given, kind="stable")[:_WORST_ROWS].tolist()
    predicted = judged.predictions.values.astype(int)
    how, column, reasons = _reasons(judged, worst)
    others = _others(judged, worst)
    cells = [
        [
            Cell(judged.name(row)),
            Cell(judged.levels[codes[row]]),
            Cell(judged.levels[predicted[row]]),
            number_cell(float(given[row])),
            *reason,
            *other,
        ]
        for row, reason, other in zip(worst, reasons, others, strict=True)
    ]
    about = f"The {len(worst):,} rows of the {judged.part} part whose true level was given the least probability.{how}"
    columns = ("row", "true", "predicted", "probability of the true level", *column, *judged.columns)
    return Grid("Worst rows", about, columns, cells, sortable=True)


def _reasons(judged: Judged, rows: Sequence[int]) -> tuple[str, Sequence[str], Sequence[Sequence[Cell]]]:
    """Explanations of these rows' predictions: a sentence, the column's heading, and a cell for each; or nothing."""
    found = judged.why(rows) if judged.why is not None and len(rows) else None
    if found is None:
        return "", (), [()] * len(rows)
    scale, texts = found
    sentence = f" What moved each prediction most, in {scale}, by the model's Shapley values."
    return sentence, ("moved most by",), [[Cell(text)] for text in texts]


def _others(judged: Judged, rows: Sequence[int]) -> list[list[Cell]]:
    """The cells of `columns` in these rows."""
    if judged.cells is None or not rows:
        return [[] for _ in rows]
    cells = judged.cells(rows)
    columns = [cells[name] for name in judged.columns]
    return [
        [number_cell(float(value)) if isinstance(value, float) else Cell(readable(value)) for value in row]
        for row in zip(*columns, strict=True)
    ] or [[] for _ in rows]


def number_cell(value: float, *, best: bool = False) -> Cell:
    """A cell with a formatted number, which sorts by its value."""
    known = not math.isnan(value)
    return Cell(readable(value) if known else "-", number=True, best=best, value=value if known else None)


def _levels(judged: Judged, counts: NDArray[np.int64]) -> Iterator[Part]:
    rows, chosen = counts.sum(axis=1), counts.sum(axis=0)
    total = max(1, int(rows.sum()))
    yield _by_level(judged, counts)
    if len(judged.levels) <= _MOST_CELLS:
        yield class_charts.side_by_side(
            "class_balance",
            "Class balance",
            f"Share of each level in the {judged.part} part, and among the predictions.",
            ("true", {level: int(count) / total for level, count in zip(judged.levels, rows, strict=True)}),
            ("predicted", {level: int(count) / total for level, count in zip(judged.levels, chosen, strict=True)}),
        )
        yield class_charts.confusion_matrix(counts, judged.levels)
    else:
        yield _confused(judged, counts)


def _by_level(judged: Judged, counts: NDArray[np.int64]) -> Grid:
    from housing.tasks.classes import auc_of_levels

    rows, chosen, hits = counts.sum(axis=1), counts.sum(axis=0), counts.diagonal()
    has_auc = judged.predictions.probabilities is not None
    areas = auc_of_levels(judged.label, judged.predictions) if has_auc else []
    worst = _worst(judged, counts)
    shown = sorted(worst[:_MOST_LEVELS])
    left = len(judged.levels) - len(shown)
    about = f"The {judged.part} part" + (f"; {left:,} levels with a larger F1 are left out." if left else ".")
    cells = []
    for code in shown:
        values = [
            _share(hits[code], rows[code]),
            _share(hits[code], chosen[code]),
            _share(2 * hits[code], rows[code] + chosen[code]),
            *([_known(areas[code])] if has_auc else []),
        ]
        count = int(rows[code])
        cells.append(
            [
                Cell(judged.levels[code]),
                Cell(f"{count:,}", number=True),
                Cell(class_charts.percent(count / len(judged.label)), number=True),
                Cell(f"{int(chosen[code]):,}", number=True),
                *(Cell(value, number=True) for value in values),
            ]
        )
    columns = ["level", "rows", "share", "predicted", "recall", "precision", "F1", *(["AUC"] if has_auc else [])]
    return Grid("By level", about, columns, cells)


def _worst(judged: Judged, counts: NDArray[np.int64]) -> list[int]:
    """Codes of levels by ascending F1; levels that do not occur come last."""
    sums, hits = (counts.sum(axis=0) + counts.sum(axis=1)).tolist(), counts.diagonal().tolist()
    return sorted(range(len(judged.levels)), key=lambda c: 2 * hits[c] / sums[c] if sums[c] else 2.0)


def _confused(judged: Judged, counts: NDArray[np.int64]) -> Grid:
    rows = counts.sum(axis=1)
    pairs = [
        (int(counts[true, predicted]), true, predicted)
        for true, predicted in zip(*counts.nonzero(), strict=True)
        if true != predicted
    ]
    shown = sorted(pairs, key=lambda pair: -pair[0])[:_WORST_PAIRS]
    about = f"The {len(shown)} most frequent of {len(pairs)} kinds of error in the {judged.part} part."
    cells = [
        [
            Cell(judged.levels[true]),
            Cell(judged.levels[predicted]),
            Cell(f"{count:,}", number=True),
            Cell(_share(count, rows[true]), number=True),
        ]
        for count, true, predicted in shown
    ]
    return Grid("Confused most", about, ("true", "predicted", "rows", "of the true level"), cells)


def _probabilities(judged: Judged, chance: NDArray[np.float64]) -> Iterator[Chart]:
    """Charts of probabilities for two levels, of which the second is the positive one."""
    import numpy as np

    from housing.tasks import curves
    from housing.tasks.classes import BRIER
    from housing.tasks.interval import draws

    positive, level, own = judged.label == 1, judged.levels[1], judged.threshold
    if positive.all() or not positive.any():
        return
    resamples = draws(judged.predictions)
    here = curves.by_threshold(positive, chance, np.array([own]))
    recall, precision = float(here.recall[0]), float(here.precision[0])
    false_positive_rate = float((chance[~positive] >= own).mean())
    found = curves.roc_curve(positive, chance, draws=resamples)
    yield class_charts.roc(found, (false_positive_rate, recall), level=level, threshold=own)
    yield class_charts.precision_recall(
        curves.precision_recall_curve(positive, chance, draws=resamples),
        None if math.isnan(precision) else (recall, precision),
        level=level,
        threshold=own,
        share=float(positive.mean()),
    )
    bins = curves.calibration(positive, chance)
    yield class_charts.calibration(
        bins,
        level=level,
        error=curves.expected_calibration_error(bins),
        brier=BRIER.compute(judged.label, judged.predictions),
    )
    yield class_charts.thresholds(curves.by_threshold(positive, chance, np.linspace(0, 1, 201)), level=level, own=own)


def _share(part: int, whole: int) -> str:
    return class_charts.percent(part / whole) if whole else "-"


def _known(value: float) -> str:
    return "-" if math.isnan(value) else readable(value)
