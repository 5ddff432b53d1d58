"""Ridge regression by scikit-learn: a training script as SageMaker's framework containers run it.

`python train.py --alpha 10 --log_label true`, with the paths of data and model in environment variables. The model is a
JSON file rather than a pickle: numbers mean the same to every version of Python and scikit-learn that may answer with
them.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

MODEL_FILE = "model.json"


def read_channel(name: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Features and label of a channel: CSV without a header, the label first, empty where unknown."""
    folder = os.environ.get(f"SM_CHANNEL_{name.upper()}")
    if folder is None:
        return None
    rows = np.concatenate([np.genfromtxt(file, delimiter=",", ndmin=2) for file in sorted(Path(folder).glob("*.csv"))])
    return rows[:, 1:], rows[:, 0]


def fit(features: np.ndarray, label: np.ndarray, *, alpha: float, log_label: bool) -> dict[str, Any]:
    """The model as plain numbers. Unknown values become the column's median."""
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    fill, scale, ridge = (
        SimpleImputer(strategy="median", keep_empty_features=True),
        StandardScaler(),
        Ridge(alpha=alpha),
    )
    make_pipeline(fill, scale, ridge).fit(features, np.log(label) if log_label else label)
    return {
        "medians": fill.statistics_.tolist(),
        "coefficients": (ridge.coef_ / scale.scale_).tolist(),
        "intercept": float(ridge.intercept_ - (ridge.coef_ * scale.mean_ / scale.scale_).sum()),
        "log_label": log_label,
    }


def model_fn(model_dir: str) -> dict[str, Any]:
    """The model that the training has written; the server calls this once."""
    model: dict[str, Any] = json.loads(Path(model_dir, MODEL_FILE).read_text(encoding="utf-8"))
    return model


def predict_fn(features: np.ndarray, model: dict[str, Any]) -> np.ndarray:
    """One prediction per row; the server calls this for every request."""
    known = np.where(np.isnan(features), model["medians"], features)
    answers: np.ndarray = known @ np.array(model["coefficients"]) + model["intercept"]
    if model["log_label"]:
        answers = np.exp(answers)
    return answers


def report(name: str, features: np.ndarray, label: np.ndarray, model: dict[str, Any]) -> None:
    """Print the metrics of a channel in the label's unit, for the patterns of the configuration to find."""
    prediction = predict_fn(features, model)
    # The label may already be a logarithm or a root (features.label_transform); metrics are reported in its own unit.
    if os.environ.get("HOUSING_LABEL_TRANSFORM") == "log":
        label, prediction = np.exp(label), np.exp(prediction)
    elif os.environ.get("HOUSING_LABEL_TRANSFORM") == "sqrt":
        label, prediction = label**2, np.maximum(prediction, 0) ** 2
    error = label - prediction
    print(f"{name}-mae: {np.abs(error).mean()}")  # noqa: T201
    print(f"{name}-rmse: {np.sqrt((error**2).mean())}")  # noqa: T201


def main() -> None:
    """Train with the arguments and paths that SageMaker's contract passes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--alpha", type=float, default=1)
    parser.add_argument("--log_label", type=lambda text: text.lower() == "true", default=False)
    options = parser.parse_args()
    train, validation = read_channel("train"), read_channel("validation")
    if train is None:
        raise SystemExit("there is no channel `train`")
    model = fit(*train, alpha=options.alpha, log_label=options.log_label)
    report("train", *train, model)
    if validation is not None:
        report("validation", *validation, model)
    Path(os.environ["SM_MODEL_DIR"], MODEL_FILE).write_text(json.dumps(model), encoding="utf-8")


if __name__ == "__main__":
    main()
