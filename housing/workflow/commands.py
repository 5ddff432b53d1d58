"""The function of each command, by the command's name."""

from housing.workflow.attaching import attach
from housing.workflow.benchmarking import benchmark
from housing.workflow.comparison import compare
from housing.workflow.inspection import lineage, status
from housing.workflow.interface import ui
from housing.workflow.jobs import train
from housing.workflow.monitoring import monitor
from housing.workflow.permissions import iam
from housing.workflow.predictions import predict
from housing.workflow.promotion import promote
from housing.workflow.recorded_runs import runs
from housing.workflow.rehearsing import rehearsal
from housing.workflow.resuming import recorded_request
from housing.workflow.serving import deploy, destroy, plan
from housing.workflow.studies import tune
from housing.workflow.walkthrough import run

__all__ = [
    "attach",
    "benchmark",
    "compare",
    "deploy",
    "destroy",
    "iam",
    "lineage",
    "monitor",
    "plan",
    "predict",
    "promote",
    "recorded_request",
    "rehearsal",
    "run",
    "runs",
    "status",
    "train",
    "tune",
    "ui",
]
