"""Experiments declared in YAML: composed by Hydra, recorded by MLflow, deployed by the same files.

`housing.compose("dataset=mine", "algorithm.eta=0.1")` is the experiment in a program, with the commands as methods.
"""

from importlib import import_module
from typing import Any

__version__ = "0.2.0"
# Imported on first use: a command must not wait for imports that it does not need.
_PUBLIC = {
    "api.experiment": ("Experiment", "compose", "describe", "runs"),
    "api.result": ("RecordedRuns", "Result"),
    "errors": (
        "BudgetRefused",
        "CloudError",
        "ConfigError",
        "DataError",
        "DataFault",
        "DeploymentError",
        "FaultDetail",
        "GateRefused",
        "GateVerdict",
        "HousingError",
        "JobRefused",
        "RegistryError",
        "RolledBack",
        "ServerAway",
        "TrackingError",
        "TrainingError",
    ),
}
_MODULES = {name: module for module, names in _PUBLIC.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return ["__version__", *sorted(_MODULES)]
