"""Answers as text, written and read."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from housing.data.answers import read, write
from housing.data.content_type import FORMS
from housing.data.encoder import Encoder
from housing.data.inputs import Number
from housing.errors import DataError
from housing.tasks.predictions import Predictions, same

LEVELS = ("no", 'yes, "maybe"', "null", "1.0")


def encoder(task: str = "regression", levels: tuple[str, ...] = (), *, transform: str = "none") -> Encoder:
    inputs = (Number("Area", missing="refused"),)
    return Encoder("Price", "", transform, (), inputs, {}, task, levels)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("answer", "values"),
    [
        ("1.5\n2\n", [1.5, 2]),
        ("1.5,2", [1.5, 2]),
        ("1.5", [1.5]),
        ('{"predictions": [1.5, 2]}', [1.5, 2]),
        ('{"predictions": [{"score": 1.5}, {"score": 2}]}', [1.5, 2]),
    ],
)
def test_numbers_are_read_in_any_form_that_an_endpoint_gives(answer: str, values: list[float]) -> None:
    assert read(answer, encoder(), encoded=False).values.tolist() == values
    assert read(answer, encoder(), encoded=True).values.tolist() == values


@pytest.mark.parametrize("answer", ['{"error": "no model"}', "Internal Server Error", '{"predictions": ["a"]}'])
def test_what_is_no_answer_is_refused(answer: str) -> None:
    with pytest.raises(DataError, match="is not the answer of a model for Price"):
        read(answer, encoder(), encoded=False)


@pytest.mark.parametrize("form", FORMS)
def test_levels_with_their_probabilities_survive_every_form(form: str) -> None:
    chances = np.array([[0.1, 0.2, 0.3, 0.4], [1 / 3, 1 / 3, 1 / 3, 0.0]])
    predictions = Predictions(np.array([3.0, 0.0]), chances)
    text = write(predictions, LEVELS, form)
    assert same(read(text, encoder("multiclass", LEVELS), encoded=False), predictions)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "level", ["{a}", "[1, 2]", "[", "two\nlines", "two\r\nlines", " x ", "true", "\u2028", '"', "a,b"]
)
def test_levels_of_any_text_survive_every_form(form: str, level: str) -> None:
    levels = (level, "b", "c")
    for chosen in ([0.0], [0.0, 0.0], [0.0, 2.0, 0.0]):
        predictions = Predictions(np.array(chosen), np.tile([0.25, 0.5, 0.25], (len(chosen), 1)))
        text = write(predictions, levels, form)
        assert same(read(text, encoder("multiclass", levels), encoded=False), predictions)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("quantiles", [(0.1, 0.5, 0.9), (0.05,)])
def test_quantiles_survive_every_form(form: str, quantiles: tuple[float, ...]) -> None:
    asked = replace(encoder("quantile"), quantiles=quantiles)
    found = asked.decode(np.arange(2.0 * len(quantiles)).reshape(2, -1).squeeze())
    assert same(read(write(found, (), form), asked, encoded=False), found)


def test_json_names_the_level_and_the_probability_of_each() -> None:
    predictions = Predictions(np.array([1.0]), np.array([[0.1, 0.9]]))
    document = '{"predictions": [{"prediction": "yes", "probabilities": {"no": 0.1, "yes": 0.9}}]}'
    assert write(predictions, ("no", "yes"), "application/json") == document


@pytest.mark.parametrize("answer", ["0.25\n0.75\n", '{"predictions": [{"score": 0.25}, {"score": 0.75}]}', "0.25,0.75"])
def test_a_container_answers_two_levels_by_the_probability_of_the_second(answer: str) -> None:
    found = read(answer, encoder("binary", ("no", "yes")), encoded=True)
    assert found.values.tolist() == [0, 1]
    assert found.probabilities is not None
    assert found.probabilities.tolist() == [[0.75, 0.25], [0.25, 0.75]]


@pytest.mark.parametrize(
    "answer",
    [
        "0.5,0.25,0.25\n0.0,0.25,0.75\n",
        "[0.5, 0.25, 0.25]\n[0.0, 0.25, 0.75]\n",
        '{"predictions": [{"score": [0.5, 0.25, 0.25]}, {"score": [0.0, 0.25, 0.75]}]}',
    ],
)
def test_a_container_answers_more_levels_by_a_probability_for_each(answer: str) -> None:
    found = read(answer, encoder("multiclass", ("a", "b", "c")), encoded=True)
    assert found.values.tolist() == [0, 2]
    assert found.probabilities is not None
    assert found.probabilities.tolist() == [[0.5, 0.25, 0.25], [0.0, 0.25, 0.75]]


def test_a_container_answers_as_its_model_was_trained() -> None:
    assert read("0\n", encoder(transform="log"), encoded=True).values.tolist() == [1]
    assert read("0\n", encoder(transform="log"), encoded=False).values.tolist() == [0]
