"""Experiments declared in YAML: composed by Hydra, recorded by MLflow, deployed by the same files.

`housing.compose("dataset=mine", "algorithm.eta=0.1")` is the experiment in a program, with the commands as methods.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"
# Imported when they are first asked for: a command must not wait for what it does not need.
_PUBLIC = {
    "Experiment": "housing.api.experiment",
    "compose": "housing.api.experiment",
    "describe": "housing.api.experiment",
    "Result": "housing.api.result",
    "BudgetRefused": "housing.errors",
    "CloudError": "housing.errors",
    "ConfigError": "housing.errors",
    "DataError": "housing.errors",
    "DeploymentError": "housing.errors",
    "FaultDetail": "housing.errors",
    "GateRefused": "housing.errors",
    "HousingError": "housing.errors",
    "RegistryError": "housing.errors",
    "TrackingError": "housing.errors",
    "TrainingError": "housing.errors",
}


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'housing' has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return ["__version__", *sorted(_PUBLIC)]
