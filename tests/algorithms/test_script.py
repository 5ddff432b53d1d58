from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest

from housing.algorithms.own_code import Program
from housing.algorithms.registry import find
from housing.algorithms.script import requirements
from housing.errors import ModelError
from housing.testing.algorithm import AlgorithmContract, table
from housing.testing.scripts import linear
from housing.training.fit import Matrices


class TestScript(AlgorithmContract):
    name = "script"
    hyperparameters: ClassVar[dict[str, Any]] = {"rounds": 20, "rate": 0.5, "pause_s": 0.001}
    code: ClassVar[Program | None] = linear()

    def test_rows_that_its_script_cannot_answer_are_told(self, matrices: Matrices) -> None:
        model = find("script").load(self.train(matrices).model)
        features, _ = table(1)
        features[0, 0] = np.inf
        with pytest.raises(ModelError, match=r"train\.py: predict_fn failed: OverflowError: infinite"):
            model.predict(features)

    def test_it_needs_nothing_that_its_script_does_not_ask_for(self, matrices: Matrices) -> None:
        assert requirements(self.train(matrices).model) == []
