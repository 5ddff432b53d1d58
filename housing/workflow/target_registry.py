"""Registers a promoted version also in the serving target's registry, if its settings ask for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from housing.targets.base import PromotedVersion, RegisteringHost
from housing.targets.registry import find

if TYPE_CHECKING:
    from housing.tracking.reader import Version
    from housing.workflow.session import Session

_APPROVING = "champion"


def register_there(session: Session, version: Version, *, alias: str, metrics: Mapping[str, float]) -> str | None:
    """Its address there; None if nothing is to be registered. Only a champion is approved for deployment."""
    experiment = session.experiment
    registry = getattr(find(experiment.host.name), "registry", None)
    group = registry(experiment.host) if registry else None
    if group is None or not isinstance(session.host, RegisteringHost):
        return None
    approved = alias == _APPROVING
    promoted = PromotedVersion(
        uri=version.uri,
        digest=version.digest or "",
        run_id=version.run_id,
        interface=experiment.deployment.interface,
        metrics=metrics,
        is_approved=approved,
        why=f"{version.uri} passed the gate and is @{alias}",
    )
    with session.reporter.working(f"registering the model in {group}"):
        address = session.host.register(promoted, session.versions.download(version))
    state = "approved" if approved else "to be approved"
    session.reporter.step("register", f"{group} version {address.rpartition('/')[2]}, {state}")
    return address
