"""`housing promote` and the A/B recipe: a challenger is another model than the champion, or it is said."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workflow.conftest import Housing, in_process

pytestmark = pytest.mark.slow

SHORT = "algorithm.num_round=4"


@pytest.fixture
def promoted(project: Path, housing: Housing) -> Iterator[str]:
    """The champion; returns the id of the run that it was made from."""
    trained = housing("train", SHORT, "--json")
    assert trained.code == 0, trained.err
    assert housing("promote").code == 0
    yield str(trained.data["run_id"])
    in_process("destroy", folder=project)


def test_the_champion_again_is_told_with_the_way_to_another_model(promoted: str, housing: Housing) -> None:
    again = housing("promote")
    assert again.code == 0, again.err
    assert "@champion is version 1 (nothing changed)" in again.out
    assert "a new study before `housing promote`" in " ".join(again.out.split())
    assert "candidate=<run id>" in again.out
    assert "interval of the improvement" not in again.err + again.out, "a model is not compared with itself"
    both = housing("promote", "gate=challenger")
    assert "@challenger is version 1 (the champion's own model)" in both.out
    strict = housing("promote", "gate=strict", "--json")
    assert (strict.code, strict.data["is_new"], strict.data["is_champions_model"]) == (0, False, True)
    limited = housing("promote", "gate.at_most=1")
    assert limited.code == 4, "an absolute limit holds for the champion, too"


def test_two_variants_with_one_model_are_warned_of_until_there_are_two_models(promoted: str, housing: Housing) -> None:
    assert housing("promote", "gate=challenger").code == 0
    plan = housing("plan", "deployment=ab_test")
    assert "champion and challenger serve one model, models:/housing/1" in " ".join(plan.out.split())
    others = ("study.configured_first=false", "study.trials=1", "search_space=wide", "study=random")
    assert housing("tune", *others, SHORT).code == 0
    assert housing("promote", "gate=challenger").code == 0
    plan = housing("plan", "deployment=ab_test", "--json")
    assert plan.data["warnings"] == []
    models = {line for line in plan.data["changes"] if "model:" in line}
    assert models == {"+     model: models:/housing/1", "+     model: models:/housing/2"}
