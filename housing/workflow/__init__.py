"""What each command does; heavy libraries are imported by the steps that use them."""

from housing.workflow.group import close_group, open_group
from housing.workflow.inspect import lineage, status
from housing.workflow.outcome import Invocation, Outcome, Reporter, Table
from housing.workflow.predict import predict
from housing.workflow.promote import promote
from housing.workflow.run import run
from housing.workflow.serve import deploy, destroy, plan
from housing.workflow.train import train
from housing.workflow.tune import tune

__all__ = [
    "Invocation",
    "Outcome",
    "Reporter",
    "Table",
    "close_group",
    "deploy",
    "destroy",
    "lineage",
    "open_group",
    "plan",
    "predict",
    "promote",
    "run",
    "status",
    "train",
    "tune",
]
