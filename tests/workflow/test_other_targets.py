"""`housing run` on one target and then on another: the figures stand beside each other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from housing.rehearsal.process import stop
from tests.workflow.conftest import Housing

pytestmark = pytest.mark.slow


@pytest.fixture
def rehearsal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = str(tmp_path_factory.mktemp("rehearsal"))
    yield folder
    stop(folder)


def test_the_same_configuration_elsewhere_has_a_column(project: Path, housing: Housing, rehearsal: str) -> None:
    small = ("experiment=walkthrough", "study.trials=2", "algorithm.num_round=4", "gate.against_champion=nothing")
    gate = "gate.at_most=null"
    here = housing("run", *small, gate, "--json")
    assert here.code == 0, here.err
    assert here.data["elsewhere"] == {}
    there = housing("run", *small, gate, "target@runner=rehearsal", f"rehearsal.folder={rehearsal}", "--json")
    assert there.code == 0, there.err
    assert there.data["elsewhere"]["local"] == here.data["figures"]
    assert there.data["figures"] == pytest.approx(here.data["figures"], rel=1e-6)
    other = housing("run", *small, gate, "seed=1", "--json")
    assert other.code == 0, other.err
    assert other.data["elsewhere"] == {}, "another configuration is not the same"
