"""A training script as users write them, on numpy alone: a linear model by gradient descent, which prints each round.

`fault` names what it does wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
from steps import step


def rows(channel: str) -> tuple[np.ndarray, np.ndarray]:
    file = next(Path(os.environ[f"SM_CHANNEL_{channel.upper()}"]).glob("*.csv"))
    table = np.genfromtxt(file, delimiter=",")
    return np.nan_to_num(table[:, 1:]), table[:, 0]


def model_fn(model_dir: str) -> np.ndarray:
    return np.array(json.loads(Path(model_dir, "weights.json").read_text()))


def predict_fn(features: np.ndarray, model: np.ndarray) -> np.ndarray:
    if np.isinf(features).any():
        raise OverflowError("infinite")
    return np.nan_to_num(features) @ model[1:] + model[0]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--rate", type=float, default=0.5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pause_s", type=float, default=0)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--fault", default="none")
    options = parser.parse_args()
    if options.fault == "crash":
        print("about to fail")
        raise ArithmeticError("the loss is not finite")
    if options.fault == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if options.fault == "failure file":
        Path(os.environ["SM_OUTPUT_DIR"], "failure").write_text("the rows are too few")
        sys.exit(7)
    channels = {name: rows(name) for name in json.loads(os.environ["SM_CHANNELS"])}
    features, label = channels["train"]
    weights = np.random.default_rng(options.seed).normal(size=features.shape[1] + 1)
    for number in range(options.rounds):
        weights = step(weights, features, label, options.rate)
        if options.fault != "silent" and (number + 1) % options.every == 0:
            errors = [f"{name}-mae: {np.abs(y - predict_fn(x, weights)).mean()!r}" for name, (x, y) in channels.items()]
            for name, (x, y) in channels.items():
                gain = -np.abs(y - predict_fn(x, weights)).mean()
                errors += [f"{name}-r2: {gain!r}", f"{name}-profit: {gain!r}"]
            print("\t".join(errors).replace("np.float64(", "").replace(")", ""))
        time.sleep(options.pause_s)
    if options.fault != "no model":
        Path(os.environ["SM_MODEL_DIR"], "weights.json").write_text(json.dumps(weights.tolist()))


if __name__ == "__main__":
    main()
