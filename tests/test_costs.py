from __future__ import annotations

import math

import pytest

from housing.costs import Budget, Prices

PRICES = Prices("2024", "us-east-1", "https://aws.amazon.com/sagemaker/pricing", {"ml.m5.large": 0.115, "free": 0.0})


def test_a_job_costs_its_instances_for_the_billed_seconds() -> None:
    assert PRICES.usd("ml.m5.large", 3, 1800) == pytest.approx(0.115 * 3 / 2)
    assert PRICES.usd("ml.m5.large", 1, 3600) == 0.115
    assert PRICES.usd("free", 2, 10) == 0.0


def test_what_has_no_price_costs_nobody_knows_what() -> None:
    assert PRICES.usd("ml.m5.xlarge", 1, 3600) is None
    assert Prices("2024", "us-east-1", "x").usd("ml.m5.large", 1, 3600) is None


@pytest.mark.parametrize("usd", [-0.01, math.inf, math.nan])
def test_a_price_is_refused_that_is_negative_or_without_end(usd: float) -> None:
    with pytest.raises(ValueError, match=f"^usd_per_hour: big must cost 0 or more and finite, got {usd}$"):
        Prices("2024", "us-east-1", "x", {"small": 0.1, "big": usd})


def test_a_machine_may_cost_nothing() -> None:
    assert Prices("2024", "us-east-1", "x", {"own": 0.0}).usd("own", 3, 3600) == 0


def test_a_budget_may_be_0_or_have_no_limit() -> None:
    assert Budget().usd is None
    assert Budget(0).usd == 0


@pytest.mark.parametrize("usd", [-0.01, math.inf, math.nan])
def test_a_budget_is_refused_that_is_negative_or_without_end(usd: float) -> None:
    with pytest.raises(ValueError, match=f"^usd must be 0 or more and finite, got {usd}$"):
        Budget(usd)
