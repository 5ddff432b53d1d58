"""How variants compare."""

from __future__ import annotations

import numpy as np
import pytest

from housing.monitoring.ab_test import LEAST_ROWS, errors, failure_share
from housing.promotion.spec import Gate

RULES = Gate(resamples=500)


def answers_of(
    spread: float, *, seed: int, rows: int = 300, first: int = 0
) -> tuple[dict[str, float], dict[str, float]]:
    """Predictions that err by `spread` as a rule, and labels, by id."""
    generator = np.random.default_rng(seed)
    labels = {f"{first + row}": float(value) for row, value in enumerate(generator.normal(200, 80, rows))}
    return {row: value + float(generator.normal(0, spread)) for row, value in labels.items()}, labels


def test_no_failure_of_many_is_not_no_failure_at_all() -> None:
    found = failure_share(0, 100, confidence=0.95)
    assert found is not None
    assert (found.value, found.low) == (0, 0)
    assert found.high == pytest.approx(0.037, abs=0.001)


def test_who_was_never_asked_has_no_share_of_failures() -> None:
    assert failure_share(0, 0, confidence=0.95) is None


def test_the_error_of_a_variant_lies_within_its_interval() -> None:
    predicted, labels = answers_of(10, seed=0)
    found = errors({"champion": predicted}, labels, RULES, seed=0).errors["champion"]
    mae = np.mean([abs(predicted[row] - labels[row]) for row in labels])
    assert found.low < found.value < found.high
    assert found.value == pytest.approx(mae)
    assert found.high - found.low < 0.5 * found.value


def test_a_worse_variant_is_found_out_on_rows_of_its_own() -> None:
    good, labels = answers_of(10, seed=0)
    bad, others = answers_of(30, seed=1, first=300)
    (found,) = errors({"champion": good, "challenger": bad}, labels | others, RULES, seed=0).differences
    assert (found.variant, found.first, found.paired, found.rows) == ("challenger", "champion", False, 600)
    assert found.better_by.high < 0
    assert found.is_clear


def test_equal_variants_show_no_clear_difference() -> None:
    one, labels = answers_of(10, seed=0)
    other, others = answers_of(10, seed=1, first=300)
    (found,) = errors({"champion": one, "challenger": other}, labels | others, RULES, seed=0).differences
    assert found.better_by.low < 0 < found.better_by.high
    assert not found.is_clear


def test_the_same_rows_tell_a_small_difference_that_two_samples_do_not() -> None:
    one, labels = answers_of(10, seed=0)
    generator = np.random.default_rng(2)
    better = {row: labels[row] + 0.9 * (value - labels[row]) + generator.normal(0, 0.1) for row, value in one.items()}
    (paired,) = errors({"champion": one, "shadow": better}, labels, RULES, seed=0).differences
    half = sorted(one, key=int)[:150]
    (apart,) = errors(
        {"champion": {row: one[row] for row in half}, "shadow": {r: v for r, v in better.items() if r not in half}},
        labels,
        RULES,
        seed=0,
    ).differences
    assert paired.paired
    assert paired.is_clear
    assert not apart.is_clear


def test_a_variant_with_too_few_labelled_rows_is_counted_but_not_judged() -> None:
    predicted, labels = answers_of(10, seed=0)
    few = dict(list(predicted.items())[: LEAST_ROWS - 1])
    found = errors({"champion": predicted, "challenger": few}, labels, RULES, seed=0)
    assert found.rows == {"champion": 300, "challenger": LEAST_ROWS - 1}
    assert list(found.errors) == ["champion"]
    assert found.differences == ()


def test_rows_without_a_label_count_for_nobody() -> None:
    predicted, labels = answers_of(10, seed=0)
    assert errors({"champion": predicted}, {"elsewhere": 1.0}, RULES, seed=0).rows == {"champion": 0}
    known = dict(list(labels.items())[:100])
    assert errors({"champion": predicted}, known, RULES, seed=0).rows == {"champion": 100}
