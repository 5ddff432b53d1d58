"""Settings that lead to a rehearsal that answers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from housing.rehearsal.process import ensure

if TYPE_CHECKING:
    from housing.targets.rehearsal import Settings


def begun(settings: Settings) -> Settings:
    """The same settings with the address and region of a rehearsal that answers, started when there was none."""
    address = ensure(settings.rehearsal)
    return replace(settings, endpoint_url=address.url, region=settings.region or address.region)
