"""How long until? Times to an event that may not have been seen yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from housing.tasks.base import Metric
from housing.tasks.times import OF_TIMES, OfTimes


class SurvivalTime(OfTimes):
    """A prediction is a time, in the label's unit."""

    name: ClassVar[str] = "survival_time"
    question: ClassVar[str] = "how long until"
    metrics: ClassVar[Mapping[str, Metric]] = {"concordance": OF_TIMES}
    metric: ClassVar[str] = "concordance"


TASK = SurvivalTime()
