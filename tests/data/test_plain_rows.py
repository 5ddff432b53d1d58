"""Rows that are encoded at once are encoded as they are on the whole way, or not at once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from housing.data.content_type import CSV, JSON, JSON_LINES
from housing.data.derived import Derived
from housing.data.encoder import Encoder
from housing.data.inputs import Levels, Number
from housing.data.json_rows import records_from_json, records_from_json_lines
from housing.data.more_inputs import Flag, Hashed, LevelNumbers, Moment
from housing.data.number_format import NumberFormat
from housing.data.plain_rows import PlainRows
from housing.errors import DataError

LEVELS = ("1", "20", "False", "north, by the sea", "süd")
EVERY = Encoder(
    label="price",
    label_unit="",
    label_transform="none",
    missing_values=("NA", "-1"),
    inputs=(
        Number("area", missing="unknown"),
        Levels("zone", missing="unknown", levels=LEVELS, way="one_hot"),
        Levels("grade", missing="none", levels=LEVELS, way="rank"),
        Levels("kind", missing="refused", levels=LEVELS, way="native", rare=True),
        Number("pool", missing="none"),
        Levels("alley", missing="none", levels=LEVELS, way="one_hot", rare=True),
        Number("cost", missing="unknown", form=NumberFormat(decimal=",", thousands=".")),
        Moment("sold", missing="unknown", format=None, parts=("year", "month")),
        Flag("new", missing="none"),
        LevelNumbers("town", "unknown", "count", (), LEVELS, ((1.0,), (2.0,), (3.0,), (4.0,), (5.0,)), (0.0,), (9.0,)),
        Hashed("agent", missing="unknown", buckets=3),
        Number("rooms", missing="refused"),
    ),
    derived={
        "each": Derived("ratio", ("area", "rooms")),
        "age": Derived("elapsed_days", ("sold", "sold")),
        "gone": Derived("is_missing", ("zone",)),
        "both": Derived("sum", ("new", "pool")),
    },
)
NUMBERS = Encoder(
    label="price",
    label_unit="",
    label_transform="none",
    missing_values=("NA",),
    inputs=(
        Number("area", missing="unknown"),
        Number("pool", missing="none"),
        Number("rooms", missing="refused"),
    ),
    derived={},
)
ORDINARY: Mapping[str, Any] = {
    "area": "80.5",
    "zone": "20",
    "grade": "1",
    "kind": "süd",
    "pool": "-3e2",
    "alley": "NA",
    "cost": "1",
    "sold": "2020-03-01",
    "new": "true",
    "town": "1",
    "agent": "Ann",
    "rooms": "3",
}
CELLS = st.one_of(
    st.sampled_from(
        ["", "NA", "-1", "1", "20", "20.0", "True", "no", "2021-07-31", "-0", "1e400", "9007199254740993", " 1", "1_0"]
    ),
    st.sampled_from(['"', "a\0b", "süd", "x", "1.5", "1,5", "nan", "é:{[", "\u2028", "\r", "\n"]),
    st.floats(width=32).map(repr),
)
VALUES = st.one_of(
    CELLS, st.none(), st.booleans(), st.integers(-30, 30), st.floats(), st.just(2**70), st.just([1]), st.just(20.0)
)


@given(data=st.data(), encoder=st.sampled_from([EVERY, NUMBERS]), end=st.sampled_from(["\n", "\r\n", "\n\n"]))
@settings(max_examples=300, deadline=None)
def test_csv_is_encoded_as_on_the_whole_way_or_not_at_once(data: st.DataObject, encoder: Encoder, end: str) -> None:
    header = data.draw(st.permutations([*encoder.required, "price"]))
    rows = [[str(cell) for cell in _cells(data, header, CELLS)] for _ in range(data.draw(st.integers(0, 3)))]
    body = end.join(",".join(row) for row in [header, *rows]) + data.draw(st.sampled_from(["", end]))
    _same_or_none(encoder, body.encode(), CSV)


@given(data=st.data(), encoder=st.sampled_from([EVERY, NUMBERS]))
@settings(max_examples=40, deadline=None)
def test_many_rows_are_encoded_by_column_as_they_are_by_row(data: st.DataObject, encoder: Encoder) -> None:
    header = data.draw(st.permutations([*encoder.required, "price"]))
    plain = [str(ORDINARY.get(name, "5")) for name in header]
    odd = [[str(cell) for cell in _cells(data, header, CELLS)] for _ in range(data.draw(st.integers(0, 3)))]
    body = "\n".join(",".join(row) for row in [header, *[plain] * 300, *odd]) + "\n"
    found = _same_or_none(encoder, body.encode(), CSV)
    assert odd or found is not None


@given(data=st.data(), encoder=st.sampled_from([EVERY, NUMBERS]), form=st.sampled_from([JSON, JSON_LINES]))
@settings(max_examples=300, deadline=None)
def test_json_is_encoded_as_on_the_whole_way_or_not_at_once(data: st.DataObject, encoder: Encoder, form: str) -> None:
    header = [*encoder.required, "price"][: data.draw(st.sampled_from([None, None, -2]))]
    rows = [dict(zip(header, _cells(data, header, VALUES), strict=True)) for _ in range(data.draw(st.integers(0, 3)))]
    wrapped = data.draw(st.sampled_from([rows, {"instances": rows}, {"dataframe_records": rows, "also": 1}]))
    _same_or_none(encoder, (_lines(rows) if form == JSON_LINES else json.dumps(wrapped)).encode(), form)


@pytest.mark.parametrize(
    "body",
    [
        '[{"area": 1, "pool": 2, "rooms": 3, "area": 4}]',
        '[{"area" : 1, "pool": 2, "rooms": 3, "area": 4}]',
        '{"instances": [{"area": 1, "pool": 2, "rooms": 3}], "instances": [{"area": 4, "pool": 2, "rooms": 3}]}',
        '[{"area": 1, "pool": 2, "rooms": 3, "note": {}}]',
        '[{"area": 1, "pool": 2, "rooms": 3, "note": "\\u0000"}]',
    ],
)
def test_what_is_refused_is_not_encoded_at_once(body: str) -> None:
    assert PlainRows(NUMBERS).matrix(body.encode(), JSON) is None


@pytest.mark.parametrize("number", [2**63 - 1, 2**63, 2**64, -(2**63) - 1, 10**30])
def test_whole_numbers_of_more_than_64_bits_keep_their_digits(number: int) -> None:
    for name in EVERY.required:
        _same_or_none(EVERY, json.dumps([ORDINARY | {name: number}]).encode(), JSON)


@pytest.mark.parametrize("encoder", [EVERY, NUMBERS])
def test_ordinary_rows_are_encoded_at_once_in_every_form(encoder: Encoder) -> None:
    rows = [{name: ORDINARY[name] for name in encoder.required}] * 2
    header = ",".join(encoder.required)
    lines = "\n".join(",".join(row.values()) for row in rows)
    bodies = [(f"{header}\n{lines}\n", CSV), (json.dumps({"instances": rows}), JSON), (_lines(rows), JSON_LINES)]
    for body, form in bodies:
        assert _same_or_none(encoder, body.encode(), form) is not None
    width = len(encoder.columns)
    encoded = "\n".join([",".join(["1.5", *[""] * (width - 2), "-2e3"])] * 2)
    assert _same_or_none(encoder, encoded.encode(), CSV) is not None


def _cells(data: st.DataObject, header: list[str], drawn: st.SearchStrategy[Any]) -> list[Any]:
    """Of an ordinary row with at most two cells that are drawn."""
    cells: list[Any] = [ORDINARY.get(name, "5") for name in header]
    for place in data.draw(st.lists(st.integers(0, len(header) - 1), max_size=2)):
        cells[place] = data.draw(drawn)
    return cells


def _lines(rows: list[dict[str, Any]]) -> str:
    return "\n".join(map(json.dumps, rows))


def _same_or_none(encoder: Encoder, body: bytes, form: str) -> NDArray[np.float32] | None:
    found = PlainRows(encoder).matrix(body, form)
    if found is not None:
        wanted = _whole_way(encoder, body.decode(), form)
        assert found.dtype == wanted.dtype
        assert found.shape == wanted.shape
        assert found.tobytes() == wanted.tobytes()
    return found


def _whole_way(encoder: Encoder, text: str, form: str) -> NDArray[np.float32]:
    if form == CSV and encoder.is_encoded(text):
        return encoder.encoded_from_csv(text)
    if form == CSV:
        return encoder.transform(encoder.rows_from_csv(text))
    read = {JSON: records_from_json, JSON_LINES: records_from_json_lines}[form]
    try:
        return encoder.transform(encoder.rows_from_records(read(text)))
    except DataError as error:
        raise AssertionError(f"refused: {error}") from error
