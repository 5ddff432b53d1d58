"""Routes requests to the variants behind an endpoint, by the fleets' shares and the variants' weights."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from housing.rehearsal.serving.machines import Machine
from housing.rehearsal.serving.metering import Source
from housing.rehearsal.serving.multi_model import MultiModelMachine

if TYPE_CHECKING:
    from housing.rehearsal.context import Context

_DRAIN_S = 60
T = TypeVar("T")


class NoSuchVariant(Exception):
    """The endpoint is in service, but has no variant of this name."""


class TooBusy(Exception):
    """A serverless variant has reached its MaxConcurrency."""


@dataclass
class RunningVariant:
    """The machines that serve one model: a single container here; `instances` is how many AWS would bill."""

    name: str
    machine: Machine | MultiModelMachine
    source: Source
    log_stream: str
    weight: float
    instances: int
    most_at_once: int | None = None
    last_used: float | None = None
    in_flight: int = 0
    begun: int = 0


@dataclass(eq=False)
class Fleet:
    """The variants of one endpoint configuration, made from `plan`."""

    plan: Mapping[str, Any]
    variants: Mapping[str, RunningVariant]
    shadow: RunningVariant | None = None

    def everyone(self) -> list[RunningVariant]:
        return [*self.variants.values(), *([self.shadow] if self.shadow else [])]


@dataclass(frozen=True)
class Share:
    """A fleet and its share of the traffic; an endpoint's shares sum to 1."""

    fleet: Fleet
    part: float


class Router:
    """Where each endpoint's requests go. For any thread: no request reaches a closed fleet."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._routes: dict[str, tuple[Share, ...]] = {}
        self._draws: dict[str, random.Random] = {}

    def route(self, endpoint: str, shares: Sequence[Share]) -> None:
        """Takes effect for new requests; those in flight are not moved."""
        with self._lock:
            self._routes[endpoint] = tuple(share for share in shares if share.part > 0)
            self._draws.setdefault(endpoint, random.Random(self._context.settings.seed))

    def fleet(self, endpoint: str) -> Fleet | None:
        """The fleet with the largest share; None when there is no such endpoint."""
        with self._lock:
            shares = self._routes.get(endpoint)
            return max(shares, key=lambda share: share.part).fleet if shares else None

    def fleets(self, endpoint: str) -> list[Fleet]:
        with self._lock:
            return [share.fleet for share in self._routes.get(endpoint, ())]

    def endpoints(self) -> list[str]:
        with self._lock:
            return list(self._routes)

    def remove(self, endpoint: str) -> None:
        with self._lock:
            self._routes.pop(endpoint, None)
            self._draws.pop(endpoint, None)

    def resize(self, variant: RunningVariant, *, weight: float, instances: int) -> None:
        with self._lock:
            variant.weight, variant.instances = weight, instances

    @contextmanager
    def chosen(self, endpoint: str, target: str | None) -> Iterator[tuple[Fleet, RunningVariant]]:
        """The variant for the next request, kept open in the block. KeyError when there is no such endpoint."""
        with self._lock:
            fleet, variant = _choose(self._routes[endpoint], target, self._draws[endpoint])
            _count_in(variant)
        try:
            yield fleet, variant
        finally:
            self.release(variant)

    def copied_to(self, endpoint: str, fleet: Fleet) -> RunningVariant | None:
        """The shadow variant, if by the weights it gets a copy of this request; `release` it afterwards."""
        if fleet.shadow is None:
            return None
        (production,) = fleet.variants.values()
        with self._lock:
            draws = self._draws.get(endpoint)
            if draws is None or draws.random() * production.weight >= fleet.shadow.weight:
                return None
            _begin(fleet.shadow)
        return fleet.shadow

    def release(self, variant: RunningVariant) -> None:
        with self._lock:
            variant.in_flight -= 1
            variant.last_used = self._context.clock.now()

    def answer_begun(self, fleet: Fleet) -> None:
        """Wait until as many requests have been answered as had begun by now."""
        begun = {variant.name: variant.begun for variant in fleet.variants.values()}
        deadline = time.monotonic() + _DRAIN_S
        while any(v.begun - v.in_flight < begun[v.name] for v in fleet.variants.values()):
            if time.monotonic() > deadline:
                return
            time.sleep(0.005)

    def retire(self, fleet: Fleet) -> None:
        """Close a fleet that gets no more requests, once those in flight are answered."""
        deadline = time.monotonic() + _DRAIN_S
        while any(variant.in_flight for variant in fleet.everyone()) and time.monotonic() < deadline:
            time.sleep(0.005)
        close(fleet)


def close(fleet: Fleet) -> None:
    for variant in fleet.everyone():
        variant.machine.close()


def _choose(shares: Sequence[Share], target: str | None, draws: random.Random) -> tuple[Fleet, RunningVariant]:
    able = [share for share in shares if target is None or target in share.fleet.variants]
    if not able:
        raise NoSuchVariant(target)
    share = _drawn(able, [share.part for share in able], draws)
    if target is not None:
        return share.fleet, share.fleet.variants[target]
    variants = list(share.fleet.variants.values())
    weights = [variant.weight for variant in variants]
    if not any(weights):
        raise NoSuchVariant("any weight")
    return share.fleet, _drawn(variants, weights, draws)


def _drawn(among: Sequence[T], weights: Sequence[float], draws: random.Random) -> T:
    """A single candidate draws no random number, so that other choices stay reproducible."""
    return among[0] if len(among) == 1 else draws.choices(among, weights)[0]


def _count_in(variant: RunningVariant) -> None:
    if variant.most_at_once is not None and variant.in_flight >= variant.most_at_once:
        raise TooBusy(variant.name)
    _begin(variant)


def _begin(variant: RunningVariant) -> None:
    variant.in_flight += 1
    variant.begun += 1
