"""Captured requests as columns."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from housing.data.channel import csv_text
from housing.data.description import Dataset, Identifier, Nominal, Numeric
from housing.data.encoder import Encoder
from housing.data.split_spec import Fractions, Split
from housing.data.table import Table
from housing.monitoring.captured import CapturedRows
from housing.monitoring.sample import Sample, id_column, sample_of, trained
from housing.testing.models import price_bundle

ENCODER = Encoder.from_json(price_bundle().encoder)
PRICES = Dataset(
    name="price",
    source="price.csv",
    label="Price",
    columns={
        "Id": Identifier(),
        "Street": Identifier(unique=False),
        "Area": Numeric(),
        "Alley": Nominal(levels=("Grvl", "Pave"), missing="none"),
        "Zone": Nominal(levels=("RL", "RM")),
        "Price": Numeric(),
    },
    split=Split(fractions=Fractions(0.8, 0.2)),
    missing_values=("NA",),
)
RAW = "Id,Area,Alley,Zone\n7,900,NA,RL\n8,2000,Pave,RM\n"


def request(rows: str, *values: float, content_type: str = "text/csv") -> CapturedRows:
    return CapturedRows("champion", 0, content_type, rows, "".join(f"{value}\n" for value in values))


def read(*requests: CapturedRows, named_by: str | None = "Id") -> Sample:
    found = sample_of(requests, PRICES, ENCODER, id_column=named_by)
    assert found is not None
    return found


def test_csv_becomes_numbers_and_levels_with_missing_as_training_has_it() -> None:
    found = read(request(RAW, 90_000, 200_000))
    assert found.columns["Area"].tolist() == [900, 2000]
    assert found.columns["Alley"].tolist() == [None, "Pave"]
    assert found.columns["Zone"].tolist() == ["RL", "RM"]
    assert found.by_id == {"7": (90_000,), "8": (200_000,)}
    assert not found.encoded


@pytest.mark.parametrize(
    "body",
    [
        '{"instances": [{"Id": 7, "Area": 900, "Alley": null, "Zone": "RL"}]}',
        '{"dataframe_split": {"columns": ["Id", "Area", "Alley", "Zone"], "data": [[7.0, 900, null, "RL"]]}}',
    ],
)
def test_json_becomes_the_same_columns(body: str) -> None:
    found = read(request(body, 90_000, content_type="application/json"))
    assert {name: cells.tolist() for name, cells in found.columns.items()} == {
        "Area": [900],
        "Alley": [None],
        "Zone": ["RL"],
    }
    assert found.by_id == {"7": (90_000,)}


def test_rows_of_many_requests_stand_in_their_order() -> None:
    found = read(request(RAW, 1, 2), request("Zone,Area,Alley\nRM,300,\n", 3))
    assert found.columns["Area"].tolist() == [900, 2000, 300]
    assert found.answers.values.tolist() == [1, 2, 3]
    assert found.ids == ("7", "8", None)


def test_answers_that_were_not_kept_are_no_numbers() -> None:
    found = read(request(RAW), request(RAW, 1, 2))
    assert found.answered.tolist() == [False, False, True, True]
    assert found.by_id == {"7": (1,), "8": (2,)}


def test_a_row_that_came_twice_has_its_last_answer() -> None:
    assert read(request(RAW, 1, 2), request(RAW, 3, 4)).by_id == {"7": (3,), "8": (4,)}


def test_what_cannot_be_read_is_counted_and_stops_nothing() -> None:
    broken = ["Area\n900\n", "Area,Alley,Zone\nbig,,RL\n", '"', ""]
    found = read(*map(request, broken), request("{", content_type="application/json"), request(RAW, 1, 2))
    assert (found.unread, found.rows) == (5, 2)


def test_numbers_as_the_description_writes_them_are_numbers_in_texts_of_json_too() -> None:
    european = dataclasses.replace(PRICES, decimal=",", thousands=".")
    body = (
        '{"instances": [{"Area": "1.900,5", "Alley": null, "Zone": "RL"}, {"Area": 2.5, "Alley": null, "Zone": "RL"}]}'
    )
    found = sample_of([request(body, 1, 2, content_type="application/json")], european, ENCODER, id_column=None)
    assert found is not None
    assert found.columns["Area"].tolist() == [1900.5, 2.5]
    assert found.ids == (None, None)


def test_nothing_to_read_is_nothing() -> None:
    assert sample_of([], PRICES, ENCODER, id_column=None) is None
    assert sample_of([request("Area\n900\n")], PRICES, ENCODER, id_column=None) is None


def test_encoded_rows_are_columns_of_the_encoder_and_known_by_what_raw_rows_are_encoded_as() -> None:
    matrix = ENCODER.transform(ENCODER.rows_from_csv(RAW))
    found = read(request(csv_text(matrix), 90_000, 200_000), request(csv_text(matrix[:1] + 1), 1))
    assert found.encoded
    assert tuple(found.columns) == ENCODER.columns
    assert np.array_equal(found.matrix()[:2], matrix)
    assert found.by_id == {}
    assert found.named_by(matrix, ["7", "8"]).by_id == {"7": (90_000,), "8": (200_000,)}


def test_of_two_forms_the_one_with_more_rows_counts() -> None:
    matrix = ENCODER.transform(ENCODER.rows_from_csv(RAW))
    found = read(request(RAW, 1, 2), request(csv_text(matrix[:1]), 3))
    assert (found.encoded, found.rows, found.other_form) == (False, 2, 1)
    found = read(request(RAW, 1, 2), *[request(csv_text(matrix), 3, 4)] * 2)
    assert (found.encoded, found.rows, found.other_form) == (True, 4, 1)


def test_rows_are_named_by_the_first_unique_identifier_that_is_there() -> None:
    assert id_column(PRICES, ["Price", "Id"]) == "Id"
    assert id_column(PRICES, ["Price", "Street"]) is None


def test_some_rows_keep_their_ids_and_answers() -> None:
    found = read(request(RAW, 1, 2)).take(np.array([False, True]))
    assert (found.rows, found.by_id) == (1, {"8": (2,)})
    assert found.columns["Zone"].tolist() == ["RM"]


def test_numbers_are_of_double_precision_and_levels_are_text() -> None:
    found = read(request(RAW, 1, 2), request("Area,Alley,Zone\nNA,Pave,RL\n", 3))
    assert found.columns["Area"].dtype == np.float64
    assert np.isnan(found.columns["Area"]).tolist() == [False, False, True]
    assert found.columns["Alley"].dtype == object
    assert found.answers.values.dtype == np.float64
    whole = read(request("Area,Alley,Zone\n900,Pave,RL\n", 1))
    assert (whole.columns["Area"].dtype, whole.answers.values.dtype) == (np.float64, np.float64)
    matrix = ENCODER.transform(ENCODER.rows_from_csv(RAW))
    encoded = read(request(csv_text(matrix), 1, 2))
    assert {cells.dtype for cells in encoded.columns.values()} == {np.dtype(np.float64)}
    assert encoded.matrix().dtype == np.float32


def test_an_id_that_is_empty_or_not_asked_for_names_nothing() -> None:
    assert read(request("Id,Area,Alley,Zone\n,900,NA,RL\nNA,900,NA,RL\n", 1, 2)).ids == (None, "NA")
    instance = {"Id": 7, "Area": 900, "Alley": None, "Zone": "RL", "None": 8}
    body = json.dumps({"instances": [instance, {**instance, "Id": None}]})
    asked = request(body, 1, 2, content_type="application/json")
    assert read(asked).ids == ("7", None)
    assert read(asked, named_by=None).ids == (None, None)


def test_as_many_raw_rows_as_encoded_ones_count_first() -> None:
    matrix = ENCODER.transform(ENCODER.rows_from_csv(RAW))
    found = read(request(csv_text(matrix), 3, 4), request(RAW, 1, 2), request("{", content_type="application/json"))
    assert (found.encoded, found.rows, found.other_form, found.unread) == (False, 2, 1, 1)
    found = read(*[request(csv_text(matrix), 3, 4)] * 2, request("{", content_type="application/json"))
    assert (found.encoded, found.rows, found.other_form, found.unread) == (True, 4, 0, 1)


def test_a_sample_without_answers_keeps_its_rows() -> None:
    found = read(request(RAW, 1, 2)).without_answers()
    assert (found.rows, found.answered.tolist(), found.by_id, found.ids) == (2, [False, False], {}, ("7", "8"))


def test_rows_of_training_stand_in_the_form_in_which_a_variant_was_asked() -> None:
    rows = ENCODER.rows_from_csv(RAW)
    raw = trained(Table(rows, "price.csv"), ENCODER, encoded=False)
    assert list(raw) == list(ENCODER.required)
    assert list(raw["Zone"]) == ["RL", "RM"]
    encoded = trained(Table(rows, "price.csv"), ENCODER, encoded=True)
    assert list(encoded) == list(ENCODER.columns)
    assert np.array_equal(np.column_stack(list(encoded.values())), ENCODER.transform(rows).astype(np.float64))
    assert {cells.dtype for cells in encoded.values()} == {np.dtype(np.float64)}
