"""Everything that registers operations; what is not listed here is not answered."""

from __future__ import annotations

from importlib import import_module

_PARTS = (
    "alarms",
    "async_inference",
    "endpoint_configs",
    "endpoints",
    "invocations",
    "models",
    "scaling",
    "owner",
    "search",
    "tags",
    "training_jobs",
    "tuning_jobs",
    "transform_jobs",
)


def load() -> None:
    """Import the parts; the server does so before it starts."""
    for part in _PARTS:
        import_module(f"housing.rehearsal.{part}")
