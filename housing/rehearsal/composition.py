"""What the rehearsal is made of: its operations, and what it resumes at the start, repeats, and closes at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from housing.rehearsal import mlflow_servers
from housing.rehearsal.api import search, tags
from housing.rehearsal.api.operations import Invocation, Operation, bound
from housing.rehearsal.context import Context
from housing.rehearsal.mlflow_servers import MlflowServers
from housing.rehearsal.responses import HttpResponse
from housing.rehearsal.serving import (
    async_inference,
    deployments,
    endpoint_configs,
    endpoints,
    invocations,
    model_packages,
    models,
    monitoring_schedules,
    response_stream,
    scalable_targets,
    scaling_activities,
    transform_jobs,
)
from housing.rehearsal.serving.alarms import Alarms
from housing.rehearsal.serving.hosting import Hosting
from housing.rehearsal.serving.scaling import Scaling
from housing.rehearsal.training import jobs as training_jobs
from housing.rehearsal.training.engine import Engine
from housing.rehearsal.training.running_jobs import RunningJobs
from housing.rehearsal.tuning import jobs as tuning_jobs

_OF_THE_ACCOUNT = (search, tags, models, model_packages, endpoint_configs, monitoring_schedules)
_OF_JOBS = (training_jobs, tuning_jobs)
_OF_HOSTING = (endpoints, transform_jobs)

MODULES: tuple[Any, ...] = (*_OF_JOBS, *_OF_HOSTING, *_OF_THE_ACCOUNT, mlflow_servers)
"""Each with its OPERATIONS."""

OPERATIONS: frozenset[str] = frozenset(name for module in MODULES for name in module.OPERATIONS)
"""SageMaker's operations that the rehearsal supports, beside the runtime's INVOCATION_PATHS."""


def _all_bound(modules: Iterable[Any], owner: Any) -> dict[str, Operation]:
    return {name: operation for module in modules for name, operation in bound(module.OPERATIONS, owner).items()}


class Composition:
    """Everything that is built on one context. An operation that is not listed here is not supported."""

    def __init__(self, context: Context, engine: Engine | None = None) -> None:
        self._context = context
        self._jobs = RunningJobs(context, engine)
        self._hosting = Hosting(context, periodic_tasks=(Alarms().evaluate, Scaling().scale))
        self._mlflow = MlflowServers(context)
        self.operations: Mapping[str, Operation] = {
            **_all_bound(_OF_THE_ACCOUNT, context),
            **_all_bound(_OF_JOBS, self._jobs),
            **_all_bound(_OF_HOSTING, self._hosting),
            **_all_bound((mlflow_servers,), self._mlflow),
        }
        self.invocations: Mapping[str, Invocation] = {
            "InvokeEndpoint": partial(invocations.invoke_endpoint, self._hosting),
            "InvokeEndpointWithResponseStream": partial(response_stream.invoke_with_response_stream, self._hosting),
            "InvokeEndpointAsync": partial(async_inference.invoke_endpoint_async, self._hosting),
        }

        self.checks: Mapping[str, Callable[[dict[str, Any]], None]] = {
            "application-autoscaling:RegisterScalableTarget": partial(scalable_targets.check_target, context),
            "application-autoscaling:PutScalingPolicy": partial(scalable_targets.check_policy, context),
        }
        """Checks of requests before moto, which does not know endpoints, answers them. They raise ApiError."""

        self.beside_moto: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "application-autoscaling:DescribeScalingActivities": partial(scaling_activities.describe, context),
        }
        """Operations that moto lacks, of other services with JSON protocols."""

        self.passed_on: Mapping[str, Callable[[Mapping[str, Any], bytes], HttpResponse]] = {
            mlflow_servers.SERVICE: self._mlflow.answer,
        }
        """Services whose calls another process answers; called with the request's WSGI environ and its body."""

    def start(self) -> None:
        """Resume what an earlier process left unfinished; to be called before the first call is answered."""
        deployments.resume(self._hosting)
        transform_jobs.resume(self._hosting)
        training_jobs.resume(self._jobs)
        self._mlflow.resume()
        tuning_jobs.resume(self._jobs)  # after the training jobs, which they look at

    def close(self) -> None:
        """End processes and threads, once the context is ending; the state is kept."""
        self._hosting.close()
        self._mlflow.close()
        self._jobs.close()

    def release(self) -> Engine | None:
        """As `close`, but returns the jobs' engine, still running, where no job ran."""
        self._hosting.close()
        self._mlflow.close()
        return self._jobs.release()
