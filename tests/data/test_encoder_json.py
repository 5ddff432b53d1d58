"""An encoder's JSON, read strictly: it decides what every model answers."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest

from housing.data.encoder import Encoder
from housing.errors import DataError

DOCUMENT: dict[str, Any] = {
    "version": 4,
    "label": {
        "name": "price",
        "unit": "EUR",
        "transform": "none",
        "task": "quantile",
        "levels": [],
        "threshold": 0.5,
        "quantiles": [0.1, 0.5, 0.9],
    },
    "missing_values": ["", "NA"],
    "inputs": [
        {"column": "area", "as": "number", "missing": "refused", "decimal": ",", "thousands": ".", "strip": ["m2"]},
        {"column": "pool", "as": "boolean", "missing": "unknown"},
        {"column": "sold", "as": "date", "missing": "unknown", "format": "%d.%m.%Y", "parts": ["year", "month"]},
        {"column": "agent", "as": "hash", "missing": "none", "buckets": 8},
        {"column": "zone", "as": "one_hot", "missing": "unknown", "levels": ["north", "south"], "rare": True},
        {
            "column": "street",
            "as": "target",
            "missing": "unknown",
            "of": [],
            "otherwise": [2.0],
            "absent": [2.5],
            "levels": ["Elm", "Oak"],
            "values": [[1.0], [3.0]],
        },
    ],
    "derived": [
        {"column": "large", "operation": "bin", "of": ["area"], "edges": [50.0, 100.0]},
        {"column": "twice", "operation": "product", "of": ["area", "pool"]},
        {"column": "wide", "operation": "greater", "of": ["area"], "value": 75.0},
    ],
    "monotone": {"area": "increasing"},
}


def read(*path: Any, value: object = None, document: dict[str, Any] = DOCUMENT) -> Encoder:
    """The document, with one of its values replaced; no path replaces nothing."""
    changed = deepcopy(document)
    if path:
        *way, last = path
        place: Any = changed
        for step in way:
            place = place[step]
        place[last] = value
    return Encoder.from_json(json.dumps(changed))


def test_a_document_of_every_input_is_read_and_written_as_it_is() -> None:
    encoder = read()
    assert json.loads(encoder.to_json()) == DOCUMENT
    assert (
        encoder.transform({name: [None if name != "area" else "1.050,5m2"] for name in encoder.required})[0, 0]
        == 1050.5
    )


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (
            ("version",),
            5,
            "encoder: has version 5, this housing reads versions up to 4; use the housing that trained the model",
        ),
        (
            ("version",),
            0,
            "encoder: has version 0, this housing reads versions up to 4; use the housing that trained the model",
        ),
        (("label",), [], "encoder.label: must be dict, got []"),
        (
            ("label", "transform"),
            "cube",
            "encoder.label.transform: must be one of ",
        ),
        (("label", "threshold"), 1.5, "encoder.label.threshold: must lie in [0, 1], got 1.5"),
        (("label", "threshold"), -0.5, "encoder.label.threshold: must lie in [0, 1], got -0.5"),
        (("label", "threshold"), 1, "encoder.label.threshold: must be float, got 1"),
        (("label", "task"), "rhyme", "encoder.label.task: must be one of "),
        (("label", "levels"), [1], "encoder.label.levels: must be texts, got [1]"),
        (("label", "quantiles"), [0.9, 0.1], "encoder.label.quantiles: must be in rising order, and none twice"),
        (
            ("label", "scale"),
            1,
            "encoder.label: must have the keys name, unit, transform, task, levels, threshold, quantiles, got ",
        ),
        (("missing_values",), [None], "encoder.missing_values: must be texts, got [None]"),
        (("inputs",), [], "encoder.inputs: there must be inputs, and each column once in a way"),
        (("inputs", 1), DOCUMENT["inputs"][0], "encoder.inputs: there must be inputs, and each column once in a way"),
        (("inputs", 1), "pool", "encoder.inputs[1]: must have the keys column, as, missing, levels, got 'pool'"),
        (
            ("inputs", 1, "missing"),
            "mean",
            "encoder.inputs[1].missing: must be one of refused, unknown, none, got 'mean'",
        ),
        (("inputs", 1, "as"), "wave", "encoder.inputs[1]: must have the keys column, as, missing, levels, got "),
        (("inputs", 4, "as"), "wave", "encoder.inputs[4].as: must be one of rank, one_hot, native, got 'wave'"),
        (("inputs", 4, "levels"), [1], "encoder.inputs[4].levels: must be texts, got [1]"),
        (("inputs", 4, "rare"), 1, "encoder.inputs[4].rare: must be bool, got 1"),
        (("inputs", 0, "decimal"), ";", "encoder.inputs[0].decimal: "),
        (("inputs", 0, "strip"), [1], "encoder.inputs[0].strip: must be texts, got [1]"),
        (("inputs", 2, "format"), "%Q", "encoder.inputs[2]: format: "),
        (("inputs", 2, "parts"), ["era"], "encoder.inputs[2].parts: must be one of year, "),
        (("inputs", 2, "parts"), [1], "encoder.inputs[2].parts: must be texts, got [1]"),
        (("inputs", 3, "buckets"), 0, "encoder.inputs[3].buckets: must be 1 or more, got 0"),
        (("inputs", 5, "of"), [1], "encoder.inputs[5].of: must be texts, got [1]"),
        (("inputs", 5, "levels"), [1, 2], "encoder.inputs[5].levels: must be texts, got [1, 2]"),
        (
            ("inputs", 5, "values"),
            [[1.0]],
            "encoder.inputs[5].values: must be as many numbers for each of the levels as `of` has",
        ),
        (
            ("inputs", 5, "otherwise"),
            [1.0, 2.0],
            "encoder.inputs[5].values: must be as many numbers for each of the levels as `of` has",
        ),
        (("inputs", 5, "absent"), [1], "encoder.inputs[5].values: must be numbers, got [1]"),
        (("derived", 0), 7, "encoder.derived[0]: must have the keys column, operation, of, got 7"),
        (("derived", 0, "operation"), "rhyme", "encoder.derived[0].operation: must be one of "),
        (("derived", 0, "of"), [1], "encoder.derived[0].of: must be texts, got [1]"),
        (("derived", 0, "edges"), [1], "encoder.derived[0].edges: must be numbers, got [1]"),
        (("derived", 0, "edges"), [2.0, 1.0], "encoder.derived[0]: edges: "),
        (("derived", 1, "of"), ["area", "zone"], "encoder.derived[1].of: must be numeric inputs, got ['area', 'zone']"),
        (
            ("derived", 1),
            {"column": "age", "operation": "elapsed_days", "of": ["sold", "area"]},
            "encoder.derived[1].of: must be dates, got ['sold', 'area']",
        ),
        (
            ("derived", 1),
            {"column": "none", "operation": "is_missing", "of": ["nowhere"]},
            "encoder.derived[1].of: must be inputs, got ['nowhere']",
        ),
        (("monotone",), {}, "encoder.monotone: must name columns, got {}"),
        (("monotone",), ["area"], "encoder.monotone: must name columns, got ['area']"),
        (("monotone", "area"), "up", "encoder.monotone.area: must be one of increasing, decreasing, got 'up'"),
    ],
)
def test_what_is_no_encoder_is_refused_with_its_place_and_its_rule(
    path: tuple[Any, ...], value: object, told: str
) -> None:
    with pytest.raises(DataError) as refused:
        read(*path, value=value)
    assert str(refused.value).startswith(told)
    if not told.endswith((" ", ": ")):
        assert str(refused.value) == told


@pytest.mark.parametrize(
    ("text", "told"), [("{", "encoder: is not JSON ("), ("[1]", "encoder: must have the keys version, label")]
)
def test_what_is_no_document_is_refused(text: str, told: str) -> None:
    with pytest.raises(DataError) as refused:
        Encoder.from_json(text)
    assert str(refused.value).startswith(told)


def test_conditions_of_any_kind_of_input_and_of_dates_are_read() -> None:
    derived = [
        {"column": "no zone", "operation": "is_missing", "of": ["zone"]},
        {"column": "no street", "operation": "is_missing", "of": ["street"]},
    ]
    assert json.loads(read("derived", value=derived).to_json())["derived"] == derived


@pytest.mark.parametrize("threshold", [0.0, 1.0])
@pytest.mark.parametrize("levels", [["no", "yes"], ["a", "b", "ça va"]])
def test_a_calibration_is_kept_with_a_curve_for_each_output(levels: list[str], threshold: float) -> None:
    outputs = 1 if len(levels) == 2 else len(levels)
    curve = {"slope": 1.5, "intercept": -0.25}
    document = deepcopy(DOCUMENT)
    del document["label"]["quantiles"]
    document["label"] |= {
        "unit": "",
        "task": "binary" if outputs == 1 else "multiclass",
        "levels": levels,
        "threshold": threshold,
        "calibration": {"method": "sigmoid", "curves": [curve] * outputs},
    }
    encoder = read(document=document)
    assert encoder.calibration is not None
    assert encoder.threshold == threshold
    assert json.loads(encoder.to_json())["label"] == document["label"]
    assert levels[-1] in encoder.to_json(), "people read it"
    with pytest.raises(DataError, match=r"encoder\.label\.calibration"):
        read("label", "calibration", "curves", value=[curve] * (outputs + 1), document=document)
