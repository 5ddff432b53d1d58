"""Reports what jobs may cost before they are paid for."""

from __future__ import annotations

from housing.workflow.session import Session
from housing.workflow.spending import earlier_billed_seconds, estimate


def report_costs(session: Session, *, jobs: int) -> None:
    """Report, before jobs are paid for, what they may cost, and what similar jobs cost."""
    rental, prices = session.running_jobs.runner.rental, session.experiment.prices
    if rental is not None and jobs:
        earlier = earlier_billed_seconds(session.runs, rental)
        session.reporter.step("cost", estimate(rental, prices, jobs=jobs, earlier=earlier))
