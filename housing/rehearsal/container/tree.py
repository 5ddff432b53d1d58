"""The folder that a container sees as /opt/ml."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MOUNT = "/opt/ml"


@dataclass(frozen=True)
class Tree:
    """`root` is the folder used as /opt/ml."""

    root: Path

    @property
    def data(self) -> Path:
        return self.root / "input/data"

    @property
    def config(self) -> Path:
        return self.root / "input/config"

    @property
    def model(self) -> Path:
        return self.root / "model"

    @property
    def output(self) -> Path:
        return self.root / "output"

    @property
    def output_data(self) -> Path:
        return self.output / "data"

    @property
    def failure(self) -> Path:
        return self.output / "failure"

    @property
    def code(self) -> Path:
        return self.root / "code"

    def make(self) -> None:
        for folder in (self.data, self.config, self.model, self.output_data):
            folder.mkdir(parents=True, exist_ok=True)

    def read(self, name: str) -> dict[str, Any]:
        """The configuration `name` (`hyperparameters`, ...); empty when there is none."""
        path = self.config / f"{name}.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}

    def write(self, name: str, value: dict[str, Any]) -> None:
        (self.config / f"{name}.json").write_text(json.dumps(value), encoding="utf-8")

    def inside(self, path: str) -> str:
        """Where a path below /opt/ml is on this machine; any other path unchanged."""
        return str(self.root) + path.removeprefix(MOUNT) if path.startswith(MOUNT) else path

    @property
    def temporary(self) -> Path:
        """The folder used as /tmp."""
        return self.root.parent / "tmp"

    def shown(self, text: str) -> str:
        """The text with our folders replaced by the container's paths."""
        return text.replace(str(self.root), MOUNT).replace(str(self.temporary), "/tmp")
