"""Groups and events: columns beside the label."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from housing.data.description import Dataset, Identifier, Ignored, Nominal, Numeric
from housing.data.features import Features
from housing.data.preparation import prepare
from housing.data.split_spec import ByColumn, Fractions, Split
from housing.data.table import read
from housing.errors import DataError

RANKED = Dataset(
    name="ranked",
    source="",
    label="relevance",
    columns={
        "query": Nominal(),
        "page": Numeric(),
        "relevance": Numeric(),
        "part": Identifier(unique=False),
    },
    split=Split(Fractions(0.5, 0.25, 0.25), seed=3),
    task="ranking",
    group="query",
)


def ranked(folder: Path, **changes: object) -> Dataset:
    rows = [f"q{number % 12},{number},{number % 3},{'ab'[number % 2]}" for number in range(120)]
    (folder / "ranked.csv").write_text("\n".join(["query,page,relevance,part", *rows, ""]), encoding="utf-8")
    return replace(RANKED, source=str(folder / "ranked.csv"), **changes)


def test_groups_stay_whole_in_parts_and_in_folds(tmp_path: Path) -> None:
    prepared = prepare(ranked(tmp_path), Features("plain"))
    of = prepared.table["query"]
    parts = [set(of[rows]) for rows in (prepared.parts.train, prepared.parts.validation, prepared.parts.test)]
    assert [len(groups) for groups in parts] == [6, 3, 3]
    assert len(set.union(*parts)) == 12
    held = []
    for fold in prepared.folds(3, seed=1):
        train, validation = (set(fold[part].features[:, 0] % 12) for part in ("train", "validation"))
        assert not train & validation
        held += sorted(validation)
    assert len(held) == len(set(held)) == 6
    with pytest.raises(DataError, match="7 folds need as many groups in training, there are 6"):
        prepared.folds(7, seed=1)


def test_a_channel_has_the_group_of_each_row_behind_its_label(tmp_path: Path) -> None:
    prepared = prepare(ranked(tmp_path), Features("plain"))
    train = prepared.channels["train"]
    assert train.columns == ("page",)
    assert train.label.shape == (60, 2)
    names = prepared.table["query"][prepared.parts.train]
    assert len({(name, number) for name, number in zip(names, train.label[:, 1], strict=True)}) == 6
    assert (prepared.labels(prepared.parts.train) == train.label).all()


def test_a_split_that_divides_groups_is_refused(tmp_path: Path) -> None:
    by_part = Split(by_column=ByColumn("query", train=("q0", "q1"), validation=("q2",)), fractions=Fractions(0.6, 0.4))
    assert len(prepare(ranked(tmp_path, split=by_part), Features("plain")).parts.train) > 20
    torn = Split(by_column=ByColumn("part", train=("a",)), fractions=Fractions(0.5, 0.5))
    whole = ranked(tmp_path, split=torn)
    rows = [f"q{number // 10},{number},{number % 3},{'ab'[number % 2]}" for number in range(120)]
    (tmp_path / "ranked.csv").write_text("\n".join(["query,page,relevance,part", *rows, ""]), encoding="utf-8")
    with pytest.raises(DataError, match="divides 6 groups between parts, such as query"):
        prepare(whole, Features("plain"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"group": None}, "group: task ranking needs it, such as group: query"),
        ({"group": "qery"}, "group: there is no column 'qery'; did you mean 'query'?"),
        ({"group": "relevance"}, "group: is the label"),
        ({"event": "part"}, "event: belongs to task survival"),
        ({"task": "regression"}, "group: belongs to task ranking, and regression is asked"),
        ({"columns": {**RANKED.columns, "query": Identifier()}}, "columns.query is different in every row"),
        (
            {"columns": {**RANKED.columns, "query": Nominal(missing="unknown")}},
            "columns.query must have missing: refused",
        ),
    ],
)
def test_a_column_that_cannot_be_it_is_refused(tmp_path: Path, changes: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ranked(tmp_path, **changes)


def test_a_row_without_a_group_is_refused_and_the_group_may_be_no_feature(tmp_path: Path) -> None:
    dataset = ranked(tmp_path, columns={**RANKED.columns, "query": Ignored()})
    assert len(set(read(dataset)["query"])) == 12
    file = tmp_path / "ranked.csv"
    file.write_text(file.read_text(encoding="utf-8").replace("q3,", ",", 2), encoding="utf-8")
    with pytest.raises(DataError, match="query: 2 rows have no group"):
        read(dataset)


def lasting(folder: Path, rows: list[str]) -> Dataset:
    (folder / "lasting.csv").write_text("\n".join(["age,days,died", *rows, ""]), encoding="utf-8")
    columns = {"age": Numeric(), "days": Numeric(), "died": Nominal()}
    split = Split(Fractions(0.5, 0.5))
    return Dataset("lasting", str(folder / "lasting.csv"), "days", columns, split, task="survival", event="died")


@pytest.mark.parametrize(("seen", "not_seen"), [("1", "0"), ("true", "false"), ("True", "False"), ("1.0", "0.0")])
def test_times_until_something_else_are_negative(tmp_path: Path, seen: str, not_seen: str) -> None:
    table = read(lasting(tmp_path, [f"50,3,{seen}", f"60,4.5,{not_seen}"]))
    assert table["days"].tolist() == [3, -4.5]
    assert list(lasting(tmp_path, ["1,2,1"]).inputs) == ["age"]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("50,0,1", "days: times must be more than 0, the least is 0"),
        ("50,-3,1", "the least is -3"),
        ("50,3,yes", "died: an event is 1 or 0, or true or false, got 'yes'"),
    ],
)
def test_what_is_no_time_or_no_event_is_refused(tmp_path: Path, row: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        read(lasting(tmp_path, ["50,3,1", row]))


def test_numbers_may_say_whether_an_event_was_seen(tmp_path: Path) -> None:
    dataset = lasting(tmp_path, ["50,3,1", "60,4,0"])
    numbers = replace(dataset, columns={**dataset.columns, "died": Numeric()})
    assert read(numbers)["days"].tolist() == np.array([3.0, -4.0]).tolist()
