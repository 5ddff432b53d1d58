"""Hydra's sweep syntax as entries of a search space: `algorithm.eta=interval(0.01,0.3)` for a study."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from hydra.core.override_parser.types import ChoiceSweep, Glob, IntervalSweep, QuotedString, RangeSweep, Sweep

from housing.config.schema import CHOOSABLE
from housing.tuning.space import Categorical, Distribution, interval, stepped

FORMS = "choice(a,b), range(3,9), interval(0.01,0.3) or tag(log, interval(0.01,10))"
_GROUPS = ("algorithm", "search_space")


def searched_name(key: str, package: str | None) -> str | None:
    """The search space's name for the key of an override with several values; None when there is none."""
    if key in CHOOSABLE and package is None:
        return key
    group, _, name = key.partition(".")
    # search_space.linear.alpha belongs to one of the searched algorithms.
    is_one = name.count(".") <= (group == "search_space")
    return name if group in _GROUPS and name and is_one else None


def entry(sweep: Sweep | Glob, *, whole: bool) -> Mapping[str, Any]:
    """The entry as a file of conf/search_space would have it. `whole`: an interval is one of whole numbers.

    Raises ValueError with the rule that is broken; values are checked against the algorithm later.
    """
    distribution = _distribution(sweep, whole=whole)
    return {key: value for key, value in asdict(distribution).items() if value is not None}


def _distribution(sweep: Sweep | Glob, *, whole: bool) -> Distribution:
    tags = set(sweep.tags) if isinstance(sweep, Sweep) else set()
    if strange := sorted(tags - {"log"}):
        raise ValueError(f"there is no tag {strange[0]!r} here, only log: tag(log, interval(0.01,10))")
    is_log = "log" in tags
    if is_log and not isinstance(sweep, IntervalSweep):
        raise ValueError("only an interval has a log scale: tag(log, interval(0.01,10))")
    match sweep:
        case IntervalSweep(start=float() | int() as start, end=float() | int() as end):
            # Hydra reads the ends of every interval as floats.
            if whole and float(start).is_integer() and float(end).is_integer():
                return interval(int(start), int(end), log=is_log)
            return interval(float(start), float(end), log=is_log)
        case RangeSweep(start=float() | int() as start, stop=float() | int() as stop, step=step):
            return stepped(start, stop, step)
        case ChoiceSweep(list=choices):
            return Categorical(tuple(_plain(choice) for choice in choices))
    raise ValueError(f"a study takes {FORMS}")


def _plain(choice: Any) -> str | int | float | bool:
    if isinstance(choice, QuotedString):
        return str(choice.text)
    if isinstance(choice, str | int | float | bool):
        return choice
    raise ValueError(f"a choice is a name or a number, got {choice}")
