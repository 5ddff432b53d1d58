"""A file of any size answered by an endpoint from a program: all of it, in order, and no row twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest

import housing as library
from housing.deployment.spec import Deployment, Variant
from housing.targets.local.host import LocalHost
from housing.targets.local.settings import Settings
from housing.testing.host import GOOD, deploy, destroy
from housing.testing.models import price_bundle
from housing.training.artifact import write_bundle

ROWS = 2 * LocalHost.rows_a_request + 30
DATASET = """
name: homes
source: homes.csv
label: Price
label_unit: dollars
split: {fractions: {train: 0.6, validation: 0.2, test: 0.2}, seed: 0}
columns:
  Price: {kind: numeric}
  Area: {kind: numeric}
  Alley: {kind: nominal, levels: [Grvl, Pave], missing: none}
  Zone: {kind: nominal, levels: [RL, RM]}
"""


@pytest.fixture
def homes(project: Path) -> Iterator[library.Experiment]:
    """An experiment whose endpoint answers, and `rows.csv`."""
    (project / "conf" / "dataset").mkdir(parents=True)
    (project / "conf" / "dataset" / "homes.yaml").write_text(DATASET)
    areas = "".join(f"{500 + row % 2500},NA,{'RL' if row % 3 else 'RM'}\n" for row in range(ROWS))
    (project / "rows.csv").write_text(f"Area,Alley,Zone\n{areas}")
    write_bundle(project / "model", price_bundle())
    host = LocalHost(Settings())
    deploy(host, Deployment("homes", {"champion": Variant(GOOD)}), {GOOD: project / "model"})
    yield library.compose("dataset=homes", "deployment.endpoint=homes", config_dir=project / "conf")
    destroy(host, "homes")


def test_a_file_is_answered_in_order_and_goes_on_where_it_was_interrupted(
    homes: library.Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = homes.predict_file("rows.csv", "whole.csv")
    assert (whole.data["rows"], whole.data["variants"]) == (ROWS, {"champion": ROWS})
    frame = pd.read_csv("rows.csv", keep_default_na=False)
    some = [0, 1, LocalHost.rows_a_request, ROWS - 1]
    answers = pd.read_csv("whole.csv")
    assert answers["Price"][some].tolist() == homes.predict(frame.iloc[some])["prediction"].tolist()
    assert len(answers) == ROWS

    asked: list[int] = []
    with monkeypatch.context() as patch:
        patch.setattr(LocalHost, "predict", _interrupted(asked, at=2))
        with pytest.raises(KeyboardInterrupt):
            homes.predict_file("rows.csv", "again.csv")
    assert not Path("again.csv").exists()
    asked.clear()
    with monkeypatch.context() as patch:
        patch.setattr(LocalHost, "predict", _interrupted(asked, at=None))
        homes.predict_file("rows.csv", "again.csv")
    assert 0 < sum(asked) < ROWS
    assert Path("again.csv").read_bytes() == Path("whole.csv").read_bytes()
    assert sorted(file.name for file in Path().glob("again.csv*")) == ["again.csv"]


def test_a_row_that_is_refused_leaves_no_output(homes: library.Experiment) -> None:
    with Path("rows.csv").open("a") as rows:
        rows.write("large,NA,RL\n")
    with pytest.raises(library.DataError, match="Area: not a number: 'large'"):
        homes.predict_file("rows.csv", "answers.csv")
    assert not Path("answers.csv").exists()


def _interrupted(asked: list[int], *, at: int | None) -> Callable[..., object]:
    """`LocalHost.predict`, which also counts the rows of each request; the request of this number is Ctrl-C."""
    predict = LocalHost.predict

    def counting(host: LocalHost, endpoint: str, rows: str, **options: object) -> object:
        if len(asked) == at:
            raise KeyboardInterrupt
        asked.append(rows.count("\n") - 1)
        return predict(host, endpoint, rows, **options)  # type: ignore[arg-type]

    return counting
