"""What a table of a benchmark says, by hand."""

from __future__ import annotations

import pytest

from housing.benchmark.standings import Score, overall, standings

LOWER = {"a": "minimize", "b": "minimize"}


def score(entrant: str, fold: int, outer: float, *, table: str = "a", inner: float | None = None) -> Score:
    return Score(table, entrant, 0, fold, outer, inner, None, None, seconds=2.0)


def test_an_entrant_has_mean_spread_and_by_how_much_its_inner_values_were_too_good() -> None:
    found = standings([score("x", 0, 10, inner=8), score("x", 1, 14, inner=11), score("y", 0, 11)], LOWER)
    (first, second) = found
    assert (first.entrant, first.spread, first.optimism) == ("y", None, None)
    assert (second.outer, second.optimism, second.parts, second.seconds) == (12, 2.5, 2, 2.0)
    assert second.spread == pytest.approx(8**0.5)


def test_where_more_is_better_the_highest_comes_first_and_optimism_is_still_too_good() -> None:
    found = standings([score("x", 0, 0.8, inner=0.9), score("y", 0, 0.7, inner=0.7)], {"a": "maximize"})
    assert [standing.entrant for standing in found] == ["x", "y"]
    assert found[0].optimism == pytest.approx(0.1)


def test_over_tables_wins_are_counted_and_distances_to_the_best_are_means_of_ratios() -> None:
    scores = [
        *(score("x", 0, 10, table="a"), score("y", 0, 20, table="a")),
        *(score("x", 0, 8, table="b"), score("y", 0, 2, table="b")),
    ]
    rows = {row.entrant: row for row in overall(standings(scores, LOWER), LOWER)}
    assert (rows["x"].wins, rows["y"].wins) == (1, 1)
    assert rows["x"].gap == pytest.approx(2)
    assert rows["y"].gap == pytest.approx(2**0.5)
    assert overall(standings(scores[:2], LOWER), LOWER) == [], "one table is no comparison over tables"
