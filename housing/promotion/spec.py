"""The promotion gate as declared."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Gate:
    """Rules that a candidate must pass before the alias moves. `metric` is measured on the test part.

    `at_most` is an absolute limit in the metric's unit (null: none). `margin` is how much better than the present
    champion the candidate must be, in the same unit, at `confidence` (null: by the plain difference).
    """

    metric: str = "mae"
    at_most: float | None = None
    margin: float = 0.0
    confidence: float | None = 0.95
    resamples: int = 2000

    def __post_init__(self) -> None:
        if self.confidence is not None and not 0.5 <= self.confidence < 1:
            raise ValueError(f"confidence must lie in [0.5, 1), got {self.confidence}")
        if self.resamples < 100:
            raise ValueError(f"resamples must be 100 or more, got {self.resamples}")
