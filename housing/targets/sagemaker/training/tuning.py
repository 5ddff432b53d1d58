"""A study as the request for one of SageMaker's own tuning jobs, and what such a job cannot do. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from housing.algorithms.own_code import Image
from housing.algorithms.registry import find
from housing.errors import ConfigError
from housing.targets.sagemaker.containers import JobResources, TrainingContainer, text
from housing.targets.sagemaker.training.container import container_of
from housing.targets.sagemaker.training.requests import definition, tags
from housing.training.job import TrainingJob
from housing.training.metrics import direction
from housing.tuning.space import Categorical, Distribution, Float, Int, SearchSpace, grid_size, grid_values
from housing.tuning.spec import Study

if TYPE_CHECKING:
    from housing.targets.managed import ManagedStudy
    from housing.targets.sagemaker.settings import Settings

_STRATEGIES = {"tpe": "Bayesian", "random": "Random", "grid": "Grid"}
_MOST_VALUES = 30
_MOST_PARAMETERS = 30
_MOST_JOBS = 750
_MOST_AT_ONCE = 100
_MOST_PARENTS = 5
_LEAST_TIME_S = 120
_LEAST_PATIENCE = 3
_OPTUNA = "study.engine=optuna runs each trial as a training job of its own, and can"


def faults(study: Study, space: SearchSpace, container: TrainingContainer) -> list[str]:
    """What a tuning job cannot do of this study; each message begins with the key and ends with a way out.

    `study.engine=amt` requires an empty list.
    """
    return [*_study_faults(study), *_space_faults(study, space, container)]


def tuning_request(managed: ManagedStudy, settings: Settings, resources: JobResources) -> dict[str, Any]:
    """CreateHyperParameterTuningJob for a study without `faults`. Raises ConfigError for an image that cannot start."""
    study, job = managed.study, managed.job
    if isinstance(job.code, Image) and (job.code.entry_point or job.code.arguments):
        raise ConfigError(
            "algorithm.container: a tuning job takes neither entry_point nor arguments; build them into the image, or "
            "let study.engine=optuna run each trial as a training job of its own"
        )
    container = container_of(job.algorithm, job.code)
    searched, fixed = _parts(managed.space)
    shared = replace(
        job, hyperparameters={k: v for k, v in job.hyperparameters.items() if k not in searched} | dict(fixed)
    )
    common = definition(shared, settings, resources, checkpoints=managed.handle)
    request = {
        "HyperParameterTuningJobName": managed.handle,
        "HyperParameterTuningJobConfig": {
            "Strategy": "Hyperband" if study.pruner == "hyperband" else _STRATEGIES[study.sampler],
            **_strategy_config(study, shared),
            "HyperParameterTuningJobObjective": {
                "Type": direction(study.objectives[0], job.code.directions if job.code else {}).capitalize(),
                "MetricName": container.metric_name(study.objectives[0], job),
            },
            "ResourceLimits": {
                # A grid has as many jobs as points: SageMaker counts them itself.
                **({} if study.sampler == "grid" else {"MaxNumberOfTrainingJobs": study.trials}),
                "MaxParallelTrainingJobs": study.parallel,
                **({"MaxRuntimeInSeconds": int(study.time_limit_s)} if study.time_limit_s is not None else {}),
            },
            "ParameterRanges": _ranges(searched, as_categories=study.sampler == "grid", as_json=container.reads_json),
            "TrainingJobEarlyStoppingType": "Auto" if study.pruner == "median" else "Off",
            **_completion(study),
            "RandomSeed": abs(job.seed),
        },
        "TrainingJobDefinition": {**common, "StaticHyperParameters": container.texts(shared, resources)},
        "Tags": tags(job, settings),
    }
    if managed.parents:
        request["WarmStartConfig"] = {
            "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": name} for name in managed.parents],
            # The other type requires the same training rows, which a later study may not have.
            "WarmStartType": "TransferLearning",
        }
    return request


def fixed_values(space: SearchSpace) -> Mapping[str, Any]:
    """Hyperparameters with a single value: they are not searched, and SageMaker does not report them."""
    return _parts(space)[1]


def _study_faults(study: Study) -> list[str]:
    found = []
    if study.sampler not in _STRATEGIES:
        found.append(
            f"study.sampler: a tuning job of SageMaker has no {study.sampler}; it has tpe (its Bayesian), random and "
            f"grid; {_OPTUNA}"
        )
    if study.sampler == "grid" and study.pruner == "hyperband":
        found.append(f"study.pruner: SageMaker's hyperband proposes by itself and takes no grid; {_OPTUNA}")
    if len(study.objectives) > 1:
        found.append(f"study.objective: a tuning job takes one, got {list(study.objectives)}; {_OPTUNA}")
    elif not study.objectives[0].startswith(("validation_", "train_")):
        found.append(f"study.objective: a tuning job takes a metric of a channel, got {study.objectives[0]}; {_OPTUNA}")
    found += [
        f"study.{key}: a trial of a tuning job is one training job, got {count} {key}; {_OPTUNA}"
        for key, count in (("folds", study.folds), ("repeats", study.repeats))
        if count > 1
    ]
    if study.reuse:
        found.append(f"study.reuse: a tuning job trains every point that it proposes; say false, or {_OPTUNA}")
    if study.retries:
        found.append(f"study.retries: a tuning job tries no point again; say 0, or {_OPTUNA}")
    if not isinstance(study.start_from, str) and study.start_from:
        found.append(
            f"study.start_from: a tuning job takes no points to begin with; name earlier tuning jobs, or {_OPTUNA}"
        )
    for key, value, least in (
        ("time_limit_s", study.time_limit_s, _LEAST_TIME_S),
        ("patience", study.patience, _LEAST_PATIENCE),
    ):
        if value is not None and value < least:
            found.append(f"study.{key}: a tuning job takes {least} or more, got {value:g}; {_OPTUNA} less")
    for key, number, most in (("trials", study.trials, _MOST_JOBS), ("parallel", study.parallel, _MOST_AT_ONCE)):
        if number > most:
            found.append(f"study.{key}: a tuning job takes {most} at most, got {number}; {_OPTUNA} more")
    return found


def _space_faults(study: Study, space: SearchSpace, container: TrainingContainer) -> list[str]:
    found = []
    searched, _ = _parts(space)
    if not searched:
        found.append("search_space: nothing to search but fixed values; train it: `housing train`")
    if len(searched) > _MOST_PARAMETERS:
        found.append(f"search_space: a tuning job searches {_MOST_PARAMETERS} at most, got {len(searched)}; {_OPTUNA}")
    found += container.tuning_faults(study, searched)
    for name, distribution in space.items():
        key = f"search_space.{name}"
        if distribution.only_if is not None:
            found.append(f"{key}.only_if: a tuning job proposes every hyperparameter every time; {_OPTUNA}")
        values = grid_values(distribution) if study.sampler == "grid" or isinstance(distribution, Categorical) else None
        if values is not None and len(values) > _MOST_VALUES:
            found.append(f"{key}: a tuning job takes {_MOST_VALUES} values at most, got {len(values)}; {_OPTUNA}")
        if study.sampler != "grid" and _has_steps(distribution):
            found.append(
                f"{key}.step: a tuning job knows no steps; leave it out, list `choices`, or use sampler grid; {_OPTUNA}"
            )
    size = grid_size(space) if study.sampler == "grid" else None
    if size is not None and size > study.trials:
        found.append(
            f"study.trials: a tuning job tries out the whole grid of {size}, more than {study.trials}; say "
            f"study.trials={size}, search less, or {_OPTUNA} a part of it"
        )
    return found


def _has_steps(distribution: Distribution) -> bool:
    return (isinstance(distribution, Float) and distribution.step is not None) or (
        isinstance(distribution, Int) and distribution.step != 1
    )


def _parts(space: SearchSpace) -> tuple[SearchSpace, Mapping[str, Any]]:
    """The searched hyperparameters, and those with a single value."""
    fixed: dict[str, Any] = {}
    for name, distribution in space.items():
        if isinstance(distribution, Categorical):
            if len(distribution.choices) == 1:
                fixed[name] = distribution.choices[0]
        elif distribution.low == distribution.high:
            fixed[name] = distribution.low
    return {name: distribution for name, distribution in space.items() if name not in fixed}, fixed


def _ranges(space: SearchSpace, *, as_categories: bool, as_json: bool) -> dict[str, Any]:
    """ParameterRanges. SageMaker's grid accepts only lists of values; scripts read values `as_json`."""
    ranges: dict[str, list[dict[str, Any]]] = {}
    for name, distribution in space.items():
        values = grid_values(distribution) if as_categories or isinstance(distribution, Categorical) else None
        if values is not None:
            entry: dict[str, Any] = {"Name": name, "Values": [json.dumps(v) if as_json else text(v) for v in values]}
            ranges.setdefault("CategoricalParameterRanges", []).append(entry)
            continue
        assert not isinstance(distribution, Categorical)
        kind = "IntegerParameterRanges" if isinstance(distribution, Int) else "ContinuousParameterRanges"
        ranges.setdefault(kind, []).append(
            {
                "Name": name,
                "MinValue": str(distribution.low),
                "MaxValue": str(distribution.high),
                "ScalingType": "Logarithmic" if distribution.log else "Linear",
            }
        )
    return ranges


def _strategy_config(study: Study, job: TrainingJob) -> dict[str, Any]:
    counting = find(job.algorithm).capabilities.rounds if job.code is None else job.code.rounds
    most = job.hyperparameters.get(counting or "")
    if study.pruner != "hyperband" or not isinstance(most, int):
        return {}
    least = min(max(study.prune_after, 1), most)
    return {"StrategyConfig": {"HyperbandStrategyConfig": {"MinResource": least, "MaxResource": most}}}


def _completion(study: Study) -> dict[str, Any]:
    if study.patience is None:
        return {}
    rule = {"MaxNumberOfTrainingJobsNotImproving": study.patience}
    return {"TuningJobCompletionCriteria": {"BestObjectiveNotImproving": rule}}
