"""All endpoints of one server: restored when it starts, changed one action at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from housing.deployment.plan import Action, CreateEndpoint, ReplaceVariants, effect
from housing.deployment.spec import Deployment
from housing.errors import DeploymentError
from housing.targets.local.captures import Captures
from housing.targets.local.endpoint import Endpoint
from housing.targets.local.fork_server import ForkServer
from housing.targets.local.responders import Responders
from housing.targets.local.state import EndpointRecord, StateFolder

_SCALING_INTERVAL_S = 1.0
_COLLECTS_EVERY_S = 0.05

_log = logging.getLogger(__name__)


class Endpoints:
    """`serving` has the endpoints that answer, `failed` why the others could not be restored."""

    def __init__(self, folder: StateFolder) -> None:
        self.serving: dict[str, Endpoint] = {}
        self.failed: dict[str, str] = {}
        self.closing = False
        self._folder = folder
        self._fork_server = ForkServer()
        self._captures = Captures(folder.captures, later=asyncio.get_running_loop().call_later)
        self._changing = asyncio.Lock()
        self.responders = Responders(folder, self._count)

    async def restore(self) -> None:
        """Serve the endpoints of the folder. One that cannot be served is noted in `failed`; its files are kept."""
        for name in self._folder.endpoints():
            endpoint = self._new_endpoint()
            try:
                record = self._folder.read(name)
                self._folder.check_bundles(record)
                await endpoint.move_to(record)
                self.serving[name] = endpoint
            except DeploymentError as error:
                _log.error("%s is not restored: %s", name, error)
                self.failed[name] = str(error)
        self._drop_bundles()
        await self._reroute()

    async def apply(
        self, action: Action, models: Mapping[str, Path], *, again: bool = False, processes: int | None = None
    ) -> None:
        """Take an action; `models` maps the variants' `model` to folders. On DeploymentError nothing has changed.

        `processes` answer from now on, this one among them; None leaves their number as it is.
        `again`: the action may have been taken already, by a server that was killed before it could answer.
        """
        async with self._changing:
            if self.closing:
                raise ClosingError("the server is about to end")
            try:
                if not (again and self._is_done(action)):
                    await self._apply(action, models)
            finally:
                self._drop_bundles()
            # Nothing is left to serve; the next deployment starts a server again.
            self.closing = not self.serving and not self.failed
            if processes is not None and not self.closing:
                await self.responders.resize(processes - 1)
            _log.info("%s", action)

    async def end_if_unused(self) -> None:
        async with self._changing:
            self.closing = self.closing or (not self.serving and not self.failed)

    async def scale_for_ever(self) -> None:
        while True:
            await asyncio.sleep(_SCALING_INTERVAL_S)
            await self.collect()
            async with self._changing:
                for name, endpoint in self.serving.items():
                    try:
                        await endpoint.scale()
                    except DeploymentError as error:
                        _log.error("%s cannot scale: %s", name, error)

    async def collect_for_ever(self) -> None:
        """What a responder that is killed has counted since is lost."""
        while True:
            await asyncio.sleep(_COLLECTS_EVERY_S)
            await self.responders.collect()

    async def close(self) -> None:
        await self.responders.close()
        await asyncio.gather(*(endpoint.close() for endpoint in self.serving.values()))
        self._fork_server.close()
        self._captures.close()

    async def collect(self) -> None:
        """Count and capture all that was answered until now, by whichever process."""
        await self.responders.collect()
        self._captures.flush()

    def names(self) -> list[str]:
        return sorted([*self.serving, *self.failed])

    def status(self, name: str) -> dict[str, Any] | None:
        if name in self.serving:
            return self.serving[name].status()
        return {"state": f"Failed: {self.failed[name]}"} if name in self.failed else None

    def _is_done(self, action: Action) -> bool:
        """Creating is the only action that cannot be repeated."""
        endpoint = self.serving.get(action.endpoint)
        match action:
            case CreateEndpoint(deployment):
                return endpoint is not None and endpoint.record.deployment == deployment
        return False

    async def _apply(self, action: Action, models: Mapping[str, Path]) -> None:
        name = action.endpoint
        endpoint = self.serving.get(name)
        wanted = effect(action, endpoint.record.deployment if endpoint else None)
        if wanted is None:
            self._folder.forget(name)
            self.failed.pop(name, None)
            if endpoint:
                del self.serving[name]
                await self._reroute()
                await endpoint.close()
            self._captures.forget(name)
            return
        bundles = await self._bundles(wanted, endpoint.record if endpoint else None, models)
        if endpoint and isinstance(action, ReplaceVariants):
            await endpoint.shift_to(EndpointRecord(wanted, bundles))
        elif endpoint:
            await endpoint.move_to(EndpointRecord(wanted, bundles))
        else:
            endpoint = self._new_endpoint()
            await endpoint.move_to(EndpointRecord(wanted, bundles))
            self.failed.pop(name, None)
            self.serving[name] = endpoint
            await self._reroute()

    def _new_endpoint(self) -> Endpoint:
        return Endpoint(self._fork_server, self._folder, self._captures, self._reroute)

    async def _reroute(self) -> None:
        routes = {name: route for name, endpoint in self.serving.items() if (route := endpoint.route()) is not None}
        await self.responders.route(routes)

    def _count(self, name: str, counted_since_s: float, counts: Mapping[str, Mapping[str, Any]]) -> None:
        if endpoint := self.serving.get(name):
            endpoint.add(counted_since_s, counts)

    async def _bundles(
        self, wanted: Deployment, current: EndpointRecord | None, models: Mapping[str, Path]
    ) -> dict[str, str]:
        """Copy each variant's files into the folder; returns their digests."""
        bundles: dict[str, str] = {}
        for name, variant in wanted.variants.items():
            if variant.model in models:
                bundles[name] = await asyncio.to_thread(self._folder.keep_bundle, models[variant.model])
            elif current and name in current.bundles and current.deployment.variants[name].model == variant.model:
                bundles[name] = current.bundles[name]
            else:
                raise DeploymentError(f"{wanted.endpoint}: no files were given for {variant.model} of variant {name}")
        return bundles

    def _drop_bundles(self) -> None:
        # A failed endpoint may use any bundle, and could be repaired by hand.
        if not self.failed:
            self._folder.drop_bundles({d for e in self.serving.values() for d in e.record.bundles.values()})


class ClosingError(DeploymentError):
    """The server is ending, as it has nothing to serve; its successor must be asked."""
