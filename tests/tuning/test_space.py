from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from housing.tuning.space import (
    Categorical,
    Condition,
    Float,
    Int,
    SearchSpace,
    bare,
    described,
    faults,
    grid,
    grid_size,
    grid_values,
    identity,
    interval,
    is_active,
    lies_in,
    partition,
    stepped,
)

finite = st.one_of(
    st.builds(
        lambda low, steps, step: Float(low, low + steps * step, step=step),
        st.integers(-5, 5).map(float),
        st.integers(0, 4),
        st.sampled_from([0.1, 0.25, 1.0, 3.0]),
    ),
    st.builds(
        lambda low, span, step: Int(low, low + span, step=step),
        st.integers(-9, 9),
        st.integers(0, 9),
        st.integers(1, 4),
    ),
    st.lists(st.sampled_from(["a", "b", "c", 1.5, 7]), min_size=1, max_size=4, unique=True).map(
        lambda choices: Categorical(tuple(choices))
    ),
)


@given(finite)
def test_every_listed_value_lies_in_its_distribution(distribution: Float | Int | Categorical) -> None:
    values = grid_values(distribution)
    assert values
    assert all(value in distribution for value in values)
    assert len(set(values)) == len(values)


@given(st.dictionaries(st.sampled_from("abcd"), finite, min_size=1, max_size=3))
def test_a_grid_has_every_point_once(space: SearchSpace) -> None:
    points = list(grid(space))
    assert len({identity(p) for p in points}) == len(points) == grid_size(space)
    assert all(set(p) == set(space) for p in points)


@given(finite, finite)
def test_a_grid_has_a_conditional_parameter_where_its_condition_holds_only(
    parent: Float | Int | Categorical, child: Float | Int | Categorical
) -> None:
    first = (grid_values(parent) or ())[0]
    space = {"child": type(child)(**{**vars(child), "only_if": Condition("parent", (first,))}), "parent": parent}
    points = list(grid(space))
    assert all(("child" in p) == (p["parent"] == first) == is_active(space["child"], p) for p in points)
    assert len(points) == len(grid_values(child) or ()) + len(grid_values(parent) or ()) - 1


def test_a_range_without_steps_cannot_be_listed() -> None:
    assert grid_values(Float(0, 1)) is None
    assert grid_size({"a": Int(1, 3), "b": Float(0, 1)}) is None


def test_a_point_stays_the_same_whatever_the_order_and_the_last_bits() -> None:
    assert identity({"a": 0.1 + 0.2, "b": "x"}) == identity({"b": "x", "a": 0.3})
    assert identity({"a": 1}) != identity({"a": 2})


def test_values_between_steps_lie_outside() -> None:
    assert 0.30000000000000004 in Float(0.1, 0.5, step=0.1)
    assert 0.25 not in Float(0.1, 0.5, step=0.1)
    assert 4 not in Int(1, 9, step=2)


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({"a": Int(1, 2, only_if=Condition("b", (1,)))}, "a.only_if.parameter: no 'b' in this search space"),
        ({"a": Int(1, 2, only_if=Condition("b", (9,))), "b": Int(1, 2)}, "a.only_if.is_in: b can never be 9"),
        ({"a": Int(1, 2, only_if=Condition("b", ())), "b": Int(1, 2)}, "a.only_if.is_in: b can never be one of no"),
        (
            {"a": Int(1, 2, only_if=Condition("b", (1,))), "b": Int(1, 2, only_if=Condition("a", (1,)))},
            "only_if: goes in a circle",
        ),
    ],
)
def test_conditions_that_can_never_hold_are_faults(space: SearchSpace, message: str) -> None:
    assert len(faults(space)) == 1
    assert message in faults(space)[0]


def test_choices_over_configuration_groups_part_from_hyperparameters() -> None:
    features = Categorical(("plain", "domain"))
    hyperparameters, groups = partition({"eta": Float(0, 1), "features": features}, groups=("dataset", "features"))
    assert dict(groups) == {"features": features}
    assert list(hyperparameters) == ["eta"]


def test_the_command_lines_words_make_distributions() -> None:
    assert interval(1, 5) == Int(1, 5)
    assert interval(0.01, 1, log=True) == Float(0.01, 1, log=True)
    assert list(grid_values(stepped(1, 10, 3)) or ()) == [1, 4, 7]
    assert list(grid_values(stepped(0.1, 0.4, 0.1)) or ()) == [0.1, 0.2, 0.3]
    with pytest.raises(ValueError, match="start < stop"):
        stepped(3, 1)
    assert interval(1, 8, log=True) == Int(1, 8, log=True)
    assert interval(1, 5.0) == Float(1, 5.0)
    assert stepped(1, 4) == Int(1, 3, step=1)
    assert stepped(1, 4, 1.0) == Float(1, 3, step=1.0)
    assert stepped(1.0, 4, 1) == Float(1.0, 3, step=1)


@pytest.mark.parametrize("given", [(3, 1, 1), (1, 1, 1), (1, 3, 0), (1, 3, -1)])
def test_a_range_that_is_empty_or_never_ends_is_refused(given: tuple[int, int, int]) -> None:
    start, stop, step = given
    rule = f"^a range needs start < stop and step > 0, got {start}, {stop} and {step}$"
    with pytest.raises(ValueError, match=rule):
        stepped(start, stop, step)


@pytest.mark.parametrize(
    ("bounds", "rule"),
    [
        ({"low": 0, "high": 1, "log": True}, "^a log scale needs low > 0, got low=0$"),
        ({"low": 1, "high": 2, "step": 0}, "^step must be more than 0, got 0$"),
        ({"low": 1, "high": 2, "log": True, "step": 2}, "^a log scale cannot have a step$"),
        ({"low": 2, "high": 1}, "^low must not exceed high, got low=2 and high=1$"),
        ({"low": 1, "high": float("inf")}, "^low and high must be finite, got low=1 and high=inf$"),
    ],
)
@pytest.mark.parametrize("kind", [Float, Int])
def test_impossible_bounds_are_refused(kind: type[Float], bounds: dict[str, float], rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        kind(**bounds)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("choices", "rule"),
    [
        ((), "^choices must not be empty$"),
        (("a", "b", "a"), r"^choices must differ from each other, got \['a', 'b', 'a'\]$"),
    ],
)
def test_impossible_choices_are_refused(choices: tuple[str, ...], rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        Categorical(choices)


def test_every_fault_is_told_in_full_and_not_the_first_alone() -> None:
    space = {
        "a": Int(1, 2),
        "b": Int(1, 2, only_if=Condition("c", (1,))),
        "d": Int(1, 2, only_if=Condition("a", (8, 9))),
        "e": Int(1, 2, only_if=Condition("a", ())),
    }
    assert faults(space) == [
        "b.only_if.parameter: no 'c' in this search space, which has a, d, e",
        "d.only_if.is_in: a can never be 8, 9",
        "e.only_if.is_in: a can never be one of no values",
    ]
    circle = {"a": Int(1, 2, only_if=Condition("b", (1,))), "b": Int(1, 2, only_if=Condition("a", (1,)))}
    (fault,) = faults(circle)
    assert fault in ("a.only_if: goes in a circle, a -> b -> a", "b.only_if: goes in a circle, b -> a -> b")


@pytest.mark.parametrize(
    ("distribution", "words"),
    [
        (Categorical(("a", 1.5)), "one of a, 1.5"),
        (Int(1, 9), "a whole number in [1, 9]"),
        (Int(1, 9, step=2), "a whole number in [1, 9] in steps of 2 from 1"),
        (Float(0.1, 0.5), "a number in [0.1, 0.5]"),
        (Float(0.1, 0.5, step=0.1), "a number in [0.1, 0.5] in steps of 0.1 from 0.1"),
    ],
)
def test_a_distribution_is_described_in_words(distribution: Float | Int | Categorical, words: str) -> None:
    assert described(distribution) == words


def test_steps_are_counted_from_the_low_end() -> None:
    stepped_from = Float(0.3, 2.3, step=0.5)
    assert [value in stepped_from for value in (0.3, 0.8, 1.3, 2.3)] == [True] * 4
    assert [value in stepped_from for value in (0.5, 1.0, 1.5, 2.0)] == [False] * 4


def test_a_point_lies_in_a_space_with_exactly_the_parameters_that_are_active_in_it() -> None:
    space: SearchSpace = {
        "booster": Categorical(("gbtree", "dart")),
        "rate_drop": Float(0.0, 0.5, only_if=Condition("booster", ("dart",))),
    }
    assert lies_in({"booster": "gbtree"}, space)
    assert lies_in({"booster": "dart", "rate_drop": 0.5}, space)
    assert not lies_in({"booster": "dart"}, space)
    assert not lies_in({"booster": "dart", "rate_drop": 0.6}, space)
    assert not lies_in({"booster": "gbtree", "rate_drop": 0.1}, space)
    assert not lies_in({"booster": "gblinear"}, space)


def test_a_parameter_of_one_algorithm_among_several_is_named_by_its_last_word() -> None:
    assert [bare(name) for name in ("eta", "xgboost.eta", "a.b.eta")] == ["eta"] * 3
