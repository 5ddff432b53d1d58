from __future__ import annotations

import pytest

from housing.tuning.space import Categorical, Condition, Float, Int
from housing.tuning.spec import Study, faults, point_faults


def test_every_fault_of_a_declaration_is_reported_at_once() -> None:
    with pytest.raises(ValueError, match="trials: must be 1 or more, got 0") as refused:
        Study("s", "cmaes", trials=0, folds=0, time_limit_s=0, objective=("a", "b"), pruner="median")
    for key in ("folds: must be 1", "time_limit_s: must be more than 0", "sampler: cmaes takes one", "pruner: median"):
        assert f"; {key}" in str(refused.value)


def test_one_objective_or_several() -> None:
    assert Study("s", "tpe", 1).objectives == ("validation",)
    assert Study("s", "tpe", 1, objective=("a", "b")).objectives == ("a", "b")
    with pytest.raises(ValueError, match="several that differ"):
        Study("s", "tpe", 1, objective=("a", "a"))


def test_a_grid_that_cannot_be_listed_is_a_fault() -> None:
    study = Study("s", "grid", trials=9)
    assert faults(study, {"a": Int(1, 3)}) == []
    assert faults(study, {"a": Float(0, 1), "b": Int(1, 3)})[0].startswith("search_space.a: sampler grid needs")
    assert "1,000,000 points" in faults(study, {"a": Int(1, 1000), "b": Int(1, 1000)})[0]


def test_zipped_values_of_different_numbers_are_a_fault() -> None:
    study = Study("s", "zip", trials=9)
    assert faults(study, {"a": Int(1, 3), "b": Categorical(("x", "y", "z")), "c": Categorical((7,))}) == []
    (fault,) = faults(study, {"a": Int(1, 3), "b": Categorical(("x", "y"))})
    assert fault.startswith("study.sampler: zip takes")
    assert "there are a 3, b 2" in fault
    (endless,) = faults(study, {"a": Int(1, 3), "b": Float(0, 1)})
    assert endless.startswith("search_space.b: sampler zip needs a `step`")


def test_a_point_outside_the_space_is_a_fault_for_each_reason() -> None:
    space = {
        "eta": Float(0.1, 0.5),
        "booster": Categorical(("gbtree", "dart")),
        "drop": Float(0, 1, only_if=Condition("booster", ("dart",))),
    }
    assert point_faults({"eta": 0.2}, space) == []
    assert point_faults({"eta": 0.2, "drop": 0.5}, space) == []
    assert point_faults({"booster": "gbtree", "drop": 0.5, "eta": 7, "etaa": 1}, space) == [
        "etaa: not in this search space, which has eta, booster, drop",
        "eta: must be a number in [0.1, 0.5], got 7",
        "drop: exists only where booster is one of ['dart']",
    ]
