from __future__ import annotations

import io
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from housing.data.calibration import Calibration, Sigmoid
from housing.data.derived import Derived
from housing.data.description import Nominal, Numeric
from housing.data.encoder import Encoder
from housing.data.features import Features
from housing.data.inputs import Levels, Number
from housing.data.table import Table, read
from housing.errors import DataError, ModelError
from tests.data.cottages import COLUMNS, CSV, PLAIN, cottages

RANKS = Features(
    name="ranks",
    ordinal="rank",
    label_transform="log",
    derived={
        "total": Derived("sum", ("area", "pool")),
        "left": Derived("difference", ("area", "pool", "rooms")),
        "volume": Derived("product", ("area", "rooms")),
        "share": Derived("ratio", ("area", "pool")),
    },
)
ROW: dict[str, Any] = {"area": 50, "rooms": 2, "pool": 5, "grade": "fair", "zone": "south", "street": "Elm"}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Table:
    file = tmp_path_factory.mktemp("cottages") / "cottages.csv"
    file.write_text(CSV)
    return read(cottages(file))


@pytest.fixture(scope="module")
def plain(table: Table) -> Encoder:
    return Encoder.fit(table, cottages("cottages.csv"), PLAIN)


@pytest.fixture(scope="module")
def ranks(table: Table) -> Encoder:
    return Encoder.fit(table, cottages("cottages.csv"), RANKS)


def _encoded(encoder: Encoder, **changes: Any) -> dict[str, float]:
    row = encoder.transform({name: [value] for name, value in {**ROW, **changes}.items()})
    return dict(zip(encoder.columns, row[0].tolist(), strict=True))


def _on(encoded: dict[str, float], column: str) -> list[str]:
    return [name for name, value in encoded.items() if name.startswith(f"{column}=") and value]


def test_a_row_is_encoded_as_documented(plain: Encoder) -> None:
    assert _encoded(plain) == {
        "area": 50,
        "rooms": 2,
        "pool": 5,
        "grade=poor": 0,
        "grade=fair": 1,
        "grade=good": 0,
        "grade=(none)": 0,
        "zone=north": 0,
        "zone=south": 1,
        "street=Ash": 0,
        "street=Elm": 1,
        "street=Oak": 0,
    }


@pytest.mark.parametrize("nothing", [None, "", "NA", math.nan, np.float32("nan")])
def test_missing_values_are_encoded_by_what_they_mean(plain: Encoder, ranks: Encoder, nothing: object) -> None:
    one_hot = _encoded(plain, rooms=nothing, pool=nothing, grade=nothing, street=nothing)
    assert math.isnan(one_hot["rooms"])
    assert one_hot["pool"] == 0
    assert _on(one_hot, "grade") == ["grade=(none)"]
    assert _on(one_hot, "street") == []
    assert _encoded(ranks, grade=nothing)["grade"] == -1


def test_ranks_count_from_the_lowest_level(ranks: Encoder) -> None:
    assert [_encoded(ranks, grade=grade)["grade"] for grade in ("poor", "fair", "good")] == [0, 1, 2]


def test_unseen_levels_are_zeros_and_an_unseen_rank_is_missing(plain: Encoder, ranks: Encoder) -> None:
    assert _on(_encoded(plain, zone="west"), "zone") == []
    assert _on(_encoded(plain, grade="superb"), "grade") == []
    assert math.isnan(_encoded(ranks, grade="superb")["grade"])


def test_levels_are_learnt_from_the_fitting_rows_alone(table: Table) -> None:
    encoder = Encoder.fit(table.take(np.array([0, 1])), cottages("cottages.csv"), PLAIN)
    assert [name for name in encoder.columns if name.startswith("street")] == ["street=Elm", "street=Oak"]


def test_derived_columns_go_left_to_right_and_lack_what_their_inputs_lack(ranks: Encoder) -> None:
    full = _encoded(ranks)
    assert (full["total"], full["left"], full["volume"], full["share"]) == (55, 43, 100, 10)
    no_pool = _encoded(ranks, pool=None)
    assert no_pool["total"] == 50
    assert math.isnan(no_pool["share"])
    unknown_rooms = _encoded(ranks, rooms=None)
    assert unknown_rooms["total"] == 55
    assert math.isnan(unknown_rooms["left"])
    assert math.isnan(unknown_rooms["volume"])


def test_text_numbers_and_a_pandas_frame_give_the_same_matrix(table: Table, plain: Encoder) -> None:
    import pandas as pd

    matrix = plain.transform(table)
    text = table.to_csv(plain.required)
    frame = pd.read_csv(io.StringIO(text))
    for columns in (plain.rows_from_csv(text), frame, frame.convert_dtypes(), frame.to_dict("list")):
        assert plain.transform(columns).tobytes() == matrix.tobytes()


def test_a_level_that_reads_as_a_number_is_found_by_the_number(table: Table) -> None:
    columns = {**COLUMNS, "zone": Nominal(levels=("20", "30.0")), "grade": Nominal(levels=("False", "True"))}
    encoder = Encoder.fit(table, cottages("cottages.csv", columns=columns), PLAIN)
    for zone in (20, 20.0, np.int64(20), "20"):
        assert _on(_encoded(encoder, zone=zone), "zone") == ["zone=20"]
    assert _on(_encoded(encoder, zone=30), "zone") == ["zone=30.0"]
    assert _on(_encoded(encoder, grade=True), "grade") == ["grade=True"]


@pytest.mark.parametrize(
    ("changes", "essentials"),
    [
        ({"area": "big"}, ["area: not a number: 'big' (row 1)"]),
        ({"area": "1_0"}, ["area: not a number"]),
        ({"area": math.inf}, ["area: not a number"]),
        ({"area": "1e999"}, ["area: not a number"]),
        ({"area": 10**400}, ["area: not a number"]),
        ({"area": [1]}, ["area: not a number"]),
        ({"area": 1e39}, ["area", "too large"]),
        ({"area": None}, ["area: missing value", "row 1"]),
        ({"zone": ""}, ["zone: missing value", "row 1"]),
        ({"zone": ["north"]}, ["zone: not a level: ['north'] (row 1)"]),
        ({"area": "big", "pool": "deep"}, ["2 faults", "area", "pool"]),
    ],
)
def test_what_cannot_be_encoded_is_refused_by_column_and_row(
    plain: Encoder, changes: dict[str, object], essentials: list[str]
) -> None:
    with pytest.raises(DataError) as refused:
        _encoded(plain, **changes)
    for essential in essentials:
        assert essential in str(refused.value)


def test_a_missing_column_and_unequal_lengths_are_refused(plain: Encoder) -> None:
    columns = {name: [value] for name, value in ROW.items()}
    with pytest.raises(DataError, match="missing columns: 'area'"):
        plain.transform({name: values for name, values in columns.items() if name != "area"})
    with pytest.raises(DataError, match="unequal length"):
        plain.transform({**columns, "zone": ["north", "south"]})


def test_encoded_names_are_unique_and_break_neither_csv_nor_xgboost(table: Table) -> None:
    levels = ("a,b", "a b", 'a"b', "[a]", "a<b", "a\nb", "(none)", "größe")
    columns = {**COLUMNS, "zone": Nominal(levels=levels, missing="none"), "zone=a_b": Numeric(missing="unknown")}
    encoder = Encoder.fit(table, cottages("cottages.csv", columns=columns), PLAIN)
    assert len(set(encoder.columns)) == len(encoder.columns)
    assert not any(set(name) & set('[]<,"\n ') for name in encoder.columns)
    xgboost = pytest.importorskip("xgboost")
    xgboost.DMatrix(np.zeros((1, len(encoder.columns))), feature_names=list(encoder.columns))


def test_the_logarithm_of_a_label_is_undone(ranks: Encoder, plain: Encoder) -> None:
    prices = np.array([900.5, 1000, 755000])
    assert ranks.encode_label(prices).tolist() == pytest.approx(np.log(prices).tolist())
    assert ranks.decode_label(ranks.encode_label(prices)).tolist() == pytest.approx(prices.tolist(), rel=1e-6)
    assert plain.decode_label(plain.encode_label(prices)).tolist() == prices.tolist()


def test_the_logarithm_of_a_label_of_zero_is_refused(table: Table) -> None:
    free = Table({**table, "price": table["price"] - 900.5}, table.source)
    with pytest.raises(DataError, match=r"log needs every price above 0, the lowest is 0"):
        Encoder.fit(free, cottages("cottages.csv"), RANKS)


def test_json_brings_the_same_encoder_back(plain: Encoder, ranks: Encoder, table: Table) -> None:
    of_levels = replace(plain, task="binary", label_levels=("no", "yes"), threshold=0.3)
    of_quantiles = replace(plain, task="quantile", quantiles=(0.1, 0.9))
    for encoder in (plain, ranks, of_levels, of_quantiles):
        again = Encoder.from_json(encoder.to_json())
        assert again == encoder
        assert again.to_json() == encoder.to_json()
        assert again.digest == encoder.digest
        assert again.transform(table).tobytes() == encoder.transform(table).tobytes()
    assert len({plain.digest, ranks.digest, of_levels.digest, of_quantiles.digest}) == 4
    with pytest.raises(DataError, match="quantiles: must be in rising order"):
        Encoder.from_json(of_quantiles.to_json().replace("0.1, 0.9", "0.9, 0.1"))


BROKEN: dict[str, Any] = {
    "not JSON": lambda raw: None,
    "a later version": lambda raw: raw | {"version": 2},
    "no version": lambda raw: {key: raw[key] for key in raw if key != "version"},
    "an unknown key": lambda raw: raw | {"scale": 1},
    "no inputs": lambda raw: raw | {"inputs": []},
    "an input twice": lambda raw: raw | {"inputs": raw["inputs"] * 2},
    "an unknown way": lambda raw: raw | {"inputs": [{**raw["inputs"][3], "as": "hash"}]},
    "an unknown meaning": lambda raw: raw | {"inputs": [{**raw["inputs"][0], "missing": "mean"}]},
    "levels that are numbers": lambda raw: raw | {"inputs": [{**raw["inputs"][3], "levels": [1, 2]}]},
    "an unknown transform": lambda raw: raw | {"label": {**raw["label"], "transform": "cube"}},
    "derived from nowhere": lambda raw: raw | {"derived": [{"column": "x", "operation": "sum", "of": ["q", "r"]}]},
    "a list": lambda raw: [raw],
}


@pytest.mark.parametrize("change", BROKEN.values(), ids=BROKEN.keys())
def test_json_that_is_no_encoder_is_refused(plain: Encoder, change: Any) -> None:
    changed = change(json.loads(plain.to_json()))
    with pytest.raises(DataError, match="encoder"):
        Encoder.from_json("{" if changed is None else json.dumps(changed))


# A NUL is refused in every row.
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=8)
LEVELS = st.lists(TEXTS.filter(lambda text: text not in ("", "NA")), min_size=1, max_size=6, unique=True)
MISSING = st.sampled_from(["refused", "unknown", "none"])


@st.composite
def encoders(draw: st.DrawFn) -> Encoder:
    names = draw(st.lists(st.text(max_size=8), min_size=1, max_size=5, unique=True))
    inputs = [
        draw(
            st.builds(Number, column=st.just(name), missing=MISSING)
            | st.builds(
                Levels,
                column=st.just(name),
                missing=MISSING,
                levels=LEVELS.map(tuple),
                way=st.sampled_from(["rank", "one_hot"]),
            )
        )
        for name in names
    ]
    return Encoder("label", draw(st.text(max_size=5)), "none", ("", "NA"), tuple(inputs), {})


@given(encoder=encoders(), data=st.data())
@settings(max_examples=150, deadline=None)
def test_any_encoder_survives_json_and_any_row_survives_csv(encoder: Encoder, data: st.DataObject) -> None:
    assert Encoder.from_json(encoder.to_json()) == encoder
    assert len(set(encoder.columns)) == len(encoder.columns)
    row = {one.column: [data.draw(_values(one))] for one in encoder.inputs}
    matrix = encoder.transform(row)
    cells = {name: np.array(values, dtype=object) for name, values in row.items()}
    if not any("\0" in name for name in row):
        text = Table(cells, "row").to_csv()
        assert encoder.transform(encoder.rows_from_csv(text)).tobytes() == matrix.tobytes()
    as_text = ",".join("" if math.isnan(value) else repr(value) for value in matrix[0].tolist())
    if as_text:
        assert encoder.encoded_from_csv(as_text).tobytes() == matrix.tobytes()


def _values(one: Number | Levels) -> st.SearchStrategy[Any]:
    present: st.SearchStrategy[Any]
    present = st.floats(-1e9, 1e9) if isinstance(one, Number) else st.sampled_from(one.levels)
    return present if one.missing == "refused" else present | st.none()


def test_a_row_is_encoded_the_same_alone_and_among_others(table: Table, plain: Encoder) -> None:
    whole: NDArray[np.float32] = plain.transform(table)
    alone = [plain.transform(table.take(np.array([row]))) for row in range(table.rows)]
    assert np.concatenate(alone).tobytes() == whole.tobytes()


def test_fitting_needs_neither_pandas_nor_pyarrow(tmp_path: Path) -> None:
    import subprocess
    import sys

    program = (
        "import sys, housing.data.preparation, housing.data.encoder\n"
        "sys.exit(bool({'pandas', 'pyarrow', 'xgboost', 'mlflow', 'yaml'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=False).returncode == 0


def test_the_logarithm_takes_labels_below_1_and_answers_in_double_precision(ranks: Encoder, plain: Encoder) -> None:
    assert ranks.encode_label([0.5]).tolist() == pytest.approx(np.log([0.5]).tolist())
    for encoder in (ranks, plain):
        assert encoder.decode_label(np.float32([1, 2])).dtype == np.float64


def test_means_by_level_are_of_the_label_or_of_each_of_its_levels(plain: Encoder, table: Table) -> None:
    dataset = cottages("cottages.csv")
    assert plain.learnable_label(table, dataset).tolist() == [[1000], [2000], [1500], [900.5], [9000]]
    zones = Table({"zone": np.array(["south", "north"], object)}, "zones.csv")
    of_zones = cottages("cottages.csv", label="zone", label_unit="")
    two = replace(plain, task="binary", label="zone", label_levels=("north", "south"))
    assert two.learnable_label(zones, of_zones).tolist() == [[1], [0]]
    three = replace(two, task="multiclass", label_levels=("west", "south", "north"))
    assert three.learnable_label(zones, of_zones).tolist() == [[0, 1, 0], [0, 0, 1]]


@pytest.mark.parametrize(
    ("task", "levels", "outputs", "told"),
    [
        ("regression", (), [[1.0, 2.0]], "array (1, 2); for task regression of price it must be (rows,)"),
        ("regression", (), 1.0, "array (); for task regression of price it must be (rows,)"),
        ("multiclass", ("a", "b", "c"), [0.5], "array (1,); for task multiclass of price it must be (rows, 3)"),
        (
            "multiclass",
            ("a", "b", "c"),
            [[0.5, 0.5]],
            "array (1, 2); for task multiclass of price it must be (rows, 3)",
        ),
    ],
)
def test_answers_of_another_shape_than_the_task_s_are_refused(
    plain: Encoder, task: str, levels: tuple[str, ...], outputs: Any, told: str
) -> None:
    encoder = replace(plain, task=task, label_levels=levels)
    with pytest.raises(ModelError) as refused:
        encoder.decode(outputs)
    assert str(refused.value) == f"the model gave an {told}"


def test_answers_are_of_double_precision_in_the_label_s_unit_and_calibrated(plain: Encoder) -> None:
    assert plain.decode(np.array([2], np.int64)).values.dtype == np.float64
    assert replace(plain, label_transform="log").decode([0.0, 1.0]).values.tolist() == [1, math.e]
    sure = replace(
        plain, task="binary", label_levels=("no", "yes"), calibration=Calibration("sigmoid", (Sigmoid(0.0, 0.0),))
    )
    found = sure.decode(np.array([0.1, 0.9])).probabilities
    assert found is not None
    assert found.tolist() == [[0.5, 0.5], [0.5, 0.5]]


def test_without_intervals_there_are_no_ranges(plain: Encoder) -> None:
    with pytest.raises(DataError) as refused:
        plain.ranges(plain.decode([1.0]), None, None)
    assert str(refused.value) == (
        "the model of price has no intervals; promote it with intervals.coverage=0.9, and deploy it"
    )


def test_what_a_dataset_and_its_features_say_of_the_label_is_kept(table: Table) -> None:
    asked = cottages("cottages.csv", task="quantile", quantiles=(0.1, 0.9))
    fitted = Encoder.fit(table, asked, replace(PLAIN, label_transform="log", monotone={"area": "increasing"}))
    assert (fitted.label, fitted.label_unit, fitted.label_transform, fitted.task) == ("price", "EUR", "log", "quantile")
    assert (fitted.quantiles, fitted.monotone, fitted.label_levels) == ((0.1, 0.9), {"area": "increasing"}, ())
    assert fitted.learnable_label(table, asked).dtype == np.float64
    north = Encoder.fit(table, cottages("cottages.csv", label="zone", positive="north", label_unit=""), PLAIN)
    assert (north.task, north.label_levels) == ("binary", ("south", "north"))


def test_labels_are_what_metrics_take_numbers_or_codes_of_levels(plain: Encoder) -> None:
    numbers = plain.label_values(["100", 200, 300.5])
    assert numbers.dtype == np.float64
    assert numbers.tolist() == [100, 200, 300.5]
    assert plain.encode_label([100, 200]).dtype == np.float32
    levels = tuple(f"level {number:02}" for number in range(13))
    of_levels = replace(plain, task="multiclass", label_levels=(*levels, "1", "True"))
    codes = of_levels.label_values(["level 02", 1, True, "level 00"])
    assert codes.dtype == np.float64
    assert codes.tolist() == [2, 13, 14, 0]
    with pytest.raises(DataError) as refused:
        of_levels.label_values(["level 2", "level 01", "a"])
    known = ", ".join(map(repr, levels[:12]))
    assert str(refused.value) == f"{plain.label}: 'a', 'level 2': no such level; it has {known} and 3 more"
