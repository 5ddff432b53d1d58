from __future__ import annotations

from collections.abc import Callable

import pytest

from housing.data.derived import Derived
from housing.data.description import Dataset, Nominal, Numeric, Ordinal
from housing.data.features import Features, check_features
from housing.data.source_spec import Elsewhere, GivenParts, Sql
from housing.data.split_spec import ByColumn, Fractions, Split
from tests.data.cottages import COLUMNS, cottages

PARTS = Elsewhere(parts=GivenParts(train="a.csv", test="b.csv"))
HALVES = Fractions(train=0.5, validation=0.5)


@pytest.mark.parametrize(
    ("make", "rule"),
    [
        (lambda: Numeric(low=2, high=1), "low <= high, got 2 and 1"),
        (lambda: Numeric(low=float("nan")), "low must be a finite number"),
        (lambda: Ordinal(levels=()), "must not be empty"),
        (lambda: Ordinal(levels=("a", "b", "a")), "listed again: 'a'"),
        (lambda: Nominal(levels=("a", "a")), "listed again: 'a'"),
        (lambda: Fractions(train=0.8, validation=0.3), "sum to 1, got 1.1"),
        (lambda: Fractions(train=1.2, validation=-0.2), "train must lie in"),
        (lambda: ByColumn("zone"), "at least one"),
        (lambda: ByColumn("zone", train=("a",), test=("a", None)), "listed again: 'a'"),
        (lambda: ByColumn("zone", train=(None,), test=(None,)), "listed again: null"),
        (lambda: cottages("x.csv", split=Split()), "fractions, by_column or both"),
        (lambda: cottages(()), "source: the list is empty"),
        (lambda: cottages("x.csv", sheet="a"), "sheet: belongs to format: excel"),
        (lambda: Sql("sqlite:///x.db"), "give query or table"),
        (lambda: Sql("x.db", table="t"), "must be as SQLAlchemy takes it"),
        (Elsewhere, "give sql or parts"),
        (lambda: cottages(PARTS, split=Split()), "source.parts: without validation"),
        (lambda: cottages(PARTS), "split.fractions.test: must be 0"),
        (lambda: Split(fractions=HALVES, seed=-1), "seed"),
        (lambda: Derived("sum", ("area",)), "two or more columns"),
        (lambda: cottages("x.csv", label="prize"), "did you mean 'price'"),
        (lambda: cottages("x.csv", label="id"), "'id' is identifier, it must be numeric, nominal or ordinal"),
        (lambda: cottages("x.csv", label="rooms"), "a label is never missing"),
        (lambda: cottages("x.csv", separator=",,"), "one character"),
        (lambda: cottages("x.csv", missing_values=("north",)), "columns.zone.levels: 'north'"),
        (lambda: cottages("x.csv", columns={"price": Numeric()}), "at least one besides the label"),
        (
            lambda: cottages("x.csv", split=Split(fractions=HALVES, by_column=ByColumn("zon", test=("a",)))),
            "did you mean 'zone'",
        ),
    ],
)
def test_a_description_that_cannot_hold_says_why(make: Callable[[], object], rule: str) -> None:
    with pytest.raises(ValueError) as refused:
        make()
    assert rule in str(refused.value)


def test_faults_of_a_dataset_are_told_together() -> None:
    with pytest.raises(ValueError) as refused:
        cottages("x.csv", label="prize", separator="", missing_values=("north",))
    assert str(refused.value).count(";") >= 2


def test_inputs_are_what_can_become_features() -> None:
    assert list(cottages("x.csv").inputs) == ["area", "rooms", "pool", "grade", "zone", "street"]


def test_features_that_fit_have_no_faults() -> None:
    assert check_features(cottages("x.csv"), Features("f", label_transform="log")) == []


@pytest.mark.parametrize(
    ("name", "columns", "rule"),
    [
        ("total", ("area", "poool"), "there is no column 'poool'; did you mean 'pool'?"),
        ("total", ("area", "zone"), "is nominal; only numeric columns"),
        ("total", ("area", "price"), "is the label"),
        ("area", ("area", "pool"), "is already a column"),
    ],
)
def test_a_derived_column_that_cannot_be_computed_is_named(name: str, columns: tuple[str, ...], rule: str) -> None:
    ((key, _, why),) = check_features(cottages("x.csv"), Features("f", derived={name: Derived("sum", columns)}))
    assert key.startswith(f"derived.{name}")
    assert rule in why


def test_the_logarithm_needs_a_label_described_as_positive() -> None:
    dataset: Dataset = cottages("x.csv", columns={**COLUMNS, "price": Numeric()})
    ((key, value, rule),) = check_features(dataset, Features("f", label_transform="log"))
    assert (key, value) == ("label_transform", "log")
    assert "low above 0" in rule
