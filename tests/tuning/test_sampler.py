from __future__ import annotations

import statistics
from typing import Any, ClassVar, Literal

import pytest

from housing.testing.evaluations import at_once, curves
from housing.testing.sampler import FINITE, SamplerContract, loss
from housing.tuning.space import Categorical, Condition, Float, Int, Point, SearchSpace, grid, identity
from housing.tuning.spec import Study
from housing.tuning.study import search

QUADRATIC: SearchSpace = {"x": Float(-5, 5), "y": Float(-5, 5)}


def quadratic(point: Point) -> float:
    values: Any = point
    return float((values["x"] - 1) ** 2 + (values["y"] + 2) ** 2)


class TestGrid(SamplerContract):
    sampler = "grid"
    space: ClassVar[SearchSpace] = {"eta": Float(0.1, 0.5, step=0.1), **{n: FINITE[n] for n in FINITE}}

    def test_every_point_is_tried_once(self, study: Study) -> None:
        trials = search(FINITE, study, at_once(loss), seed=1).trials
        assert {identity(t.parameters) for t in trials} == {identity(p) for p in grid(FINITE)}

    def test_a_resumed_grid_goes_on_as_if_it_had_never_stopped(self, study: Study) -> None:
        whole = search(FINITE, study, at_once(loss), seed=1).trials
        resumed = search(FINITE, study, at_once(loss), seed=1, past=whole[:7]).trials
        assert [t.parameters for t in resumed] == [t.parameters for t in whole]


class TestRandom(SamplerContract):
    sampler = "random"

    def test_a_resumed_study_goes_on_as_if_it_had_never_stopped(self, study: Study) -> None:
        whole = search(self.space, study, at_once(loss), seed=1).trials
        resumed = search(self.space, study, at_once(loss), seed=1, past=whole[:7]).trials
        assert [t.parameters for t in resumed] == [t.parameters for t in whole]


class TestTpe(SamplerContract):
    sampler = "tpe"

    def test_a_resumed_study_goes_on_as_if_it_had_never_stopped(self, study: Study) -> None:
        whole = search(self.space, study, at_once(loss), seed=1).trials
        resumed = search(self.space, study, at_once(loss), seed=1, past=whole[:11]).trials
        assert [t.parameters for t in resumed] == [t.parameters for t in whole]

    def test_nine_trials_are_not_random_search(self) -> None:
        def best(sampler: Literal["tpe", "random"], seed: int) -> float:
            result = search(QUADRATIC, Study("s", sampler, trials=9, startup_trials=3), at_once(quadratic), seed=seed)
            assert result.best is not None
            assert result.best.values is not None
            return result.best.values[0]

        tpe, random = ([best(sampler, seed) for seed in range(40)] for sampler in ("tpe", "random"))
        assert statistics.median(tpe) < 0.8 * statistics.median(random)

    def test_several_objectives_find_a_front(self) -> None:
        def two(point: Point) -> tuple[float, float]:
            values: Any = point
            return float(values["x"] ** 2 + values["y"] ** 2), float((values["x"] - 2) ** 2 + values["y"] ** 2)

        study = Study("s", "tpe", trials=60, objective=("validation_mae", "train_mae"), startup_trials=10)
        result = search(QUADRATIC, study, at_once(two), seed=0, directions=("minimize", "minimize"))
        assert len(result.front) >= 4
        assert all(t.values is not None and sum(t.values) < 20 for t in result.front)


class TestCmaes(SamplerContract):
    sampler = "cmaes"

    def test_a_single_number_is_enough(self, study: Study) -> None:
        result = search({"x": Float(-5, 5)}, study, at_once(lambda p: float(p["x"]) ** 2), seed=1)
        assert len(result.trials) == 24

    def test_a_resumed_study_starts_around_the_best(self) -> None:
        study = Study("s", "cmaes", trials=40, startup_trials=1)
        past = search(QUADRATIC, study, at_once(quadratic), seed=1).trials
        resumed = search(QUADRATIC, Study("s", "cmaes", trials=52), at_once(quadratic), seed=1, past=past).trials
        early, late = ([t.values[0] for t in part if t.values] for part in (past[:12], resumed[40:]))
        assert statistics.median(late) < statistics.median(early)


class TestQmc(SamplerContract):
    sampler = "qmc"

    def test_a_resumed_study_goes_on_as_if_it_had_never_stopped(self, study: Study) -> None:
        whole = search(QUADRATIC, study, at_once(quadratic), seed=1).trials
        resumed = search(QUADRATIC, study, at_once(quadratic), seed=1, past=whole[:7]).trials
        assert [t.parameters for t in resumed] == [t.parameters for t in whole]

    def test_it_covers_evenly_from_the_first_trial_on(self) -> None:
        trials = search(QUADRATIC, Study("s", "qmc", trials=16), at_once(quadratic), seed=1).trials
        cells = {
            (int((float(t.parameters["x"]) + 5) // 2.5), int((float(t.parameters["y"]) + 5) // 2.5)) for t in trials
        }
        assert len(cells) == 16


def test_a_thousand_past_trials_are_taken_up_and_the_best_of_them_remembered() -> None:
    whole = search(QUADRATIC, Study("s", "random", trials=1000), at_once(quadratic), seed=1)
    past = sorted(whole.trials, key=lambda t: t.values or ())
    past = [type(t)(n, t.parameters, t.state, t.values) for n, t in enumerate(past)]
    result = search(QUADRATIC, Study("s", "tpe", trials=1010), at_once(quadratic), seed=1, past=past)
    # The best came first, a thousand trials ago; only who remembers them looks where they were.
    assert statistics.median(t.values[0] for t in result.trials[1000:] if t.values) < 2


def learning_curve(point: Point, step: int) -> float:
    """Falls from 30 to the quadratic in forty rounds or so."""
    return quadratic(point) + 30 * 0.9**step


@pytest.mark.parametrize("pruner", ["median", "hyperband"])
def test_a_pruner_saves_rounds_and_keeps_the_best(pruner: Literal["median", "hyperband"]) -> None:
    def run(pruner: Literal["none", "median", "hyperband"], seed: int) -> tuple[float, int]:
        trained: list[int] = []
        study = Study("s", "random", trials=40, pruner=pruner, prune_every=5, startup_trials=4)
        result = search(QUADRATIC, study, curves(learning_curve, rounds=60, trained=trained), seed=seed, rounds=60)
        assert {t.state for t in result.trials} == {"complete"} if pruner == "none" else {"complete", "pruned"}
        assert result.best is not None
        assert result.best.values is not None
        return result.best.values[0], sum(trained)

    for seed in range(3):
        best, rounds = run("none", seed)
        pruned_best, pruned_rounds = run(pruner, seed)
        assert pruned_rounds < 0.6 * rounds
        assert pruned_best <= best + 0.5


def test_a_pruner_goes_on_with_what_a_resumed_study_has_seen() -> None:
    study = Study("s", "random", trials=12, pruner="median", startup_trials=3, prune_every=1)
    good = [{"x": 1.0, "y": -2.0}] * 4
    first = search(QUADRATIC, study, curves(learning_curve, rounds=8), seed=1, known=good).trials[:4]
    rest = search(QUADRATIC, study, curves(learning_curve, rounds=8), seed=1, past=first).trials[4:]
    assert {t.state for t in rest} == {"pruned"}


def test_conditions_may_stand_on_conditions() -> None:
    space: SearchSpace = {
        "deep": Int(1, 3, only_if=Condition("kind", ("b",))),
        "kind": Categorical(("a", "b"), only_if=Condition("on", (True,))),
        "on": Categorical((True, False)),
    }
    trials = search(space, Study("s", "tpe", trials=20), at_once(lambda p: float(len(p))), seed=1).trials
    assert {frozenset(t.parameters) for t in trials} == {
        frozenset({"on"}),
        frozenset({"on", "kind"}),
        frozenset({"on", "kind", "deep"}),
    }
    assert len(trials) == 5


def test_zipped_values_are_taken_together_in_the_order_in_which_they_stand() -> None:
    space: SearchSpace = {
        "eta": Categorical((0.3, 0.1, 0.03)),
        "booster": Categorical(("gblinear", "gbtree", "dart")),
        "rounds": Categorical((200,)),
        "drop": Categorical((0.0, 0.1, 0.2), only_if=Condition("booster", ("dart",))),
    }
    configured: Point = {"eta": 0.5, "booster": "gbtree", "rounds": 100}
    study = Study("s", "zip", trials=9)
    whole = search(space, study, at_once(lambda _: 1.0), seed=1, configured=configured)
    assert whole.ended == "exhausted"
    assert [dict(t.parameters) for t in whole.trials] == [
        configured,
        {"eta": 0.3, "booster": "gblinear", "rounds": 200},
        {"eta": 0.1, "booster": "gbtree", "rounds": 200},
        {"eta": 0.03, "booster": "dart", "rounds": 200, "drop": 0.2},
    ]
    resumed = search(space, study, at_once(lambda _: 1.0), seed=1, configured=configured, past=whole.trials[:2])
    assert [t.parameters for t in resumed.trials] == [t.parameters for t in whole.trials]
