"""What is said to a body, whichever process says it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from housing.targets.local.answering import answer
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
