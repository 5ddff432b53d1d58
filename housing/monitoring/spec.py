"""When monitoring speaks up, as declared."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Monitoring:
    """How far captured rows may be from those of training before a column is called drifted.

    The distance is the population stability index over `bins` quantile bins, or over levels; a column has drifted
    when it reaches `psi` and more than chance explains. `chance` is how often a monitoring may find such a column, in
    all columns together, where there is no drift; `ratio_chance` how often requests that were shared out as declared
    may be called shared out otherwise. The shares are of the rows, beyond what training had: cells that are missing,
    numbers outside of the range of training, levels that training never had. `p99_ms` is the latency that 99 of 100
    calls of a variant may not pass, and `server_error_share` the share of its calls that may fail by no fault of the
    client's; null: nobody minds.
    """

    bins: int = 10
    psi: float = 0.2
    chance: float = 0.01
    ratio_chance: float = 0.001
    missing_share: float = 0.05
    out_of_range_share: float = 0.02
    unseen_share: float = 0.02
    p99_ms: float | None = None
    server_error_share: float | None = None

    def __post_init__(self) -> None:
        faults = []
        if not 2 <= self.bins <= 100:
            faults.append(f"bins: must lie in [2, 100], got {self.bins}")
        if not self.psi > 0:
            faults.append(f"psi: must be more than 0, got {self.psi}")
        faults += [
            f"{key}: must lie between 0 and 1, got {getattr(self, key)}"
            for key in ("chance", "ratio_chance")
            if not 0 < getattr(self, key) < 1
        ]
        faults += [
            f"{key}: must lie in [0, 1], got {getattr(self, key)}"
            for key in ("missing_share", "out_of_range_share", "unseen_share")
            if not 0 <= getattr(self, key) <= 1
        ]
        if self.p99_ms is not None and not self.p99_ms > 0:
            faults.append(f"p99_ms: must be more than 0, got {self.p99_ms}")
        if self.server_error_share is not None and not 0 <= self.server_error_share < 1:
            faults.append(f"server_error_share: must lie in [0, 1), got {self.server_error_share}")
        if faults:
            raise ValueError("; ".join(faults))
