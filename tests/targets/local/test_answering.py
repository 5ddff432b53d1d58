"""What is said to a body, whichever process says it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from housing.errors import ModelError
from housing.targets.local.answering import SideBySide, answer
from housing.targets.local.frames import KINDS, Answer
from housing.testing.host import GOOD
from housing.training.predictor import Predictor

ROWS = [{"Area": 900, "Alley": None, "Zone": "RL"}]


def test_a_field_beside_the_rows_asks_what_a_parameter_of_the_content_type_asks(models: Mapping[str, Path]) -> None:
    predictor = Predictor.load(models[GOOD])
    kind = KINDS["application/json", "application/json"]
    asked = json.dumps({"instances": ROWS, "explain": 2}).encode()
    plain = json.dumps({"instances": ROWS}).encode()
    found = answer(predictor, kind, asked)
    assert found == answer(predictor, kind, plain, "explain=2")
    assert found != answer(predictor, kind, plain)
    assert len(json.loads(found[1])["predictions"][0]["explanation"]["effects"]) == 2
    refused, why = answer(predictor, kind, json.dumps({"instances": ROWS, "explain": 0}).encode())
    assert refused == Answer.REFUSED
    assert b"must be 1 or more" in why
    for others in ({}, {"explain": 2}):
        refused, why = answer(predictor, kind, json.dumps({"instances": ROWS, "intervall": 0.9, **others}).encode())
        assert refused == Answer.REFUSED
        assert b"did you mean interval?" in why


class Failing:
    """A model that gives what it is made with, whatever it is asked; an error is raised."""

    def __init__(self, gives: Any) -> None:
        self._gives = gives

    def predict(self, _features: Any) -> Any:
        if isinstance(self._gives, Exception):
            raise self._gives
        return self._gives


@pytest.mark.parametrize(
    ("gives", "why"),
    [
        (ModelError("train.py: predict_fn failed: KeyError: 'x'"), b"train.py: predict_fn failed"),
        (ZeroDivisionError("by zero"), b"ZeroDivisionError: by zero"),
        (np.zeros((1, 3)), b"the model gave an array (1, 3)"),
    ],
)
def test_what_a_model_fails_at_is_no_mistake_of_the_client(models: Mapping[str, Path], gives: Any, why: bytes) -> None:
    """Else an endpoint would count it as 4xx, and no alarm about 5xx would bring the last model back."""
    failing = Predictor(Failing(gives), Predictor.load(models[GOOD]).encoder)
    kind = KINDS["application/json", "application/json"]
    found, told = answer(failing, kind, json.dumps({"instances": ROWS}).encode())
    assert (found, why in told) == (Answer.FAILED, True)
    assert answer(failing, kind, b'{"instances": 1}')[0] == Answer.REFUSED


def test_a_large_body_is_answered_in_threads_as_it_is_in_one(models: Mapping[str, Path]) -> None:
    """Also why a row in its last part is refused."""
    predictor = Predictor.load(models[GOOD])
    side_by_side = SideBySide(predictor, threads=3)
    rows = [f"{area},,RL,{'passed over ' * 10}" for area in range(500, 6500)]
    for form in ("text/csv", "application/json", "application/jsonlines"):
        for given in (rows, [*rows, "large,,RL,"]):
            kind, body = KINDS["text/csv", form], "\n".join(["Area,Alley,Zone,Note", *given]).encode()
            assert len(body) > 3 * 128 * 1024
            assert side_by_side.answer(kind, body) == answer(predictor, kind, body)
    assert b"row 6001" in side_by_side.answer(kind, body)[1]
