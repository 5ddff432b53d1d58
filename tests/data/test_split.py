from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from housing.data.description import Dataset, Nominal, Numeric
from housing.data.split import split
from housing.data.split_spec import ByColumn, Fractions, Split
from housing.data.table import Table
from housing.errors import DataError
from tests.data.cottages import cottages


def _table(rows: int) -> Table:
    zones = np.array([("north", "south", None)[i % 3] for i in range(rows)], dtype=object)
    return Table({"area": np.arange(rows, dtype=np.float64), "zone": zones}, "cottages.csv")


def _dataset(**rule: object):  # type: ignore[no-untyped-def]
    return cottages("cottages.csv", split=Split(**rule))  # type: ignore[arg-type]


@given(
    rows=st.integers(10, 300),
    train=st.integers(20, 60),
    validation=st.integers(20, 40),
    seed=st.integers(0, 2**32 - 1),
    claims=st.booleans(),
)
def test_every_row_is_in_exactly_one_part(rows: int, train: int, validation: int, seed: int, claims: bool) -> None:
    fractions = Fractions(train / 100, validation / 100, (100 - train - validation) / 100)
    by_column = ByColumn("zone", train=("north",), test=(None,)) if claims else None
    parts = split(_table(rows), _dataset(fractions=fractions, by_column=by_column, seed=seed))
    together = np.concatenate([parts.train, parts.validation, parts.test])
    assert sorted(together.tolist()) == list(range(rows))


def test_without_a_test_share_nothing_is_left_over() -> None:
    for rows in range(2, 50):
        parts = split(_table(rows), _dataset(fractions=Fractions(0.5, 0.5)))
        assert len(parts.test) == 0


def test_a_seed_gives_the_same_rows_for_ever() -> None:
    parts = split(_table(10), _dataset(fractions=Fractions(0.6, 0.2, 0.2), seed=0))
    assert parts.train.tolist() == [1, 2, 4, 6, 8, 9]
    assert parts.validation.tolist() == [3, 7]
    assert parts.test.tolist() == [0, 5]


def test_another_seed_is_another_split_with_another_digest() -> None:
    one, other = (split(_table(100), _dataset(fractions=Fractions(0.5, 0.5), seed=seed)) for seed in (0, 1))
    assert one.digest() != other.digest()


def test_rows_are_claimed_by_text_null_and_number() -> None:
    by_zone = ByColumn("zone", train=("north",), validation=("south",), test=(None,))
    parts = split(_table(6), _dataset(by_column=by_zone))
    assert (parts.train.tolist(), parts.validation.tolist(), parts.test.tolist()) == ([0, 3], [1, 4], [2, 5])
    by_area = ByColumn("area", train=("0", "1"), validation=("2",))
    assert split(_table(3), _dataset(by_column=by_area)).train.tolist() == [0, 1]


def test_rows_that_nobody_claims_are_refused_with_their_values() -> None:
    with pytest.raises(DataError) as refused:
        split(_table(6), _dataset(by_column=ByColumn("zone", train=("north",), validation=("west",))))
    assert str(refused.value) == (
        "cottages.csv: split.by_column: 4 rows are in no part; zone has null, 'south'; "
        "list these values, or give fractions for the rest"
    )


@pytest.mark.parametrize(
    ("rule", "part"),
    [
        ({"fractions": Fractions(1, 0)}, "validation"),
        ({"fractions": Fractions(0, 1)}, "train"),
        ({"by_column": ByColumn("zone", train=("north", "south", None), validation=("west",))}, "validation"),
    ],
)
def test_a_split_without_training_or_validation_rows_is_refused(rule: dict[str, object], part: str) -> None:
    with pytest.raises(DataError) as refused:
        split(_table(10), _dataset(**rule))
    assert str(refused.value) == (
        f"cottages.csv: the split leaves no rows for {part}, of 10; mend the dataset's split (fractions, by_column)"
    )


def test_a_split_has_the_same_digest_for_ever() -> None:
    parts = split(_table(10), _dataset(fractions=Fractions(0.6, 0.2, 0.2), seed=0))
    expected = hashlib.sha256()
    for rows in ((1, 2, 4, 6, 8, 9), (3, 7), (0, 5)):
        expected.update(f"{len(rows)}\0".encode() + b"".join(row.to_bytes(8, "little") for row in rows))
    assert parts.digest() == expected.hexdigest()


def levelled(counts: list[int], **rule: object) -> tuple[Table, Dataset]:
    """A table whose label has level `l0` in the first number of rows, `l1` in the next, mixed up."""
    levels = [f"l{number}" for number, count in enumerate(counts) for _ in range(count)]
    mixed = np.random.default_rng(len(levels)).permutation(np.array(levels, dtype=object))
    table = Table({"area": np.arange(len(mixed), dtype=np.float64), "kind": mixed}, "kinds.csv")
    names = tuple(f"l{number}" for number in range(len(counts)))
    columns = {"area": Numeric(), "kind": Nominal(levels=names)}
    return table, Dataset("kinds", "kinds.csv", "kind", columns, Split(**rule))  # type: ignore[arg-type]


@given(
    counts=st.lists(st.integers(1, 60), min_size=2, max_size=6),
    train=st.integers(20, 60),
    validation=st.integers(20, 40),
    seed=st.integers(0, 2**32 - 1),
)
def test_every_part_has_its_share_of_every_level_within_a_row(
    counts: list[int], train: int, validation: int, seed: int
) -> None:
    shares = (train / 100, validation / 100, (100 - train - validation) / 100)
    table, dataset = levelled([30, *counts], fractions=Fractions(*shares), seed=seed)
    parts = split(table, dataset)
    together = np.concatenate([parts.train, parts.validation, parts.test])
    assert sorted(together.tolist()) == list(range(table.rows))
    for level in dataset.label_levels:
        total = int((table["kind"] == level).sum())
        for rows, share in zip((parts.train, parts.validation, parts.test), shares, strict=True):
            assert abs(int((table["kind"][rows] == level).sum()) - share * total) <= 1


def test_levels_are_not_looked_at_where_the_split_says_so() -> None:
    fractions = Fractions(0.5, 0.5)
    table, plain = levelled([20, 20], fractions=fractions, stratify=False)
    number = cottages("cottages.csv", split=Split(fractions=fractions))
    assert split(table, plain).digest() == split(_table(40), number).digest()
    assert split(table, plain).digest() != split(table, levelled([20, 20], fractions=fractions)[1]).digest()
