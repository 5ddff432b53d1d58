"""Dates, truth values and columns of many levels as encoded columns."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pandas
import pytest

from housing.data.derived import Derived
from housing.data.description import Dataset, Identifier, Nominal, Numeric
from housing.data.encoder import Encoder
from housing.data.features import ColumnFeatures, Features, check_features
from housing.data.fitted_rows import fitted_to
from housing.data.kinds import Boolean
from housing.data.moments import Date
from housing.data.split_spec import Fractions, Split
from housing.data.table import Table
from housing.errors import DataError

ROWS = 600
COLUMNS = {
    "sold": Date(format="%d.%m.%Y %H:%M"),
    "built": Date(missing="unknown"),
    "pool": Boolean(missing="unknown"),
    "agent": Nominal(missing="unknown"),
    "zone": Nominal(levels=("east", "west")),
    "area": Numeric(missing="unknown"),
    "id": Identifier(),
    "price": Numeric(),
}
ALL = Features(
    "all",
    min_rows=3,
    date=("year", "month", "day_of_week", "day_of_year", "hour", "days", "month_cycle"),
    columns={
        "agent": ColumnFeatures(nominal="target"),
        "zone": ColumnFeatures(nominal="hash", hash_buckets=4),
        "built": ColumnFeatures(date=("year",)),
    },
    derived={
        "age": Derived("elapsed_days", ("sold", "built")),
        "no_pool": Derived("is_missing", ("pool",)),
        "large": Derived("greater", ("area",), value=100.0),
        "size": Derived("bin", ("area",), edges=(50.0, 100.0)),
        "log": Derived("log", ("area",)),
        "wet": Derived("product", ("area", "pool")),
    },
)


def sales(agents: int = 40, *, seed: int = 0, label: np.ndarray | None = None) -> tuple[Table, Dataset]:  # type: ignore[type-arg]
    rng = np.random.default_rng(seed)
    sold = pandas.Series(pandas.Timestamp("2023-01-01") + pandas.to_timedelta(rng.integers(0, 9000, ROWS), unit="h"))
    agent = np.array([f"agent {number}" for number in rng.integers(0, agents, ROWS)], object)
    price = label if label is not None else np.array([hash_of(name) for name in agent]) + rng.normal(0, 1, ROWS)
    agent[:5] = None
    columns: dict[str, Any] = {
        "sold": sold.dt.strftime("%d.%m.%Y %H:%M").to_numpy(object),
        "built": np.array([None, "1999-12-31", "2004-02-29"] * (ROWS // 3), object),
        "pool": np.array(["yes", "No", None] * (ROWS // 3), object),
        "agent": agent,
        "zone": np.array(["east", "west"] * (ROWS // 2), object),
        "area": np.where(np.arange(ROWS) % 7 == 0, np.nan, np.linspace(-5, 200, ROWS)),
        "id": np.array([str(number) for number in range(ROWS)], object),
        "price": price,
    }
    split = Split(fractions=Fractions(0.6, 0.2, 0.2))
    return Table(columns, "sales.csv"), Dataset("sales", "sales.csv", "price", COLUMNS, split)


def hash_of(name: str) -> float:
    return float(int(name.split()[1]) % 10)


def column(encoder: Encoder, matrix: np.ndarray, name: str) -> np.ndarray:  # type: ignore[type-arg]
    return matrix[:, encoder.columns.index(name)]


def test_dates_have_pandas_s_parts() -> None:
    table, dataset = sales()
    encoder = Encoder.fit(table, dataset, ALL)
    matrix = encoder.transform(table)
    sold = pandas.to_datetime(pandas.Series(table["sold"]), format="%d.%m.%Y %H:%M")
    for name, wanted in (
        ("year", sold.dt.year), ("month", sold.dt.month), ("day_of_week", sold.dt.day_of_week),
        ("day_of_year", sold.dt.day_of_year), ("hour", sold.dt.hour),
        ("month_cycle_cos", np.cos(2 * np.pi * sold.dt.month / 12)),
    ):  # fmt: skip
        assert column(encoder, matrix, f"sold.{name}") == pytest.approx(wanted.to_numpy(), abs=1e-6)
    built = pandas.to_datetime(pandas.Series(table["built"]))
    age = ((sold - built).dt.total_seconds() / 86400).to_numpy()
    assert column(encoder, matrix, "age") == pytest.approx(age, rel=1e-6, nan_ok=True)
    assert np.isnan(column(encoder, matrix, "built.year")).sum() == ROWS // 3


def test_derived_columns_compare_cut_and_tell_what_is_missing() -> None:
    table, dataset = sales()
    encoder = Encoder.fit(table, dataset, ALL)
    matrix, area = encoder.transform(table), table["area"]
    assert column(encoder, matrix, "no_pool").tolist() == [0, 0, 1] * (ROWS // 3)
    large = np.where(np.isnan(area), np.nan, area > 100)
    assert np.array_equal(column(encoder, matrix, "large"), large, equal_nan=True)
    size = np.where(np.isnan(area), np.nan, (area >= 50).astype(int) + (area >= 100))
    assert np.array_equal(column(encoder, matrix, "size"), size, equal_nan=True)
    assert np.isnan(column(encoder, matrix, "log")[area <= 0]).all()
    assert np.isnan(column(encoder, matrix, "wet")[2::3]).all()


def test_without_hours_there_is_no_column_of_them() -> None:
    table, dataset = sales()
    encoder = Encoder.fit(table, dataset, Features("plain"))
    assert "sold.hour" in encoder.columns
    assert "built.hour" not in encoder.columns
    assert "built.month" in encoder.columns


@pytest.mark.parametrize("way", ["one_hot", "native", "target", "count", "hash", "ordinal"])
@pytest.mark.parametrize("min_rows", [None, 5])
def test_an_encoder_of_many_levels_is_the_same_when_it_is_read_back(way: Any, min_rows: int | None) -> None:
    table, dataset = sales(agents=200)
    encoder = Encoder.fit(table, dataset, replace(ALL, nominal=way, min_rows=min_rows, columns={}))
    again = Encoder.from_json(encoder.to_json())
    assert again == encoder
    assert again.columns == encoder.columns
    names = encoder.required
    rows = table.take(np.arange(6, 60))
    texts = {name: ["" if v is None or v != v else str(v) for v in rows[name].tolist()] for name in names}
    assert np.array_equal(again.transform(texts), encoder.transform(rows), equal_nan=True)
    strange = {name: [rows[name].tolist()[0]] for name in names} | {"agent": ["nobody"], "zone": ["east"]}
    alone = again.transform(strange)
    assert alone.shape == (1, len(encoder.columns))
    if min_rows and way == "one_hot":
        assert column(encoder, alone, "agent=(rare)") == 1


def test_what_is_no_date_and_not_true_or_false_is_named_with_its_row() -> None:
    table, dataset = sales()
    encoder = Encoder.fit(table, dataset, ALL)
    row = {name: table[name].tolist()[7:9] for name in encoder.required}
    with pytest.raises(DataError) as refused:
        encoder.transform(row | {"sold": ["31.02.2024 10:00", "01.02.2024 10:00"], "pool": ["maybe", "Y"]})
    assert "sold: not a date: '31.02.2024 10:00' (row 1)" in str(refused.value)
    assert "pool: not true or false: 'maybe' (row 1)" in str(refused.value)


@pytest.mark.parametrize("damage", [("parts", ["moon"]), ("format", "%d"), ("as", "dat")])
def test_a_damaged_encoder_is_refused(damage: tuple[str, object]) -> None:
    table, dataset = sales()
    raw = json.loads(Encoder.fit(table, dataset, ALL).to_json())
    raw["inputs"][0][damage[0]] = damage[1]
    with pytest.raises(DataError, match=r"encoder.inputs\[0\]"):
        Encoder.from_json(json.dumps(raw))


def test_a_mean_label_does_not_tell_a_row_its_own_label() -> None:
    label = np.random.default_rng(5).normal(0, 1, ROWS)
    table, dataset = sales(agents=150, label=label)
    encoder = Encoder.fit(table, dataset, Features("f", nominal="target"))
    own = column(encoder, encoder.transform(table), "agent.target")
    fitted = column(encoder, fitted_to(encoder, table, dataset), "agent.target")
    raw = pandas.Series(label).groupby(pandas.Series(table["agent"]).fillna("")).transform("mean")
    assert np.corrcoef(raw, label)[0, 1] > 0.4  # what leaks
    assert np.corrcoef(own, label)[0, 1] > 0.3 or np.std(own) < 0.05
    assert abs(np.corrcoef(fitted, label)[0, 1]) < 0.15


def test_a_mean_label_tells_of_levels_that_matter() -> None:
    table, dataset = sales(agents=60)
    encoder = Encoder.fit(table, dataset, Features("f", nominal="target"))
    fitted = column(encoder, fitted_to(encoder, table, dataset), "agent.target")
    assert np.corrcoef(fitted[5:], [hash_of(name) for name in table["agent"][5:]])[0, 1] > 0.9
    held, _ = sales(agents=60, seed=1)
    there = column(encoder, encoder.transform(held), "agent.target")
    assert np.corrcoef(there[5:], held["price"][5:])[0, 1] > 0.85


def test_more_levels_than_fifty_are_not_one_hot_unless_it_is_said() -> None:
    table, dataset = sales(agents=51)
    assert "agent.target" in Encoder.fit(table, dataset, Features("f")).columns
    assert "agent.count" in Encoder.fit(table, dataset, Features("f", high_cardinality="count")).columns
    said = Features("f", columns={"agent": ColumnFeatures(nominal="one_hot")})
    assert "agent=agent_0" in Encoder.fit(table, dataset, said).columns
    few, _ = sales(agents=50)
    assert "agent=agent_0" in Encoder.fit(few, dataset, Features("f")).columns


@pytest.mark.parametrize(
    ("features", "key", "why"),
    [
        (Features("f", columns={"agnt": ColumnFeatures()}), "columns.agnt", "did you mean 'agent'?"),
        (Features("f", columns={"area": ColumnFeatures(nominal="hash")}), "columns.area.nominal", "belongs to nominal"),
        (Features("f", columns={"id": ColumnFeatures()}), "columns.id", "is no feature"),
        (Features("f", columns={"area": ColumnFeatures(date=("year",))}), "columns.area.date", "belongs to dates"),
        (Features("f", derived={"a": Derived("elapsed_days", ("sold", "area"))}), "derived.a.columns", "needs dates"),
        (Features("f", derived={"a": Derived("log", ("agent",))}), "derived.a.columns", "is nominal"),
        (Features("f", monotone={"agent": "increasing"}), "monotone.agent", "is nominal, which has no order"),
        (Features("f", monotone={"price": "increasing"}), "monotone.price", "is the label"),
        (Features("f", monotone={"aera": "increasing"}), "monotone.aera", "did you mean 'area'?"),
    ],
)
def test_features_that_do_not_fit_the_dataset_are_named(features: Features, key: str, why: str) -> None:
    ((found, _, told),) = check_features(sales()[1], features)
    assert found == key
    assert why in told


def test_levels_of_an_algorithm_s_own_are_codes_and_unseen_ones_are_missing() -> None:
    table, dataset = sales(agents=20)
    encoder = Encoder.fit(table, dataset, Features("f", nominal="native"))
    (place, zone) = encoder.categorical
    assert (encoder.columns[place], encoder.columns[zone]) == ("agent", "zone")
    row = {name: table[name].tolist()[6:9] for name in encoder.required}
    found = encoder.transform(row | {"agent": ["agent 3", "nobody", ""], "zone": ["east", "west", "north"]})
    levels = sorted({f"agent {number}" for number in range(20)})
    assert found[0, place] == levels.index("agent 3")
    assert np.isnan(found[1:, place]).all()
    assert found[:2, zone].tolist() == [0, 1]
    with_rare = Encoder.fit(table, dataset, Features("f", nominal="native", min_rows=31))
    rare = with_rare.transform(row | {"agent": ["nobody"] * 3})[0, with_rare.place_of("agent")]
    assert rare == np.nanmax(with_rare.transform(table)[:, with_rare.place_of("agent")])


def test_columns_that_answers_rise_with_go_with_the_encoder() -> None:
    table, dataset = sales()
    asked = replace(ALL, monotone={"area": "increasing", "log": "decreasing", "pool": "increasing"})
    encoder = Encoder.fit(table, dataset, asked)
    assert Encoder.from_json(encoder.to_json()) == encoder
    signs = dict(zip(encoder.columns, encoder.directions, strict=True))
    assert {name: sign for name, sign in signs.items() if sign} == {"area": 1, "log": -1, "pool": 1}
    assert Encoder.fit(table, dataset, ALL).directions == ()
    assert '"monotone"' not in Encoder.fit(table, dataset, ALL).to_json()
