"""The contract of samplers: subclass it and set `sampler`."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Literal

import pytest

from housing.testing.evaluations import at_once
from housing.tuning.space import Categorical, Condition, Float, Int, Point, SearchSpace, identity
from housing.tuning.spec import Study, point_faults
from housing.tuning.study import search
from housing.tuning.trial import FinishedTrial, Trial

FINITE: SearchSpace = {
    "booster": Categorical(("gbtree", "dart")),
    "rate_drop": Float(0.1, 0.3, step=0.1, only_if=Condition("booster", ("dart",))),
    "max_depth": Int(2, 8, step=3),
}
FINITE_POINTS = 12


def loss(point: Point) -> float:
    """Letters and numbers, added up."""
    return sum(float(len(value)) if isinstance(value, str) else float(value) for value in point.values())


class SamplerContract:
    sampler: ClassVar[Literal["grid", "zip", "random", "tpe", "cmaes", "qmc"]]
    space: ClassVar[SearchSpace] = {
        "eta": Float(0.01, 0.5, log=True),
        "share": Float(0.2, 1, step=0.2),
        "max_depth": Int(2, 9),
        "leaves": Int(1, 64, log=True),
        "booster": Categorical(("gbtree", "dart")),
        "rate_drop": Float(0, 1, only_if=Condition("booster", ("dart",))),
        "fixed": Categorical((7,)),
    }

    @pytest.fixture
    def study(self) -> Study:
        return Study("s", self.sampler, trials=24, startup_trials=5)

    def test_every_proposal_lies_in_the_space(self, study: Study) -> None:
        trials = search(self.space, study, at_once(loss), seed=3).trials
        assert [t.number for t in trials] == list(range(len(trials)))
        assert [point_faults(t.parameters, self.space) for t in trials] == [[]] * len(trials)

    def test_a_parameter_is_proposed_where_its_condition_holds_and_nowhere_else(self, study: Study) -> None:
        proposed = [t.parameters for t in search(FINITE, study, at_once(loss), seed=3).trials]
        assert all(("rate_drop" in p) == (p["booster"] == "dart") for p in proposed)
        assert {p["booster"] for p in proposed} == {"gbtree", "dart"}

    def test_the_same_seed_proposes_the_same_points(self, study: Study) -> None:
        once, again = (search(self.space, study, at_once(loss), seed=5).trials for _ in range(2))
        assert [t.parameters for t in once] == [t.parameters for t in again]

    def test_another_seed_proposes_other_points(self, study: Study) -> None:
        once, again = (search(self.space, study, at_once(loss), seed=seed).trials for seed in (1, 2))
        assert [t.parameters for t in once] != [t.parameters for t in again]

    def test_a_finite_space_is_tried_out_without_a_repeat(self, study: Study) -> None:
        result = search(FINITE, replace(study, trials=50), at_once(loss), seed=1)
        assert result.ended == "exhausted"
        assert len(result.trials) == len({identity(t.parameters) for t in result.trials}) == FINITE_POINTS

    def test_a_resumed_finite_space_is_tried_out_without_a_repeat(self, study: Study) -> None:
        first = search(FINITE, replace(study, trials=5), at_once(loss), seed=1)
        rest = search(FINITE, study, at_once(loss), seed=1, past=first.trials)
        assert rest.trials[:5] == first.trials
        assert len({identity(t.parameters) for t in rest.trials}) == len(rest.trials) == FINITE_POINTS

    def test_a_resumed_study_proposes_new_points_up_to_its_total(self, study: Study) -> None:
        first = search(self.space, replace(study, trials=12), at_once(loss), seed=1)
        rest = search(self.space, study, at_once(loss), seed=1, past=first.trials)
        assert [t.number for t in rest.trials] == list(range(24))
        assert len({identity(t.parameters) for t in rest.trials}) == 24

    def test_known_points_come_first_and_are_completed(self, study: Study) -> None:
        known: list[Point] = [{"booster": "dart", "rate_drop": 0.2, "max_depth": 5}, {"max_depth": 8}]
        trials = search(FINITE, study, at_once(loss), seed=1, known=known).trials
        assert trials[0].parameters == known[0]
        assert trials[1].parameters["max_depth"] == 8
        assert "booster" in trials[1].parameters

    @pytest.mark.parametrize(
        "configured",
        [
            {"booster": "dart", "rate_drop": 0.2, "max_depth": 5},
            {"booster": "gbtree", "max_depth": 40},
            {"max_depth": 5},
        ],
        ids=["in the space", "out of its ranges", "with a name left to the library"],
    )
    def test_the_configured_point_is_tried_first_as_it_is(self, study: Study, configured: Point) -> None:
        known: list[Point] = [{"booster": "gbtree", "max_depth": 8}]
        trials = search(
            FINITE, replace(study, trials=6), at_once(loss), seed=1, known=known, configured=configured
        ).trials
        assert [t.parameters for t in trials[:2]] == [configured, known[0]]
        assert [t.parameters for t in trials].count(configured) == 1
        assert [point_faults(t.parameters, FINITE) for t in trials[1:]] == [[]] * 5

    @pytest.mark.parametrize("depth", [5, 40], ids=["in the space", "out of its ranges"])
    def test_a_resumed_study_tries_the_configured_point_once(self, study: Study, depth: int) -> None:
        configured: Point = {"booster": "gbtree", "max_depth": depth}
        first = search(FINITE, replace(study, trials=2), at_once(loss), seed=1, configured=configured).trials
        rest = search(FINITE, study, at_once(loss), seed=1, past=first, configured=configured).trials
        again = search(
            FINITE, study, at_once(loss), seed=1, past=first[1:], begun={0: configured}, configured=configured
        ).trials
        for trials in (rest, again):
            assert [t.parameters for t in trials].count(configured) == 1
            assert trials[0].parameters == configured

    def test_trials_that_were_begun_come_first_under_their_own_numbers(self, study: Study) -> None:
        first = search(self.space, replace(study, trials=9), at_once(loss), seed=1).trials
        begun = {trial.number: trial.parameters for trial in first[5:8]}
        started: list[Trial] = []
        rest = search(
            self.space, study, at_once(loss), seed=1, past=first[:4], begun=begun, on_start=started.append
        ).trials
        assert {trial.number: trial.parameters for trial in started[:3]} == begun
        assert [trial.number for trial in rest] == list(range(24))
        assert len({identity(trial.parameters) for trial in rest}) == 24

    def test_it_learns_from_failures_that_they_are_failures_only(self, study: Study) -> None:
        def fails_for_dart(point: object) -> float:
            if dict(point)["booster"] == "dart":  # type: ignore[call-overload]
                raise ArithmeticError("dart diverged")
            return 1.0

        known: list[Point] = [{"booster": "gbtree"}]
        trials = search(FINITE, study, at_once(fails_for_dart), seed=1, known=known).trials
        assert {t.state for t in trials if t.parameters["booster"] == "dart"} == {"failed"}
        assert {t.state for t in trials if t.parameters["booster"] == "gbtree"} == {"complete"}

    def test_trials_of_another_space_count_and_teach_nothing(self, study: Study) -> None:
        foreign = [FinishedTrial(n, {"eta": 7.0, "gone": "x"}, "complete", (0.0,)) for n in range(4)]
        result = search(FINITE, replace(study, trials=8), at_once(loss), seed=1, past=foreign)
        assert len(result.trials) == 8
        assert [t.number for t in result.trials] == list(range(8))
