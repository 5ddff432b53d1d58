"""A user's project: an own dataset in an own conf/, as small as it gets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

DATASET = """\
name: mine
source: mine.csv
label: price
columns:
  price: {kind: numeric, low: 1}
  area: {kind: numeric, low: 0}
  rooms: {kind: ordinal, levels: ["1", "2", "3"]}
  zone: {kind: nominal}
split:
  fractions: {train: 0.8, validation: 0.2}
"""

Write = Callable[[str, str], Path]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's conf/, in an empty working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    folder = tmp_path / "conf"
    (folder / "dataset").mkdir(parents=True)
    (folder / "dataset" / "mine.yaml").write_text(DATASET)
    return folder


@pytest.fixture
def write(project: Path) -> Write:
    """Writes a file of the user's conf/."""

    def write_file(name: str, text: str) -> Path:
        file = project / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    return write_file


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A conf/ whose small dataset hides our large one; nobody writes to it."""
    folder = tmp_path_factory.mktemp("small") / "conf"
    (folder / "dataset").mkdir(parents=True)
    (folder / "dataset" / "ames.yaml").write_text(DATASET)
    return folder
