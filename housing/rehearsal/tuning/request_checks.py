"""Checks a request to create a tuning job, and makes the requests of its training jobs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from housing.rehearsal.container.hyperparameters import ALIASES, RULES, direction
from housing.rehearsal.images import framework_of
from housing.rehearsal.kinds import KINDS, UNFINISHED
from housing.rehearsal.responses import ApiError, refused, unsupported
from housing.rehearsal.training import request_checks as training_checks
from housing.rehearsal.tuning.parameter_ranges import Choice, Number, Range, Space, space

if TYPE_CHECKING:
    from housing.rehearsal.context import Context

METRIC = "_tuning_objective_metric"
KIND = "hyper-parameter-tuning-job"
_MOST_JOBS = {"Bayesian": 750, "Random": 10000, "Hyperband": 10000, "Grid": 10000}
_MOST_RANGES = 30
_MOST_PARENTS = 5
_COPIED = (
    *("AlgorithmSpecification", "RoleArn", "InputDataConfig", "VpcConfig", "OutputDataConfig", "StoppingCondition"),
    *("EnableNetworkIsolation", "EnableInterContainerTrafficEncryption", "EnableManagedSpotTraining"),
    *("RetryStrategy", "Environment"),
)


def check(context: Context, request: Mapping[str, Any]) -> None:
    """Raises ApiError: in AWS's words for what AWS refuses, in ours for what the rehearsal does not support."""
    for member in ("TrainingJobDefinitions", "Autotune"):
        if request.get(member):
            raise unsupported(f"{member} is not supported by the rehearsal.")
    if "TrainingJobDefinition" not in request:
        raise refused("A training job definition is required: TrainingJobDefinition.")
    config, definition = request["HyperParameterTuningJobConfig"], request["TrainingJobDefinition"]
    for member in ("HyperParameterTuningJobObjective", "ParameterRanges"):
        if not config.get(member):
            raise refused(f"HyperParameterTuningJobConfig.{member} is required.")
    for member in ("TuningObjective", "HyperParameterRanges"):
        if definition.get(member):
            raise refused(f"TrainingJobDefinition.{member} is for jobs with several definitions.")
    ranges = space(config["ParameterRanges"])
    _check_strategy(config, ranges)
    _check_parallel(context, config)
    _check_names(ranges, definition.get("StaticHyperParameters", {}))
    _check_algorithm(context, config, definition, ranges)
    training_checks.check(context, training_request(request, "check", ranges.values((0.5,) * len(ranges.ranges))))
    _check_warm_start(context, request)


def training_request(request: Mapping[str, Any], name: str, tuned: Mapping[str, str]) -> dict[str, Any]:
    """The request of the training job that tries these values."""
    definition = request["TrainingJobDefinition"]
    objective = request["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]
    made = {member: definition[member] for member in _COPIED if member in definition}
    if machines := definition.get("ResourceConfig") or definition.get("HyperParameterTuningResourceConfig"):
        made["ResourceConfig"] = machines
    if checkpoints := definition.get("CheckpointConfig"):
        made["CheckpointConfig"] = {**checkpoints, "S3Uri": f"{checkpoints['S3Uri'].rstrip('/')}/{name}"}
    static = definition.get("StaticHyperParameters", {})
    made["HyperParameters"] = {METRIC: objective["MetricName"], **static, **tuned}
    if request.get("Tags"):
        made["Tags"] = request["Tags"]
    return {"TrainingJobName": name, **made}


def _check_strategy(config: Mapping[str, Any], ranges: Space) -> None:
    strategy, limits = config["Strategy"], config["ResourceLimits"]
    jobs = limits.get("MaxNumberOfTrainingJobs")
    stopping = config.get("TrainingJobEarlyStoppingType", "Off")
    if len(ranges.ranges) > _MOST_RANGES:
        raise ApiError("ResourceLimitExceeded", f"A tuning job can have {_MOST_RANGES} hyperparameter ranges at most.")
    if strategy == "Grid":
        if not all(isinstance(side, Choice) for side in ranges.ranges):
            raise refused("Grid search supports categorical hyperparameter ranges only.")
        if jobs is not None and jobs != ranges.count:
            raise refused(
                f"MaxNumberOfTrainingJobs [{jobs}] must be the number of combinations [{ranges.count:g}] for grid "
                "search, or left out."
            )
    elif jobs is None:
        raise refused("MaxNumberOfTrainingJobs is required for this strategy.")
    elif ranges.count < jobs:
        raise refused(
            "You don't have enough combinations of hyperparameter ranges. The total number of hyperparameter "
            f"combinations for the provided ranges [{ranges.count}] must be equal or greater than the value of "
            f"MaxNumberOfJobs, [{jobs}]. Provide additional ranges."
        )
    if jobs is not None and jobs > _MOST_JOBS[strategy]:
        raise ApiError(
            "ResourceLimitExceeded",
            f"MaxNumberOfTrainingJobs is {_MOST_JOBS[strategy]} for the strategy {strategy}, got {jobs}.",
        )
    if jobs is not None and limits["MaxParallelTrainingJobs"] > jobs:
        raise refused(
            f"MaxParallelTrainingJobs [{limits['MaxParallelTrainingJobs']}] must be less than or equal to "
            f"MaxNumberOfTrainingJobs [{jobs}]."
        )
    if (strategy == "Hyperband") != bool(config.get("StrategyConfig")):
        raise refused(
            "StrategyConfig, with its HyperbandStrategyConfig, belongs to the strategy Hyperband, and to it alone."
        )
    if strategy == "Hyperband" and stopping == "Auto":
        raise refused("TrainingJobEarlyStoppingType must be Off for the strategy Hyperband, which stops jobs itself.")
    if "ConvergenceDetected" in config.get("TuningJobCompletionCriteria", {}):
        raise unsupported("TuningJobCompletionCriteria.ConvergenceDetected is not supported by the rehearsal.")


def _check_parallel(context: Context, config: Mapping[str, Any]) -> None:
    strategy, quotas = config["Strategy"], context.settings.quotas
    most = quotas.parallel_bayesian_jobs if strategy == "Bayesian" else quotas.parallel_jobs
    wanted = config["ResourceLimits"]["MaxParallelTrainingJobs"]
    if wanted > most:
        raise ApiError(
            "ResourceLimitExceeded",
            f"MaxParallelTrainingJobs is {most} at most for the strategy {strategy}, got {wanted}.",
        )


def _check_names(ranges: Space, static: Mapping[str, str]) -> None:
    if METRIC in static:
        raise refused(f"{METRIC} is set by the tuning job itself.")
    if both := sorted(side.name for side in ranges.ranges if side.name in static):
        raise refused(f"Hyperparameters must be either static or tunable, got as both: [{', '.join(both)}].")


def _check_algorithm(context: Context, config: Mapping[str, Any], definition: Mapping[str, Any], ranges: Space) -> None:
    specification = definition["AlgorithmSpecification"]
    image, objective = specification.get("TrainingImage", ""), config["HyperParameterTuningJobObjective"]
    metric = objective["MetricName"]
    if framework_of(image, context.region) != "xgboost":
        if metric not in {known["Name"] for known in specification.get("MetricDefinitions", [])}:
            raise refused(
                "A metric is required for this hyperparameter tuning job objective. "
                "Provide a metric in the metric definitions."
            )
        return
    way = direction(metric.removeprefix("validation:")) if metric.startswith("validation:") else None
    if way is None:
        raise refused(
            f"The objective metric for the hyperparameter tuning job, [{metric}], isn't valid for the [{image}] "
            "algorithm. Choose a valid objective metric."
        )
    if way != objective["Type"]:
        raise refused(
            f"The objective metric type, [{objective['Type']}], that you specified for objective metric, [{metric}], "
            f"isn't valid for the [{image}] algorithm. Choose a valid objective metric type."
        )
    if "sagemaker_program" in definition.get("StaticHyperParameters", {}):
        return
    for side in ranges.ranges:
        _check_range(side, image)
    channels = [channel["ChannelName"] for channel in definition.get("InputDataConfig", [])]
    if "validation" not in channels:
        raise refused(f"The objective metric [{metric}] needs the channel validation, beside [{', '.join(channels)}].")


def _check_range(side: Range, image: str) -> None:
    name = ALIASES.get(side.name, side.name)
    rule = RULES.get(name)
    if rule is None or rule.tuned is None:
        tunable = ", ".join(sorted(known for known, about in RULES.items() if about.tuned))
        raise refused(
            f"The hyperparameter [{side.name}] isn't tunable for the [{image}] algorithm. Tunable are: {tunable}."
        )
    kind = "Categorical" if not isinstance(side, Number) else "Integer" if side.whole else "Continuous"
    if kind != rule.kind:
        raise refused(f"The hyperparameter [{side.name}] must have a range of type [{rule.kind}], got [{kind}].")
    assert isinstance(side, Number)
    for end in (side.low, side.high):
        if end not in rule.allowed:
            raise refused(
                f"The range of the hyperparameter [{side.name}] isn't valid for the [{image}] algorithm: {end:g} is "
                f"not in {rule.allowed}."
            )


def _check_warm_start(context: Context, request: Mapping[str, Any]) -> None:
    warm = request.get("WarmStartConfig")
    if not warm:
        return
    parents = [named["HyperParameterTuningJobName"] for named in warm["ParentHyperParameterTuningJobs"]]
    if len(parents) > _MOST_PARENTS:
        raise ApiError("ResourceLimitExceeded", f"A tuning job can have {_MOST_PARENTS} parents at most.")
    for name in parents:
        parent = context.store.get(KIND, name)
        status = parent[KINDS[KIND].status_member]
        if status in UNFINISHED:
            raise refused(f"The parent tuning job {name} is in status {status}: it must have ended.")
        if _names(parent) != _names(request):
            raise refused(
                "The set of tunable plus static HyperParameter names is not the same across current and parent tuning "
                "jobs. Please ensure this set is constant when warm starting. Note that previously static "
                "HyperParameters can be tuned in warm start jobs and vice versa."
            )
        if _objective(parent) != _objective(request):
            raise refused(f"The objective metric must be that of the parent tuning job {name}.")
        if warm["WarmStartType"] == "IdenticalDataAndAlgorithm" and _identity(parent) != _identity(request):
            raise refused(
                f"The training image and the input data must be those of the parent tuning job {name} when the warm "
                "start type is IdenticalDataAndAlgorithm."
            )


def _names(request: Mapping[str, Any]) -> set[str]:
    ranges = space(request["HyperParameterTuningJobConfig"]["ParameterRanges"]).ranges
    return {side.name for side in ranges} | set(request["TrainingJobDefinition"].get("StaticHyperParameters", {}))


def _objective(request: Mapping[str, Any]) -> Any:
    return request["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]


def _identity(request: Mapping[str, Any]) -> Any:
    definition = request["TrainingJobDefinition"]
    return definition["AlgorithmSpecification"]["TrainingImage"], definition.get("InputDataConfig")
