"""Containers for tests: an /opt/ml to fill, and a warm engine to run it with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from housing.rehearsal.container.tree import Tree
from housing.rehearsal.training.engine import Engine

WALKTHROUGH = {
    "num_round": "20",
    "max_depth": "5",
    "eta": "0.5",
    "objective": "reg:squarederror",
    "eval_metric": "mae",
}


def rows(seed: int, count: int = 200, features: int = 6) -> np.ndarray[Any, Any]:
    """Label first: a number of dollars that the features explain in part."""
    generator = np.random.default_rng(seed)
    values = generator.normal(size=(count, features)).round(4)
    label = 180_000 + 40_000 * values[:, 0] - 15_000 * values[:, 1] ** 2 + generator.normal(0, 9_000, count)
    return np.column_stack([label.round(0), values])


def csv(table: np.ndarray[Any, Any]) -> str:
    return "".join(",".join(f"{value:g}" for value in row) + "\n" for row in table)


@dataclass
class Ended:
    code: int
    lines: list[str]
    tree: Tree

    @property
    def failure(self) -> str:
        return self.tree.failure.read_text(encoding="utf-8") if self.tree.failure.exists() else ""

    @property
    def rounds(self) -> list[str]:
        return [line for line in self.lines if line.startswith("[") and "\ttrain-" in line]


@dataclass
class Machine:
    """Runs containers one after the other, each in a folder of its own."""

    folder: Path
    engine: Engine

    def tree(
        self,
        name: str,
        hyperparameters: Mapping[str, str],
        channels: Mapping[str, str],
        *,
        content_type: str = "text/csv",
        checkpoints: bool = False,
    ) -> Tree:
        tree = Tree(self.folder / name / "ml")
        tree.make()
        for channel, text in channels.items():
            (tree.data / channel).mkdir()
            (tree.data / channel / f"{channel}.csv").write_text(text)
        about = {
            "ContentType": content_type,
            "TrainingInputMode": "File",
            "S3DistributionType": "FullyReplicated",
            "RecordWrapperType": "None",
        }
        tree.write("hyperparameters", dict(hyperparameters))
        tree.write("inputdataconfig", dict.fromkeys(channels, about))
        host = {"current_host": "algo-1", "hosts": ["algo-1"], "current_instance_type": "ml.m5.large"}
        tree.write("resourceconfig", {**host, "network_interface_name": "eth0"})
        if checkpoints:
            tree.write("checkpointconfig", {"LocalPath": "/opt/ml/checkpoints"})
        return tree

    def run(self, tree: Tree, framework: str = "xgboost", command: Sequence[str] = (), **work: Any) -> Ended:
        container = self.engine.start(
            {"root": str(tree.root), "framework": framework, "command": list(command), **work}
        )
        lines: list[str] = []
        while not container.ended:
            lines += container.read(1)
        container.close()
        assert container.exit_code is not None
        return Ended(container.exit_code, lines, tree)
