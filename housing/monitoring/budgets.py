"""Whether variants keep within the declared latency and share of server errors. Reads nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from housing.monitoring.drift import surely
from housing.monitoring.spec import Monitoring


@dataclass(frozen=True)
class BudgetFault:
    """A variant that exceeds a budget; `what` is the key that declares the budget."""

    variant: str
    what: str
    seen: float
    limit: float

    @property
    def sentence(self) -> str:
        """For people."""
        if self.what == "p99_ms":
            return f"{self.variant}: p99 is {self.seen:,.1f} ms, monitoring.p99_ms allows {self.limit:g}"
        return (
            f"{self.variant}: {self.seen:.2%} of its calls are server errors, monitoring.server_error_share allows "
            f"{self.limit:.2%}"
        )


def budget_faults(
    settings: Monitoring,
    *,
    p99_ms: Mapping[str, float | None],
    calls: Mapping[str, int],
    server_errors: Mapping[str, int],
) -> list[BudgetFault]:
    """The faults of every variant. A share of errors counts only once chance does not explain it."""
    found = []
    if (limit := settings.p99_ms) is not None:
        slow = {name: seen for name, seen in p99_ms.items() if seen is not None and seen > limit}
        found += [BudgetFault(name, "p99_ms", seen, limit) for name, seen in slow.items()]
    if (limit := settings.server_error_share) is not None:
        for name, errors in server_errors.items():
            count = calls.get(name, 0)
            if count and surely(errors / count, count, chance=settings.chance) > limit:
                found.append(BudgetFault(name, "server_error_share", errors / count, limit))
    return found
