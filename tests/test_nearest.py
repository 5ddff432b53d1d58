from __future__ import annotations

import pytest

from housing.nearest import nearest


@pytest.mark.parametrize(
    ("typed", "options", "meant"),
    [
        ("maxdepth", ["max_depth", "max_bin"], "max_depth"),
        ("Max-Depth", ["max_depth", "max_bin"], "max_depth"),
        ("trails", ["trials", "parallel"], "trials"),
        ("AREA", ["area", "rooms"], "area"),
        ("quite another", ["area", "rooms"], None),
        ("banana", ["trials", "parallel"], None),
        ("x", ["y"], None),
        ("trials", ["trials"], None),
        ("trials", [], None),
    ],
)
def test_nearest(typed: str, options: list[str], meant: str | None) -> None:
    assert nearest(typed, options) == meant


def test_of_a_great_many_those_are_compared_that_begin_alike() -> None:
    assert nearest("gene_199990x", [f"gene_{number:06d}" for number in range(200_000)]) == "gene_199990"


@pytest.mark.parametrize(
    ("typed", "options"),
    [("a" * 100_000, ["a" * 100_001]), ("area", ["area" * 50_000, "b" * 200_000])],
    ids=["typed", "there"],
)
def test_texts_of_great_length_are_no_names(typed: str, options: list[str]) -> None:
    assert nearest(typed, options) is None
