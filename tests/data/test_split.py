from __future__ import annotations

import dataclasses
import hashlib
import itertools
import math
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from housing.data.description import Dataset, Identifier, Nominal, Numeric
from housing.data.moments import Date
from housing.data.ordering import folds, shuffled, whole_groups
from housing.data.outer_split import beyond, outer_split
from housing.data.source_spec import PART, Elsewhere, GivenParts
from housing.data.split import split
from housing.data.split_spec import ByColumn, ByTime, Fractions, Outer, Split
from housing.data.table import Table, read
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
            assert abs(int((table["kind"][rows] == level).sum()) - share * total) <= 1 + 1e-9


def test_levels_are_not_looked_at_where_the_split_says_so() -> None:
    fractions = Fractions(0.5, 0.5)
    table, plain = levelled([20, 20], fractions=fractions, stratify=False)
    number = cottages("cottages.csv", split=Split(fractions=fractions))
    assert split(table, plain).digest() == split(_table(40), number).digest()
    assert split(table, plain).digest() != split(table, levelled([20, 20], fractions=fractions)[1]).digest()


def timed(times: list[float], **rule: object) -> tuple[Table, Dataset]:
    """A table of numbers and dates in an order of their own, with a label."""
    texts = np.array([str(np.datetime64("2024-01-01") + np.timedelta64(int(t), "D")) for t in times], object)
    columns = {"day": np.array(times, np.float64), "date": texts, "price": np.arange(len(times), dtype=np.float64)}
    described = {"day": Numeric(), "date": Date(), "price": Numeric()}
    return Table(columns, "t.csv"), Dataset("t", "t.csv", "price", described, Split(**rule))  # type: ignore[arg-type]


@given(
    times=st.lists(st.integers(0, 40), min_size=12, max_size=80),
    gap=st.integers(0, 5),
    column=st.sampled_from(["day", "date"]),
    by_fractions=st.booleans(),
)
def test_no_later_row_is_in_an_earlier_part_whatever_the_order_of_the_file(
    times: list[int], gap: int, column: str, by_fractions: bool
) -> None:
    ends: tuple[str | float, ...] = (15.0, 30.0) if column == "day" else ("2024-01-16", "2024-01-31")
    by_time = ByTime(column, *(() if by_fractions else ends), gap=float(gap))
    fractions = Fractions(0.6, 0.2, 0.2) if by_fractions else None
    table, dataset = timed(times, by_time=by_time, fractions=fractions)
    try:
        parts = split(table, dataset)
    except DataError as error:
        assert "leaves no rows for" in str(error)
        assert f": {column} has " in str(error)
        return
    moments = [[times[row] for row in rows] for rows in (parts.train, parts.validation, parts.test)]
    for earlier, later in itertools.combinations([some for some in moments if some], 2):
        assert max(earlier) <= min(later) - max(gap, 1)
    if not gap:
        assert sum(map(len, moments)) == len(times)
    reversed_table, _ = timed(times[::-1], by_time=by_time, fractions=fractions)
    mirrored = split(reversed_table, dataset)
    assert sorted(len(times) - 1 - row for row in mirrored.train.tolist()) == parts.train.tolist()


def test_a_time_decides_the_part_and_a_gap_leaves_rows_out() -> None:
    table, dataset = timed(list(range(10)), by_time=ByTime("date", "2024-01-06", "2024-01-09", gap=1))
    parts = split(table, dataset)
    assert parts.train.tolist() == [0, 1, 2, 3, 4]
    assert parts.validation.tolist() == [5, 6, 7]
    assert parts.test.tolist() == [8, 9]
    wide = split(*timed(list(range(10)), by_time=ByTime("date", "2024-01-06", "2024-01-09", gap=2)))
    assert (wide.train.tolist(), wide.validation.tolist()) == ([0, 1, 2, 3], [5, 6])


@given(
    groups=st.lists(st.integers(0, 12), min_size=12, max_size=120),
    seed=st.integers(0, 2**32 - 1),
    order=st.randoms(use_true_random=False),
)
def test_no_group_is_in_two_parts_nor_in_another_one_in_another_order(
    groups: list[int], seed: int, order: random.Random
) -> None:
    def parts_of(names: list[int]) -> dict[int, set[str]]:
        columns = {"who": np.array([f"g{name}" for name in names], object), "price": np.arange(len(names)) + 0.5}
        described = {"who": Nominal(), "price": Numeric()}
        rule = Split(fractions=Fractions(0.6, 0.2, 0.2), by_group="who", seed=seed)
        parts = split(Table(columns, "g.csv"), Dataset("g", "g.csv", "price", described, rule))
        found: dict[int, set[str]] = {}
        for part in ("train", "validation", "test"):
            for row in getattr(parts, part):
                found.setdefault(names[row], set()).add(part)
        return found

    if len(set(groups)) < 3:
        return
    once = parts_of(groups)
    assert all(len(parts) == 1 for parts in once.values())
    assert set().union(*once.values()) == {"train", "validation", "test"}
    order.shuffle(groups)
    assert parts_of(groups) == once


@given(counts=st.lists(st.integers(3, 60), min_size=2, max_size=5), seed=st.integers(0, 2**32 - 1))
def test_named_rows_are_in_the_same_part_in_any_order_and_a_named_column_is_divided_evenly(
    counts: list[int], seed: int
) -> None:
    zones = np.array([f"z{zone}" for zone, count in enumerate(counts) for _ in range(count)], object)
    names = np.array([f"row {number}" for number in range(len(zones))], object)
    described = {"id": Identifier(), "zone": Nominal(), "price": Numeric()}
    rule = Split(fractions=Fractions(0.6, 0.2, 0.2), stratify="zone", key="id", seed=seed)
    dataset = Dataset("z", "z.csv", "price", described, rule)

    def parts_of(order: np.ndarray) -> list[set[str]]:  # type: ignore[type-arg]
        columns = {"id": names[order], "zone": zones[order], "price": order + 0.5}
        parts = split(Table(columns, "z.csv"), dataset)
        for zone, count in enumerate(counts):
            for rows, share in ((parts.train, 0.6), (parts.validation, 0.2), (parts.test, 0.2)):
                assert abs(int((columns["zone"][rows] == f"z{zone}").sum()) - share * count) <= 1
        return [set(columns["id"][rows]) for rows in (parts.train, parts.validation, parts.test)]

    order = np.arange(len(zones))
    assert parts_of(order) == parts_of(order[::-1])


def grouped(names: str, claimed: str = "", **rule: object) -> tuple[Table, Dataset]:
    """A table with a row per letter, each in the group of that letter; `claimed` has a row's part as t, v or s."""
    parts = list(claimed) or [None] * len(names)
    columns = {
        "who": np.array(list(names), object),
        "part": np.array(parts, object),
        "price": np.arange(len(names)) + 0.5,
    }
    described = {"who": Nominal(), "part": Nominal(missing="none"), "price": Numeric()}
    by_column = ByColumn("part", ("t",), ("v",), ("s",)) if claimed else None
    asked = Split(by_column=by_column, **rule)  # type: ignore[arg-type]
    return Table(columns, "g.csv"), Dataset("g", "g.csv", "price", described, asked)


@given(
    groups=st.lists(st.sampled_from([1, 2, 5, 40]), min_size=3, max_size=12),
    train=st.integers(1, 60),
    validation=st.integers(0, 39),
    last=st.booleans(),
    seed=st.integers(0, 99),
)
def test_parts_of_groups_are_as_near_to_their_fractions_of_rows_as_whole_groups_allow(
    groups: list[int], train: int, validation: int, last: bool, seed: int
) -> None:
    names = "".join(letter * count for letter, count in zip("abcdefghijkl", groups, strict=False))
    shares = (train / 100, validation / 100, 1 - (train + validation) / 100)
    fractions = Fractions(*shares) if last else Fractions(shares[0], 1 - shares[0])
    table, dataset = grouped(names, fractions=fractions, by_group="who", seed=seed)
    order = shuffled(table, dataset, np.arange(len(names)), seed=seed)
    ends = [0, *np.cumsum(np.bincount(whole_groups(table, dataset, order)))]  # type: ignore[arg-type]
    least = [int(share > 0) for share in (fractions.train, fractions.validation, fractions.test)]
    first = min(
        range(least[0], len(groups) - sum(least[1:]) + 1), key=lambda end: abs(ends[end] - fractions.train * len(names))
    )
    share = (fractions.train + fractions.validation) * len(names)
    second = min(range(first + least[1], len(groups) - least[2] + 1), key=lambda end: abs(ends[end] - share))
    if not last:
        second = len(groups)
    if not ends[second] - ends[first]:
        with pytest.raises(DataError, match="no rows for validation"):
            split(table, dataset)
        return
    parts = split(table, dataset)
    assert parts.train.tolist() == sorted(order[: ends[first]])
    assert parts.validation.tolist() == sorted(order[ends[first] : ends[second]])
    assert parts.test.tolist() == sorted(order[ends[second] :])


def test_where_the_column_claims_every_group_nothing_is_left_to_divide() -> None:
    table, dataset = grouped("aabbc", "ttvvs", fractions=Fractions(0.6, 0.2, 0.2), by_group="who")
    parts = split(table, dataset)
    assert (parts.train.tolist(), parts.validation.tolist(), parts.test.tolist()) == ([0, 1], [2, 3], [4])


@pytest.mark.parametrize(
    ("names", "fractions", "why"),
    [
        ("aaa", Fractions(0.6, 0.2, 0.2), "who has 1 different value, none of which is divided"),
        ("aab", Fractions(1, 0), "who has 2 different values, none of which is divided"),
    ],
)
def test_too_few_groups_are_told_with_their_number(names: str, fractions: Fractions, why: str) -> None:
    with pytest.raises(DataError) as refused:
        split(*grouped(names, fractions=fractions, by_group="who"))
    assert str(refused.value) == (
        f"g.csv: the split leaves no rows for validation, of 3: {why}; mend the dataset's split (fractions, by_group)"
    )


@pytest.mark.parametrize(
    ("names", "claimed", "told"),
    [
        ("aabb", "tvvv", "1 groups between parts, such as who 'a'"),
        ("aabb", "tsvv", "1 groups between parts, such as who 'a'"),
        ("aabb", "ttvs", "1 groups between parts, such as who 'b'"),
        ("abcdeabcde", "tttttvvvss", "5 groups between parts, such as who 'a', 'b', 'c' and 2 more"),
    ],
)
def test_a_column_that_divides_groups_is_refused(names: str, claimed: str, told: str) -> None:
    with pytest.raises(DataError) as refused:
        split(*grouped(names, claimed, fractions=Fractions(0.6, 0.2, 0.2), by_group="who"))
    assert str(refused.value) == f"g.csv: split.by_column divides {told}; claim whole groups"


def ranked(names: str, claimed: str = "") -> tuple[Table, Dataset]:
    """The same table for a ranking of the rows of each group."""
    table, dataset = grouped(names, claimed, fractions=Fractions(0.5, 0.25, 0.25))
    return table, dataclasses.replace(dataset, group="who", task="ranking")


def test_a_ranking_s_groups_are_counted_and_never_divided() -> None:
    table, dataset = ranked("a" * 50 + "bcdefgh")
    parts = split(table, dataset)
    assert [len(set(table["who"][rows])) for rows in (parts.train, parts.validation, parts.test)] == [4, 2, 2]
    with pytest.raises(DataError, match="divides 1 groups between parts, such as who 'a'; claim whole groups"):
        split(*ranked("aab", "tvv"))


def test_by_time_a_share_of_rows_ends_where_a_later_moment_begins() -> None:
    times = [9, 1, 2, 3, 4, 5, 6, 7, 8, 0]
    thirds = split(*timed(times, by_time=ByTime("day"), fractions=Fractions(0.6, 0.2, 0.2)))
    assert (thirds.train.tolist(), thirds.validation.tolist(), thirds.test.tolist()) == (
        [1, 2, 3, 4, 5, 9],
        [6, 7],
        [0, 8],
    )
    halves = split(*timed(times, by_time=ByTime("day"), fractions=Fractions(0.6, 0.4)))
    assert (halves.validation.tolist(), halves.test.tolist()) == ([0, 6, 7, 8], [])


def test_by_time_without_a_test_part_all_later_rows_are_for_validation() -> None:
    parts = split(*timed(list(range(6)), by_time=ByTime("day", 4.0)))
    assert (parts.train.tolist(), parts.validation.tolist(), parts.test.tolist()) == ([0, 1, 2, 3], [4, 5], [])


def test_a_gap_is_counted_from_where_a_part_is_declared_to_begin_or_else_from_its_first_row() -> None:
    times = [0, 1, 2, 3, 8, 9]
    declared = split(*timed(times, by_time=ByTime("day", 5.0, gap=3)))
    assert (declared.train.tolist(), declared.validation.tolist()) == ([0, 1, 2], [4, 5])
    by_rows = split(*timed(times, by_time=ByTime("day", gap=6), fractions=Fractions(4 / 6, 2 / 6)))
    assert by_rows.train.tolist() == [0, 1, 2]


def test_dates_of_a_format_are_divided_at_a_date_of_that_format() -> None:
    columns = {"day": np.array(["3.2.24", "1.1.24", "15.1.24", "1.3.24"], object), "price": np.arange(4.0)}
    described = {"day": Date(format="%d.%m.%y"), "price": Numeric()}
    asked = Split(by_time=ByTime("day", "1.2.24", "1.3.24"))
    parts = split(Table(columns, "d.csv"), Dataset("d", "d.csv", "price", described, asked))
    assert (parts.train.tolist(), parts.validation.tolist(), parts.test.tolist()) == ([1, 2], [0], [3])
    with pytest.raises(ValueError) as refused:
        Dataset("d", "d.csv", "price", described, Split(by_time=ByTime("day", "1/2/24")))
    assert "split.by_time.validation_from: must be a date, as the column has them (%d.%m.%y), got '1/2/24'" in str(
        refused.value
    )


def test_a_time_that_divides_nothing_is_told_with_the_first_and_the_last() -> None:
    with pytest.raises(DataError) as refused:
        split(*timed([3, 1, 2], by_time=ByTime("day", 7.0)))
    assert str(refused.value) == (
        "t.csv: the split leaves no rows for validation, of 3: day has 1.0 to 3.0; "
        "mend the dataset's split (fractions, by_time)"
    )


@pytest.mark.parametrize("rule", ["by_time", "by_group", "stratify"])
def test_folds_are_divided_as_the_parts_are(rule: str) -> None:
    rng = np.random.default_rng(0)
    days, who = rng.integers(0, 60, 120), np.array([f"g{n}" for n in rng.integers(0, 11, 120)], object)
    table = Table({"day": days.astype(float), "who": who, "price": np.arange(120.0)}, "f.csv")
    rules: dict[str, object] = {"by_time": ByTime("day", gap=2), "by_group": "who", "stratify": "who"}
    described = {"day": Numeric(), "who": Nominal(), "price": Numeric()}
    asked = Split(fractions=Fractions(0.8, 0.2), **{rule: rules[rule]})  # type: ignore[arg-type]
    dataset = Dataset("f", "f.csv", "price", described, asked)
    rows = split(table, dataset).train
    found = list(folds(table, dataset, rows, 4, seed=1))
    held = np.concatenate([held for _, held in found])
    assert len(set(held.tolist())) == len(held)
    assert set(held.tolist()) <= set(rows.tolist())
    for train, out in found:
        assert not set(train.tolist()) & set(out.tolist())
        if rule == "by_time":
            assert days[train].max() <= days[out].min() - 2
        elif rule == "by_group":
            assert not set(who[train]) & set(who[out])
        else:
            for name in set(who[rows]):
                assert abs((who[out] == name).sum() - (who[rows] == name).sum() / 4) <= 1
    if rule != "by_time":
        assert sorted(held.tolist()) == rows.tolist()
    else:
        assert days[rows].min() not in days[held]


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        (
            {"by_time": ByTime("zone", "a")},
            "split.by_time.column: columns.zone is nominal; it must be a date or a number: kind: date, with a format "
            "where it is not as 2024-01-31",
        ),
        (
            {"by_time": ByTime("rooms", 3.0)},
            "split.by_time.column: columns.rooms must have missing: refused, every row needs a time",
        ),
        (
            {"by_time": ByTime("area", "soon")},
            "split.by_time.validation_from: must be a number, as 'area' is, got 'soon'",
        ),
        (
            {"by_time": ByTime("area", 5.0, 4.0)},
            "split.by_time.test_from: must not lie before validation_from, 5.0",
        ),
        ({"by_time": ByTime("aera", 5.0)}, "split.by_time.column: there is no column 'aera'; did you mean 'area'?"),
        (
            {"by_column": ByColumn("zzzzz", ("a",)), "fractions": Fractions(0.8, 0.2)},
            "split.by_column.column: there is no column 'zzzzz'",
        ),
        (
            {"by_group": "id", "fractions": Fractions(0.8, 0.2)},
            "split.by_group: columns.id is different in every row; say unique: false",
        ),
        (
            {"by_group": "zon", "fractions": Fractions(0.8, 0.2)},
            "split.by_group: there is no column 'zon'; did you mean 'zone'?",
        ),
        (
            {"by_group": "area", "fractions": Fractions(0.8, 0.2)},
            "split.by_group: columns.area is numeric; describe it as kind: identifier (unique: false), or nominal",
        ),
        (
            {"by_group": "street", "fractions": Fractions(0.8, 0.2)},
            "split.by_group: columns.street must have missing: refused",
        ),
        (
            {"key": "zone", "fractions": Fractions(0.8, 0.2)},
            "split.key: columns.zone must name each row: kind: identifier",
        ),
        (
            {"stratify": "area", "fractions": Fractions(0.8, 0.2)},
            "split.stratify: columns.area is numeric and has no levels to divide evenly",
        ),
    ],
)
def test_a_split_by_a_column_that_cannot_be_is_refused(rule: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError) as refused:
        _dataset(**rule)
    assert str(refused.value).split("\n") == [told]


@pytest.mark.parametrize("rule", [{"by_group": "zone"}, {"key": "id"}, {"stratify": "zone"}, {"stratify": "street"}])
def test_a_split_by_a_column_that_can_be_is_not(rule: dict[str, object]) -> None:
    assert _dataset(fractions=Fractions(0.8, 0.2), **rule).split.fractions == Fractions(0.8, 0.2)


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        (
            {"by_time": ByTime("day", 3.0), "fractions": Fractions(0.8, 0.2)},
            "by_time: give validation_from and test_from, or fractions, not both",
        ),
        (
            {"by_time": ByTime("day"), "fractions": Fractions(0.8, 0.2), "by_group": "who"},
            "by_group: and by_time would each divide the rows; choose one",
        ),
        ({"by_column": ByColumn("part", ("t",)), "by_group": "who"}, "by_group: needs fractions"),
        ({"fractions": Fractions(0.8, 0.2), "seed": 2**32}, "seed must lie in [0, 2**32), got 4294967296"),
        ({"fractions": Fractions(0.8, 0.2), "seed": -1}, "seed must lie in [0, 2**32), got -1"),
        (
            {"by_group": "who", "fractions": Fractions(0.8, 0.2), "stratify": True},
            "stratify: rows are divided by_group, and levels cannot be divided evenly besides",
        ),
        (
            {"by_time": ByTime("day", 3.0), "key": "id"},
            "key: rows are divided by_time, which does not depend on the order of the file",
        ),
    ],
)
def test_rules_that_do_not_go_together_are_refused(rule: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError) as refused:
        Split(**rule)  # type: ignore[arg-type]
    assert str(refused.value) == told


@pytest.mark.parametrize(
    ("kind", "wrong", "told"),
    [
        (Fractions, (-0.1, 1.1), "train must lie in [0, 1], got -0.1"),
        (Fractions, (0.0, 1.5, -0.5), "validation must lie in [0, 1], got 1.5"),
        (Fractions, (0.5, 0.25, 0.0), "train + validation + test must sum to 1, got 0.75"),
        (Fractions, (0.5, 0.5, 1e-8), "train + validation + test must sum to 1, got 1"),
        (ByColumn, ("part",), "at least one of train, validation and test must list a value"),
        (ByColumn, ("part", ("a", "b"), ("a",)), "a value belongs to one part, once; listed again: 'a'"),
        (ByTime, ("day", None, 3.0), "validation_from is needed beside test_from: where the rows to choose by begin"),
        (ByTime, ("day", 3.0, None, -1.0), "gap must be 0 or more, got -1"),
        (ByTime, ("day", 3.0, None, math.inf), "gap must be 0 or more, got inf"),
        (Outer, (1, 0), "fold must lie in [0, folds), of 2 folds or more; got 0 of 1"),
        (Outer, (5, 5), "fold must lie in [0, folds), of 2 folds or more; got 5 of 5"),
        (Outer, (5, -1), "fold must lie in [0, folds), of 2 folds or more; got -1 of 5"),
        (Outer, (2, 1, -1), "seed must lie in [0, 2**32), got -1"),
        (Outer, (2, 1, 2**32), "seed must lie in [0, 2**32), got 4294967296"),
    ],
)
def test_parts_of_a_rule_that_cannot_be_are_refused(kind: type, wrong: tuple[object, ...], told: str) -> None:
    with pytest.raises(ValueError) as refused:
        kind(*wrong)
    assert str(refused.value) == told


def test_parts_of_a_rule_may_be_at_their_bounds() -> None:
    assert Fractions(0.1 + 0.2, 0.7).train == pytest.approx(0.3)
    assert Fractions(1, 0, 0).test == Fractions(0, 1).test == 0
    assert Outer(2, 0).seed == 0
    assert Outer(2, 1, 2**32 - 1).fold == 1
    assert ByTime("day", 3.0, 3.0).begins(None, is_date=False) == (3.0, 3.0)
    with pytest.raises(ValueError, match=r"^validation_from: must be a date, such as 2024-01-31, got 'soon'$"):
        ByTime("day", "soon").begins(None, is_date=True)


@pytest.mark.parametrize("files", [("train", "test"), ("train", "validation", "test"), ("train", "validation")])
def test_an_outer_part_is_never_of_a_file_of_test_rows(tmp_path: Path, files: tuple[str, ...]) -> None:
    for part in files:
        rows = "\n".join(f"{number},{number * 2}" for number in range(30))
        (tmp_path / f"{part}.csv").write_text(f"area,price\n{rows}\n")
    parts = GivenParts(**{part: str(tmp_path / f"{part}.csv") for part in files})
    fractions = None if len(files) == 3 else Fractions(0.75, 0.25, 0) if "test" in files else Fractions(0.5, 0, 0.5)
    dataset = Dataset(
        "homes",
        Elsewhere(parts=parts),
        "price",
        {"area": Numeric(), "price": Numeric()},
        Split(fractions=fractions, outer=Outer(folds=3, fold=1, seed=0)),
    )
    table = read(dataset)
    found, file_of = outer_split(table, dataset), table[PART]
    assert len(found.test) in (10, 20)
    if "test" in files:
        assert "test" not in set(file_of[np.concatenate([found.train, found.validation, found.test])])
        assert set(file_of[beyond(table, found)]) == {"test"}
    if "validation" in files:
        assert set(file_of[found.validation]) == {"validation"}
        assert set(file_of[found.train]) == {"train"}
