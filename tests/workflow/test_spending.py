"""Money is reserved before a job starts, and settled after."""

from __future__ import annotations

import threading

import pytest

from housing.costs import Budget, Prices, Rental
from housing.errors import BudgetRefused
from housing.training.job import TrainingResult
from housing.workflow.spending import Ledger, billed, estimate

PRICES = Prices("2024", "us-east-1", "a table", {"ml.m5.large": 3.6})
HOUR = Rental("ml.m5.large", 1, 3600)
UNKNOWN = Rental("ml.odd.large", 1, 3600)


def ledger(usd: float | None) -> Ledger:
    return Ledger(PRICES, Budget(usd))


def test_the_longest_is_reserved_and_what_it_cost_is_spent() -> None:
    money = ledger(4.0)
    for _ in range(4):
        reserved = money.reserve(HOUR, "job")
        assert reserved == pytest.approx(3.6)
        money.settle(reserved, 0.1)
    money.settle(money.reserve(HOUR, "job"), 0.1)  # 0.5 of 4 dollars are spent: the next could pass it
    with pytest.raises(BudgetRefused, match=r"job: may cost 3\.60 USD .* 0\.50 USD spent before exceeds budget\.usd=4"):
        money.reserve(HOUR, "job")


def test_what_nobody_can_tell_counts_as_the_longest() -> None:
    money = ledger(5.0)
    money.settle(money.reserve(HOUR, "job"), None)
    with pytest.raises(BudgetRefused):
        money.reserve(HOUR, "job")


def test_a_job_waits_for_money_that_is_only_reserved() -> None:
    money = ledger(4.0)
    first = money.reserve(HOUR, "first")
    waiting = threading.Thread(target=money.reserve, args=(HOUR, "second"), daemon=True)
    waiting.start()
    waiting.join(0.1)
    assert waiting.is_alive()
    money.settle(first, 0.2)
    waiting.join(300)
    assert not waiting.is_alive()


def test_an_unknown_price_is_refused_by_a_budget_and_by_nothing_else() -> None:
    with pytest.raises(BudgetRefused, match=r"price of ml\.odd\.large is unknown"):
        ledger(100.0).reserve(UNKNOWN, "job")
    assert ledger(None).reserve(UNKNOWN, "job") == 0
    assert ledger(0.0).reserve(None, "job") == 0  # nobody bills


def test_an_estimate_tells_the_longest_and_what_is_usual() -> None:
    told = estimate(HOUR, PRICES, jobs=9, earlier=[10, 20, 1000])
    assert "at most 32.40 USD: 9 x 1 ml.m5.large for 3,600 s, on demand in us-east-1, 2024" in told
    assert "like 3 earlier jobs: 0.18 USD" in told
    assert "like the earlier job: 0.09 USD" in estimate(HOUR, PRICES, jobs=9, earlier=[10])
    assert "unknown: ml.odd.large has no price" in estimate(UNKNOWN, PRICES, jobs=1, earlier=[])


def test_a_billed_job_has_a_cost_and_a_saving() -> None:
    result = TrainingResult({}, {}, 0, b"", "ubj", seconds=100, started_at_ms=0, billed_seconds=27)
    assert billed(result, HOUR, PRICES) == pytest.approx({"cost_usd": 0.027, "spot_saving": 0.73})
    assert billed(result, UNKNOWN, PRICES) == pytest.approx({"spot_saving": 0.73})
    assert billed(result, None, PRICES) == {}
