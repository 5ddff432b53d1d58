"""How far captured rows are from those of training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from housing.monitoring.drift import ColumnDrift, compare, index_by_chance, stability_index
from housing.monitoring.spec import Monitoring

RULES = Monitoring()


def houses(rows: int, seed: int) -> dict[str, NDArray[Any]]:
    """Areas, years with gaps, zones of unequal size, and pools that few have."""
    generator = np.random.default_rng(seed)
    years = generator.integers(1900, 2010, rows).astype(float)
    years[generator.random(rows) < 0.1] = np.nan
    zones = generator.choice(np.array(["RL", "RM", "FV", "C"], dtype=object), rows, p=[0.7, 0.2, 0.095, 0.005])
    alleys = generator.choice(np.array([None, "Pave", "Grvl"], dtype=object), rows, p=[0.9, 0.05, 0.05])
    pools = np.where(generator.random(rows) < 0.01, generator.integers(100, 800, rows), 0).astype(float)
    return {"Area": generator.gamma(9, 170, rows), "Year": years, "Zone": zones, "Alley": alleys, "Pool": pools}


TRAINED = houses(1200, seed=0)


def drift_of(column: str, seen: NDArray[Any], rules: Monitoring = RULES) -> ColumnDrift:
    report = compare(TRAINED, {**houses(len(seen), seed=1), column: seen}, rules)
    return next(one for one in report.columns if one.column == column)


def test_histograms_that_agree_have_no_distance() -> None:
    assert stability_index([10, 20, 30], [10, 20, 30]) == 0


def test_a_bin_that_empties_gives_a_large_but_finite_index() -> None:
    assert 1 < stability_index([500, 500], [1000, 0]) < 10


def test_two_samples_of_one_distribution_pass_the_index_by_chance_as_often_as_it_says() -> None:
    generator = np.random.default_rng(0)
    limit = index_by_chance(10, 1000, 200, chance=0.05)
    passed = sum(
        stability_index(generator.multinomial(1000, [0.1] * 10), generator.multinomial(200, [0.1] * 10)) > limit
        for _ in range(2000)
    )
    assert passed / 2000 == pytest.approx(0.05, abs=0.02)


@pytest.mark.parametrize("rows", [1, 5, 20, 50, 100, 200, 400])
def test_rows_like_those_of_training_hardly_ever_seem_drifted(rows: int) -> None:
    found = [compare(TRAINED, houses(rows, seed), RULES).drifted for seed in range(1, 101)]
    assert sum(map(bool, found)) <= 4, [[(c.column, c.faults) for c in columns] for columns in found if columns]


def test_rows_as_they_were_and_enough_of_them_are_said_to_show_no_drift() -> None:
    report = compare(TRAINED, houses(1000, seed=1), RULES)
    assert report.word == "no drift"
    assert (report.trained_rows, report.seen_rows) == (1200, 1000)


def test_too_few_rows_are_said_to_be_too_few_and_from_how_many_on_drift_would_show() -> None:
    report = compare(TRAINED, houses(30, seed=1), RULES)
    assert 100 < report.least_rows < 300
    assert report.word == f"too few rows to tell: drift would show from about {report.least_rows} on"


def test_a_shift_of_one_column_is_found_in_that_column_alone() -> None:
    report = compare(TRAINED, {**(seen := houses(400, seed=1)), "Area": seen["Area"] * 1.5}, RULES)
    assert [one.column for one in report.drifted] == ["Area"]
    assert report.columns[0].column == "Area"
    assert report.columns[0].psi > 10 * report.columns[1].psi
    assert report.word == "drift in 1 of 5 columns"


def test_numbers_beyond_those_of_training_are_told() -> None:
    seen = np.concatenate([houses(380, seed=1)["Area"], np.full(20, 1e6)])
    found = drift_of("Area", seen)
    assert found.out_of_range >= 0.05
    assert drift_of("Area", seen, replace(RULES, out_of_range_share=0.0)).faults == ("out of range",)


def test_levels_that_training_never_had_are_told() -> None:
    seen = houses(400, seed=1)["Zone"]
    seen[:60] = "A (agr)"
    found = drift_of("Zone", seen)
    assert found.unseen == pytest.approx(0.15)
    assert "unseen levels" in found.faults


def test_cells_that_go_missing_are_told_with_both_shares() -> None:
    seen = houses(400, seed=1)["Area"]
    seen[:100] = np.nan
    found = drift_of("Area", seen)
    assert (found.missing.trained, found.missing.seen) == (0, 0.25)
    assert "missing" in found.faults


def test_a_column_that_was_never_filled_or_is_not_any_more_is_compared_all_the_same() -> None:
    never = np.full(1200, np.nan)
    (found,) = compare({"Area": never}, {"Area": np.ones(500)}, RULES).columns
    assert "distribution" in found.faults
    (found,) = compare({"Area": np.ones(1200)}, {"Area": np.full(500, np.nan)}, RULES).columns
    assert found.faults == ("distribution", "missing")
    (found,) = compare({"Area": never}, {"Area": np.full(500, np.nan)}, RULES).columns
    assert found.faults == ()


def test_a_value_that_nearly_all_rows_have_is_a_bin_of_its_own() -> None:
    seen = houses(400, seed=1)["Pool"]
    seen[:80] = 512
    assert "distribution" in drift_of("Pool", seen).faults


def test_thresholds_decide() -> None:
    seen = houses(400, seed=1)["Area"] * 1.5
    assert drift_of("Area", seen, replace(RULES, psi=100)).faults == ()
    assert drift_of("Area", seen, replace(RULES, psi=0.2)).faults == ("distribution",)


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"bins": 1}, "bins"),
        ({"psi": 0}, "psi"),
        ({"chance": 0}, "chance"),
        ({"chance": 1}, "chance"),
        ({"missing_share": -0.1}, "missing_share"),
        ({"unseen_share": 1.1}, "unseen_share"),
    ],
)
def test_thresholds_that_make_no_sense_are_refused_by_name(values: Mapping[str, Any], key: str) -> None:
    with pytest.raises(ValueError, match=f"{key}: must lie|{key}: must be"):
        Monitoring(**values)
