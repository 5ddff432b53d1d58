"""Imports what commands import at work, so that a process forked afterwards has it, and finds Hydra's plugins."""

from __future__ import annotations

import importlib
import pkgutil

import housing
from housing.config.load import load

_OTHERS = (
    "alembic.command",
    "lightgbm",
    "mlflow.cli",
    "mlflow.deployments.cli",
    "mlflow.projects",
    "mlflow.pyfunc",
    "mlflow.store.model_registry.sqlalchemy_store",
    "mlflow.store.tracking.sqlalchemy_store",
    "optuna",
    "rich.console",
    "sagemaker.core.image_uris",
    "sagemaker.core.resources",
    "sqlalchemy.dialects.sqlite",
    "xgboost",
)
_PROGRAMS = ("__main__", "rehearsal", "testing")

for _name in _OTHERS:
    importlib.import_module(_name)
for _module in pkgutil.walk_packages(housing.__path__, "housing."):
    if _module.name.split(".")[1] not in _PROGRAMS:
        importlib.import_module(_module.name)
load()
