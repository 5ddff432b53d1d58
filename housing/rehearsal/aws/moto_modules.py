"""Imports moto's services when each is first called, with our corrections, and without modules not needed here."""

from __future__ import annotations

import contextlib
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any, cast

from housing.rehearsal.aws import described_alarms, filtered_log_events, policy_alarms

_CORRECTIONS: dict[str, Callable[[], None]] = {
    "applicationautoscaling": policy_alarms.correct,
    "cloudwatch": described_alarms.correct,
    "logs": filtered_log_events.correct,
}
_ECS = "moto.ecs"


def backends(service: str) -> Any:
    """Moto's state of a service, by account; `service` as moto names it."""
    from moto.backends import get_backend

    with _without_ecs():
        found = get_backend(cast(Any, service))
    if service in _CORRECTIONS:
        _CORRECTIONS[service]()
    return found


def prepare(module: str) -> None:
    """Correct a module's service before the module itself is imported by name."""
    service = module.split(".")[1:2]
    if service and service[0] in _CORRECTIONS:
        backends(service[0])


@contextlib.contextmanager
def _without_ecs() -> Iterator[None]:
    """Import without ECS, which autoscaling imports, and with it all of EC2: 100 MB and a second of processor time."""
    if _ECS in sys.modules:
        yield
        return
    stand_in = ModuleType(_ECS)
    stand_in.ecs_backends = defaultdict(lambda: defaultdict(lambda: None))  # type: ignore[attr-defined]
    sys.modules[_ECS] = stand_in
    try:
        yield
    finally:
        sys.modules.pop(_ECS, None)
