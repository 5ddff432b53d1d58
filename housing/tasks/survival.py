"""How soon, relative to others? Relative risks of an event that may not have been seen yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from housing.tasks.base import Metric
from housing.tasks.times import OF_RISKS, OfTimes


class Survival(OfTimes):
    """A prediction is a hazard ratio: the higher, the sooner."""

    name: ClassVar[str] = "survival"
    question: ClassVar[str] = "how soon, one beside another"
    metrics: ClassVar[Mapping[str, Metric]] = {"concordance": OF_RISKS}
    metric: ClassVar[str] = "concordance"


TASK = Survival()
