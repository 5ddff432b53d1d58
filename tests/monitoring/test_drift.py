"""How far captured rows are from those of training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from housing.monitoring.drift import ColumnDrift, compare, index_by_chance, stability_index, surely
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


def only(trained: list[Any], seen: list[Any], rules: Monitoring = RULES) -> ColumnDrift:
    kind = object if any(isinstance(value, str) for value in trained + seen) else np.float64
    (found,) = compare({"a": np.array(trained, kind)}, {"a": np.array(seen, kind)}, rules).columns
    return found


def bins(found: ColumnDrift) -> list[tuple[str, float, float]]:
    return [(one.name, one.trained, one.seen) for one in found.bins]


def test_bins_of_numbers_hold_as_many_rows_of_training_each_and_their_upper_ends() -> None:
    found = only([float(n) for n in range(1, 101)], [25, 26, 50, 100, 1000, -5, 1, 2], replace(RULES, bins=4))
    assert bins(found) == [
        ("up to 25", 0.25, 0.5),
        ("25 to 50", 0.25, 0.25),
        ("50 to 75", 0.25, 0.0),
        ("above 75", 0.25, 0.25),
    ]
    assert found.out_of_range == 2 / 8
    assert found.psi == pytest.approx(stability_index([25] * 4, [4, 2, 0, 2]))
    assert found.by_chance == index_by_chance(4, 100, 8, chance=RULES.chance)


def test_a_value_that_many_rows_have_ends_one_bin_and_the_largest_ends_none() -> None:
    assert bins(only([0.0] * 90 + [5.0] * 10, [0, 0, 5, 9])) == [("up to 0", 0.9, 0.5), ("above 0", 0.1, 0.5)]
    alike = only([7.0] * 10, [7, 8])
    assert bins(alike) == [("all numbers", 1.0, 1.0)]
    assert (alike.psi, alike.by_chance) == (0, 0)
    assert bins(only([np.nan] * 4, [1.0, np.nan])) == [("any number", 0.0, 0.5), ("(missing)", 1.0, 0.5)]


def test_a_level_that_a_hundredth_of_training_has_is_a_bin_and_rarer_ones_share_one() -> None:
    found = only(["a"] * 197 + ["b"] * 2 + ["c"], ["a", "a", "b", "new"])
    assert bins(found) == [("a", 0.985, 0.5), ("b", 0.01, 0.25), ("(all others)", 0.005, 0.25)]
    assert found.unseen == 0.25
    assert bins(only(["a", "b"] * 50, ["a"])) == [("a", 0.5, 1.0), ("b", 0.5, 0.0)]


def test_a_distance_that_equals_the_threshold_is_drift_and_one_below_it_is_none() -> None:
    trained, seen = [float(n % 10) for n in range(1000)], [float(n % 7) for n in range(700)]
    psi = only(trained, seen).psi
    assert only(trained, seen, replace(RULES, psi=psi)).faults == ("distribution",)
    assert only(trained, seen, replace(RULES, psi=psi * 1.001)).faults == ()


def test_shares_that_do_not_grow_are_no_fault_even_where_none_are_allowed() -> None:
    strict = replace(RULES, missing_share=0.0, out_of_range_share=0.0, unseen_share=0.0)
    assert only(["a", "b"] * 50, ["a", "b"] * 20, strict).faults == ()
    assert only([1.0, 2.0] * 50, [1.0, 2.0] * 20, strict).faults == ()


def test_columns_with_faults_come_first_and_then_the_most_distant() -> None:
    rows = np.arange(400, dtype=float)
    trained = {"near": rows, "far": rows, "gone": rows}
    gone = rows.copy()
    gone[:40] = np.nan
    report = compare(trained, {"near": rows, "far": rows / 2, "gone": gone}, replace(RULES, psi=50, missing_share=0))
    assert [(one.column, one.faults) for one in report.columns] == [("gone", ("missing",)), ("far", ()), ("near", ())]
    both = compare(trained, {"near": rows * 3, "far": np.full(400, 5000.0), "gone": gone}, RULES)
    assert [one.column for one in both.columns][:2] == ["far", "near"]
    assert len(both.columns[0].faults) == len(both.columns[1].faults) == 2
    assert [one.column for one in both.columns][2] == "gone"


@pytest.mark.parametrize(("count", "rows"), [(0, 50), (5, 50), (20, 40), (400, 1000)])
@pytest.mark.parametrize("chance", [0.05, 0.001])
def test_what_a_share_surely_is_is_the_low_end_of_wilson_s_interval(count: int, rows: int, chance: float) -> None:
    from scipy.stats import binomtest

    expected = binomtest(count, rows).proportion_ci(1 - 2 * chance, "wilson").low
    assert surely(count / rows, rows, chance=chance) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("number", [5, 10, 20])
def test_what_two_samples_hardly_pass_is_a_chi_square_s(number: int) -> None:
    from scipy.stats import chi2

    for chance, close in ((0.05, 0.004), (0.001, 0.02)):
        expected = chi2.isf(chance, number - 1) * (1 / 900 + 1 / 300)
        assert index_by_chance(number, 900, 300, chance=chance) == pytest.approx(expected, rel=close)


def test_from_how_many_rows_on_drift_would_show_is_where_chance_explains_less() -> None:
    def least(trained: int) -> int:
        return compare({"a": np.arange(trained, dtype=float)}, {"a": np.ones(5)}, RULES).least_rows

    found = least(1200)
    assert index_by_chance(RULES.bins, 1200, found, chance=RULES.chance) <= RULES.psi
    assert index_by_chance(RULES.bins, 1200, found - 1, chance=RULES.chance) > RULES.psi
    assert least(60) == 0


@pytest.mark.parametrize(
    "values", [{"bins": 2}, {"bins": 100}, {"missing_share": 1}, {"unseen_share": 0}, {"out_of_range_share": 1}]
)
def test_thresholds_may_be_at_their_bounds(values: Mapping[str, Any]) -> None:
    assert replace(RULES, **values)


def test_all_thresholds_that_make_no_sense_are_told_at_once() -> None:
    with pytest.raises(ValueError, match=r"bins: must lie .*; psi: must "):
        Monitoring(bins=101, psi=0)


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"bins": 1}, "bins"),
        ({"bins": 101}, "bins"),
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


def test_a_column_that_training_never_had_has_no_range_to_be_out_of() -> None:
    nothing = {"Area": np.full(100, np.nan)}
    (found,) = compare(nothing, {"Area": np.arange(50.0)}, RULES).columns
    assert "out of range" not in found.faults
    assert found.out_of_range == 0


def test_numbers_are_drawn_in_ranges_of_one_width_and_few_values_by_value() -> None:
    generator = np.random.default_rng(1)
    area, rooms = generator.normal(100, 10, 2000), generator.integers(1, 5, 2000).astype(float)
    area[:200] = np.nan
    (wide, few) = sorted(
        compare({"area": area, "rooms": rooms}, {"area": area + 30, "rooms": rooms}, Monitoring()).columns,
        key=lambda column: column.column,
    )
    assert wide.is_numeric and len(wide.shape) == 21
    assert wide.shape[-1].name == "(missing)"
    for drawn in (wide.shape, few.shape):
        assert sum(one.trained for one in drawn) == pytest.approx(1)
        assert sum(one.seen for one in drawn) == pytest.approx(1)
    widths = [float(high) - float(low) for low, high in (one.name.split(" to ") for one in wide.shape[1:-2])]
    assert max(widths) - min(widths) < 0.2
    assert [one.name for one in few.shape] == ["1", "2", "3", "4"]
