"""Charts and pages are well-formed, hold what they are about, and need nothing from elsewhere."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from housing.reporting.charts import Series, learning_curves
from housing.reporting.judged import Judged
from housing.reporting.page import Cell, Grid, Page
from housing.reporting.report import REPORT_FILE, job_report, study_report
from housing.tasks.base import Predictions
from housing.tuning.space import Categorical, Condition, Float, Int
from housing.tuning.study import StudyResult
from housing.tuning.trial import FinishedTrial

SPACE = {
    "eta": Float(0.01, 0.5, log=True),
    "max_depth": Int(3, 10),
    "booster": Categorical(("gbtree", "dart")),
    "rate_drop": Float(0, 1, only_if=Condition("booster", ("dart",))),
}


def trial(number: int) -> FinishedTrial:
    parameters = {"eta": 0.01 * (number + 1), "max_depth": 3 + number % 8, "booster": "gbtree"}
    if number % 2:
        parameters |= {"booster": "dart", "rate_drop": 0.1}
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
        ("validation_mae",),
        importances={"eta": 0.9, "max_depth": 0.1},
        lead=["12 trials"],
        curves=[Series("t11 eta=0.12", [300.0, 200.0, 89.0, 95.0], kept=2)],
    )


def test_a_study_s_report_has_a_page_and_a_file_for_every_figure() -> None:
    assert set(report()) == {
        REPORT_FILE,
        "figures/optimisation_history.svg",
        "figures/parallel_coordinates.svg",
        "figures/importances.svg",
        "figures/learning_curves.svg",
    }


def test_every_figure_is_well_formed_and_names_its_trials() -> None:
    files = report()
    for name in (name for name in files if name.endswith(".svg")):
        assert ElementTree.fromstring(files[name]).tag.endswith("svg"), name
    history = files["figures/optimisation_history.svg"].decode()
    assert history.count("<circle") == len(ENDED)
    assert "t12" in history and "(pruned)" in history
    lines = ElementTree.fromstring(files["figures/parallel_coordinates.svg"]).iter("{http://www.w3.org/2000/svg}path")
    assert len(list(lines)) == 12


def test_a_page_needs_nothing_from_elsewhere_and_escapes_what_it_is_told() -> None:
    page = report()[REPORT_FILE].decode()
    assert "tune &lt;a&amp;b&gt;" in page
    assert not re.search(r"(src|href)=|@import|url\((?!#)|<script", page)


@pytest.mark.parametrize("trials", [ENDED[:1], ENDED[-1:], (ENDED[0], ENDED[-1])], ids=["one", "failed", "both"])
def test_a_short_study_has_a_report_too(trials: tuple[FinishedTrial, ...]) -> None:
    for name, content in report(trials).items():
        if name.endswith(".svg"):
            ElementTree.fromstring(content)


def test_several_objectives_each_have_an_axis() -> None:
    trials = tuple(FinishedTrial(n, {"eta": 0.1}, "complete", (float(n), 9.0 - n)) for n in range(9))
    result = StudyResult({"eta": Float(0, 1)}, ("minimize", "maximize"), trials, "trials", 1.0)
    files = study_report("s", result, ("validation_mae", "validation_rmse"), importances={}, lead=[], curves=[])
    drawn = files["figures/parallel_coordinates.svg"].decode()
    assert ">validation_mae<" in drawn and ">validation_rmse<" in drawn
    assert "figures/importances.svg" not in files


def test_a_job_s_report_shows_curves_importances_and_errors() -> None:
    files = job_report(
        "train",
        objective="validation_mae",
        lower_is_better=True,
        history={"train_mae": [3.0, 2.0], "validation_mae": [4.0, 3.0], "validation_rmse": [5.0, 4.0]},
        kept=1,
        importances={f"column {i}": 0.01 for i in range(40)},
        judged=Judged("validation", "SalePrice, USD", np.array([1.0, 2.0]), Predictions(np.array([1.5, 2.5]))),
        lead=[],
    )
    curves = files["figures/learning_curves.svg"].decode()
    assert "train_mae" in curves and "validation_mae" in curves and "rmse" not in curves
    assert b"25 columns with less are left out" in files[REPORT_FILE]
    assert files["figures/predicted_against_true.svg"].count(b"<circle") == 2


def test_nothing_is_drawn_outside_the_frame_of_learning_curves() -> None:
    chart = learning_curves("Learning curves", "mae", [Series("a", [1e6, 12.0, 11.0, 10.0, 10.5], kept=3)])
    assert "clip-path" in chart.file()
    assert not any(tick in chart.file() for tick in ("1,000,000", "500,000"))


def test_the_best_cell_is_marked() -> None:
    grid = Grid("t", "", ("", "a"), [[Cell("mae"), Cell("1", number=True, best=True)]])
    assert '<td class="number best">1</td>' in Page("p", [], [grid]).html()
