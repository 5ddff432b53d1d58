"""The report of what an endpoint saw."""

from __future__ import annotations

import re

import numpy as np

from housing.monitoring.drift import Shares, compare
from housing.monitoring.spec import Monitoring
from housing.reporting.monitoring import VariantDrift, distances, histograms, monitoring_report
from housing.reporting.page import Page

TRAINED = {name: np.random.default_rng(seed).normal(0, 1, 1000) for seed, name in enumerate(("Area", "Rooms", "<b>"))}
SEEN = {**TRAINED, "Area": TRAINED["Area"] + 100, "Rooms": TRAINED["Rooms"] + 0.1}
DRIFT = compare(TRAINED, SEEN, Monitoring())


def test_the_farthest_column_comes_first_and_a_long_bar_is_cut() -> None:
    chart = distances("champion", "models:/price/1", DRIFT)
    drawn = "".join(chart.elements)
    assert drawn.index("Area") < drawn.index("Rooms")
    widths = [float(width) for width in re.findall(r'<rect [^>]*width="([\d.]+)"', drawn)]
    assert widths[0] == max(widths) < chart.width
    assert widths[1] > 5
    assert chart.title == "champion (models:/price/1): drift in 1 of 3 columns"


def test_a_report_has_every_column_and_a_figure_a_variant() -> None:
    variants = [VariantDrift("champion", "models:/price/1", DRIFT), VariantDrift("challenger", "models:/price/2", None)]
    files = monitoring_report("house", lead=["A sentence."], warnings=["A warning."], variants=variants, tables=[])
    assert set(files) == {"report.html", "figures/drift_champion.svg", "figures/distribution_champion_1.svg"}
    page = files["report.html"].decode()
    for text in ("Endpoint house", "A sentence.", "A warning.", "Area", "Rooms", "&lt;b&gt;", "distribution"):
        assert text in page
    assert "<b>" not in page


def test_every_column_has_a_histogram_of_both_those_that_drifted_first() -> None:
    kinds = np.array(["flat", "house"] * 500, dtype=object)
    rare = np.array([f"k{i % 12}" for i in range(1000)], dtype=object)
    rare[:10] = None
    gallery = histograms(
        "champion", compare(TRAINED | {"kind": kinds, "rare": rare}, SEEN | {"kind": kinds, "rare": rare}, Monitoring())
    )
    assert gallery.folded
    assert gallery.charts[0].title == "Area"
    drawn = {chart.title: "".join(chart.elements) for chart in gallery.charts}
    assert set(drawn) == {"Area", "Rooms", "<b>", "kind", "rare"}
    assert "flat: training 50.0%, endpoint 50.0%" in drawn["kind"]
    assert "(all others)" in drawn["rare"]
    assert re.search(r"above \S+: training 1\.0%, endpoint 100\.0%", drawn["Area"])
    page = Page("p", [], [gallery]).html()
    assert "<details>" in page and "&lt;b&gt;" in page


def test_predicted_levels_stand_side_by_side_where_there_are_some() -> None:
    levels = {f"level {i}": Shares(0.01 * i, 0.02 * i) for i in range(25)}
    variants = [VariantDrift("champion", "models:/price/1", DRIFT, levels)]
    files = monitoring_report("house", lead=[], warnings=[], variants=variants, tables=[])
    drawn = files["figures/levels_champion.svg"].decode()
    assert "level 24, training: 24.0%" in drawn
    assert "level 24, endpoint: 48.0%" in drawn
    assert "level 3," not in drawn
    assert b"5 rarer levels are left out" in files["report.html"]
