"""The program that a framework's container runs to train an algorithm without its own image.

This file is the entry point of the job; the part of housing that fits is beside it. It prints a line for each round,
`[3] train-mae:1.5 validation-mae:2.5` in the label's unit, and a last one for the model that is kept, `kept 3: ...`.
It writes `model.<suffix>` and `history.json` into SM_MODEL_DIR; if asked to stop, after the current round.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ALGORITHM = "HOUSING_ALGORITHM"
SEED = "HOUSING_SEED"
WEIGHED = "HOUSING_WEIGHED"
"""Set if the second column of the channels has weights."""

HISTORY_FILE = "history.json"


def main() -> None:
    """Train as the environment variables say."""
    sys.path.insert(0, str(Path(__file__).parent))
    from housing.training.fit import Matrices, fit
    from housing.training.job import TrainingJob
    from housing.training.script import LABEL_TRANSFORM, LEVELS, TASK

    stopping: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stopping.append(number))

    def watch(number: int, metrics: Mapping[str, float]) -> bool:
        print(f"[{number}] {_line(metrics)}", flush=True)
        return bool(stopping)

    hyperparameters = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in json.loads(os.environ["SM_HPS"]).items()
    }
    weighed = WEIGHED in os.environ
    job = TrainingJob(
        name=os.environ.get("TRAINING_JOB_NAME", "job"),
        algorithm=os.environ[ALGORITHM],
        hyperparameters=hyperparameters,
        channels={name: _channel(name, weighed=weighed) for name in json.loads(os.environ["SM_CHANNELS"])},
        seed=int(os.environ[SEED]),
        label_transform=os.environ[LABEL_TRANSFORM],
        task=os.environ[TASK],
        levels=int(os.environ[LEVELS]),
        weighed=weighed,
    )
    result = fit(job, Matrices(), progress=watch)
    print(f"kept {result.best_round}: {_line(result.metrics)}", flush=True)
    folder = Path(os.environ["SM_MODEL_DIR"])
    (folder / f"model.{result.model_format}").write_bytes(result.model)
    told = {"history": result.history, "best_round": result.best_round}
    (folder / HISTORY_FILE).write_text(json.dumps(told), encoding="utf-8")


def _line(metrics: Mapping[str, float]) -> str:
    return " ".join(f"{name.replace('_', '-', 1)}:{value!r}" for name, value in metrics.items())


def _channel(name: str, *, weighed: bool) -> Any:
    from housing.data.channel import read_csv

    (file,) = sorted(Path(os.environ[f"SM_CHANNEL_{name.upper()}"]).iterdir())
    return read_csv(file, name=name, weighed=weighed)


if __name__ == "__main__":
    main()
