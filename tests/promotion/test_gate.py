from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from housing.errors import DataError
from housing.promotion.gate import Decision, Scored, Verdict, decide, improvement
from housing.promotion.spec import Gate
from housing.tasks import base as tasks
from housing.tasks.base import score
from housing.tasks.predictions import Predictions, of_matrix

GENERATOR = np.random.default_rng(0)
MAE = Gate(metric="mae")
LABEL = GENERATOR.uniform(100_000, 300_000, 400)


def scored(
    error: float, *, name: str = "version 1", seed: int = 1, required: str = "ab", label: str = "price"
) -> Scored:
    noise = np.random.default_rng(seed).normal(0, error, len(LABEL))
    return Scored(name, Predictions(LABEL + noise), frozenset(required), label)


def judge(gate: Gate, candidate: Scored, champion: Scored | None, *, unit: str = "") -> Decision:
    return decide(gate, "regression", LABEL, candidate, champion, unit=unit)


def test_without_a_champion_only_the_limit_counts() -> None:
    assert judge(MAE, scored(50_000), None).passed
    assert not judge(replace(MAE, at_most=20_000), scored(50_000), None).passed


def test_a_refusal_says_which_rule_and_by_how_much() -> None:
    decision = judge(replace(MAE, at_most=20_000), scored(50_000), None, unit="USD")
    (verdict,) = decision.verdicts
    assert "at most 20,000 USD" in verdict.rule
    assert f"{decision.metrics['mae'] - 20_000:,.0f} USD too much" in verdict.why


@pytest.mark.parametrize(
    ("rule", "passes"), [("clearly_better", False), ("better", False), ("not_clearly_worse", True)]
)
def test_the_champion_itself_is_no_better_than_it_is(rule: Any, passes: bool) -> None:
    decision = judge(replace(MAE, against_champion=rule), scored(10_000), scored(10_000), unit="USD")
    assert decision.passed is passes
    assert decision.verdicts[-1].why == "it answers every test row as that one does"


@pytest.mark.parametrize(("value", "told"), [(999.96, "1,000"), (1000, "1,000"), (1000.4, "1,000"), (12.3456, "12.35")])
def test_amounts_are_told_with_four_digits_or_whole_and_have_the_label_s_unit_only_where_it_is_theirs(
    value: float, told: str
) -> None:
    off = Scored("the candidate", Predictions(LABEL + value), frozenset("ab"), "price")
    (verdict,) = judge(replace(MAE, at_most=0), off, None, unit="USD").verdicts
    assert verdict.why == f"it is {told} USD, {told} USD too much"
    (share,) = judge(Gate(metric="r2", at_least=2, beats=None), off, None, unit="USD").verdicts
    assert "USD" not in share.rule + share.why
    (plain,) = decide(replace(MAE, at_most=0), "regression", LABEL, off, None).verdicts
    assert plain.why == f"it is {told}, {told} too much"


def test_too_little_is_told_with_what_is_missing() -> None:
    (verdict,) = judge(Gate(metric="r2", at_least=1.5, beats=None), scored(0), None).verdicts
    assert (verdict.rule, verdict.why) == ("test r2 at least 1.5", "it is 1, 0.5 too little")


def test_an_improvement_of_which_more_is_better_is_in_the_metric_s_own_unit() -> None:
    candidate, champion = scored(0), scored(50_000)
    ours, theirs = (judge(Gate(metric="r2"), one, None).metrics["r2"] for one in (candidate, champion))
    asked = {"confidence": 0.9, "resamples": 20, "seed": 0}
    found, low, high = improvement(
        "regression",
        "r2",
        LABEL,
        candidate.predictions,
        champion.predictions,
        **asked,  # type: ignore[arg-type]
    )
    assert found == pytest.approx(ours - theirs)
    assert low < found < high


def test_what_these_labels_do_not_define_is_refused_with_what_they_do() -> None:
    same = np.zeros(8)
    candidate = classifier(np.full(8, 0.2))
    with pytest.raises(DataError) as refused:
        decide(Gate(metric="auc"), "binary", same, candidate, None)
    start, _, known = str(refused.value).partition("; these are: ")
    assert start == "gate.metric: auc is not defined for these labels"
    assert set(known.split(", ")) == set(score("binary", same, candidate.predictions))


@pytest.mark.parametrize(
    ("candidate", "champion", "told"),
    [
        ((0.1, 0.9), (0.5,), "it gives the quantiles 0.1, 0.9, the champion 0.5"),
        ((0.1,), (), "it gives the quantiles 0.1, the champion none"),
    ],
)
def test_a_candidate_for_other_quantiles_is_refused_and_not_compared(
    candidate: tuple[float, ...], champion: tuple[float, ...], told: str
) -> None:
    def giving(quantiles: tuple[float, ...]) -> Scored:
        matrix = np.repeat(LABEL[:, None], 1 + len(quantiles), axis=1)
        return replace(scored(10), predictions=of_matrix(matrix, quantiles))

    (verdict,) = judge(MAE, giving(candidate), giving(champion)).verdicts
    assert (verdict.passed, verdict.why) == (False, told)


def test_a_candidate_for_levels_is_no_successor_of_one_for_numbers() -> None:
    verdicts = judge(MAE, replace(scored(10), levels=("no", "yes")), scored(10)).verdicts
    assert [(verdict.passed, verdict.why) for verdict in verdicts] == [
        (False, "it predicts no, yes, the champion a number")
    ]


def test_a_margin_that_is_reached_exactly_is_reached() -> None:
    champion = Scored("version 1", Predictions(LABEL + 100), frozenset("ab"), "price")
    candidate = Scored("the candidate", Predictions(LABEL + 75), frozenset("ab"), "price")
    assert judge(replace(MAE, margin=25), candidate, champion).passed
    assert not judge(replace(MAE, margin=26), candidate, champion).passed


@pytest.mark.parametrize("rule", ["clearly_better", "better", "not_clearly_worse"])
def test_a_much_worse_candidate_is_refused_by_every_rule(rule: Any) -> None:
    gate = replace(MAE, against_champion=rule)
    assert not judge(gate, scored(30_000), scored(10_000, seed=2)).passed


def test_a_slightly_worse_and_a_slightly_better_candidate_separate_the_rules() -> None:
    one, other = scored(10_000, seed=2), scored(10_000, seed=3)
    assert np.abs(LABEL - one.predictions.values).mean() > np.abs(LABEL - other.predictions.values).mean()

    def passes(rule: Any, candidate: Scored, champion: Scored) -> bool:
        return judge(replace(MAE, against_champion=rule), candidate, champion).passed

    rules = ("clearly_better", "better", "not_clearly_worse")
    assert [passes(rule, one, other) for rule in rules] == [False, False, True]
    assert [passes(rule, other, one) for rule in rules] == [False, True, True]


def test_a_worse_candidate_is_called_worse() -> None:
    decision = judge(MAE, scored(30_000), scored(10_000, seed=2), unit="USD")
    assert "USD worse" in decision.verdicts[-1].why


def test_a_margin_must_be_reached() -> None:
    candidate, champion = scored(10_000), scored(20_000, seed=2)
    assert judge(replace(MAE, against_champion="clearly_better", margin=5_000), candidate, champion).passed
    refused = judge(replace(MAE, against_champion="clearly_better", margin=20_000), candidate, champion)
    assert "short" in next(v for v in refused.verdicts if not v.passed).why


def test_a_candidate_that_asks_callers_for_more_is_refused() -> None:
    decision = judge(MAE, scored(5_000, required="abc"), scored(10_000, seed=2))
    assert [verdict.passed for verdict in decision.verdicts] == [False, True]
    assert "c" in decision.verdicts[0].why


def test_a_candidate_for_another_label_is_refused() -> None:
    assert not judge(MAE, scored(5_000, label="rent"), scored(10_000, seed=2)).passed


def test_the_comparison_can_be_switched_off() -> None:
    assert judge(replace(MAE, against_champion="nothing"), scored(30_000), scored(10_000, seed=2)).passed


def test_a_metric_that_the_test_rows_do_not_define_is_named() -> None:
    label = np.array([0.0, 1.0])
    with pytest.raises(DataError, match=r"gate\.metric: mape"):
        decide(Gate(metric="mape"), "regression", label, Scored("v", Predictions(label), frozenset(), "price"), None)


def test_the_interval_covers_the_true_improvement() -> None:
    """Candidate errors are half the champion's: over many tables, about 90 % of 90 % intervals hold the truth."""
    truth, hits, tables = 5.0 * np.sqrt(2 / np.pi), 0, 120
    for seed in range(tables):
        generator = np.random.default_rng(seed)
        label = np.zeros(150)
        candidate, champion = generator.normal(0, 5, 150), generator.normal(0, 10, 150)
        models = Predictions(candidate), Predictions(champion)
        _, low, high = improvement("regression", "mae", label, *models, confidence=0.9, resamples=200, seed=seed)
        hits += low <= truth <= high
    assert 0.8 <= hits / tables <= 0.97


@pytest.mark.parametrize("change", [{"confidence": 1.0}, {"confidence": 0.2}, {"resamples": 5}])
def test_impossible_gates_cannot_be_declared(change: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(change))):
        Gate(**change)


ROUND = np.arange(1, 101) * 2000.0
"""Labels whose differences are exact."""


def off_by(error: float, *, required: str = "ab", label: str = "price") -> Scored:
    return Scored("version 1", Predictions(ROUND + error), frozenset(required), label)


@pytest.mark.parametrize(
    ("limit", "passed", "why"),
    [(100, True, "it is 100 USD"), (100.5, True, "it is 100 USD"), (99.5, False, "it is 100 USD, 0.5 USD too much")],
)
def test_a_limit_may_be_reached_and_not_exceeded(limit: float, passed: bool, why: str) -> None:
    (verdict,) = decide(Gate(metric="mae", at_most=limit), "regression", ROUND, off_by(100), None, unit="USD").verdicts
    assert verdict == Verdict(f"test mae at most {limit:g} USD", passed, why)


@pytest.mark.parametrize(
    ("required", "label", "passed", "why"),
    [
        ("ab", "price", True, "same label, no new column"),
        ("a", "price", True, "same label, no new column"),
        ("abc", "price", False, "callers would have to send c as well"),
        ("abcdefg", "price", False, "callers would have to send c, d, e, f, g as well"),
        ("abcdefgh", "price", False, "callers would have to send c, d, e, f, g and 1 more as well"),
        ("abcdefghi", "price", False, "callers would have to send c, d, e, f, g and 2 more as well"),
        ("ab", "rent", False, "it predicts rent, the champion price"),
        ("abc", "rent", False, "it predicts rent, the champion price; callers would have to send c as well"),
    ],
)
def test_what_a_candidate_asks_of_callers_is_told(required: str, label: str, passed: bool, why: str) -> None:
    verdict = decide(MAE, "regression", ROUND, off_by(50, required=required, label=label), off_by(100)).verdicts[0]
    assert verdict == Verdict("needs no column that version 1 did not need", passed, why)


@pytest.mark.parametrize(
    ("against", "margin", "errors", "passed", "rule", "why"),
    [
        ("clearly_better", 0, (75, 100), True, "clearly better than version 1's", "25 USD better; {} 25 USD to 25 USD"),
        ("better", 0, (75, 100), True, "better than version 1's", "25 USD better; {} 25 USD to 25 USD"),
        ("better", 0, (99.5, 100), True, "better than version 1's", "0.5 USD better; {} 0.5 USD to 0.5 USD"),
        (
            "not_clearly_worse",
            0,
            (75, 100),
            True,
            "not clearly worse than version 1's",
            "25 USD better; {} 25 USD to 25 USD",
        ),
        ("better", 25, (75, 100), True, "better than version 1's by 25 USD", "25 USD better; {} 25 USD to 25 USD"),
        (
            "better",
            26,
            (75, 100),
            False,
            "better than version 1's by 26 USD",
            "25 USD better; {} 25 USD to 25 USD: 1 USD short",
        ),
        ("better", 0, (1100, 100), False, "better than version 1's", "1,000 USD worse; {} -1,000 USD to -1,000 USD"),
        (
            "clearly_better",
            0,
            (100.5, 100),
            False,
            "clearly better than version 1's",
            "0.5 USD worse; {} -0.5 USD to -0.5 USD, which must lie above 0",
        ),
        (
            "not_clearly_worse",
            0,
            (100.5, 100),
            False,
            "not clearly worse than version 1's",
            "0.5 USD worse; {} -0.5 USD to -0.5 USD: 0.5 USD short",
        ),
        ("better", 0, (1099.5, 100), False, "better than version 1's", "999.5 USD worse; {} -999.5 USD to -999.5 USD"),
        ("better", 0, (-100, 100), False, "better than version 1's", "0 USD better; {} 0 USD to 0 USD"),
    ],
)
def test_the_comparison_is_told_with_its_numbers(
    against: Any, margin: float, errors: tuple[float, float], passed: bool, rule: str, why: str
) -> None:
    gate = Gate(metric="mae", against_champion=against, margin=margin, confidence=0.9)
    verdict = decide(gate, "regression", ROUND, off_by(errors[0]), off_by(errors[1]), unit="USD").verdicts[1]
    assert verdict == Verdict(f"test mae {rule}", passed, "it is " + why.format("90% interval of the improvement"))


def test_the_interval_is_the_seed_s_own() -> None:
    def why(seed: int) -> str:
        return decide(MAE, "regression", LABEL, scored(10_000), scored(12_000, seed=2), seed=seed).verdicts[1].why

    assert why(1) == why(1) != why(2)


def test_the_interval_leaves_half_of_the_rest_at_each_end() -> None:
    candidate, champion = scored(10_000).predictions, scored(12_000, seed=2).predictions
    better, low, high = improvement(
        "regression", "mae", LABEL, candidate, champion, confidence=0.9, resamples=300, seed=3
    )
    differences = np.abs(LABEL - champion.values) - np.abs(LABEL - candidate.values)
    generator = np.random.RandomState(3)
    draws = [differences[generator.randint(0, len(LABEL), len(LABEL))].mean() for _ in range(300)]
    assert [better, low, high] == pytest.approx([differences.mean(), *np.percentile(draws, [5, 95])])


@pytest.mark.parametrize("gate", [Gate(metric="auc", at_least=0.9), Gate(metric="log_loss", at_most=0.5)])
def test_a_limit_is_a_largest_or_a_smallest_value(gate: Gate) -> None:
    label = np.array([0.0, 1.0] * 50)
    surely = classifier(0.9 * label + 0.05)
    blindly = classifier(np.full(100, 0.5))
    assert decide(gate, "binary", label, surely, None).passed
    refused = decide(gate, "binary", label, blindly, None)
    assert not refused.passed
    assert ("too little" if gate.at_least else "too much") in refused.verdicts[0].why


def test_a_limit_that_is_met_exactly_is_met() -> None:
    label = np.array([0.0, 1.0] * 50)
    half = classifier(np.full(100, 0.5))
    assert decide(Gate(metric="accuracy", at_least=0.5, at_most=0.5), "binary", label, half, None).passed


def test_the_worst_level_may_have_a_limit_of_its_own() -> None:
    label = np.array([0.0] * 90 + [1.0] * 10)
    never = classifier(np.full(100, 0.1))
    decision = decide(Gate(metric="accuracy", worst_class={"recall": 0.6}), "binary", label, never, None)
    assert not decision.passed
    assert [(v.rule, v.why) for v in decision.verdicts] == [
        ("test recall of the worst level at least 0.6", "'yes' has 0")
    ]
    assert decide(Gate(metric="accuracy", worst_class={"recall": 0.0}), "binary", label, never, None).passed


def test_a_metric_of_which_more_is_better_is_compared_as_such() -> None:
    label = np.array([0.0, 1.0] * 50)
    good, bad = classifier(0.8 * label + 0.1), classifier(0.8 * (1 - label) + 0.1)
    assert decide(Gate(metric="auc"), "binary", label, good, bad).passed
    assert not decide(Gate(metric="auc"), "binary", label, bad, good).passed


def test_levels_in_another_order_are_the_same_levels() -> None:
    label = np.array([0.0, 1.0] * 50)
    chances = 0.5 * label + 0.25
    other = tasks.find("binary").predictions(1 - chances, threshold=0.5)
    turned = Scored("version 1", other, frozenset("ab"), "churn", ("yes", "no"))
    decision = decide(Gate(metric="log_loss"), "binary", label, classifier(chances), turned)
    assert decision.verdicts[-1].why == "it answers every test row as that one does"


def test_a_candidate_for_other_levels_is_refused_and_not_compared() -> None:
    label = np.array([0.0, 1.0] * 50)
    candidate = classifier(0.8 * label + 0.1)
    champion = replace(candidate, levels=("no", "maybe"))
    (verdict,) = decide(Gate(metric="log_loss"), "binary", label, candidate, champion).verdicts
    assert not verdict.passed
    assert verdict.why == "it predicts no, yes, the champion no, maybe"


def classifier(chances: np.ndarray) -> Scored:
    predictions = tasks.find("binary").predictions(chances, threshold=0.5)
    return Scored("the candidate", predictions, frozenset("ab"), "churn", ("no", "yes"))


BEATS_NAIVE = replace(MAE, beats="naive")
NAIVE = Predictions(np.full(len(LABEL), np.median(LABEL)))


def against_naive(candidate: Predictions, gate: Gate = BEATS_NAIVE) -> Decision:
    scored = Scored("the candidate", candidate, frozenset("ab"), "price")
    return decide(gate, "regression", LABEL, scored, None, naive=NAIVE, unit="USD")


def test_a_candidate_that_is_no_better_than_the_naive_predictor_is_refused_with_both_figures() -> None:
    decision = against_naive(Predictions(NAIVE.values + 500_000))
    assert not decision.passed
    (verdict,) = decision.verdicts
    naive = np.abs(LABEL - NAIVE.values).mean()
    assert f"the naive predictor has {naive:,.0f} USD" in verdict.why
    assert f"it is {decision.metrics['mae']:,.0f} USD" in verdict.why
    assert not against_naive(NAIVE).passed
    assert against_naive(Predictions(LABEL + 1)).passed


def test_a_metric_of_which_more_is_better_must_be_more_than_the_naive_predictor_s() -> None:
    gate = replace(MAE, metric="r2", beats="naive")
    assert against_naive(Predictions(LABEL + 1), gate).passed
    assert not against_naive(Predictions(LABEL + 500_000), gate).passed
    (verdict,) = against_naive(NAIVE, gate).verdicts
    assert (verdict.rule, verdict.passed) == ("test r2 better than that of the naive predictor", False)


def test_nothing_is_asked_where_the_gate_does_not_ask_to_beat_the_naive_predictor() -> None:
    assert against_naive(Predictions(NAIVE.values + 500_000), replace(MAE, beats=None)).passed
