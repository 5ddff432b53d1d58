"""What a command spends on training: reserved before a job starts, settled when it has ended, never over the budget."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from housing.costs import Budget, Prices, Rental
from housing.errors import BudgetRefused
from housing.tracking import schema
from housing.training.job import TrainingResult

if TYPE_CHECKING:
    from housing.tracking.queries import RunQueries
    from housing.tracking.reader import Run

_EARLIER_JOBS = 20


class Ledger:
    """What one command spends. May be used from any thread."""

    def __init__(self, prices: Prices, budget: Budget) -> None:
        self.prices = prices
        self._budget = budget
        self._changed = threading.Condition()
        self._spent_usd = 0.0
        self._reserved_usd = 0.0

    def spent_before(self, usd: float) -> None:
        """Count what an earlier command has spent on the same study."""
        with self._changed:
            self._spent_usd += usd

    def reserve(self, rental: Rental | None, name: str, *, jobs: int = 1) -> float:
        """Reserve the most that the jobs may be billed; returns it, in USD, to be settled later.

        If only the reservations of running jobs prevent it, this waits until some of them have ended, as most cost far
        less than the maximum. Raises BudgetRefused if it still exceeds the budget, or if there is a budget but no known
        price.
        """
        if rental is None:
            return 0.0
        limit_usd = self._budget.usd
        longest_usd = self.prices.usd(rental.instance_type, rental.instances * jobs, rental.max_seconds)
        if limit_usd is not None and longest_usd is None:
            raise BudgetRefused(
                f"{name}: budget.usd is {limit_usd:g}, and the price of {rental.instance_type} is unknown; give "
                "prices.usd_per_hour one, or lift the budget: budget.usd=null"
            )
        with self._changed:
            if limit_usd is not None and longest_usd is not None:
                self._changed.wait_for(
                    lambda: not self._reserved_usd or self._reserved_usd + self._spent_usd + longest_usd <= limit_usd
                )
                if self._spent_usd + longest_usd > limit_usd:
                    refused = BudgetRefused(
                        f"{name}: may cost {_usd(longest_usd)} ({_multiplied(rental, jobs)}), which with "
                        f"{_usd(self._spent_usd)} spent before exceeds budget.usd={limit_usd:g}; raise it, or lower "
                        "the longest time that a job may run, runner.max_run_s"
                    )
                    refused.limit_usd, refused.spent_usd = limit_usd, self._spent_usd
                    refused.needed_usd = longest_usd
                    raise refused
            self._reserved_usd += longest_usd or 0.0
        return longest_usd or 0.0

    def settle(self, reserved_usd: float, spent_usd: float | None) -> None:
        """A job has ended: replace its reservation by its cost, or keep it if that is unknown (None)."""
        with self._changed:
            # Rounded, so that without reservations it is exactly 0.
            self._reserved_usd = max(0.0, round(self._reserved_usd - reserved_usd, 9))
            self._changed.notify_all()
            self._spent_usd += reserved_usd if spent_usd is None else spent_usd


def estimate(rental: Rental, prices: Prices, *, jobs: int, earlier: Sequence[float]) -> str:
    """What jobs may cost, in words; `earlier` are billed seconds of jobs like them."""
    longest_usd = prices.usd(rental.instance_type, rental.instances * jobs, rental.max_seconds)
    if longest_usd is None:
        return f"unknown: {rental.instance_type} has no price ({_multiplied(rental, jobs)})"
    text = f"at most {_usd(longest_usd)}: {_multiplied(rental, jobs)}, on demand in {prices.region}, {prices.date}"
    typical_usd = prices.usd(rental.instance_type, rental.instances * jobs, median(earlier)) if earlier else None
    like = "the earlier job" if len(earlier) == 1 else f"{len(earlier)} earlier jobs"
    return text if typical_usd is None else f"{text}; like {like}: {_usd(typical_usd)}"


def earlier_billed_seconds(runs: RunQueries, rental: Rental) -> list[float]:
    """Billed seconds of the latest jobs with the same rental."""
    like = f"{rental.instances} x {rental.instance_type}"
    return [run.metrics["billed_seconds"] for run in runs.billed_jobs({schema.RENTED: like}, most=_EARLIER_JOBS)]


def rented_tags(rental: Rental | None) -> dict[str, str]:
    """What a job rents, as tags of its run; empty if it is not billed."""
    return {schema.RENTED: f"{rental.instances} x {rental.instance_type}"} if rental is not None else {}


def billed(result: TrainingResult, rental: Rental | None, prices: Prices) -> dict[str, float]:
    """`cost_usd` and `spot_saving` of a billed job; without the cost if the price is unknown."""
    if rental is None or result.billed_seconds is None:
        return {}
    usd = prices.usd(rental.instance_type, rental.instances, result.billed_seconds)
    costs = {} if usd is None else {"cost_usd": usd}
    return costs | ({"spot_saving": 1 - result.billed_seconds / result.seconds} if result.seconds > 0 else {})


@dataclass(frozen=True)
class Bill:
    """Time and cost of all jobs of a study; `usd` is None if a price is unknown."""

    jobs: int
    training_seconds: float
    billed_seconds: float
    usd: float | None

    @property
    def saving(self) -> float:
        """The fraction of the training time that was not billed."""
        return 1 - self.billed_seconds / self.training_seconds if self.training_seconds else 0.0

    @property
    def metrics(self) -> dict[str, float]:
        """Metrics of the study's run."""
        own = {"billed_seconds": self.billed_seconds, "spot_saving": self.saving}
        return own if self.usd is None else own | {"cost_usd": self.usd}

    @property
    def sentence(self) -> str:
        """A sentence for the last block."""
        saved = f"; spot saved {self.saving:.0%}" if round(self.saving, 2) > 0 else ""
        cost = "unknown" if self.usd is None else _usd(self.usd)
        times = f"trained {self.training_seconds:,.0f} s, {self.billed_seconds:,.0f} s billed"
        return f"{self.jobs} {'job' if self.jobs == 1 else 'jobs'} {times}{saved}; cost {cost}"


def bill(jobs: Sequence[Run]) -> Bill | None:
    """The bill of the jobs that were billed; None if none was."""
    counted = [job for job in jobs if "billed_seconds" in job.metrics]
    if not counted:
        return None
    costs = [job.metrics.get("cost_usd") for job in counted]
    return Bill(
        len(counted),
        sum(job.metrics["training_seconds"] for job in counted),
        sum(job.metrics["billed_seconds"] for job in counted),
        None if None in costs else sum(cost for cost in costs if cost is not None),
    )


def _multiplied(rental: Rental, jobs: int) -> str:
    return f"{jobs} x {rental.instances} {rental.instance_type} for {rental.max_seconds:,.0f} s"


def _usd(amount: float) -> str:
    """`0.0042 USD`, `4.15 USD`: two decimals, or two digits below a cent."""
    return f"{amount:.2f} USD" if amount >= 0.01 or amount == 0 else f"{amount:.2g} USD"
