from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest

from housing.config.load import load
from housing.data.description import Dataset, Identifier, Nominal, Numeric
from housing.data.features import Features
from housing.data.leaks import leaks
from housing.data.moments import Date
from housing.data.preparation import prepare
from housing.data.split_spec import ByTime, Fractions, Split

ROWS = 500
DESCRIBED = {"area": Numeric(), "zone": Nominal(), "price": Numeric()}


def told(folder: Path, columns: dict[str, Any], described: dict[str, Any], **changes: Any) -> list[str]:
    """What is said of a table that, without these columns, leaves nothing to say."""
    rng = np.random.default_rng(0)
    area = rng.normal(100, 20, ROWS)
    plain = {"area": area, "zone": rng.choice(["a", "b"], ROWS), "price": area * 2 + rng.normal(0, 20, ROWS)}
    table = pandas.DataFrame({**plain, **{k: v(plain) if callable(v) else v for k, v in columns.items()}})
    table.to_csv(folder / "t.csv", index=False)
    known = {name: one for name, one in (DESCRIBED | described).items() if name in table}
    changes.setdefault("split", Split(fractions=Fractions(0.6, 0.2, 0.2)))
    dataset = Dataset(**{"name": "t", "source": str(folder / "t.csv"), "label": "price", "columns": known, **changes})
    return list(leaks(prepare(dataset, Features("plain"))))


def days(start: str) -> Any:
    return pandas.Series(pandas.date_range(start, periods=ROWS).astype(str)).sample(frac=1, random_state=0).to_numpy()


def test_nothing_is_said_of_tables_that_let_nothing_slip(tmp_path: Path) -> None:
    assert told(tmp_path, {}, {}) == []
    for options in ([], ["dataset=penguins"]):
        experiment = load(options)
        assert list(leaks(prepare(experiment.dataset, experiment.features))) == []


@pytest.mark.parametrize(
    ("name", "column", "described", "sentence"),
    [
        ("paid", lambda t: t["price"] * 1.1 + 3, Numeric(), "paid alone explains 99."),
        ("paid", lambda t: [f"{p:.0f}0 EUR" for p in t["price"] // 12], Nominal(), "paid alone explains 9"),
        ("id", np.arange(ROWS) * 3, Numeric(), "id rises from each row to the next"),
        ("who", [f"w{n % 60}" for n in range(ROWS)], Identifier(unique=False), "100 of 100 rows of test have a who"),
        ("sold", days("2020-01-01"), Date(), "of the rows of training have a later sold than half of test"),
    ],
)
def test_a_leak_is_told_with_figures(tmp_path: Path, name: str, column: Any, described: Any, sentence: str) -> None:
    found = told(tmp_path, {name: column}, {name: described})
    assert any(sentence in one for one in found), found


def test_a_level_that_is_known_from_one_column_is_told(tmp_path: Path) -> None:
    label = Nominal(levels=("no", "yes"))
    columns = {"price": lambda t: np.where(t["price"] > 200, "yes", "no"), "code": lambda t: (t["price"] > 200) * 7.0}
    (found,) = told(tmp_path, columns, {"price": label, "code": Numeric()})
    assert "code alone explains 100.0% of the errors" in found


def test_equal_rows_of_two_parts_are_counted(tmp_path: Path) -> None:
    repeated = {name: lambda t, name=name: np.resize(t[name][:250], ROWS) for name in DESCRIBED}
    found = told(tmp_path, repeated, {})
    assert [words for one in found for words in [one.split(" are equal")[0]] if "rows of" in words] == [
        one.split(" are equal")[0] for one in found
    ]
    assert "of 100 rows of validation (" in found[0]
    assert "of 100 rows of test (" in found[1]


def test_a_split_that_heeds_time_or_groups_is_not_reminded_of_them(tmp_path: Path) -> None:
    columns = {"who": [f"w{n % 60}" for n in range(ROWS)], "sold": days("2020-01-01")}
    described = {"who": Identifier(unique=False), "sold": Date()}
    by_group = Split(fractions=Fractions(0.6, 0.2, 0.2), by_group="who")
    assert not [one for one in told(tmp_path, columns, described, split=by_group) if "who" in one]
    by_time = Split(by_time=ByTime("sold", "2020-10-01", "2021-01-01"))
    assert not [one for one in told(tmp_path, columns, described, split=by_time) if "later" in one]
