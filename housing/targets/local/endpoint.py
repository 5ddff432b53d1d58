"""One endpoint of the server: a fleet for each variant, and the transition from one deployment to the next."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from dataclasses import asdict, replace
from typing import Any

from housing.deployment.spec import Deployment, Update
from housing.errors import HousingError, RolledBack
from housing.targets.local.autoscaling import scaled
from housing.targets.local.captures import Captures
from housing.targets.local.fleet import Fleet, InstanceLostError, OverloadedError, grow
from housing.targets.local.fork_server import ForkServer
from housing.targets.local.frames import Answer, Ask
from housing.targets.local.metrics import Exposition
from housing.targets.local.request_counts import RequestCounts
from housing.targets.local.routes import Route, Split, route_of
from housing.targets.local.served import Served
from housing.targets.local.shifting import WatchedCounts, bake, steps_of
from housing.targets.local.since_change import SinceChange
from housing.targets.local.state import EndpointRecord, StateFolder

_log = logging.getLogger(__name__)


class UnknownVariantError(HousingError):
    """A request names a variant that the endpoint does not have."""


class Endpoint:
    """`invoke` may be called by any number of tasks at once, at any time; all other methods by one task at a time."""

    def __init__(
        self,
        fork_server: ForkServer,
        folder: StateFolder,
        captures: Captures,
        rerouted: Callable[[], Awaitable[None]],
    ) -> None:
        """`rerouted` is called when `route` has changed, and returns when nobody follows the old one."""
        self._rerouted = rerouted
        self._fork_server = fork_server
        self._folder = folder
        self._captures = captures
        self._served: dict[str, Served] = {}
        self._split = Split({})
        self._draining: set[asyncio.Task[None]] = set()
        self._since_change = SinceChange()
        self._candidates: dict[str, Served] = {}
        """What an update in progress is to serve, by variant."""
        self._candidate_share = 0.0
        self._candidate_models: dict[str, str] = {}
        self._shadows: dict[str, float] = {}
        """Shadow variants, with the fraction of the requests that is copied to them; their answers are dropped."""
        self.record: EndpointRecord

    async def shift_to(self, wanted: EndpointRecord) -> None:
        """As `move_to`, in the steps of the deployment's `update`. Raises RolledBack when one of its alarms rings.

        A server that ends meanwhile restarts with what was served before.
        """
        update, variants = wanted.deployment.update, wanted.deployment.variants
        changed = [n for n in variants if n in self._served and self._served[n].digest != wanted.bundles[n]]
        if update == Update() or variants.keys() != self._served.keys() or not changed:
            await self.move_to(wanted)
            return
        fleets = {name: Fleet(self._fork_server, self._folder.bundle(wanted.bundles[name])) for name in changed}
        watched = {name: WatchedCounts(self._served[name].traffic) for name in changed}
        handed_over = False
        try:
            await grow(fleets, {name: variants[name].instances for name in changed})
            for name in changed:
                new = await self._start(wanted.bundles[name], fleets[name])
                self._candidates[name] = replace(new, traffic=watched[name])
            self._candidate_models = {name: variants[name].model for name in changed}
            await self._rerouted()
            for share, seconds in steps_of(update):
                self._candidate_share = share
                _log.info("%s: %.0f %% to the new %s", wanted.deployment.endpoint, 100 * share, ", ".join(changed))
                if rang := await bake(update, watched, seconds):
                    raise RolledBack(
                        f"{wanted.deployment.endpoint} was rolled back at {share:.0%} of the traffic: {rang}. What was "
                        "served before is served again"
                    )
            await self.move_to(wanted, started=fleets)
            handed_over = True
        finally:
            self._candidates, self._candidate_share = {}, 0.0
            await self._rerouted()
            if not handed_over:
                self._drain(fleets.values())

    async def move_to(self, wanted: EndpointRecord, *, started: Mapping[str, Fleet] | None = None) -> None:
        """Serve `wanted`, whose bundles are in the folder. On DeploymentError nothing has changed.

        `started` are fleets of new models that are already answering.

        New fleets answer before the state is written, and the state is written before traffic moves, so that the server
        restarts with models that load, whenever it was ended.
        """
        begins = not self._served or _split(wanted.deployment) != _split(self.record.deployment)
        if self._served:
            wanted = replace(wanted, since_s=time.time() if begins else self.record.since_s)
        elif not wanted.since_s:
            wanted = replace(wanted, since_s=time.time())
        variants = wanted.deployment.variants
        kept = {name for name, served in self._served.items() if wanted.bundles.get(name) == served.digest}
        fleets = {
            name: self._served[name].fleet
            if name in kept
            else (started or {}).get(name) or Fleet(self._fork_server, self._folder.bundle(wanted.bundles[name]))
            for name in variants
        }
        try:
            await grow(fleets, {name: variant.instances for name, variant in variants.items()})
            begun = {name: await self._start(wanted.bundles[name], fleets[name]) for name in fleets.keys() - kept}
            await asyncio.to_thread(self._folder.write, wanted)
        except BaseException:
            for name, fleet in fleets.items():
                await (fleet.resize(self.record.deployment.variants[name].instances) if name in kept else fleet.close())
            raise

        dropped = [served.fleet for name, served in self._served.items() if name not in kept]
        self._served = {name: self._following(name, begun.get(name)) for name in fleets}
        self.record = wanted
        if begins:
            self._since_change.begin(self._traffic)
        production = wanted.deployment.production
        self._split = Split({name: variant.weight for name, variant in production.items()})
        heaviest = max((v.weight for v in production.values()), default=1.0)
        self._shadows = {name: v.weight / heaviest for name, v in variants.items() if v.shadow}
        await self._rerouted()
        for name, fleet in fleets.items():
            await fleet.resize(variants[name].instances)
        self._drain(dropped)

    def _following(self, name: str, begun: Served | None) -> Served:
        """What serves a variant from now on, with its counts continued."""
        before = self._served.get(name)
        if begun is None or before is None:
            found = begun or before
            assert found is not None
            return found
        return replace(begun, traffic=before.traffic, scaled_at=before.scaled_at, scaled_out_at=before.scaled_out_at)

    def _drain(self, fleets: Iterable[Fleet]) -> None:
        for fleet in fleets:
            self._in_background(fleet.close())

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._draining.add(task)
        task.add_done_callback(self._draining.discard)

    def pick(self, drawn: str | None = None) -> str:
        """A variant, by the weights; the one that was `drawn` already, as long as it takes requests."""
        return drawn if drawn in self._split.names else self._split.draw()

    def route(self) -> Route | None:
        """What responders may answer; None where they must leave all requests to this process."""
        has_tables = [name for name, served in self._served.items() if not isinstance(served.immediate, str)]
        if self._candidates or self._shadows or not has_tables:
            return None
        return route_of(self.record, self._folder, has_tables, self._since_change.counted_since_s)

    def add(self, counted_since_s: float, counts: Mapping[str, Mapping[str, Any]]) -> None:
        """What a responder counted, by variant, while this was the route's `counted_since_s`."""
        for name, taken in counts.items():
            if served := self._served.get(name):
                served.traffic.add(taken)
                if counted_since_s != self._since_change.counted_since_s:
                    self._since_change.leave_out(name, taken)

    @property
    def _traffic(self) -> dict[str, RequestCounts]:
        return {name: served.traffic for name, served in self._served.items()}

    def answer_at_once(self, variant: str, kind: Ask, body: bytes) -> bytes | None:
        """The answer of `invoke`, if there are few rows and this process can answer them at once; else None."""
        served = self._served.get(variant)
        # A request that may go to a new model, or is copied, takes the slow path.
        if served is None or self._candidates or self._shadows:
            return None
        result = served.answer_at_once(kind, body)
        if result is not None:
            self._capture(variant, kind, body, result)
        return result

    async def invoke(self, variant: str | None, kind: Ask, body: bytes, extras: str = "") -> tuple[str, int, bytes]:
        """The variant that answered, an Answer and its body. Raises UnknownVariantError, and as `Fleet.ask` does.

        `extras` are parameters that request more than predictions.
        """
        variant = self.pick() if variant is None else variant
        if variant not in self._served or variant in self._shadows:
            raise UnknownVariantError(f"variant {variant} is not one of {', '.join(self._split.names)}")
        is_new = variant in self._candidates and random.random() < self._candidate_share
        served = self._candidates[variant] if is_new else self._served[variant]
        model = self._candidate_models[variant] if is_new else self.record.deployment.variants[variant].model
        answer, result = await self._ask(served, variant, kind, body, extras=extras, model=model)
        for name, fraction in self._shadows.items():
            if random.random() < fraction:
                self._in_background(self._copy(name, kind, body, extras))
        return variant, answer, result

    async def _copy(self, shadow: str, kind: Ask, body: bytes, extras: str) -> None:
        served, variant = self._served.get(shadow), self.record.deployment.variants.get(shadow)
        if served is not None and variant is not None:
            # Nobody waits for the shadow's answer; a failure is only counted.
            with contextlib.suppress(OverloadedError, InstanceLostError):
                await self._ask(served, shadow, kind, body, extras=extras, model=variant.model)

    async def _ask(
        self, served: Served, variant: str, kind: Ask, body: bytes, *, extras: str, model: str
    ) -> tuple[int, bytes]:
        answer, result = await served.ask(kind, body, extras)
        if answer == Answer.PREDICTED:
            self._capture(variant, kind, body, result, model=model)
        return answer, result

    def _capture(self, variant: str, kind: Ask, body: bytes, result: bytes, *, model: str | None = None) -> None:
        """Capture an exchange; `model` if another than the variant's has answered."""
        deployment = self.record.deployment
        if deployment.capture is None:
            return
        self._captures.add_some(
            deployment.capture.percent,
            deployment.endpoint,
            variant,
            rows=body,
            answer=result,
            content_types=kind.content_types,
            model=deployment.variants[variant].model if model is None else model,
        )

    async def _start(self, bundle: str, fleet: Fleet) -> Served:
        return await Served.start(
            bundle, fleet, bundle=self._folder.bundle(bundle), compiled=self._folder.compiled(bundle)
        )

    async def scale(self) -> None:
        """Give each scaling variant the instances that the load of the last minute needs."""
        deployment = self.record.deployment
        now = time.monotonic()
        variants = scaled(deployment.variants, self._served, now)
        if variants == deployment.variants:
            return
        before = deployment.variants
        await self.move_to(replace(self.record, deployment=replace(deployment, variants=variants)))
        for name, variant in variants.items():
            if variant.instances != before[name].instances:
                _log.info("%s: %s scaled to %d instances", deployment.endpoint, name, variant.instances)
                self._served[name].scaled_at = now
                if variant.instances > before[name].instances:
                    self._served[name].scaled_out_at = now

    async def close(self) -> None:
        """End all fleets, after accepted requests have been answered."""
        await asyncio.gather(*(served.fleet.close() for served in self._served.values()), *self._draining)

    def status(self) -> dict[str, Any]:
        """The fields of an EndpointStatus that the server knows, as JSON values."""
        served = self._served
        whole = all(s.fleet.live >= self.record.deployment.variants[n].instances for n, s in served.items())
        return {
            "state": "InService" if whole else "Recovering",
            "deployment": asdict(self.record.deployment),
            "instances": {name: s.fleet.live for name, s in served.items()},
            "invocations": {name: s.traffic.invocations for name, s in served.items()},
            "failures": {name: s.traffic.failures for name, s in served.items()},
            "server_errors": {name: s.traffic.server_errors for name, s in served.items()},
            "p99_ms": {name: s.traffic.p99_latency_ms() for name, s in served.items()},
            "median_latency_ms": {name: s.traffic.median_latency_ms() for name, s in served.items()},
            "models": {
                name: {"model": self.record.deployment.variants[name].model, "digest": s.digest}
                for name, s in served.items()
            },
            "compiled": {name: s.immediate if isinstance(s.immediate, str) else "" for name, s in served.items()},
            "test": self._since_change.told(self.record.since_s, self._traffic),
            "pids": {name: s.fleet.pids for name, s in served.items()},
        }

    def expose(self, metrics: Exposition) -> None:
        """Add the metrics of each variant."""
        deployment = self.record.deployment
        for name, served in self._served.items():
            about = deployment.variants[name]
            live, counts = served.fleet.live, served.traffic
            metrics.add(deployment.endpoint, name, about.model, weight=about.weight, instances=live, counts=counts)


def _split(deployment: Deployment) -> object:
    """What identifies a test: the shares of the variants, and the models that answer."""
    return {name: (variant.model, variant.weight) for name, variant in deployment.variants.items()}
