"""Imports what commands import at work, so that a process forked afterwards has it, and makes what is made once.

These are Hydra's plugins, what installed packages bring and which modules they have, and MLflow's tables as SQLAlchemy
maps them.
"""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path
from tempfile import TemporaryDirectory

from mlflow.utils import requirements_utils

import housing
from housing.config.load import load
from housing.tasks.base import every_metric
from housing.tracking.sqlite_file import newest_revision
from housing.tracking.store import open_client

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
every_metric()
newest_revision()
with TemporaryDirectory() as _folder:
    _client = open_client(f"sqlite:///{Path(_folder, 'mlflow.db')}")
    _run = _client.create_run("0")
    _client.log_batch(_run.info.run_id, params=[], metrics=[], tags=[])
    _client.set_terminated(_run.info.run_id)
    _client.search_runs(["0"])
requirements_utils._init_modules_to_packages_map()
