"""This process's only connection to Ray, which all runners share and the last one ends."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any

from housing.errors import ConfigError, TrainingError

if TYPE_CHECKING:
    from housing.targets.ray.settings import Settings

_lock = threading.Lock()
_connected: list[Settings] = []


def connect(settings: Settings) -> ModuleType:
    """Ray, connected. Raises ConfigError when it is not installed, TrainingError when no cluster answers."""
    ray = _import_ray()
    with _lock:
        if not ray.is_initialized():
            _start(ray, settings)
        elif _connected and _place(_connected[0]) != _place(settings):
            raise ConfigError(f"runner: one process cannot use two Ray clusters, {_connected[0]} and {settings}")
        _connected.append(settings)
    return ray


def disconnect(settings: Settings) -> None:
    """Undo one `connect`; the last one ends a cluster that was started here."""
    import ray

    with _lock:
        _connected.remove(settings)
        if not _connected:
            ray.shutdown()


def _place(settings: Settings) -> tuple[str | None, int | None]:
    """The settings that identify the cluster."""
    return settings.address, settings.cpus


def _import_ray() -> ModuleType:
    # Read when Ray is imported; a value that the user has set takes precedence.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ModuleNotFoundError as error:
        if error.name != "ray":
            raise
        raise ConfigError("target@runner=ray: Ray is not installed; pip install 'housing[ray]'") from None
    module: ModuleType = ray
    return module


def _start(ray: ModuleType, settings: Settings) -> None:
    own: dict[str, Any] = {"num_cpus": settings.cpus, "include_dashboard": False}
    try:
        with _signals_kept():
            ray.init(
                address=settings.address or "local",
                log_to_driver=False,
                logging_level="critical",
                job_config=_from_installed_packages_only(ray),
                **({} if settings.address else own),
            )
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        where = settings.address or "this machine"
        text = " ".join(str(error).split())
        raise TrainingError(f"no Ray cluster answers on {where} (runner.address): {text[:_MESSAGE_LIMIT]}") from error


def _from_installed_packages_only(ray: ModuleType) -> Any:
    """A runtime environment that keeps the working folder off the workers' path, where Ray otherwise puts it first."""

    class Job(ray.job_config.JobConfig):  # type: ignore[misc,name-defined]
        def _runtime_env_has_working_dir(self) -> bool:
            return True

    return Job()


_MESSAGE_LIMIT = 300


@contextmanager
def _signals_kept() -> Iterator[None]:
    # On SIGTERM Ray would end the process at once, but the command must first record that it was interrupted.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
