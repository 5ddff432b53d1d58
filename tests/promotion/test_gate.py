from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from housing.errors import DataError
from housing.promotion.gate import Scored, Verdict, decide, improvement
from housing.promotion.spec import Gate

GENERATOR = np.random.default_rng(0)
LABEL = GENERATOR.uniform(100_000, 300_000, 400)


def scored(
    error: float, *, name: str = "version 1", seed: int = 1, required: str = "ab", label: str = "price"
) -> Scored:
    noise = np.random.default_rng(seed).normal(0, error, len(LABEL))
    return Scored(name, LABEL + noise, frozenset(required), label)


def test_without_a_champion_only_the_limit_counts() -> None:
    assert decide(Gate(), LABEL, scored(50_000), None).passed
    assert not decide(Gate(at_most=20_000), LABEL, scored(50_000), None).passed


def test_a_refusal_says_which_rule_and_by_how_much() -> None:
    decision = decide(Gate(at_most=20_000), LABEL, scored(50_000), None, unit="USD")
    (verdict,) = decision.verdicts
    assert "at most 20,000 USD" in verdict.rule
    assert f"{decision.metrics['mae'] - 20_000:,.0f} USD too much" in verdict.why


@pytest.mark.parametrize(
    ("rule", "passes"), [("clearly_better", False), ("better", False), ("not_clearly_worse", True)]
)
def test_the_champion_itself_is_no_better_than_it_is(rule: Any, passes: bool) -> None:
    decision = decide(Gate(against_champion=rule), LABEL, scored(10_000), scored(10_000), unit="USD")
    assert decision.passed is passes
    assert decision.verdicts[-1].why == "it answers every test row as that one does"


def test_a_margin_that_is_reached_exactly_is_reached() -> None:
    champion = Scored("version 1", LABEL + 100, frozenset("ab"), "price")
    candidate = Scored("the candidate", LABEL + 75, frozenset("ab"), "price")
    assert decide(Gate(margin=25), LABEL, candidate, champion).passed
    assert not decide(Gate(margin=26), LABEL, candidate, champion).passed


@pytest.mark.parametrize("rule", ["clearly_better", "better", "not_clearly_worse"])
def test_a_much_worse_candidate_is_refused_by_every_rule(rule: Any) -> None:
    gate = Gate(against_champion=rule)
    assert not decide(gate, LABEL, scored(30_000), scored(10_000, seed=2)).passed


def test_a_slightly_worse_and_a_slightly_better_candidate_separate_the_rules() -> None:
    one, other = scored(10_000, seed=2), scored(10_000, seed=3)
    assert np.abs(LABEL - one.prediction).mean() > np.abs(LABEL - other.prediction).mean()

    def passes(rule: Any, candidate: Scored, champion: Scored) -> bool:
        return decide(Gate(against_champion=rule), LABEL, candidate, champion).passed

    rules = ("clearly_better", "better", "not_clearly_worse")
    assert [passes(rule, one, other) for rule in rules] == [False, False, True]
    assert [passes(rule, other, one) for rule in rules] == [False, True, True]


def test_a_worse_candidate_is_called_worse() -> None:
    decision = decide(Gate(), LABEL, scored(30_000), scored(10_000, seed=2), unit="USD")
    assert "USD worse" in decision.verdicts[-1].why


def test_a_margin_must_be_reached() -> None:
    candidate, champion = scored(10_000), scored(20_000, seed=2)
    assert decide(Gate(against_champion="clearly_better", margin=5_000), LABEL, candidate, champion).passed
    refused = decide(Gate(against_champion="clearly_better", margin=20_000), LABEL, candidate, champion)
    assert "short" in next(v for v in refused.verdicts if not v.passed).why


def test_a_candidate_that_asks_callers_for_more_is_refused() -> None:
    decision = decide(Gate(), LABEL, scored(5_000, required="abc"), scored(10_000, seed=2))
    assert [verdict.passed for verdict in decision.verdicts] == [False, True]
    assert "c" in decision.verdicts[0].why


def test_a_candidate_for_another_label_is_refused() -> None:
    assert not decide(Gate(), LABEL, scored(5_000, label="rent"), scored(10_000, seed=2)).passed


def test_the_comparison_can_be_switched_off() -> None:
    assert decide(Gate(against_champion="nothing"), LABEL, scored(30_000), scored(10_000, seed=2)).passed


def test_a_metric_that_the_test_rows_do_not_define_is_named() -> None:
    label = np.array([0.0, 1.0])
    with pytest.raises(DataError, match=r"gate\.metric: mape"):
        decide(Gate(metric="mape"), label, Scored("v", label, frozenset(), "price"), None)


def test_the_interval_covers_the_true_improvement() -> None:
    """Candidate errors are half the champion's: over many tables, about 90 % of 90 % intervals hold the truth."""
    truth, hits, tables = 5.0 * np.sqrt(2 / np.pi), 0, 120
    for seed in range(tables):
        generator = np.random.default_rng(seed)
        label = np.zeros(150)
        candidate, champion = generator.normal(0, 5, 150), generator.normal(0, 10, 150)
        _, low, high = improvement("mae", label, candidate, champion, confidence=0.9, resamples=200, seed=seed)
        hits += low <= truth <= high
    assert 0.8 <= hits / tables <= 0.97


@pytest.mark.parametrize("change", [{"confidence": 1.0}, {"confidence": 0.2}, {"resamples": 5}])
def test_impossible_gates_cannot_be_declared(change: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(change))):
        Gate(**change)


ROUND = np.arange(1, 101) * 2000.0
"""Labels whose differences are exact."""


def off_by(error: float, *, required: str = "ab", label: str = "price") -> Scored:
    return Scored("version 1", ROUND + error, frozenset(required), label)


@pytest.mark.parametrize(
    ("limit", "passed", "why"),
    [(100, True, "it is 100 USD"), (100.5, True, "it is 100 USD"), (99.5, False, "it is 100 USD, 0.5 USD too much")],
)
def test_a_limit_may_be_reached_and_not_exceeded(limit: float, passed: bool, why: str) -> None:
    (verdict,) = decide(Gate(at_most=limit), ROUND, off_by(100), None, unit="USD").verdicts
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
    verdict = decide(Gate(), ROUND, off_by(50, required=required, label=label), off_by(100)).verdicts[0]
    assert verdict == Verdict("asks for no column that version 1 did not", passed, why)


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
    gate = Gate(against_champion=against, margin=margin, confidence=0.9)
    verdict = decide(gate, ROUND, off_by(errors[0]), off_by(errors[1]), unit="USD").verdicts[1]
    assert verdict == Verdict(f"test mae {rule}", passed, "it is " + why.format("90% interval of the improvement"))


def test_the_interval_is_the_seed_s_own() -> None:
    def why(seed: int) -> str:
        return decide(Gate(), LABEL, scored(10_000), scored(12_000, seed=2), seed=seed).verdicts[1].why

    assert why(1) == why(1) != why(2)


def test_the_interval_leaves_half_of_the_rest_at_each_end() -> None:
    candidate, champion = scored(10_000).prediction, scored(12_000, seed=2).prediction
    better, low, high = improvement("mae", LABEL, candidate, champion, confidence=0.9, resamples=300, seed=3)
    differences = np.abs(LABEL - champion) - np.abs(LABEL - candidate)
    generator = np.random.RandomState(3)
    draws = [differences[generator.randint(0, len(LABEL), len(LABEL))].mean() for _ in range(300)]
    assert [better, low, high] == pytest.approx([differences.mean(), *np.percentile(draws, [5, 95])])
