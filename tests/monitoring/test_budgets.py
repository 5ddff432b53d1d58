from __future__ import annotations

import pytest

from housing.monitoring.budgets import budget_faults
from housing.monitoring.spec import Monitoring


def told(settings: Monitoring, *, p99: float | None = None, calls: int = 0, errors: int = 0) -> list[str]:
    found = budget_faults(settings, p99_ms={"a": p99}, calls={"a": calls}, server_errors={"a": errors})
    return [fault.sentence for fault in found]


def test_without_budgets_nobody_minds() -> None:
    assert told(Monitoring(), p99=1e6, calls=10, errors=10) == []


def test_a_latency_beyond_its_budget_is_told_with_both() -> None:
    assert told(Monitoring(p99_ms=50), p99=49.9) == told(Monitoring(p99_ms=50)) == []
    assert told(Monitoring(p99_ms=50), p99=61.23) == ["a: p99 is 61.2 ms, monitoring.p99_ms allows 50"]


@pytest.mark.parametrize(
    ("calls", "errors", "is_told"), [(0, 0, False), (100, 2, False), (1000, 12, False), (1000, 40, True)]
)
def test_a_share_of_errors_counts_once_chance_does_not_explain_it(calls: int, errors: int, is_told: bool) -> None:
    found = told(Monitoring(server_error_share=0.01), calls=calls, errors=errors)
    assert bool(found) == is_told
    if is_told:
        assert found == ["a: 4.00% of its calls are server errors, monitoring.server_error_share allows 1.00%"]


@pytest.mark.parametrize("values", [{"p99_ms": 0}, {"server_error_share": 1.0}, {"server_error_share": -0.1}])
def test_what_is_no_budget_is_refused(values: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(values))):
        Monitoring(**values)


def test_what_is_at_its_budget_is_within_it_and_each_budget_is_told_with_its_key() -> None:
    settings = Monitoring(p99_ms=0.5, server_error_share=0)
    assert told(settings, p99=0.5, calls=10, errors=0) == []
    both = budget_faults(
        settings, p99_ms={"a": 0.6, "b": 0.1}, calls={"a": 10, "b": 10}, server_errors={"a": 10, "b": 0, "c": 3}
    )
    assert [(fault.variant, fault.what, fault.seen, fault.limit) for fault in both] == [
        ("a", "p99_ms", 0.6, 0.5),
        ("a", "server_error_share", 1.0, 0),
    ]
