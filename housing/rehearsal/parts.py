"""Everything that registers operations; what is not listed here is not answered."""

from __future__ import annotations

from importlib import import_module

_PARTS = (
    "access.owner",
    "api.search",
    "api.tags",
    "serving.alarms",
    "serving.async_inference",
    "serving.endpoint_configs",
    "serving.endpoints",
    "serving.invocations",
    "serving.models",
    "serving.scaling",
    "serving.transform_jobs",
    "training.jobs",
    "tuning.jobs",
)


def load() -> None:
    """Import the parts; the server does so before it starts."""
    for part in _PARTS:
        import_module(f"housing.rehearsal.{part}")
