"""How variants compare."""

from __future__ import annotations

import numpy as np
import pytest

from housing.monitoring.ab_test import LEAST_ROWS, errors, failure_share
from housing.promotion.spec import Gate

RULES = Gate(metric="mae", resamples=500)


def answers_of(
    spread: float, *, seed: int, rows: int = 300, first: int = 0
) -> tuple[dict[str, tuple[float, ...]], dict[str, float]]:
    """Predictions that err by `spread` as a rule, and labels, by id."""
    generator = np.random.default_rng(seed)
    labels = {f"{first + row}": float(value) for row, value in enumerate(generator.normal(200, 80, rows))}
    return {row: (value + float(generator.normal(0, spread)),) for row, value in labels.items()}, labels


def test_no_failure_of_many_is_not_no_failure_at_all() -> None:
    found = failure_share(0, 100, confidence=0.95)
    assert found is not None
    assert (found.value, found.low) == (0, 0)
    assert found.high == pytest.approx(0.037, abs=0.001)


def test_who_was_never_asked_has_no_share_of_failures() -> None:
    assert failure_share(0, 0, confidence=0.95) is None


def test_the_error_of_a_variant_lies_within_its_interval() -> None:
    predicted, labels = answers_of(10, seed=0)
    found = errors("regression", {"champion": predicted}, labels, RULES, seed=0).errors["champion"]
    mae = np.mean([abs(predicted[row][0] - labels[row]) for row in labels])
    assert found.low < found.value < found.high
    assert found.value == pytest.approx(mae)
    assert found.high - found.low < 0.5 * found.value


def test_a_worse_variant_is_found_out_on_rows_of_its_own() -> None:
    good, labels = answers_of(10, seed=0)
    bad, others = answers_of(30, seed=1, first=300)
    (found,) = errors("regression", {"champion": good, "challenger": bad}, labels | others, RULES, seed=0).differences
    assert (found.variant, found.first, found.paired, found.rows) == ("challenger", "champion", False, 600)
    assert found.better_by.high < 0
    assert found.is_clear


def test_a_metric_of_which_more_is_better_is_better_by_what_it_is_more() -> None:
    generator = np.random.default_rng(0)
    labels = {str(row): float(row % 2) for row in range(400)}

    def asked(rows: range, right: float) -> dict[str, tuple[float, ...]]:
        said = {str(r): labels[str(r)] if generator.random() < right else 1 - labels[str(r)] for r in rows}
        return {row: (level, 1 - level, level) for row, level in said.items()}

    good, bad = asked(range(200), 0.95), asked(range(200, 400), 0.6)
    (found,) = errors("binary", {"good": good, "bad": bad}, labels, Gate(metric="accuracy"), seed=0).differences
    assert not found.paired
    assert found.better_by.value == pytest.approx(
        np.mean([bad[str(r)][0] == labels[str(r)] for r in range(200, 400)])
        - np.mean([good[str(r)][0] == labels[str(r)] for r in range(200)])
    )
    assert found.better_by.low < found.better_by.value < found.better_by.high < 0


def test_quantiles_are_judged_as_such() -> None:
    answers = {str(row): (float(row), row - 1.0, float(row), row + 1.0) for row in range(60)}
    labels = {str(row): row + (3.0 if row % 5 == 0 else 0.5) for row in range(60)}
    found = errors("quantile", {"one": answers}, labels, Gate(metric="coverage"), seed=0, quantiles=(0.1, 0.5, 0.9))
    assert found.errors["one"].value == pytest.approx(0.8)


def test_equal_variants_show_no_clear_difference() -> None:
    one, labels = answers_of(10, seed=0)
    other, others = answers_of(10, seed=1, first=300)
    (found,) = errors("regression", {"champion": one, "challenger": other}, labels | others, RULES, seed=0).differences
    assert found.better_by.low < 0 < found.better_by.high
    assert not found.is_clear


def test_the_same_rows_tell_a_small_difference_that_two_samples_do_not() -> None:
    one, labels = answers_of(10, seed=0)
    generator = np.random.default_rng(2)
    better = {
        row: (labels[row] + 0.9 * (value - labels[row]) + generator.normal(0, 0.1),) for row, (value,) in one.items()
    }
    (paired,) = errors("regression", {"champion": one, "shadow": better}, labels, RULES, seed=0).differences
    half = sorted(one, key=int)[:150]
    (apart,) = errors(
        "regression",
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
    found = errors("regression", {"champion": predicted, "challenger": few}, labels, RULES, seed=0)
    assert found.rows == {"champion": 300, "challenger": LEAST_ROWS - 1}
    assert list(found.errors) == ["champion"]
    assert found.differences == ()


def test_rows_without_a_label_count_for_nobody() -> None:
    predicted, labels = answers_of(10, seed=0)
    assert errors("regression", {"champion": predicted}, {"elsewhere": 1.0}, RULES, seed=0).rows == {"champion": 0}
    known = dict(list(labels.items())[:100])
    assert errors("regression", {"champion": predicted}, known, RULES, seed=0).rows == {"champion": 100}


@pytest.mark.parametrize(
    ("failures", "invocations", "confidence", "expected"),
    [
        # As Newcombe (1998) has them for 81 of 263 and 15 of 148.
        (81, 263, 0.95, (0.3080, 0.2553, 0.3662)),
        (15, 148, 0.95, (0.1014, 0.0624, 0.1605)),
        (5, 5, 0.95, (1.0, 0.5655, 1.0)),
        (1, 2, 0.5, (0.5, 0.2848, 0.7152)),
    ],
)
def test_a_share_of_failures_has_wilson_s_interval(
    failures: int, invocations: int, confidence: float, expected: tuple[float, float, float]
) -> None:
    found = failure_share(failures, invocations, confidence=confidence)
    assert found is not None
    assert (found.value, found.low, found.high) == pytest.approx(expected, abs=0.0001)
    assert found.low >= 0
    assert found.high <= 1


def test_so_many_rows_are_enough_for_an_error_and_for_a_pair() -> None:
    one, labels = answers_of(10, seed=0, rows=LEAST_ROWS)
    other = {row: (value + 1,) for row, (value,) in one.items()}
    found = errors("regression", {"champion": one, "challenger": other}, labels, RULES, seed=0)
    assert found.metric == "mae"
    assert list(found.errors) == ["champion", "challenger"]
    (difference,) = found.differences
    assert (difference.variant, difference.first, difference.rows, difference.paired) == (
        "challenger",
        "champion",
        LEAST_ROWS,
        True,
    )


def test_intervals_are_drawn_by_the_seed_and_leave_half_of_the_rest_at_each_end() -> None:
    one, labels = answers_of(10, seed=0, rows=50)
    other, others = answers_of(20, seed=1, rows=60, first=100)
    rules = Gate(metric="mae", resamples=200, confidence=0.9)

    def drawn(answers: dict[str, tuple[float, ...]], seed: int) -> np.ndarray:
        wrong = np.array([abs(value - (labels | others)[row]) for row, (value,) in answers.items()])
        generator = np.random.RandomState(seed)
        return np.array([wrong[generator.randint(0, len(wrong), len(wrong))].mean() for _ in range(200)])

    found = errors("regression", {"champion": one, "challenger": other}, labels | others, rules, seed=7)
    for name, answers in (("champion", one), ("challenger", other)):
        interval = found.errors[name]
        assert [interval.low, interval.high] == pytest.approx(list(np.percentile(drawn(answers, 7), [5, 95])))
    (difference,) = found.differences
    better_by = difference.better_by
    assert better_by.value == pytest.approx(found.errors["champion"].value - found.errors["challenger"].value)
    apart = drawn(one, 7) - drawn(other, 8)
    assert [better_by.low, better_by.high] == pytest.approx(list(np.percentile(apart, [5, 95])))


def test_a_pair_is_drawn_by_the_seed() -> None:
    one, labels = answers_of(10, seed=0)
    other = {row: (0.9 * value,) for row, (value,) in one.items()}

    def better_by(seed: int) -> object:
        return (
            errors("regression", {"champion": one, "shadow": other}, labels, RULES, seed=seed).differences[0].better_by
        )

    assert better_by(1) == better_by(1) != better_by(2)
