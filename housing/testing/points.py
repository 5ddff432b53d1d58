"""Small jobs of the algorithms that housing ships, for the contracts of runners."""

from __future__ import annotations

from typing import Any, ClassVar


class LightGBMJobs:
    """Beside `RunnerContract`."""

    algorithm: ClassVar[str] = "lightgbm"
    point: ClassVar[dict[str, Any]] = {
        "num_boost_round": 12,
        "num_leaves": 5,
        "learning_rate": 0.4,
        "metric": ("mae", "rmse"),
    }
    other_points: ClassVar[list[dict[str, Any]]] = [{"num_leaves": 3}, {"max_bin": 8}]
    broken_point: ClassVar[dict[str, Any]] = {"num_leaves": 1}
