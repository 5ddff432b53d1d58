from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from housing.rehearsal.settings import Quotas
from tests.rehearsal.conftest import Served
from tests.rehearsal.jobs import SKLEARN, channel, fill_bucket, tuned, tuning, tuning_ended

Settings = Callable[..., None]


@pytest.fixture(autouse=True, scope="module")
def _bucket(rehearsal: Served) -> None:
    fill_bucket(rehearsal)


def _jobs(rehearsal: Served, name: str, **request: Any) -> list[dict[str, Any]]:
    client = rehearsal.client("sagemaker")
    answer = client.list_training_jobs_for_hyper_parameter_tuning_job(HyperParameterTuningJobName=name, **request)
    found: list[dict[str, Any]] = answer["TrainingJobSummaries"]
    return found


def _refusal(rehearsal: Served, request: dict[str, Any]) -> str:
    with pytest.raises(ClientError) as refused:
        rehearsal.client("sagemaker").create_hyper_parameter_tuning_job(**request)
    assert refused.value.response["Error"]["Code"] in (
        "ValidationException",
        "UnsupportedOperation",
        "ResourceLimitExceeded",
    )
    return str(refused.value.response["Error"]["Message"])


@pytest.mark.parametrize("strategy", ["Random", "Bayesian"])
def test_a_search_trains_all_its_jobs_and_names_the_best(rehearsal: Served, strategy: str) -> None:
    name = f"search-{strategy.lower()}"
    told = tuned(rehearsal, tuning(name, {"Strategy": strategy}, Tags=[{"Key": "who", "Value": "me"}]))

    assert told["HyperParameterTuningJobStatus"] == "Completed"
    assert told["TrainingJobStatusCounters"]["Completed"] == told["ObjectiveStatusCounters"]["Succeeded"] == 4
    jobs = _jobs(rehearsal, name)
    assert [job["TrainingJobName"][: len(name) + 4] for job in jobs] == [f"{name}-00{n}" for n in (1, 2, 3, 4)]
    values = [job["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for job in jobs]
    best = told["BestTrainingJob"]
    assert best["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] == min(values)
    client = rehearsal.client("sagemaker")
    described = client.describe_training_job(TrainingJobName=best["TrainingJobName"])
    assert described["TuningJobArn"] == told["HyperParameterTuningJobArn"]
    assert described["HyperParameters"]["_tuning_objective_metric"] == "validation:mae"
    assert described["HyperParameters"].items() >= best["TunedHyperParameters"].items()
    assert 0.1 <= float(best["TunedHyperParameters"]["eta"]) <= 0.9
    assert 2 <= int(best["TunedHyperParameters"]["max_depth"]) <= 8
    tags = client.list_tags(ResourceArn=best["TrainingJobArn"])["Tags"]
    assert {"Key": "who", "Value": "me"} in tags
    definition = told["TrainingJobDefinition"]  # SageMaker's SDK attaches to a job by what AWS fills in
    assert definition["StaticHyperParameters"]["_tuning_objective_metric"] == "validation:mae"
    assert definition["OutputDataConfig"]["KmsKeyId"] == ""
    assert "validation:mae" in {each["Name"] for each in definition["AlgorithmSpecification"]["MetricDefinitions"]}
    config = told["HyperParameterTuningJobConfig"]
    assert config["TrainingJobEarlyStoppingType"] == "Off"
    assert {each["ScalingType"] for each in config["ParameterRanges"]["IntegerParameterRanges"]} == {"Auto"}


def test_no_more_than_the_allowed_jobs_run_at_once(rehearsal: Served, settings: Settings) -> None:
    settings(seconds_per_round=0.01)
    client = rehearsal.client("sagemaker")
    client.create_hyper_parameter_tuning_job(**tuning("at-once"))
    at_once = set()
    while True:
        told = client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName="at-once")
        at_once.add(told["TrainingJobStatusCounters"]["InProgress"])
        if told["HyperParameterTuningJobStatus"] != "InProgress":
            break

    assert max(at_once) == 2


def test_jobs_are_listed_by_their_objective(rehearsal: Served) -> None:
    tuned(rehearsal, tuning("listed"))

    upwards = _jobs(rehearsal, "listed", SortBy="FinalObjectiveMetricValue")
    downwards = _jobs(rehearsal, "listed", SortBy="FinalObjectiveMetricValue", SortOrder="Descending", MaxResults=2)

    values = [job["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for job in upwards]
    assert values == sorted(values)
    assert [job["TrainingJobName"] for job in downwards] == [job["TrainingJobName"] for job in upwards[::-1][:2]]
    assert _jobs(rehearsal, "listed", StatusEquals="Failed") == []
    summaries = rehearsal.client("sagemaker").list_hyper_parameter_tuning_jobs(NameContains="listed")
    (summary,) = summaries["HyperParameterTuningJobSummaries"]
    assert summary["Strategy"] == "Random"
    assert summary["TrainingJobStatusCounters"]["Completed"] == 4


@pytest.mark.slow
def test_hyperband_stops_most_jobs_on_their_way(rehearsal: Served, settings: Settings) -> None:
    settings(seconds_per_round=0.3)  # a job that is told to stop must still be under way when it hears of it
    limits = {"MaxNumberOfTrainingJobs": 6, "MaxParallelTrainingJobs": 3}
    strategy = {"HyperbandStrategyConfig": {"MinResource": 2, "MaxResource": 20}}

    told = tuned(
        rehearsal, tuning("hyperband", {"Strategy": "Hyperband", "StrategyConfig": strategy, "ResourceLimits": limits})
    )

    assert told["HyperParameterTuningJobStatus"] == "Completed"
    assert told["TrainingJobStatusCounters"]["Stopped"] >= 2
    assert told["TrainingJobStatusCounters"]["Completed"] >= 1


def test_a_target_ends_the_search(rehearsal: Served) -> None:
    criteria = {"TargetObjectiveMetricValue": 1e9}

    told = tuned(rehearsal, tuning("target", {"TuningJobCompletionCriteria": criteria}))

    assert told["HyperParameterTuningJobStatus"] == "Completed"
    assert sum(told["TrainingJobStatusCounters"].values()) < 4


def test_a_search_is_stopped_with_its_jobs(rehearsal: Served, settings: Settings) -> None:
    settings(seconds_per_round=0.2)
    client = rehearsal.client("sagemaker")
    client.create_hyper_parameter_tuning_job(**tuning("stopped"))
    while not _jobs(rehearsal, "stopped", StatusEquals="InProgress"):
        time.sleep(0.01)
    client.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName="stopped")

    told = tuning_ended(rehearsal, "stopped")

    assert told["HyperParameterTuningJobStatus"] == "Stopped"
    counters = told["TrainingJobStatusCounters"]
    assert counters["Stopped"] == sum(counters.values()) > 0


def test_a_search_without_any_success_fails(rehearsal: Served, settings: Settings) -> None:
    settings(fail_jobs=10)

    told = tuned(rehearsal, tuning("hopeless"))

    assert told["HyperParameterTuningJobStatus"] == "Failed"
    assert told["FailureReason"].startswith("No training job succeeded after 4 attempts.")
    assert told["TrainingJobStatusCounters"]["NonRetryableError"] == 4
    assert told["ObjectiveStatusCounters"]["Failed"] == 4


def test_a_search_goes_on_after_a_restart(rehearsal: Served, settings: Settings) -> None:
    settings(seconds_per_round=0.03)
    client = rehearsal.client("sagemaker")
    client.create_hyper_parameter_tuning_job(**tuning("restarted"))
    while not _jobs(rehearsal, "restarted", StatusEquals="Completed"):
        time.sleep(0.01)
    before = len(_jobs(rehearsal, "restarted"))

    rehearsal.restart()
    told = tuning_ended(rehearsal, "restarted")

    assert told["HyperParameterTuningJobStatus"] == "Completed"
    counters = told["TrainingJobStatusCounters"]
    assert counters["Completed"] + counters["RetryableError"] == 4
    assert counters["RetryableError"] <= 2 <= before


def test_a_warm_start_learns_from_its_parents(rehearsal: Served) -> None:
    tuned(rehearsal, tuning("parent"))
    warm = {
        "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": "parent"}],
        "WarmStartType": "IdenticalDataAndAlgorithm",
    }

    told = tuned(rehearsal, tuning("child", {"Strategy": "Bayesian"}, WarmStartConfig=warm))
    other = tuning("stranger", WarmStartConfig=warm, definition={"InputDataConfig": [channel("validation")]})
    renamed = tuning("renamed", WarmStartConfig=warm)
    renamed["TrainingJobDefinition"]["StaticHyperParameters"]["gamma"] = "1"

    assert told["HyperParameterTuningJobStatus"] == "Completed"
    assert "must be those of the parent tuning job parent" in _refusal(rehearsal, other)
    assert _refusal(rehearsal, renamed).startswith("The set of tunable plus static HyperParameter names is not the")


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (
            {"HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "validation:mae"}},
            "The objective metric type, [Maximize], that you specified for objective metric, [validation:mae], isn't",
        ),
        (
            {"HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "train:mae"}},
            "The objective metric for the hyperparameter tuning job, [train:mae], isn't valid for the",
        ),
        (
            {"ResourceLimits": {"MaxNumberOfTrainingJobs": 2, "MaxParallelTrainingJobs": 3}},
            "MaxParallelTrainingJobs [3] must be less than or equal to",
        ),
        ({"Strategy": "Grid"}, "Grid search supports categorical hyperparameter ranges only."),
        (
            {"ParameterRanges": {"IntegerParameterRanges": [{"Name": "max_depth", "MinValue": "2", "MaxValue": "4"}]}},
            "You don't have enough combinations of hyperparameter ranges. The total number of hyperparameter "
            "combinations for the provided ranges [3.0]",
        ),
        (
            {"ParameterRanges": {"ContinuousParameterRanges": [{"Name": "eta", "MinValue": "0.1", "MaxValue": "2"}]}},
            "The range of the hyperparameter [eta] isn't valid",
        ),
        (
            {"ParameterRanges": {"IntegerParameterRanges": [{"Name": "eta", "MinValue": "0", "MaxValue": "1"}]}},
            "You don't have enough combinations",
        ),
        (
            {"ParameterRanges": {"IntegerParameterRanges": [{"Name": "seed", "MinValue": "0", "MaxValue": "99"}]}},
            "The hyperparameter [seed] isn't tunable",
        ),
        (
            {"ParameterRanges": {"IntegerParameterRanges": [{"Name": "num_round", "MinValue": "1", "MaxValue": "9"}]}},
            "Hyperparameters must be either static or tunable, got as both: [num_round].",
        ),
        ({"ParameterRanges": {"IntegerParameterRanges": []}}, "needs at least one hyperparameter range"),
        (
            {
                "Strategy": "Bayesian",
                "ResourceLimits": {"MaxNumberOfTrainingJobs": 20, "MaxParallelTrainingJobs": 11},
            },
            "MaxParallelTrainingJobs is 10 at most for the strategy Bayesian, got 11.",
        ),
    ],
)
def test_what_aws_refuses_is_refused(rehearsal: Served, config: dict[str, Any], words: str) -> None:
    assert words in _refusal(rehearsal, tuning("refused", config))


def test_quotas_are_those_of_the_settings(rehearsal: Served, settings: Settings) -> None:
    settings(quotas=Quotas(training_run_s=3000, parallel_jobs=1, parallel_bayesian_jobs=12))
    assert "is 1 at most for the strategy Random, got 2." in _refusal(rehearsal, tuning("parallel"))
    many = {"Strategy": "Bayesian", "ResourceLimits": {"MaxNumberOfTrainingJobs": 20, "MaxParallelTrainingJobs": 11}}
    assert "'Longest run time for a training job' is 3000 Seconds" in _refusal(rehearsal, tuning("long", many))


def test_a_script_needs_a_definition_of_its_objective(rehearsal: Served) -> None:
    objective = {"Type": "Minimize", "MetricName": "loss"}
    specification = {"TrainingImage": SKLEARN, "TrainingInputMode": "File"}
    request = tuning(
        "script", {"HyperParameterTuningJobObjective": objective}, definition={"AlgorithmSpecification": specification}
    )

    assert _refusal(rehearsal, request).startswith("A metric is required for this hyperparameter tuning job objective.")


def test_nine_jobs_three_at_a_time_are_quick(rehearsal: Served) -> None:
    limits = {"MaxNumberOfTrainingJobs": 9, "MaxParallelTrainingJobs": 3}
    begun = time.monotonic()

    tuned(rehearsal, tuning("walkthrough", {"Strategy": "Bayesian", "ResourceLimits": limits}))

    # 1.1 s on an idle machine.
    assert time.monotonic() - begun < 15
