"""A small real model, for tests that need one."""

from __future__ import annotations

import numpy as np

from housing.algorithms.registry import fitting
from housing.data.encoder import Encoder
from housing.data.inputs import Levels, Number
from housing.training.artifact import Bundle

EXAMPLE: dict[str, list[object]] = {"Area": [900, 2000], "Alley": [None, "Pave"], "Zone": ["RL", "RM"]}
"""Two raw rows."""


def price_bundle(*, rounds: int = 20) -> Bundle:
    """Predicts about 100 dollars per unit of Area; the same at each fit."""
    encoder = Encoder(
        label="Price",
        label_unit="dollars",
        label_transform="none",
        missing_values=("NA",),
        inputs=(
            Number("Area", missing="refused"),
            Levels("Alley", missing="none", levels=("Grvl", "Pave"), way="one_hot"),
            Levels("Zone", missing="refused", levels=("RL", "RM"), way="one_hot"),
        ),
        derived={},
    )
    area = np.linspace(500, 3000, 60)
    columns = {"Area": area.tolist(), "Alley": [None] * 60, "Zone": ["RL", "RM"] * 30}
    features, label = encoder.transform(columns), encoder.encode_label(area * 100)
    hyperparameters = {"num_round": rounds, "eta": 0.3, "max_depth": 3}
    algorithm = fitting("xgboost")
    matrix = algorithm.matrix(features, label, hyperparameters)
    model = algorithm.fit(hyperparameters, matrix, seed=0).model
    return Bundle(algorithm="xgboost", model=model, model_format="ubj", encoder=encoder.to_json())
