"""Charts and pages are well-formed, hold what they are about, and need nothing from elsewhere."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from housing.reporting.job_plots import Answered, Series, residuals, residuals_by_decile
from housing.reporting.judged import Judged
from housing.reporting.page import Cell, Grid, Page
from housing.reporting.report import REPORT_FILE, job_report, study_report
from housing.reporting.study_plots import Objective
from housing.tasks.predictions import Predictions
from housing.tuning.importance import Importance
from housing.tuning.space import Categorical, Condition, Float, Int
from housing.tuning.study import StudyResult
from housing.tuning.trial import FinishedTrial

SPACE = {
    "eta": Float(0.01, 0.5, log=True),
    "max_depth": Int(3, 10),
    "booster": Categorical(("gbtree", "dart")),
    "rate_drop": Float(0, 1, only_if=Condition("booster", ("dart",))),
}

OBJECTIVE = Objective("validation_mae", "validation_mae, USD", "minimize")


def trial(number: int) -> FinishedTrial:
    parameters = {"eta": 0.01 * (number + 1), "max_depth": 3 + number % 8, "booster": "gbtree"}
    if number % 2:
        parameters |= {"booster": "dart", "rate_drop": 0.05 * number}
    return FinishedTrial(number, parameters, "complete", (100.0 - number,), seconds=0.1)


ENDED = (
    *(trial(number) for number in range(12)),
    FinishedTrial(12, {"eta": 0.1, "max_depth": 4, "booster": "gbtree"}, "pruned", (500.0,)),
    FinishedTrial(13, {"eta": 0.2, "max_depth": 4, "booster": "gbtree"}, "failed", error="<broken & odd>"),
)


def report(trials: tuple[FinishedTrial, ...] = ENDED) -> dict[str, bytes]:
    return study_report(
        "tune <a&b>",
        StudyResult(SPACE, ("minimize",), trials, "trials", 1.0),
        (OBJECTIVE,),
        importances={"eta": Importance(0.9, 0.6, 0.95), "max_depth": Importance(0.1, 0.05, 0.4)},
        lead=["12 trials"],
        curves=[Series("t11 eta=0.12", [300.0, 200.0, 89.0, 95.0], kept=2)],
        spans={trial.number: (trial.number / 10, trial.number / 10 + trial.seconds) for trial in trials},
    )


def spec(files: Mapping[str, bytes], name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(files[f"figures/{name}.vl.json"])
    return found


def points(chart: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every row of data that a chart is given."""
    given = [chart.get("data"), *(layer.get("data") for layer in chart.get("layer", ()))]
    return [row for each in given if each for row in each["values"]]


def test_a_study_s_report_has_a_page_and_a_file_for_every_figure() -> None:
    charts = ("optimisation_history", "parallel_coordinates", "importances", "learning_curves", "timeline")
    slices = [f"slice_{name}" for name in SPACE]
    assert set(report()) == {REPORT_FILE, *(f"figures/{name}.vl.json" for name in (*charts, *slices))}


def test_every_trial_is_in_the_history_and_every_complete_one_in_parallel_coordinates() -> None:
    files = report()
    history = points(spec(files, "optimisation_history"))
    assert {row["trial"] for row in history} == {f"t{trial.number:02d}" for trial in ENDED}
    assert next(row["state"] for row in history if row["trial"] == "t12") == "pruned"
    assert [row["best"] for row in history if row["number"] == 11] == [89.0]
    lines = {row["trial"] for row in points(spec(files, "parallel_coordinates")) if "trial" in row}
    assert lines == {f"t{number:02d}" for number in range(12)}


def test_a_page_needs_nothing_from_elsewhere_and_escapes_what_it_is_told() -> None:
    page = report()[REPORT_FILE].decode()
    assert "tune &lt;a&amp;b&gt;" in page
    assert not re.search(r"<(script|img|link|iframe)[^>]* (src|href)=|@import|url\((?!#)", page)
    data = re.search(r'<script type="application/json" id="specs">(.*?)</script>', page, re.S)
    assert data is not None and "<" not in data[1]
    assert set(json.loads(data[1])) == {name[8:-8] for name in report() if name.startswith("figures/")}


def test_what_draws_the_charts_is_in_the_page() -> None:
    packed = re.search(r'<script type="text/plain" id="vega">(.*?)</script>', report()[REPORT_FILE].decode())
    assert packed is not None
    library = gzip.decompress(base64.b64decode(packed[1]))
    assert all(name in library for name in (b"vegaEmbed", b"vegaLite"))
    assert b"</script" not in packed[1].encode()


@pytest.mark.parametrize("trials", [ENDED[:1], ENDED[-1:], (ENDED[0], ENDED[-1])], ids=["one", "failed", "both"])
def test_a_short_study_has_a_report_too(trials: tuple[FinishedTrial, ...]) -> None:
    history = points(spec(report(trials), "optimisation_history"))
    assert [row["number"] for row in history] == [trial.number for trial in trials]


def test_several_objectives_each_have_an_axis() -> None:
    trials = tuple(FinishedTrial(n, {"eta": 0.1}, "complete", (float(n), 9.0 - n)) for n in range(9))
    result = StudyResult({"eta": Float(0, 1)}, ("minimize", "maximize"), trials, "trials", 1.0)
    objectives = [Objective("validation_mae", "mae", "minimize"), Objective("validation_r2", "r2", "maximize")]
    files = study_report("s", result, objectives, importances={}, lead=[], curves=[], spans={})
    axes = {row["axis"] for row in points(spec(files, "parallel_coordinates"))}
    assert axes == {"eta", "validation_mae", "validation_r2"}
    assert "figures/importances.vl.json" not in files


def test_a_search_among_algorithms_has_a_chart_for_each_that_was_tried_twice_and_one_column() -> None:
    space = {
        "algorithm": Categorical(("xgboost", "linear")),
        "xgboost.eta": Float(0.01, 0.5, only_if=Condition("algorithm", ("xgboost",))),
        "linear.alpha": Float(0.01, 1, only_if=Condition("algorithm", ("linear",))),
    }
    points_tried = [
        ("xgboost", {"xgboost.eta": 0.1}),
        ("linear", {"linear.alpha": 0.5}),
        ("xgboost", {"xgboost.eta": 0.2}),
    ]
    trials = tuple(
        FinishedTrial(n, {"algorithm": name, **own}, "complete", (9.0 - n,))
        for n, (name, own) in enumerate(points_tried)
    )
    result = StudyResult(space, ("minimize",), trials, "trials", 1.0)
    files = study_report("s", result, (OBJECTIVE,), importances={}, lead=[], curves=[], spans={})
    chart = spec(files, "parallel_coordinates_xgboost")
    assert {row["axis"] for row in points(chart)} == {"xgboost.eta", "validation_mae"}
    assert {row["trial"] for row in points(chart) if "trial" in row} == {"t00", "t02"}
    assert "figures/parallel_coordinates_linear.vl.json" not in files
    page = files[REPORT_FILE].decode()
    assert "hyperparameters</th>" in page and "eta=0.2" in page and "alpha=0.5" in page


def test_a_parameter_of_one_value_is_not_drawn_over_itself() -> None:
    trials = tuple(FinishedTrial(n, {"eta": 0.1 * n, "max_depth": 4}, "complete", (9.0 - n,)) for n in range(1, 6))
    files = report(trials)
    assert "figures/slice_eta.vl.json" in files
    assert "figures/slice_max_depth.vl.json" not in files


def test_a_whole_number_has_few_ticks_that_are_whole() -> None:
    axis = spec(report(), "slice_max_depth")["encoding"]["x"]["axis"]
    assert axis["values"] == [3, 5, 7, 9]


def test_a_value_far_worse_than_the_rest_does_not_press_them_together() -> None:
    trials = (*ENDED[:12], FinishedTrial(12, {"eta": 0.1}, "complete", (1e9,)))
    chart = spec(report(trials), "optimisation_history")
    assert max(row["drawn"] for row in points(chart)) < 200


def test_a_model_without_rounds_has_no_learning_curve() -> None:
    job = {"objective": OBJECTIVE, "kept": 0, "importances": {}, "judged": None, "lead": ["fitted"]}
    assert "figures/learning_curves.vl.json" not in job_report("train", history={"validation_mae": [3.0]}, **job)


def test_a_job_s_report_shows_curves_importances_and_errors() -> None:
    files = job_report(
        "train",
        objective=OBJECTIVE,
        history={"train_mae": [3.0, 2.0], "validation_mae": [4.0, 3.0], "validation_rmse": [5.0, 4.0]},
        kept=1,
        importances={f"column {i}": 0.01 for i in range(40)},
        judged=Judged(
            "validation",
            "SalePrice, USD",
            np.array([1.0, 2.0]),
            Predictions(np.array([1.5, 4.5])),
            name=["house 7", "house 9"].__getitem__,
            columns=["Rooms"],
            cells=lambda rows: {"Rooms": [["3", "<4>"][row] for row in rows]},
        ),
        lead=[],
    )
    curves = points(spec(files, "learning_curves"))
    assert {row["line"] for row in curves} == {"train_mae", "validation_mae"}
    assert [row["round"] for row in curves if row["kept"]] == [2, 2]
    assert b"25 columns with less are left out" in files[REPORT_FILE]
    assert [row["error"] for row in points(spec(files, "residuals")) if row] == [0.5, 2.5]
    worst = re.search(r"<h2>Worst rows</h2>.*?</table>", files[REPORT_FILE].decode(), re.S)
    assert worst is not None
    assert worst[0].index("house 9") < worst[0].index("house 7") and "&lt;4&gt;" in worst[0]


def test_every_axis_of_numbers_is_named() -> None:
    answered = Answered("price, USD", np.arange(100.0), np.arange(100.0) + 1, str)
    for plot in (residuals(answered, part="test"), residuals_by_decile(answered, part="test")):
        for layer in plot.spec["layer"]:
            for axis in ("x", "y"):
                assert "datum" in (channel := layer["encoding"].get(axis, {"datum": 0})) or channel["title"]
    tenths = points(residuals_by_decile(answered, part="test").spec)
    assert [row["rows"] for row in tenths if row] == [10] * 10


def test_the_best_cell_is_marked() -> None:
    grid = Grid("t", "", ("", "a"), [[Cell("mae"), Cell("1", number=True, best=True)]])
    assert '<td class="number best">1</td>' in Page("p", [], [grid]).html()
