"""What is drawn of predictions follows from the levels, and from whether there are probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from housing.reporting.job_plots import Answered, predicted_against_true
from housing.reporting.judged import Judged, judged_parts
from housing.reporting.page import Grid, Page, Part
from housing.reporting.plot import Plot
from housing.reporting.slices import errors_by_column, slice_grids
from housing.reporting.svg import Chart
from housing.tasks.base import find
from housing.tasks.predictions import Predictions
from housing.training.slices import Slice, Slices


def judged(levels: int, *, rows: int = 300, names: Sequence[str] | None = None, threshold: float = 0.5) -> Judged:
    generator = np.random.default_rng(levels)
    label = generator.integers(0, levels, rows)
    scores = generator.normal(size=(rows, levels))
    scores[np.arange(rows), label] += 1.5
    chances = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    outputs, task = (chances[:, 1], "binary") if levels == 2 else (chances, "multiclass")
    predictions = find(task).predictions(outputs, threshold=threshold)
    return Judged(
        "test", "kind", label.astype(float), predictions, names or [f"<{i}>" for i in range(levels)], threshold
    )


def drawn(one: Judged) -> dict[str, Part]:
    return {part.name if isinstance(part, Chart | Plot) else part.title: part for part in judged_parts(one)}


LEVELS = ["By level", "class_balance", "confusion_matrix"]
CURVES = ["roc", "precision_recall", "calibration", "thresholds"]
WORST = ["Worst rows"]
NUMBERS = Predictions(np.ones(3))


@pytest.mark.parametrize(
    ("one", "names"),
    [
        pytest.param(judged(2), LEVELS + CURVES + WORST, id="two levels"),
        pytest.param(judged(3), LEVELS + WORST, id="three"),
        pytest.param(judged(20), LEVELS + WORST, id="twenty"),
        pytest.param(judged(21), ["By level", "Confused most", *WORST], id="more"),
        pytest.param(Judged("test", "kind", np.ones(3), NUMBERS, ("a", "b")), LEVELS, id="no probabilities"),
        pytest.param(
            Judged("test", "USD", np.ones(3), NUMBERS), ["predicted_against_true", "residuals", *WORST], id="a number"
        ),
    ],
)
def test_what_is_drawn(one: Judged, names: list[str]) -> None:
    parts = drawn(one)
    assert list(parts) == names
    for part in parts.values():
        if isinstance(part, Chart):
            ElementTree.fromstring(part.file())
    assert "<0>" not in Page("p", [], list(parts.values())).html()


def test_a_confusion_matrix_has_counts_and_shares_of_the_row() -> None:
    label = np.array([0, 0, 0, 0, 1, 1, 2], np.float64)
    chosen = Predictions(np.array([0, 0, 0, 1, 1, 0, 2], np.float64))
    chart = drawn(Judged("test", "kind", label, chosen, ("a", "b", "c")))["confusion_matrix"]
    assert isinstance(chart, Chart)
    words = "".join(chart.elements)
    for told in (
        "true a, predicted a: 3 of 4 rows (75.0%)",
        "true a, predicted b: 1 of 4 rows (25.0%)",
        "true b, predicted c: 0 of 2 rows (0.0%)",
    ):
        assert told in words


def test_a_level_without_rows_has_no_recall_and_is_not_drawn_wrong() -> None:
    label, chosen = np.zeros(4), Predictions(np.array([0.0, 0.0, 0.0, 1.0]))
    table = drawn(Judged("test", "kind", label, chosen, ("a", "b", "c")))["By level"]
    assert isinstance(table, Grid)
    rows = {row[0].text: [cell.text for cell in row[1:]] for row in table.rows}
    assert rows["a"] == ["4", "100.0%", "3", "75.0%", "100.0%", "85.7%"]
    assert rows["b"] == ["0", "0.0%", "1", "-", "0.0%", "0.0%"]
    assert rows["c"] == ["0", "0.0%", "0", "-", "-", "-"]


def test_many_levels_are_told_by_the_worst_and_by_the_errors_made_most() -> None:
    parts = drawn(judged(60, rows=3000))
    table, errors = parts["By level"], parts["Confused most"]
    assert isinstance(table, Grid) and isinstance(errors, Grid)
    assert len(table.rows) == 50
    assert "10 levels with a larger F1 are left out" in table.about
    counts = [int(row[2].text) for row in errors.rows]
    assert counts == sorted(counts, reverse=True)
    assert len(counts) == 20


def test_the_models_own_threshold_is_marked() -> None:
    parts = drawn(judged(2, threshold=0.3))
    for name in ("roc", "precision_recall", "thresholds"):
        part = parts[name]
        assert isinstance(part, Chart)
        assert "threshold 0.3" in "".join(part.elements), name
    never = drawn(judged(2, threshold=1.0))["precision_recall"]
    assert isinstance(never, Chart)
    assert "<circle" not in "".join(never.elements)


def test_rows_of_one_level_have_no_curves() -> None:
    predictions = find("binary").predictions(np.linspace(0, 1, 9), threshold=0.5)
    parts = drawn(Judged("validation", "kind", np.zeros(9), predictions, ("no", "yes")))
    assert list(parts) == LEVELS + WORST


@pytest.mark.parametrize("levels", [0, 3])
def test_the_worst_rows_tell_what_moved_their_predictions(levels: int) -> None:
    numbers = Judged("test", "USD", np.arange(30.0), Predictions(np.arange(30.0)[::-1]))
    one = judged(levels) if levels else numbers
    asked: list[int] = []

    def why(rows: Sequence[int]) -> tuple[str, list[str]]:
        asked.extend(rows)
        return "log USD", [f"Rooms=3 +{row}" for row in rows]

    table = drawn(replace(one, why=why))["Worst rows"]
    assert isinstance(table, Grid)
    place = list(table.columns).index("moved most by")
    assert [row[place].text for row in table.rows] == [f"Rooms=3 +{row}" for row in asked]
    assert "in log USD" in table.about
    silent = drawn(replace(one, why=lambda rows: None))["Worst rows"]
    assert isinstance(silent, Grid)
    assert "moved most by" not in silent.columns


def test_errors_are_drawn_over_columns_of_numbers_and_of_levels() -> None:
    answered = Answered("price, USD", np.arange(60.0), np.arange(60.0) + 1, str)
    columns = {
        "size/m2": np.where(np.arange(60) % 7 == 0, np.nan, np.arange(60.0)),
        "kind": np.array(["a", "b", None] * 20, dtype=object),
        "same": np.zeros(60),
    }
    charts = errors_by_column(answered, columns, part="test")
    assert charts is not None
    assert [(plot.name, plot.title) for plot in charts.plots] == [
        ("errors_by_column_1", "size/m2"),
        ("errors_by_column_2", "kind"),
    ]
    levels = charts.plots[1].spec["layer"][1]["data"]["values"]
    assert {row["level"]: row["rows"] for row in levels} == {"a": 20, "b": 20, "(missing)": 20}
    assert errors_by_column(answered, {"same": columns["same"]}, part="test") is None


def test_dots_say_how_many_rows_each_stands_for() -> None:
    for rows, told in ((900, "One dot per row of the test part"), (9_001, "One dot for every 10 of the 9,001 rows")):
        answered = Answered("price, USD", np.arange(float(rows)), np.arange(float(rows)) + 1, str)
        chart = predicted_against_true(answered, part="test")
        assert chart.about.startswith(told)
        dots = chart.spec["layer"][0]["data"]["values"]
        assert [dot["row"] for dot in dots[:2]] == ["0", "1" if rows == 900 else "10"]


def test_slices_are_told_worst_first_with_counts_and_intervals() -> None:
    slices = Slices((Slice("kind", "house", 40, 9.0, 7.0, 11.0, 3.0, True), *many_slices(30)), small=4, rows=500)
    worst, every = slice_grids(slices, metric="mae, USD", part="test", part_rows=500)
    assert [cell.text for cell in worst.rows[0]] == ["kind", "house", "40", "9", "7 to 11", "3", "worse"]
    assert "1 of 31 slices is worse" in worst.about
    assert "over the 500 rows of the test part" in worst.about
    some, _ = slice_grids(slices, metric="mae, USD", part="test", part_rows=9_000)
    assert "over 500 of the 9,000 rows, drawn at random, of the test part" in some.about
    assert "4 slices of fewer than 20 rows are not judged" in worst.about
    assert (len(worst.rows), len(every.rows), every.folded) == (15, 31, True)
    assert not list(slice_grids(Slices((), small=4, rows=500), metric="mae", part="test", part_rows=500))


def many_slices(count: int) -> list[Slice]:
    return [Slice("size", f"up to {i}", 30, 3.0, 2.0, 4.0, 3.1, False) for i in range(count)]


def test_long_names_stay_apart() -> None:
    chart = drawn(judged(3, names=[f"a neighbourhood called number {i}" for i in range(3)]))["confusion_matrix"]
    assert isinstance(chart, Chart)
    words = "".join(chart.elements)
    assert all(f"a neighbourh…umber {i}" in words for i in range(3))


def test_a_curve_of_many_rows_is_drawn_with_few_points() -> None:
    chart = drawn(judged(2, rows=20_000))["roc"]
    assert isinstance(chart, Chart)
    assert len("".join(chart.elements)) < 30_000
